"""The notebooks we ship run from top to bottom and keep what a reader should find in the saved file."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import nbtrain

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 12  # of the quickstart's 40
WIDGET = "application/vnd.jupyter.widget-view+json"

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(600)]


def executed(name: str, folder: Path, changes: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Run a copy of a notebook in a kernel of its own, as nbconvert does, and return it with its outputs."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    shutil.copy(ROOT / "notebooks" / name, folder)
    shutil.copytree(ROOT / "notebooks" / "data", folder / "data")
    notebook = nbformat.read(folder / name, as_version=4)
    for old, new in changes.items():
        assert any(old in cell.source for cell in notebook.cells), old
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    client = nbclient.NotebookClient(
        notebook,
        timeout=500,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def outputs(notebook: Any, cell_id: str) -> list[Any]:
    return next(cell.outputs for cell in notebook.cells if cell.id == cell_id)


def shown(notebook: Any) -> str:
    """Join all that the notebook shows as text."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts.append(output.get("text", ""))
            parts.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """With fewer epochs: all of them are trained in the browser (tests/browser) and by `make demo`."""
    folder = tmp_path_factory.mktemp("quickstart")
    fewer = {"epochs = 40": f"epochs = {EPOCHS}", "--epochs 40": f"--epochs {EPOCHS}"}
    return executed("quickstart.ipynb", folder, fewer), folder


def test_quickstart_reaches_its_accuracy(quickstart: tuple[Any, Path]) -> None:
    """The quickstart runs without an error and reads at least 97 % of the validation digits."""
    notebook, _ = quickstart

    assert "digits it had never seen are read correctly" in shown(notebook)


def test_quickstart_keeps_a_picture_in_place_of_the_panel(quickstart: tuple[Any, Path]) -> None:
    """The cell that trained ends with a PNG and text, and with no widget that a reader could not load."""
    notebook, _ = quickstart
    data = [output.get("data", {}) for output in outputs(notebook, "train")]

    assert any("image/png" in bundle and bundle.get("text/plain") for bundle in data)
    assert not any(WIDGET in bundle for bundle in data)


def test_quickstart_prints_a_line_per_epoch(quickstart: tuple[Any, Path]) -> None:
    """In batch execution the cell blocks until the end and says how each of the epochs went."""
    notebook, _ = quickstart
    printed = "".join(output.get("text", "") for output in outputs(notebook, "train"))
    lines = [line for line in printed.splitlines() if line.startswith("epoch ")]

    assert len(lines) == EPOCHS
    assert all("train_loss" in line and "val_loss" in line for line in lines)


def test_quickstart_leaves_a_complete_run_folder(quickstart: tuple[Any, Path]) -> None:
    """The run folder holds manifest, curves, log and a checkpoint."""
    _, folder = quickstart
    (run,) = (folder / "runs").iterdir()

    for name in (
        "manifest.json",
        "logs/metrics.json",
        "logs/metrics.jsonl",
        "logs/train_loss.csv",
        "logs/training.log",
    ):
        assert (run / name).is_file(), name
    assert list(run.glob("checkpoints/step-*/manifest.json"))


def test_quickstart_as_a_page_needs_no_kernel_and_no_script(quickstart: tuple[Any, Path]) -> None:
    """Exported to HTML, curves, findings and summary are there as picture and text, not as a widget."""
    nbconvert = pytest.importorskip("nbconvert")
    bs4 = pytest.importorskip("bs4")
    notebook, _ = quickstart
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    soup = bs4.BeautifulSoup(page, "html.parser")
    for script in soup(["script", "style"]):
        script.decompose()

    assert soup.select('img[src^="data:image/png"]')
    assert "Training Complete" in soup.get_text()
    assert "application/vnd.jupyter.widget" not in str(soup)


