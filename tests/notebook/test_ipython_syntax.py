"""Cells with IPython syntax become Python of the same lines."""

from __future__ import annotations

import ast

import pytest

from nbtrain.notebook.ipython_syntax import to_python


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("%load_ext nbtrain\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  torch\nx = 1", "pass\n\nx = 1"),
        ("files = !ls\nhere = %pwd", "files = __shell_output__\nhere = __shell_output__"),
        ("%time model.fit(x)\nmodel?", "model.fit(x)\npass"),
        ("if x:\n    !ls\n    %matplotlib inline", "if x:\n    pass\n    pass"),
        ("%%time\nx = 1", "\nx = 1"),
        ("%%train --epochs 3\n%%time\nx = 1", "\n\nx = 1"),
        (
            "x = 5 % 3\ny = (10\n     % 4)\nz = '''\n!not shell\n'''",
            "x = 5 % 3\ny = (10\n     % 4)\nz = '''\n!not shell\n'''",
        ),
        ("s = '''\n%magic\n'''\n%magic", "s = '''\n%magic\n'''\npass"),
        ("x = [1,\n%magic\n]", "x = [1,\n%magic\n]"),
    ],
)
def test_ipython_syntax_becomes_python(cell: str, wanted: str) -> None:
    """Magics and shell lines give way to Python; text in strings and brackets stays; no line moves."""
    plain = to_python(cell)

    assert plain.text == wanted
    assert plain.text.count("\n") == cell.count("\n")


def test_another_language_is_named() -> None:
    """A cell in another language holds no Python, and says which magic it is."""
    plain = to_python("%%bash\nls -l\n")

    assert plain.foreign == "bash"
    assert plain.text.strip() == ""


def test_top_level_await_parses() -> None:
    """A cell may await at its top level beside magics."""
    ast.parse(to_python("%matplotlib inline\nawait run()\nasync for x in y:\n    pass\n").text)


def test_magics_are_kept_with_their_lines() -> None:
    """What was taken out is still known, by line."""
    assert to_python("x = 1\n%train model loader --epochs 3\n").magics == (
        (2, "%train model loader --epochs 3"),
    )
