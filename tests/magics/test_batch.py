"""%train where nobody looks: nbclient, papermill and nbconvert execute a notebook and keep what matters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbtrain

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

WIDGET = "application/vnd.jupyter.widget-view+json"
CELLS = (
    "%load_ext nbtrain\n%config NBTrain.log = 'json'",
    "import torch\nfrom torch import nn\n"
    "model = nn.Linear(4, 2)\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
    "criterion = nn.CrossEntropyLoss()\n"
    "loader = [(torch.randn(8, 4), torch.randint(2, (8,))) for _ in range(4)]",
    "run = %train --no-val --epochs 3 --yes",
    "run.wait()\nassert run.status == 'completed'",
)


def written(folder: Path) -> Path:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "given.ipynb")
    return folder / "given.ipynb"


def with_nbclient(given: Path, done: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(given, as_version=4)
    # As a caller gets it by default: widget state is stored in the notebook when there is any.
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(given.parent)}}).execute()
    nbformat.write(notebook, done)


def with_papermill(given: Path, done: Path) -> None:
    ran([sys.executable, "-m", "papermill", "--no-progress-bar", str(given), str(done)], given.parent)


def with_nbconvert(given: Path, done: Path) -> None:
    command = ["nbconvert", "--to", "notebook", "--execute", given.name, "--output", done.name]
    ran([sys.executable, "-m", *command], given.parent)


def ran(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("package", "execute"),
    [("nbclient", with_nbclient), ("papermill", with_papermill), ("nbconvert", with_nbconvert)],
)
def test_an_executed_notebook_keeps_what_matters(
    package: str, execute: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell blocks, prints a line per epoch, leaves picture and report; nothing of widgets is saved."""
    pytest.importorskip(package)
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(Path(nbtrain.__file__).parents[1]))
    monkeypatch.chdir(tmp_path)
    assert "NBTRAIN_WAIT" not in os.environ
    execute(written(tmp_path), tmp_path / "done.ipynb")

    notebook = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    outputs = notebook.cells[-2].outputs  # papermill may put a cell of its own before
    printed = "".join(one.get("text", "") for one in outputs)
    data = [one.data for one in outputs if "data" in one]
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("epoch ")] == ["1", "2", "3"]
    assert len([one for one in data if "image/png" in one and one["text/plain"]]) == 1
    assert "Training Complete" in data[-1]["text/plain"]
    assert WIDGET not in nbformat.writes(notebook)
    assert "widgets" not in notebook.metadata
