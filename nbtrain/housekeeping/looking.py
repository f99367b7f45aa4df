"""A folder looked through: leftovers, orphans, failed runs, duplicates, large files. Links are not
followed.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from nbtrain import units
from nbtrain.errors import NbtrainError, UsageError
from nbtrain.housekeeping.findings import Litter
from nbtrain.runs.layout import CHECKPOINTS, LOGS
from nbtrain.runs.lock import owner_lives, read_owner
from nbtrain.runs.manifest import MANIFEST_FILE, Manifest
from nbtrain.runs.status import RunStatus

LARGE_BYTES = 512 * units.MIB
WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors")
HUGGING_FACE = "config.json"  # beside weights that are a model of its own, and no orphan
_MODEL_FILES = (HUGGING_FACE, "adapter_config.json", "tokenizer_config.json", "model_index.json")
STILL_S = 600.0  # what was written in the last minutes may still be at work
LEFT_BY_A_CRASH = (".tmp-", ".trash-")  # what a save of ours is called until it is whole
LEAST_BYTES = units.MIB  # a smaller duplicate is not worth a line
MOST_ENTRIES = 200_000
BLOCK = 1 << 20
_NEVER = (".git", ".hg", "node_modules", ".venv", "venv", "site-packages", "__pycache__")


@dataclass
class Looked:
    """What came of it.

    Attributes:
        litter: everything found. alive: folders of runs that train now, which were left out. n_bytes: of all
            files seen. unread: folders that could not be looked into. cut: there was too much to see it all.
    """

    root: Path
    litter: list[Litter] = field(default_factory=list)
    alive: list[Path] = field(default_factory=list)
    n_bytes: int = 0
    unread: int = 0
    cut: bool = False


@dataclass(frozen=True)
class _Entry:
    path: Path
    n_bytes: int
    links: tuple[int, int]


def look(root: Path, *, large_bytes: int = LARGE_BYTES) -> Looked:
    """Return what lies about below a folder. Nothing is changed.

    Raises:
        UsageError: there is no such folder.
    """
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.", suggestion="Give the one to be looked through.")
    found = Looked(root)
    files: list[_Entry] = []
    _walk(root, found, files)
    found.n_bytes += sum(one.n_bytes for one in files)
    _duplicates(files, found)
    twice = {one.path for one in found.litter if one.kind == "duplicate"}
    found.litter = [one for one in found.litter if one.kind != "orphan" or one.path not in twice]
    taken = {one.path for one in found.litter}
    for one in files:
        if one.n_bytes >= large_bytes and one.path not in taken:
            found.litter.append(Litter("large", one.path, one.n_bytes, f"{one.path.suffix or 'a'} file"))
    return found


def _walk(root: Path, found: Looked, files: list[_Entry]) -> None:
    """Go through the folders; a run is judged as a whole, and gone into only where it is kept."""
    waiting: list[tuple[Path, bool]] = [
        (root, False)
    ]  # a folder, and whether a run with a manifest is above it
    count = 0
    while waiting:
        here, in_run = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda one: one.name)
        except OSError:
            found.unread += 1
            continue
        names = {one.name for one in entries}
        if here != root and _is_run(here, names):
            if _lives(here):
                found.alive.append(here)
                continue
            in_run = True
            if (why := _failed(here)) is not None:
                _add(found, "failed", here, why)
                continue
        elif here != root and not in_run and _looks_like_a_run(names):
            why = (
                f"it has {', '.join(sorted(names & {CHECKPOINTS, LOGS, 'plan.md'}))}, and no {MANIFEST_FILE}"
            )
            _add(found, "no-manifest", here, why)
            continue
        elif not in_run and _is_checkpoint(names):
            _add(found, "orphan", here, "a checkpoint outside of any run")
            continue
        for entry in entries:
            count += 1
            if count > MOST_ENTRIES:
                found.cut = True
                return
            _enter(Path(entry.path), entry, in_run or HUGGING_FACE in names, found, (waiting, files))


def _add(found: Looked, kind: str, folder: Path, why: str) -> None:
    """Note a folder as a whole; what is in it is not listed again."""
    size = _size(folder)
    found.n_bytes += size
    found.litter.append(Litter(kind, folder, size, why, folder=True))


def _enter(
    path: Path, entry: os.DirEntry[str], in_run: bool, found: Looked,
    lists: tuple[list[tuple[Path, bool]], list[_Entry]],
) -> None:  # fmt: skip
    if entry.is_symlink():
        return
    if entry.name.startswith(LEFT_BY_A_CRASH):
        folder, held = entry.is_dir(follow_symlinks=False), entry.stat(follow_symlinks=False)
        if time.time() - held.st_mtime > STILL_S:  # else somebody may be writing it
            size = _size(path) if folder else held.st_size
            found.n_bytes += size
            found.litter.append(Litter("leftover", path, size, "a save that was broken off", folder=folder))
    elif entry.is_dir(follow_symlinks=False):
        if entry.name not in _NEVER:
            lists[0].append((path, in_run))
    elif entry.is_file(follow_symlinks=False):
        held = entry.stat(follow_symlinks=False)
        lists[1].append(_Entry(path, held.st_size, (held.st_dev, held.st_ino)))
        if not in_run and path.suffix in WEIGHTS:
            found.litter.append(Litter("orphan", path, held.st_size, "weights outside of any run"))


def _is_run(folder: Path, names: set[str]) -> bool:
    return MANIFEST_FILE in names and not _is_checkpoint(names) and (folder / MANIFEST_FILE).is_file()


def _is_checkpoint(names: set[str]) -> bool:
    return {"model.pt", "state.pt"} <= names


def _looks_like_a_run(names: set[str]) -> bool:
    return (
        MANIFEST_FILE not in names and CHECKPOINTS in names and bool(names & {LOGS, "plan.md", "config.yaml"})
    )


def _lives(folder: Path) -> bool:
    owner = read_owner(folder)
    return owner is not None and owner_lives(folder, owner)


def _failed(folder: Path) -> str | None:
    """Return why a run can go, None where it cannot."""
    try:
        manifest = Manifest.read(folder)
    except NbtrainError:
        return "its manifest cannot be read"
    status = manifest.status
    has_checkpoints = any((folder / CHECKPOINTS).glob("step-*"))
    reason = f": {' '.join(manifest.stop_reason.split())[:120]}" if manifest.stop_reason else ""
    if status in (RunStatus.FAILED, RunStatus.DIVERGED):
        kept = "; it has checkpoints" if has_checkpoints else ""
        return f"{status}{reason}{kept}"
    if status is RunStatus.INTERRUPTED and not has_checkpoints:
        return "broken off before its first checkpoint"
    return None


def _size(folder: Path) -> int:
    total = 0
    for here, _, names in os.walk(folder, followlinks=False):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_size  # noqa: PTH118 - many small files
            except OSError:
                continue
    return total


def _duplicates(files: list[_Entry], found: Looked) -> None:
    """Find files of the same bytes: first by size, then by hash. The oldest path in order is the one to
    keep.
    """
    by_size: dict[int, list[_Entry]] = {}
    for one in files:
        if one.n_bytes >= LEAST_BYTES:
            by_size.setdefault(one.n_bytes, []).append(one)
    for alike in by_size.values():
        if len(alike) < 2:
            continue
        kept: dict[str, _Entry] = {}
        for one in sorted(alike, key=_to_keep):
            digest = _digest(one.path)
            first = kept.setdefault(digest, one) if digest else one
            if first is one or first.links == one.links:  # a second name of the same file takes no room
                continue
            # a file of a run's own checkpoint is no duplicate to be taken out of it: its hash is in the
            # manifest; nor is one of a model's folder, which would not load without it
            if not _of_a_checkpoint(one.path) and not _of_a_model(one.path):
                told = first.path.relative_to(found.root).as_posix()
                found.litter.append(Litter("duplicate", one.path, one.n_bytes, f"the same bytes as {told}"))


def _to_keep(one: _Entry) -> tuple[bool, int, str]:
    return not _of_a_checkpoint(one.path), len(one.path.parts), one.path.as_posix()


def _of_a_model(path: Path) -> bool:
    return any((path.parent / name).is_file() for name in _MODEL_FILES)


def _of_a_checkpoint(path: Path) -> bool:
    return (path.parent / MANIFEST_FILE).is_file()


def _digest(path: Path) -> str:
    seen = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                seen.update(block)
    except OSError:
        return ""
    return seen.hexdigest()