@pytest.mark.slow  # two and a half minutes of both cores
def test_character_model_learns_to_write(tmp_path: Path) -> None:
    """The character model trains on the shipped text below its threshold and writes a sample."""
    notebook = executed("character_model.ipynb", tmp_path)

    assert "the next character is narrowed down to about" in shown(notebook)
    assert any('"My dear Watson,' in output.get("text", "") for output in outputs(notebook, "sample"))


@pytest.mark.slow
def test_configured_run_goes_the_whole_way(tmp_path: Path) -> None:
    """Baseline, diagnosis, better run, test: each leaves its picture; 90 % of the test digits are read."""
    notebook = executed("configured_run.ipynb", tmp_path)
    text = shown(notebook)
    assert "what holds it back: underfitting" in text and "the optimized run is: better" in text
    found = re.search(r"([\d.]+)% of 360 digits that decided nothing", text)
    assert found is not None and float(found[1]) >= 90
    for cell in ("baseline", "optimization", "production"):
        bundles = [output.get("data", {}) for output in outputs(notebook, cell)]
        assert any("image/png" in bundle for bundle in bundles), cell
        assert not any(WIDGET in bundle for bundle in bundles)
    assert "## Test data" in outputs(notebook, "results")[0]["data"]["text/markdown"]
    kept = sorted(path.name.partition("-2")[0] for path in (tmp_path / "runs").iterdir())
    assert kept == ["baseline", "optimization", "production"]


def test_configured_run_can_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration in its cell is valid in each mode, and its first run can be planned on its data."""
    from nbtrain.commands._table import command
    from nbtrain.commands.parse import parse
    from nbtrain.commands.spec import Context

    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("sklearn")
    notebook = nbformat.read(ROOT / "notebooks" / "configured_run.ipynb", as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    monkeypatch.chdir(tmp_path)
    exec(cells["data"], {})
    Path("training_config.yaml").write_text(cells["config"].partition("\n")[2])
    for mode in ("baseline", "optimization", "production"):
        assert nbtrain.validate("training_config.yaml", mode=mode).valid
    line = cells["baseline"].removeprefix("%train ").replace(" --yes --wait --as baseline", "")
    chosen = command("start")
    run = chosen.run(parse(chosen, line.split()), Context())
    assert run.plan.total_epochs == 12 and not run.plan.warnings


def test_the_way_from_a_checkpoint_to_production(tmp_path: Path) -> None:
    """Estimate to bench on real digits: pictures in the saved file, a harmless inspection, files that agree."""
    notebook = executed("from_checkpoint_to_production.ipynb", tmp_path)
    text = shown(notebook)
    found = re.search(r"([\d.]+)% of 360 digits that decided nothing are read correctly by the file", text)
    assert found is not None and float(found[1]) >= 95
    for cell in ("estimate", "search", "train", "bench"):
        bundles = [output.get("data", {}) for output in outputs(notebook, cell)]
        pictures = ["image/png" in one or "data:image/png" in one.get("text/html", "") for one in bundles]
        assert any(pictures), cell
        assert not any(WIDGET in one for one in bundles), cell
    for cell, said in (
        ("estimate", "it fits into 8.0 GiB"), ("search", "10 of 10 trials, bayesian"),
        ("inspect", "It is whole and fits"), ("malicious", "posix.system('echo your files, please')"),
        ("evaluate", "Confusion matrix"), ("export", "verified against PyTorch"),
        ("quantize", "static int8"), ("bench", "the limit of 50 ms"),
    ):  # fmt: skip
        assert any(said in output.get("data", {}).get("text/plain", "") for output in outputs(notebook, cell)), cell
    whole, small = (tmp_path / name for name in ("digits.onnx", "digits-int8.onnx"))
    assert small.stat().st_size < 0.6 * whole.stat().st_size


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb")))
def test_notebooks_carry_no_settings_of_one_machine(name: str) -> None:
    """A notebook asks for the kernel that everyone has."""
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)

    assert notebook.metadata.kernelspec.name == "python3"
    assert "NBTRAIN_WAIT" not in os.environ, "batch execution must be found out, not set, in these tests"
