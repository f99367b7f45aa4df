"""A disk for tests that dies at a chosen operation and forgets what was never fsynced.

It keeps for every file the bytes written and those fsynced, for every folder the names given and those
fsynced. What a power failure leaves is any mixture of the two, so `survivors` builds the extreme ones:

    kept        everything written is there (the process was killed, the machine goes on)
    dropped     only what was fsynced is there, names and bytes
    empty       all names are there, bytes only as fsynced: the file renamed before its data was on the disk
    torn        all names are there, of bytes not fsynced the first half
    late-names  only fsynced names, but all bytes of the files that have them
    unlinked    as dropped, but every removal took place at once
"""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any, BinaryIO

from nbtrain.runs.files import Files

POLICIES = ("kept", "dropped", "empty", "torn", "late-names", "unlinked")


class PowerFailure(BaseException):
    """The machine dies here. A BaseException: no `except Exception` survives it."""


class File:
    def __init__(self) -> None:
        self.data = bytearray()
        self.durable = b""


class Folder:
    def __init__(self) -> None:
        self.names: dict[str, File | Folder] = {}
        self.durable: dict[str, File | Folder] = {}


class Handle:
    """What `create` hands out: knows its file."""

    def __init__(self, file: File) -> None:
        self.file = file


class ModelDisk(Files):
    """A disk in memory below `root`.

    Args:
        die_at: number of the operation, from 0, before which the machine dies; None never.
        fail: (operation number, errno) of one operation that fails instead, as a real disk may.
    """

    def __init__(self, root: Path, die_at: int | None = None, fail: tuple[int, int] | None = None) -> None:
        self.root, self.die_at, self.fail = root, die_at, fail
        self.top = Folder()
        self.log: list[str] = []
        self.dead = False
        self.removed: list[File | Folder] = []

    def _operation(self, what: str) -> None:
        if self.dead or len(self.log) == self.die_at:
            self.dead = True
            raise PowerFailure(what)
        self.log.append(what)
        if self.fail is not None and len(self.log) - 1 == self.fail[0]:
            raise OSError(self.fail[1], "made to fail")

    def _find(self, path: Path) -> File | Folder | None:
        node: Any = self.top
        for part in path.relative_to(self.root).parts:
            node = node.names.get(part) if isinstance(node, Folder) else None
            if node is None:
                return None
        return node

    def _parent(self, path: Path) -> Folder:
        parent = self._find(path.parent)
        if not isinstance(parent, Folder):
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
        return parent

    def _need(self, path: Path) -> File | Folder:
        node = self._find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return node

    def create(self, path: Path) -> Any:
        self._operation(f"create {path.name}")
        parent = self._parent(path)
        if path.name in parent.names:
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        parent.names[path.name] = file = File()
        return Handle(file)

    def write(self, handle: Any, data: bytes) -> int:
        handle.file.data += data  # a part of it may be written when the machine dies: see `torn`
        self._operation(f"write {len(data)}")
        return len(data)

    def fsync(self, handle: Any) -> None:
        self._operation("fsync")
        handle.file.durable = bytes(handle.file.data)

    def close(self, handle: Any) -> None:
        pass

    def fsync_folder(self, path: Path) -> None:
        self._operation(f"fsync folder {path.name}")
        folder = self._need(path)
        assert isinstance(folder, Folder)
        folder.durable = dict(folder.names)

    def rename(self, source: Path, target: Path) -> None:
        self._operation(f"rename {source.name} {target.name}")
        node = self._need(source)
        there = self._find(target)
        if isinstance(there, Folder) and there.names:
            raise OSError(errno.ENOTEMPTY, "not empty", str(target))
        del self._parent(source).names[source.name]
        self._parent(target).names[target.name] = node

    def mkdir(self, path: Path) -> None:
        self._operation(f"mkdir {path.name}")
        parent = self._parent(path)
        if path.name in parent.names:
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        parent.names[path.name] = Folder()

    def remove(self, path: Path) -> None:
        self._operation(f"remove {path.name}")
        self.removed.append(self._need(path))
        del self._parent(path).names[path.name]

    def remove_folder(self, path: Path) -> None:
        folder = self._need(path)
        assert isinstance(folder, Folder)
        for name in list(folder.names):  # one operation a name: the machine may die between any two
            child = path / name
            (self.remove_folder if self.is_folder(child) else self.remove)(child)
        self._operation(f"rmdir {path.name}")
        self.removed.append(folder)
        del self._parent(path).names[path.name]

    def open(self, path: Path) -> BinaryIO:
        node = self._need(path)
        assert isinstance(node, File)
        return io.BytesIO(bytes(node.data))

    def read(self, path: Path) -> bytes:
        return self.open(path).read()

    def names(self, path: Path) -> list[str]:
        node = self._find(path)
        return sorted(node.names) if isinstance(node, Folder) else []

    def size(self, path: Path) -> int:
        node = self._need(path)
        return len(node.data) if isinstance(node, File) else 0

    def is_folder(self, path: Path) -> bool:
        return isinstance(self._find(path), Folder)

    def exists(self, path: Path) -> bool:
        return self._find(path) is not None

    def free_bytes(self, path: Path) -> int | None:
        return None

    def settle(self) -> None:
        """Put everything written so far on the disk, as time does."""
        todo: list[File | Folder] = [self.top]
        while todo:
            node = todo.pop()
            if isinstance(node, File):
                node.durable = bytes(node.data)
            else:
                node.durable = dict(node.names)
                todo.extend(node.names.values())

    def survivors(self, policy: str, into: Path) -> None:
        """Write to the real folder `into` what is on the disk after the failure."""
        self._write_out(self.top, policy, into)

    def _write_out(self, folder: Folder, policy: str, into: Path) -> None:
        into.mkdir(exist_ok=True)
        names = folder.names if policy in ("kept", "empty", "torn") else folder.durable
        for name, node in names.items():
            if policy == "unlinked" and any(node is gone for gone in self.removed):
                continue
            if isinstance(node, Folder):
                self._write_out(node, policy, into / name)
                continue
            unsynced = bytes(node.data[len(node.durable) :])
            kept = unsynced if policy in ("kept", "late-names") else b""
            if policy == "torn":
                kept = unsynced[: len(unsynced) // 2]
            (into / name).write_bytes(node.durable + kept)
