"""One owner per run folder: a second writer is refused with the first one's pid. Knows nothing of contents.

The lock is a file that names its owner, not a kernel lock on an open file: a DataLoader worker inherits the
latter and would keep it after the owner's death, and network disks do not offer it. A file left by a dead
owner is taken over; the taking over alone is guarded by a kernel lock, where there is one.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from nbtrain.errors import RunFolderError
from nbtrain.runs.files import disk_trouble
from nbtrain.runs.owner import Owner, is_alive, this_process

LOCK_FILE = ".owner"
GUARD_FILE = ".owner-guard"
SILENT_S = 600.0  # an owner on another machine renews its file twice a minute; ten minutes without is death
RENEW_S = 30.0


class OwnerLock:
    """The right to write a run folder, held until `release`."""

    def __init__(self, path: Path, token: str) -> None:
        self._path, self._token = path, token
        self._renewed = time.monotonic()

    @classmethod
    def acquire(cls, folder: Path) -> OwnerLock:
        """Take the folder, or say who has it.

        Raises:
            RunFolderError: a living process owns it (details: pid, host), or the folder cannot be written.
        """
        path, token = folder / LOCK_FILE, uuid.uuid4().hex
        try:
            with guarded(folder):
                owner = read_owner(folder)
                if owner is not None and owner_lives(folder, owner):
                    raise _refusal(folder, owner)
                text = json.dumps({**this_process().to_dict(), "token": token})
                beside = path.with_name(f".tmp-owner-{token[:8]}")
                beside.write_text(text, encoding="utf-8")
                os.replace(beside, path)  # noqa: PTH105 - replaces what a dead owner left, in one step
        except OSError as error:
            raise disk_trouble(error, "take the run folder", path) from error
        return cls(path, token)

    def moved(self, folder: Path) -> OwnerLock:
        """Return the same right after its folder got another name."""
        return OwnerLock(folder / LOCK_FILE, self._token)

    def renew(self) -> None:
        """Show that the owner lives, for readers on other machines; touches the file twice a minute."""
        now = time.monotonic()
        if now - self._renewed >= RENEW_S:
            self._renewed = now
            with contextlib.suppress(OSError):  # the next real write tells what is wrong with the disk
                os.utime(self._path)

    def release(self) -> None:
        """Give the folder back. Does nothing where another has it meanwhile."""
        with contextlib.suppress(OSError, ValueError):  # a folder that is gone needs no release
            if json.loads(self._path.read_text(encoding="utf-8")).get("token") == self._token:
                self._path.unlink()
                (self._path.parent / GUARD_FILE).unlink(missing_ok=True)


def read_owner(folder: Path) -> Owner | None:
    """Return who the lock file names; None where there is no lock file or none that can be read."""
    try:
        return Owner.from_dict(json.loads((folder / LOCK_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def owner_lives(folder: Path, owner: Owner) -> bool:
    """Tell whether a run's owner is at work; one on another machine is judged by its last sign of life."""
    alive = is_alive(owner)
    if alive is not None:
        return alive
    try:
        return time.time() - (folder / LOCK_FILE).stat().st_mtime < SILENT_S
    except OSError:
        return False


def _refusal(folder: Path, owner: Owner) -> RunFolderError:
    if owner == this_process():
        whose = f"this process (pid {owner.pid})"
        advice = "Stop the run that writes there first, or give the new one another name or dir=..."
    else:
        whose = f"process {owner.pid} on {owner.host}"
        advice = f"Stop it with `%train stop {folder.name}`, or end process {owner.pid}, then try again."
    return RunFolderError(
        f"The run folder {folder} is being written by {whose}.",
        suggestion=advice,
        pid=owner.pid,
        host=owner.host,
        path=str(folder),
    )


@contextlib.contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Let one process at a time look at the lock file and replace it."""
    with (folder / GUARD_FILE).open("a") as handle:
        try:
            import fcntl
        except ImportError:
            yield  # Windows: two that take over a dead owner's folder in the same instant may both win
            return
        with contextlib.suppress(OSError):  # a network disk without locks: as on Windows
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
