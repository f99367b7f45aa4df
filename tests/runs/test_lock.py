"""One owner per run folder, over threads, processes and machines."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrain.errors import RunFolderError
from nbtrain.runs.lock import LOCK_FILE, SILENT_S, OwnerLock, owner_lives, read_owner
from nbtrain.runs.owner import Owner, is_alive, started_at, this_process

HOLD = """
import sys, pathlib
from nbtrain.runs.lock import OwnerLock
OwnerLock.acquire(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns tmp_path."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_with_the_pid(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """While another process owns the folder we are refused with its pid; once it was killed it is ours."""
    with pytest.raises(RunFolderError, match=f"process {other.pid} on") as caught:
        OwnerLock.acquire(tmp_path)
    assert caught.value.details["pid"] == other.pid
    assert read_owner(tmp_path).pid == other.pid
    other.kill()
    other.wait()
    lock = OwnerLock.acquire(tmp_path)
    assert read_owner(tmp_path) == this_process()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_zombie_owns_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """A killed process that nobody waited for is dead."""
    other.kill()
    for _ in range(200):
        if is_alive(read_owner(tmp_path)) is False:
            break
        time.sleep(0.01)
    OwnerLock.acquire(tmp_path).release()


def test_this_process_cannot_own_a_folder_twice(tmp_path: Path) -> None:
    """A second run of the same notebook in one folder is refused in those words; after release it is not."""
    lock = OwnerLock.acquire(tmp_path)
    with pytest.raises(RunFolderError, match="this process"):
        OwnerLock.acquire(tmp_path)
    lock.release()
    lock.release()
    OwnerLock.acquire(tmp_path).release()


def test_of_many_at_once_one_wins(tmp_path: Path) -> None:
    """Threads that take over a dead owner's folder together: exactly one gets it."""
    dead = dataclasses.replace(this_process(), pid=2**22 + 5)
    (tmp_path / LOCK_FILE).write_text(json.dumps(dead.to_dict()))
    won, refused, gate = [], [], threading.Barrier(8)

    def take() -> None:
        gate.wait()
        try:
            won.append(OwnerLock.acquire(tmp_path))
        except RunFolderError as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 7)


def test_a_lock_taken_over_is_not_released_by_the_old_owner(tmp_path: Path) -> None:
    """Release removes only one's own lock."""
    lock = OwnerLock.acquire(tmp_path)
    (tmp_path / LOCK_FILE).write_text(json.dumps({**this_process().to_dict(), "token": "another"}))
    lock.release()
    assert read_owner(tmp_path) is not None


def test_who_is_dead_is_known(tmp_path: Path) -> None:
    """No such pid, a reused pid and a machine that was restarted mean dead; this process lives."""
    me = this_process()
    assert is_alive(me) is True
    assert is_alive(dataclasses.replace(me, pid=2**22 + 5)) is False
    assert is_alive(dataclasses.replace(me, started=me.started - 1000)) is False
    assert is_alive(dataclasses.replace(me, boot_id="another boot")) is False
    assert is_alive(dataclasses.replace(me, host="elsewhere")) is None
    assert started_at(2**22 + 5) is None


def test_an_owner_elsewhere_is_judged_by_its_last_sign(tmp_path: Path) -> None:
    """On another machine the age of the lock file decides, and the owner keeps it young."""
    owner = dataclasses.replace(this_process(), host="elsewhere")
    path = tmp_path / LOCK_FILE
    path.write_text(json.dumps(owner.to_dict()))
    assert owner_lives(tmp_path, owner)
    with pytest.raises(RunFolderError, match="elsewhere"):
        OwnerLock.acquire(tmp_path)
    old = time.time() - SILENT_S - 1
    os.utime(path, (old, old))
    assert not owner_lives(tmp_path, owner)
    lock = OwnerLock.acquire(tmp_path)
    os.utime(path, (old, old))
    lock._renewed -= 60
    lock.renew()
    assert path.stat().st_mtime > old + SILENT_S


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": 1}', "\x00"])
def test_a_damaged_lock_file_owns_nothing(tmp_path: Path, text: str) -> None:
    """A lock file that cannot be read does not lock the folder for ever."""
    (tmp_path / LOCK_FILE).write_text(text)
    OwnerLock.acquire(tmp_path).release()


def test_an_identity_survives_json() -> None:
    """An owner comes back from JSON equal; anything else is None."""
    assert Owner.from_dict(json.loads(json.dumps(this_process().to_dict()))) == this_process()
    assert Owner.from_dict("x") is None
