"""Words of `bench`, `export` and `evaluate`: files and variables told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbtrain.commands.subject import _is_variable


@pytest.mark.parametrize("word", ["model", "model.body", "parts[0]"])
def test_variables_and_what_is_in_them(word: str) -> None:
    """A name of the notebook, an attribute and an item of one are variables."""
    assert _is_variable(word, {"model": 1, "parts": 2})


def test_a_file_named_like_a_variable_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`model.onnx` beside a variable `model` is the file, and so is whatever lies in the folder."""
    monkeypatch.chdir(tmp_path)
    Path("model.v2").write_text("")

    assert not _is_variable("model.onnx", {"model": 1})
    assert not _is_variable("model.v2", {"model": 1})
