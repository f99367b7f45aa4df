"""Several processes on one search: started, watched, stopped. They share the trials' file and nothing
else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
import torch

from nbtrain.errors import UsageError
from nbtrain.search.study import Study
from nbtrain.search.subject import Subject
from nbtrain.search.trial import Wishes
from nbtrain.search.worker import STOP_FILE, SUBJECT_FILE

POLL_S = 0.25
GRACE_S = 60.0  # for a trial to reach its next step and save
LOG = "workers.log"


def pack(folder: Path, study: Study, subject: Subject) -> None:
    """Write what the processes are to do.

    Raises:
        UsageError: the objects cannot be handed to another process.
    """
    try:
        packed = cloudpickle.dumps((subject, study.space.plain(), study.options))
    except Exception as error:
        raise UsageError(
            f"With several jobs the objects go to other processes, and they cannot: {type(error).__name__}: "
            f"{str(error)[:200]}",
            suggestion="Use --jobs 1, or a configuration or a factory in a module.",
        ) from None
    (folder / SUBJECT_FILE).write_bytes(packed)
    (folder / SUBJECT_FILE).chmod(0o600)


def supervise(study: Study, wishes: Wishes) -> None:
    """Run the processes until the trials are done; a process that dies takes its trial alone with it."""
    folder, jobs = study.folder, study.options.jobs
    with suppress(FileNotFoundError):
        (folder / STOP_FILE).unlink()
    deaths = 0
    with (folder / LOG).open("ab") as log:
        processes = [_started(folder, at, jobs, log) for at in range(jobs)]
        try:
            while processes:
                time.sleep(POLL_S)
                wishes.look()
                if wishes.stopping and not (folder / STOP_FILE).exists():
                    (folder / STOP_FILE).touch()
                for one in [p for p in processes if p.poll() is not None]:
                    processes.remove(one)
                    if one.returncode == 0 or wishes.stopping:
                        continue
                    deaths += 1
                    study.lost(one.pid, _how(one.returncode))
                    if deaths > 2 * jobs:
                        wishes.stop(f"{deaths} worker processes have died; {folder / LOG} tells more")
                    else:
                        processes.append(_started(folder, deaths % jobs, jobs, log))
        finally:
            _end(folder, processes)


def _started(folder: Path, place: int, jobs: int, log: Any) -> subprocess.Popen[bytes]:
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    if devices > 1 and "CUDA_VISIBLE_DEVICES" not in os.environ:
        env["CUDA_VISIBLE_DEVICES"] = str(place % devices)
    threads = max(1, torch.get_num_threads() // jobs)
    command = [sys.executable, "-m", "nbtrain.search.worker", str(folder), str(os.getpid()), str(threads)]
    return subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


def _end(folder: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    """Leave no process behind, whatever ended the supervision."""
    if processes:
        (folder / STOP_FILE).touch()
    until = time.monotonic() + GRACE_S
    for one in processes:
        try:
            one.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()
    for name in (STOP_FILE, SUBJECT_FILE):
        with suppress(OSError):
            (folder / name).unlink()


def _how(status: int) -> str:
    if status < 0:
        more = ", usually because the machine's memory was used up" if status == -9 else ""
        return f"its process was ended by signal {-status}{more}"
    return f"its process ended with status {status}"
