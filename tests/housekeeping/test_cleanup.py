"""cleanup on a real folder: each kind is found, nothing is touched, and the commands remove what they
name."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError
from nbtrain.runs.store import RunFolder
from nbtrain.units import MIB

NASTY = (
    "a; rm -rf b",
    "two\nlines",
    "-rf",
    "$(touch owned)",
    "it's",
    'quo"te',
    "tab\tbed",
    "bell\x07",
    "\u202egnp",
)


def cleaned(*words: str) -> Any:
    chosen = command("cleanup")
    return chosen.run(parse(chosen, list(words), front="nbtrain"), Context())


def everything(root: Path) -> dict[str, str]:
    return {
        str(path): hashlib.blake2b(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in root.rglob("*")
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one of each, and names made to break a shell."""
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    for name, status in (("good", "completed"), ("bad", "failed")):
        folder = RunFolder.create(runs, name, {})
        folder.write_manifest(status=status, stop_reason="ValueError: shapes" if status == "failed" else "")
        folder.close()
    living = RunFolder.create(runs, "living", {})
    living.write_manifest(status="failed")  # owned by this process
    lost = runs / "lost-20260101-000000-abcd"
    (lost / "checkpoints").mkdir(parents=True)
    (lost / "logs").mkdir()
    crash = runs / ".tmp-crashed"
    crash.mkdir()
    (crash / "half").write_bytes(b"x" * 10)
    os.utime(crash, (time.time() - 10_000,) * 2)
    (runs / ".tmp-just-now").mkdir()
    (tmp_path / "model.pt").write_bytes(b"m" * MIB)
    (tmp_path / "data.bin").write_bytes(b"d" * (MIB + 1))
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "data-again.bin").write_bytes(b"d" * (MIB + 1))
    os.link(tmp_path / "data.bin", tmp_path / "second-name.bin")
    (tmp_path / "link.pt").symlink_to(tmp_path / "model.pt")
    for at, name in enumerate(NASTY):
        (tmp_path / name).write_bytes(bytes([at]) * (MIB + MIB // 5 + at))
    return tmp_path


def test_each_kind_is_found_and_nothing_is_touched(place: Path) -> None:
    """Failed runs, leftovers, orphans, duplicates, large files; living runs are left out."""
    before = everything(place)
    report = cleaned("--large", "1.15")
    found = {(one["kind"], Path(one["path"]).name.split("-2026")[0]) for one in report.data["found"]}

    assert {("failed", "bad"), ("no-manifest", "lost"), ("leftover", ".tmp-crashed"), ("orphan", "model.pt"),
            ("duplicate", "data-again.bin"), ("large", "-rf")} <= found  # fmt: skip
    names = {name for _, name in found}
    assert not {"good", "living", ".tmp-just-now", "link.pt", "second-name.bin", "data.bin"} & names
    assert "1 run at work" in report.to_text()
    assert "ValueError: shapes" in report.to_text() and "the same bytes as data.bin" in report.to_text()
    assert everything(place) == before and report.data["deleted"] == []
    report.to_html(), report.to_markdown()


def test_the_commands_remove_exactly_what_they_name(place: Path) -> None:
    """Pasted into bash, the command for a hostile name removes that file, on one line, and nothing else."""
    report = cleaned("--large", "1.15")
    before = set(map(str, place.rglob("*")))
    for name in NASTY:
        (one,) = [one for one in report.data["found"] if one["path"] == name]
        assert "\n" not in one["command"]
        subprocess.run(["bash", "-c", one["command"]], cwd=place, check=True)
        now = set(map(str, place.rglob("*")))
        assert before - now == {str(place / name)} and now <= before
        before = now


def test_no_file_is_taken_out_of_a_model(tmp_path: Path) -> None:
    """Two model folders with the same large tokenizer keep it both: neither would load without."""
    for name in ("a", "b"):
        model = tmp_path / name / "model"
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
        (model / "tokenizer.json").write_bytes(b"t" * (2 * MIB))

    assert "rm " not in cleaned(str(tmp_path)).to_markdown()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A wrong path is a usage error; an empty folder has nothing lying about."""
    with pytest.raises(UsageError, match="no folder"):
        cleaned(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="above 0"):
        cleaned(str(tmp_path), "--large", "0")
    assert "Nothing lies about" in cleaned(str(tmp_path)).headline
