"""The build hook: when it builds the bundle, and what it asks for to do so."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
assert spec is not None and spec.loader is not None
hatch_build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hatch_build)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose bundle is newer than its sources."""
    for name in ("src/panel.js", "build.mjs", "package-lock.json"):
        path = tmp_path / "js" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        os.utime(path, (1000, 1000))
    static = tmp_path / hatch_build.STATIC
    static.mkdir(parents=True)
    for name in hatch_build.BUNDLES:
        (static / name).write_text("")
    return tmp_path


def hook(root: Path) -> Any:
    return hatch_build.BundleHook(str(root), {}, None, None, str(root / "dist"), "wheel")


def test_a_fresh_bundle_asks_for_nothing(checkout: Path) -> None:
    """With a bundle newer than its sources no node is fetched; the files, which git ignores, are shipped."""
    data: dict[str, Any] = {"artifacts": []}
    hook(checkout).initialize("standard", data)

    assert hook(checkout).dependencies() == []
    assert len(data["artifacts"]) == len(hatch_build.BUNDLES)


@pytest.mark.parametrize("change", ["missing", "older"])
def test_a_missing_or_older_bundle_asks_for_node(checkout: Path, change: str) -> None:
    """Node is asked for when a file of the bundle is missing or a source is newer."""
    file = checkout / hatch_build.STATIC / "panel.css"
    if change == "missing":
        file.unlink()
    else:
        os.utime(file, (500, 500))

    assert hook(checkout).dependencies() == [hatch_build.NODE]


def test_an_unpacked_archive_is_used_as_it_is(checkout: Path) -> None:
    """An sdist ships the bundle; its file times say nothing and nothing is built."""
    (checkout / "PKG-INFO").write_text("")
    os.utime(checkout / hatch_build.STATIC / "panel.js", (500, 500))

    assert hook(checkout).dependencies() == []


def test_a_wheel_and_an_sdist_ship_everything(tmp_path: Path) -> None:
    """Both hold every file of the package, templates and bundle too; the sdist also what builds it again."""
    tree = tmp_path / "tree"
    left_out = shutil.ignore_patterns("__pycache__", "node_modules", "static")
    for name in ("nbtrain", "js"):
        shutil.copytree(ROOT / name, tree / name, ignore=left_out)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tree)
    for name in hatch_build.BUNDLES:  # made last, so that no node is asked for
        path = tree / hatch_build.STATIC / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("made")
    package = {str(path.relative_to(tree)) for path in (tree / "nbtrain").rglob("*") if path.is_file()}
    (tree / "nbtrain" / "__pycache__").mkdir()
    (tree / "nbtrain" / "__pycache__" / "left.cpython-311.pyc").write_text("")

    (wheel,) = WheelBuilder(str(tree)).build(directory=str(tmp_path / "dist"))
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == package
    (sdist,) = SdistBuilder(str(tree)).build(directory=str(tmp_path / "dist"))
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    sources = {str(path.relative_to(tree)) for path in (tree / "js").rglob("*") if path.is_file()}
    assert package | sources | {"hatch_build.py", "README.md", "LICENSE", "PKG-INFO"} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_the_bundles_are_those_that_the_widgets_load() -> None:
    """Each script and style sheet that a widget names is built, and each that is built has its source."""
    widgets = ROOT / "nbtrain" / "widgets"
    named = {
        f"{name}.{kind}"
        for path in widgets.glob("*.py")
        for call, kind in (('script("', "js"), ('style("', "css"))
        for name in [part.split('"')[0] for part in path.read_text().split(call)[1:]]
    }

    assert named == set(hatch_build.BUNDLES)
    assert all((ROOT / "js" / "src" / name).is_file() for name in named if name.endswith(".js"))
