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


FAILING = (
    "import threading\n"
    "def loss(output, target):\n"
    "    if threading.current_thread() is not threading.main_thread():\n"
    "        print('the last words')\n"
    "        raise ValueError('my own mistake')\n"
    "    return criterion(output, target)",
    "run = %train --no-val --epochs 3 --loss loss --name failing",
    "print('the notebook goes on')",
    "run.result()",
    "print('after an error that was allowed')",
)

FOLLOWED = (
    "%%train --name mine\n"
    "for epoch in range(2):\n"
    "    for x, y in loader:\n"
    "        optimizer.zero_grad()\n"
    "        criterion(model(x), y).backward()\n"
    "        optimizer.step()\n"
    "    print('my epoch', epoch)\n"
    "'my last value'",
    "import nbtrain\nwith nbtrain.watch(name='block', log='json') as run:\n"
    "    criterion(model(x), y).backward()\n    optimizer.step()\n    print('within')",
    "assert len(nbtrain.last_run().history) == 1 and run.status == 'completed'",
)


def written(folder: Path, cells: tuple[str, ...] = CELLS) -> Path:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "given.ipynb")
    return folder / "given.ipynb"


def with_nbclient(given: Path, done: Path, *, allow_errors: bool = False) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(given, as_version=4)
    # As a caller gets it by default: widget state is stored in the notebook when there is any.
    where = {"metadata": {"path": str(given.parent)}}
    NotebookClient(notebook, timeout=120, resources=where, allow_errors=allow_errors).execute()
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
    [
        pytest.param("nbclient", with_nbclient, marks=pytest.mark.slow),  # nbconvert runs cells through it
        ("papermill", with_papermill),
        pytest.param("nbconvert", with_nbconvert, marks=pytest.mark.slow),  # as `make demo` does
    ],
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
    words = data[-2]["text/plain"].split("[figure] ")[1][:60]  # the lab template leaves out an alt text
    assert words in " ".join(data[-1]["text/html"].split())
    assert WIDGET not in nbformat.writes(notebook)
    assert "widgets" not in notebook.metadata


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Path]:
    """The outputs of the cells of a followed and of a failing run, and the notebook's folder."""
    nbformat = pytest.importorskip("nbformat")
    folder = tmp_path_factory.mktemp("executed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(nbtrain.__file__).parents[1]))
        given = written(folder, (*CELLS[:2], *FOLLOWED, *FAILING))
        with_nbclient(given, folder / "done.ipynb", allow_errors=True)
    cells = nbformat.read(folder / "done.ipynb", as_version=4).cells
    return [cell.outputs for cell in cells[2:]], folder


def test_a_failing_run_in_a_batch_execution(executed: tuple[list[Any], Path]) -> None:
    """Traceback and report are in the cell, the folder says failed, run.result() raises what happened."""
    outputs, notebook_folder = executed
    train, goes_on, result, after = outputs[len(FOLLOWED) + 1 :]
    shown = "".join(one.get("text", "") + one.get("data", {}).get("text/plain", "") for one in train)
    assert "raise ValueError('my own mistake')" in shown and "nbtrain/train" not in shown
    assert "the last words" in shown and any("image/png" in one.get("data", {}) for one in train)
    assert goes_on[0].text == "the notebook goes on\n" and after[0].text.startswith("after an error")
    (error,) = [one for one in result if one.output_type == "error"]
    assert "my own mistake" in error.evalue

    (folder,) = (notebook_folder / "runs").glob("failing-*")
    run = nbtrain.load_run(folder)
    assert str(run.status) == "failed" and "my own mistake" in run.error
    assert "| the last words" in run.log and "ValueError: my own mistake" in run.log
    assert "my own mistake" in run.report_path.read_text()


def test_a_followed_loop_in_a_batch_execution(executed: tuple[list[Any], Path]) -> None:
    """The cell waits, what the loop prints and its last value are in it, then picture and report."""
    background, block, *others = executed[0][: len(FOLLOWED)]
    words = ("my epoch 1", "'my last value'", "epoch 2  step 8"), ("within",)
    for outputs, said in zip((background, block), words, strict=True):
        shown = "".join(one.get("text", "") + one.get("data", {}).get("text/plain", "") for one in outputs)
        assert all(word in shown for word in (*said, "Training Complete"))
        assert len([one for one in outputs if "image/png" in one.get("data", {})]) == 1
    assert not [one for cell in others for one in cell if one.output_type == "error"]
    assert WIDGET not in str([background, block])
