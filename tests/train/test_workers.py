"""A loader's worker processes below a background run: interrupts, deaths, and the person's own settings."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from typing import Any

import pytest
import torch
from setups import digits, loader, net
from torch.utils.data import DataLoader, Dataset, IterableDataset

from nbtrain.errors import WorkerDied
from nbtrain.running.guards.death import worker_died
from nbtrain.running.workers import IgnoreInterrupt, iterate


class Slow(Dataset):
    """4 ms a sample, so that workers are at work."""

    def __len__(self) -> int:
        return 4000

    def __getitem__(self, index: int) -> Any:
        time.sleep(0.004)
        return digits()[index % 100]


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        return iter([digits()[index] for index in range(40)])


@pytest.fixture(autouse=True)
def no_other_workers() -> None:
    """End the workers that loaders of earlier tests keep."""
    gc.collect()
    for child in multiprocessing.active_children():
        child.kill()
        child.join()


def started(run: Any) -> list[Any]:
    """The worker processes, once a step was made with what they gave."""
    until = time.monotonic() + 60
    while run.progress.step < 2:
        assert time.monotonic() < until and run.status.alive, run.error
        time.sleep(0.02)
    return multiprocessing.active_children()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_an_interrupt_does_not_reach_a_worker(method: str) -> None:
    """Workers started in any way ignore SIGINT, and the person's worker_init_fn has run in each."""
    data = DataLoader(
        digits(24), batch_size=4, num_workers=2, worker_init_fn=marks, multiprocessing_context=method
    )
    items = iterate(data)
    given = [next(items), next(items)]  # one from each worker
    for worker in items._workers:
        os.kill(worker.pid, signal.SIGINT)

    assert len([*given, *items]) == 6
    assert data.worker_init_fn is marks


def marks(worker: int) -> None:
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks on this system")
def test_an_interrupt_does_not_reach_a_worker_that_still_imports() -> None:
    """A spawned worker takes seconds to import torch; an interrupt at once does not end it either."""
    data = DataLoader(digits(8), batch_size=4, num_workers=1, multiprocessing_context="spawn")
    items = iterate(data)
    os.kill(items._workers[0].pid, signal.SIGINT)

    assert len(list(items)) == 2
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_what_a_worker_starts_hears_interrupts() -> None:
    """The signal is ignored by a worker and not blocked: what it starts may do as it likes."""
    IgnoreInterrupt(None)(0)
    try:
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_persistent_workers_and_streams_work(train: Any) -> None:
    """Persistent workers train epoch after epoch, an iterable data set gives all it has."""
    kept = loader(num_workers=2, persistent_workers=True)
    assert str(train(net(), kept, epochs=3).status) == "completed"
    assert len(list(kept)) == 7, "the loader is of use afterwards"
    kept._iterator._shutdown_workers()  # in order, while nothing of it is garbage yet
    run = train(net(), DataLoader(Stream(), batch_size=8, num_workers=2), epochs=2)

    assert (str(run.status), run.progress.step) == ("completed", 20)


def test_a_collected_loader_does_not_wait_for_its_workers() -> None:
    """Workers that a loader keeps are ended when both are garbage, not waited for and terminated by torch."""
    kept = loader(num_workers=1, persistent_workers=True)
    items = iterate(kept)
    next(items)
    workers = items._workers
    kept.own = kept  # as a run and its loader are: garbage in a cycle
    del kept, items
    gc.collect()

    assert [worker.exitcode for worker in workers] == [-signal.SIGKILL]


def test_a_dead_worker_is_noticed_in_a_look_or_two() -> None:
    """Outside the main thread torch notices a death after five seconds; here it takes half a one."""
    data = DataLoader(Slow(), batch_size=8, num_workers=2)
    seen: list[float | str] = []

    def read() -> None:
        items = iterate(data)
        next(items)
        os.kill(items._workers[0].pid, signal.SIGKILL)
        began = time.monotonic()
        try:
            for _ in items:
                pass
        except WorkerDied as error:
            seen.extend((time.monotonic() - began, str(error)))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()

    assert "SIGKILL" in seen[1]
    assert seen[0] < 4.5, "torch cannot be this soon"


def test_a_dead_worker_raises_nothing_in_a_cell(train: Any) -> None:
    """Where torch's own handler stands ready to raise in this thread, it does not for a run's worker."""
    list(loader(num_workers=1))  # from here on torch raises in the main thread when a worker dies
    run = train(net(), DataLoader(Slow(), batch_size=8, num_workers=2), epochs=1, wait=False)
    killed = started(run)[0].pid
    os.kill(killed, signal.SIGKILL)
    while not run.events:
        assert run.status.alive, run.error
        time.sleep(0.01)
    run.stop()
    run.wait(60)

    assert [(event["kind"], event["pid"]) for event in run.events] == [("worker-died", killed)]


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, "memory"), (-7, "shared memory"), (-11, "native code"), (-15, "TERM"), (3, "status 3"), (-77, "7")],
)
def test_how_a_worker_died_is_said_in_words(code: int, said: str) -> None:
    """Each kind of death is told with its usual cause and what to do."""
    error = worker_died(4711, code, 2)

    assert said in error.message and "pid 4711, one of 2" in error.message
    assert error.suggestion.endswith(".") or error.suggestion.endswith(")")
    assert error.to_dict()["details"]["exit_code"] == code


def test_an_error_of_the_data_set_is_still_its_own() -> None:
    """What a worker raises comes through as it is."""
    with pytest.raises(ZeroDivisionError):
        list(iterate(DataLoader(Broken(), num_workers=1)))


class Broken(Dataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> torch.Tensor:
        raise ZeroDivisionError
