"""Names of runs, made safe."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from nbtrain.errors import RunFolderError
from nbtrain.runs.names import inside, is_run_id, new_run_id, slug

HOSTILE = [
    "../x", "/etc/passwd", "a/b", "a\\b", "new\nline", "tab\t", "x" * 10_000, "é" * 200, "漢字", "🦊 fox",
    "CON", "con.txt", "aux", "nul", "LPT1", "trailing.", "trailing ", ".hidden", "-rf", "--help", "a\0b",
    "%2e%2e", "..", ".", "~", "$HOME", "a;rm -rf *", "\u202egnp.exe", "\ud800", "a" * 81, "x:y", "<b>", "*",
    "?",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_hostile_names_become_safe_folder_names(name: str, tmp_path: Path) -> None:
    """Any name gives a short, plain, usable folder name that ends in a hash of the original."""
    safe = slug(name)

    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*[A-Za-z0-9]", safe)
    assert len(safe) <= 80
    assert ".." not in safe
    assert re.search(r"-[0-9a-f]{6}$", safe)
    assert not re.match(r"(con|aux|nul|prn|lpt\d|com\d)(\.|$)", safe, re.IGNORECASE)
    run_id = new_run_id(name)
    assert is_run_id(run_id)
    (tmp_path / run_id).mkdir()


def test_hostile_names_stay_apart() -> None:
    """Names that look alike once made safe differ by their hash."""
    assert len({slug(name) for name in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("name", ["digits", "exp_1", "lr0.01", "A-b.c", "a" * 80])
def test_plain_names_stay_as_they_are(name: str) -> None:
    """A name that is safe already is the slug."""
    assert slug(name) == name


def test_an_empty_name_is_run() -> None:
    """No name gives run."""
    assert (slug(""), slug("  \n")) == ("run", "run")


def test_run_ids_tell_name_and_time_and_differ() -> None:
    """An id is name, local time and four hex digits, so that two of one second differ."""
    now = datetime(2026, 3, 4, 5, 6, 7)
    ids = {new_run_id("digits", now=now) for _ in range(20)}

    assert all(re.fullmatch(r"digits-20260304-050607-[0-9a-f]{4}", run_id) for run_id in ids)
    assert len(ids) > 15


@pytest.mark.parametrize(
    "text", ["../x", "..", "a..b", "/abs", "a/b", "a\\b", "", ".hid", "-x", "a\n", "a b", "x" * 200]
)
def test_what_is_no_run_id(text: str) -> None:
    """Nothing that could lead elsewhere passes as a run id."""
    assert not is_run_id(text)


@pytest.mark.parametrize("relative", ["../x", "/etc/x", "", "a/../../x", "out/x", ".", "a\0b"])
def test_paths_out_of_the_folder_are_refused(relative: str, tmp_path: Path) -> None:
    """A path that leads out of the folder, also through a link, is refused."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(RunFolderError):
        inside(folder, relative)
    assert inside(folder, "figures/a.png") == folder / "figures/a.png"
