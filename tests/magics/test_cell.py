"""Tests of nbtrain.magics.cell through a real shell."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.magics.cell import run_cell


@pytest.fixture
def magic(shell: Any) -> Any:
    """A shell with a cell magic that only runs its cell."""
    shell.register_magic_function(lambda line, cell: run_cell(shell, cell), "cell", "just_run")
    return shell


def test_a_cell_runs_as_without_the_magic(magic: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Assignments land in the notebook, magics inside work, and the last value is shown."""
    magic.run_cell("%%just_run\na = 20\n%env NOT_SET_HERE=1\na + 1").raise_error()

    assert magic.user_ns["a"] == 20
    assert "21" in capsys.readouterr().out


def test_an_error_in_the_cell_is_the_cells_error(magic: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The outer cell fails with the person's exception; lines are counted as the notebook shows them."""
    result = magic.run_cell("%%just_run\nx = 1\ny = x / 0")

    assert isinstance(result.error_in_exec, ZeroDivisionError)
    assert "line 3" in capsys.readouterr().out
    assert magic.user_ns["x"] == 1


def test_a_syntax_error_names_its_line(magic: Any) -> None:
    """What Python cannot parse is a SyntaxError with the line of the cell."""
    result = magic.run_cell("%%just_run\nfine = 1\nfor in")

    assert isinstance(result.error_in_exec, SyntaxError)
    assert result.error_in_exec.lineno == 3


def test_an_empty_cell_does_nothing(magic: Any) -> None:
    """A cell of nothing but a comment is no error."""
    magic.run_cell("%%just_run\n# later").raise_error()
