"""The one seam to the file system: everything that must survive a crash is written through `Files`.

Owns the primitive operations and the one way to replace a file (`replace_file`). Refuses to know what the
bytes mean. The seam exists so that a test can put a model of a disk in its place that dies at operation k and
forgets what was never fsynced; therefore every change on disk of checkpoints and manifests is one of the
methods below.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any, BinaryIO

from nbtrain.errors import RunFolderError
from nbtrain.units import size

TEMPORARY = ".tmp-"
TRASH = ".trash-"
_NOT_OFFERED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.ENOSYS}
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Files:
    """The operations, done on the real disk. Paths are absolute or relative to the working folder."""

    def create(self, path: Path) -> BinaryIO:
        """Open a new file for writing. Raises FileExistsError where there is one."""
        return path.open("xb")

    def write(self, handle: BinaryIO, data: bytes) -> int:
        """Append bytes to a file made by `create`; returns their number."""
        return handle.write(data)

    def fsync(self, handle: BinaryIO) -> None:
        """Return once the file's bytes are on the disk."""
        handle.flush()
        os.fsync(handle.fileno())

    def close(self, handle: BinaryIO) -> None:
        """Close a file made by `create`."""
        handle.close()

    def fsync_folder(self, path: Path) -> None:
        """Return once the folder's names are on the disk. A no-op where the system has no such thing."""
        if sys.platform == "win32":
            return
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NOT_OFFERED:  # FUSE and some network disks cannot fsync a folder
                raise
        finally:
            os.close(handle)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file or folder a new name; a file already there is replaced in one step."""
        os.replace(source, target)  # noqa: PTH105 - the name says what is relied on

    def mkdir(self, path: Path) -> None:
        """Make one folder. Raises FileExistsError where there is something."""
        path.mkdir()

    def remove(self, path: Path) -> None:
        """Remove one file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove a folder and all that is in it."""
        shutil.rmtree(path)

    def open(self, path: Path) -> BinaryIO:
        """Open a file for reading."""
        return path.open("rb")

    def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        return path.read_bytes()

    def names(self, path: Path) -> list[str]:
        """Return the names in a folder, sorted; none where there is no folder."""
        try:
            return sorted(os.listdir(path))  # noqa: PTH208 - names only, no stat
        except FileNotFoundError:
            return []

    def size(self, path: Path) -> int:
        """Return a file's size in bytes."""
        return path.stat().st_size

    def is_folder(self, path: Path) -> bool:
        """True where `path` is a folder."""
        return path.is_dir()

    def exists(self, path: Path) -> bool:
        """True where `path` is anything at all."""
        return path.exists()

    def free_bytes(self, path: Path) -> int | None:
        """Return the bytes free for this user below `path`, or None where the system does not tell."""
        try:
            return shutil.disk_usage(path).free
        except OSError:
            return None


REAL = Files()


def write_file(path: Path, data: bytes, fs: Files = REAL) -> None:
    """Write a new file and return once its bytes are on the disk."""
    handle = fs.create(path)
    try:
        fs.write(handle, data)
        fs.fsync(handle)
    finally:
        fs.close(handle)


def replace_file(path: Path, data: bytes, fs: Files = REAL, *, durable: bool = True) -> None:
    """Put `data` in place of a file: a reader sees the old bytes or the new ones, never a part.

    Args:
        durable: return only once the new bytes would survive a power failure; without it a crash of the
            machine may leave the file empty, a crash of the process may not.

    Raises:
        OSError: as the system says it; the old file is untouched and nothing is left beside it.
    """
    beside = path.with_name(f"{TEMPORARY}{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        handle = fs.create(beside)
        try:
            fs.write(handle, data)
            if durable:
                fs.fsync(handle)
        finally:
            fs.close(handle)
        fs.rename(beside, path)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            fs.remove(beside)
        raise
    if durable:
        fs.fsync_folder(path.parent)


def discard_folder(path: Path, fs: Files = REAL) -> None:
    """Remove a folder so that it is there or gone: renamed first, since removing takes many steps."""
    trash = path.with_name(f"{TRASH}{path.name.lstrip('.')}-{uuid.uuid4().hex[:4]}")
    fs.rename(path, trash)
    fs.fsync_folder(path.parent)  # or a power failure could bring the name back with half of its files gone
    fs.remove_folder(trash)


def remove_leftovers(folder: Path, fs: Files = REAL) -> list[str]:
    """Remove what an interrupted write left in `folder`; return the names. For its owner alone."""
    gone: list[str] = []
    for name in fs.names(folder):
        if name.startswith((TEMPORARY, TRASH)):
            path = folder / name
            (fs.remove_folder if fs.is_folder(path) else fs.remove)(path)
            gone.append(name)
    return gone


def disk_trouble(
    error: OSError, what: str, path: Path, *, needed_bytes: int | None = None, fs: Files = REAL
) -> RunFolderError:
    """Say an OSError as a RunFolderError: what was being done, where, why, and what to do.

    Args:
        what: completes "Could not ...", e.g. `save the checkpoint of step 120`.
        path: what was written.
        needed_bytes: how many bytes the write takes, where known.
    """
    reason = os.strerror(error.errno) if error.errno else str(error)
    details: dict[str, Any] = {"path": str(path), "errno": error.errno, "reason": reason}
    if error.errno in _DISK_FULL:
        free = fs.free_bytes(path.parent)
        details |= {"needed_bytes": needed_bytes, "free_bytes": free}
        needed = f"{size(needed_bytes)} needed, " if needed_bytes else ""
        message = f"Could not {what}: the disk is full ({needed}{size(free)} free at {path.parent})."
        advice = "Free some space, or give another folder with --dir (dir=...)"
    else:
        message = f"Could not {what} at {path}: {reason}."
        advice = "Check that it can be written to, or give another folder with --dir (dir=...)"
    return RunFolderError(message, suggestion=advice, **details)


class HashingWriter:
    """A file for writing that counts and hashes what goes through it; torch.save asks for no more."""

    def __init__(self, handle: BinaryIO, digest: Any, fs: Files, *, buffer_bytes: int = 1 << 20) -> None:
        self._handle, self._digest, self._fs = handle, digest, fs
        self._buffer = bytearray()
        self._buffer_bytes = buffer_bytes
        self.bytes_written = 0

    def write(self, data: Any) -> int:
        """Take bytes, or anything with a buffer; small pieces are gathered to spare the disk."""
        view = memoryview(data).cast("B")
        self._digest.update(view)
        self.bytes_written += len(view)
        if len(view) >= self._buffer_bytes:
            self.flush()
            self._fs.write(self._handle, view)
        else:
            self._buffer += view
            if len(self._buffer) >= self._buffer_bytes:
                self.flush()
        return len(view)

    def flush(self) -> None:
        """Hand the gathered pieces to the file."""
        if self._buffer:
            self._fs.write(self._handle, bytes(self._buffer))
            self._buffer.clear()


def hash_of(path: Path, digest: Any, fs: Files = REAL) -> tuple[str, int]:
    """Return a file's hex digest and its size; reads 1 MiB at a time."""
    total = 0
    with fs.open(path) as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
            total += len(block)
    return digest.hexdigest(), total
