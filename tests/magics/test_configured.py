"""Configurations in cells: checked, trained on the notebook's loaders, refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CONFIG = """\
model: {architecture: Net, dropout: 0.1}
optimizer: {learning_rate: 1e-2}
training: {epochs: 2, batch_size: 8, device: cpu}
reproducibility: {seed: 42}
"""
NET = """
class Net(nn.Sequential):
    def __init__(self, dropout=0.0):
        super().__init__(nn.Linear(4, 8), nn.Dropout(dropout), nn.Linear(8, 2))
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a configuration."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)


def test_a_cell_trains_from_a_configuration(notebook: Any) -> None:
    """`%train --config` trains a class of the notebook on its loaders, and `--as` binds the run."""
    notebook(NET)
    said = notebook("%train --config c.yaml --mode baseline --output-dir out --yes --wait --as run")
    assert said.error is None, said.err
    run = notebook.shell.user_ns["run"]
    assert str(run.status) == "completed" and run.name == "baseline" and run.progress.step == 16
    assert (run.dir / "baseline_results.md").is_file() and run.dir.parent == Path("out").absolute()


def test_a_cell_checks_a_configuration(notebook: Any) -> None:
    """`%train validate` knows the notebook's names: without the class the architecture is an error."""
    assert notebook("%train validate c.yaml").result.result.valid is False
    notebook(NET)
    assert notebook("%train validate c.yaml").result.result.valid is True


def test_an_invalid_configuration_is_one_line(notebook: Any) -> None:
    """A configuration that is not valid is told in one line without a traceback, and nothing is on disk."""
    Path("c.yaml").write_text(CONFIG.replace("epochs: 2", "epochs: two"))
    notebook(NET)
    said = notebook("%train --config c.yaml --yes")
    assert "line 3" in said.err and "training.epochs" in said.err
    assert "Traceback" not in said.err and not Path("runs").exists()
