"""An import may only point down; import-linter holds it, and these tests hold import-linter to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parents[2]
FRONTS_THAT_KNOW_IPYTHON = {"magics", "widgets"}


def contracts() -> dict[str, dict]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["type"]: contract for contract in reversed(linter["contracts"])}


def top_level_names() -> set[str]:
    """Name the parts directly below nbtrain: its packages, and its modules but for the front door."""
    packages = {path.parent.name for path in ROOT.glob("nbtrain/*/__init__.py")}
    modules = {path.stem for path in ROOT.glob("nbtrain/*.py")} - {"__init__", "__main__"}
    return packages | modules


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    env = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([str(program), "--no-cache"], cwd=folder, env=env, capture_output=True, text=True)


def copy_of_the_package(folder: Path) -> Path:
    shutil.copytree(
        ROOT / "nbtrain", folder / "nbtrain", ignore=shutil.ignore_patterns("__pycache__", "static")
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_imports_keep_to_the_layers() -> None:
    """Every import contract of pyproject.toml is kept."""
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("report/model.py", "def late():\n    import nbtrain.train\n"),
        ("review/__init__.py", "import nbtrain.diagnose\n"),
        ("train/__init__.py", "def late():\n    import IPython\n"),
        ("findings.py", "import torch\n"),
    ],
)
def test_a_breach_is_caught(tmp_path: Path, file: str, line: str) -> None:
    """An upward import, a sibling, IPython in the engine, torch in the ground: each is caught."""
    folder = copy_of_the_package(tmp_path)
    with (folder / "nbtrain" / file).open("a") as source:
        source.write("\n" + line)

    result = lint_imports(folder)

    assert result.returncode != 0
    assert "BROKEN" in result.stdout


def test_every_part_has_a_layer() -> None:
    """A new top-level part must be given its place in the layers before it can be merged."""
    layered = {
        name
        for row in contracts()["layers"]["layers"]
        for name in row.replace("(", " ").replace(")", " ").split()
    }

    assert top_level_names() <= layered - {"|"}


def test_only_the_fronts_are_free_to_know_ipython() -> None:
    """The contract that forbids IPython names every part but magics and widgets."""
    bound = {name.removeprefix("nbtrain.") for name in contracts()["forbidden"]["source_modules"]}

    assert top_level_names() - FRONTS_THAT_KNOW_IPYTHON <= bound
