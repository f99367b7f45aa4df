"""Loaders that lose a worker, or hang: started again at the same batch, told, stopped."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from setups import digits, net, same_weights
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from nbtrain.train import lasting


@pytest.fixture(autouse=True)
def no_other_workers() -> None:
    """End the workers that loaders of earlier tests keep."""
    gc.collect()
    for child in multiprocessing.active_children():
        child.kill()
        child.join()


class Noisy(Dataset):
    """Draws noise in the worker; may kill it, or hang, where a file in a folder says so."""

    def __init__(self, folder: Path | None = None, kill_at: tuple[int, ...] = (), hang_at: int = -1) -> None:
        self.data, self.folder, self.kill_at, self.hang_at = digits(64), folder, kill_at, hang_at

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> Any:
        if index in self.kill_at and get_worker_info() is not None:
            once = self.folder / f"killed-{index}"
            if not once.exists():
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        planning = get_worker_info() is None and threading.current_thread() is threading.main_thread()
        while index == self.hang_at and not planning and not (self.folder / "go").exists():
            time.sleep(0.02)
        x, y = self.data[index]
        return x + torch.randn(8), y


class NoisyStream(IterableDataset):
    def __init__(self, inner: Noisy) -> None:
        self.inner = inner

    def __iter__(self) -> Any:
        info = get_worker_info()
        for index in range(info.id, 64, info.num_workers):
            yield self.inner[index]


def trained(train: Any, data: DataLoader, **options: Any) -> tuple[Any, Any]:
    model = net(dropout=0.2)
    torch.manual_seed(7)
    return model, train(model, data, epochs=3, seed=5, **options)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_after_a_death_it_goes_on_as_though_nothing_was(
    train: Any, tmp_path: Path, persistent: bool, accumulate: int
) -> None:
    """A killed worker: the loader starts again at that batch; the weights are the undisturbed ones."""
    options = {"batch_size": 8, "shuffle": True, "num_workers": 2, "persistent_workers": persistent}
    alone, _ = trained(train, DataLoader(Noisy(), **options), accumulate=accumulate)
    hit, run = trained(train, DataLoader(Noisy(tmp_path, (37,)), **options), accumulate=accumulate)

    assert (str(run.status), run.progress.step) == ("completed", -(-8 // accumulate) * 3), run.error
    assert same_weights(alone, hit)
    (event,) = [e for e in run.manifest.events if e["kind"] == "worker-died"]
    assert event["exact"] and event["exit_code"] == -9 and event["epoch"] == 1
    (alert,) = [a for a in run.alerts if a.rule == "worker-died"]
    assert "SIGKILL" in alert.issue and "started again at the same batch" in alert.issue


def test_a_stream_is_read_again(train: Any, tmp_path: Path) -> None:
    """Data that cannot be indexed is read again up to the batch that was waited for."""
    alone, _ = trained(train, DataLoader(NoisyStream(Noisy()), batch_size=8, num_workers=2))
    hit, run = trained(train, DataLoader(NoisyStream(Noisy(tmp_path, (37,))), batch_size=8, num_workers=2))

    assert (str(run.status), run.progress.step) == ("completed", 24), run.error
    assert same_weights(alone, hit)


def test_a_second_death_ends_the_run(train: Any, tmp_path: Path) -> None:
    """Once is bad luck; at the second death the run fails with what is known, its checkpoint saved."""
    data = DataLoader(Noisy(tmp_path, (20, 50)), batch_size=8, num_workers=2)
    _, run = trained(train, data)

    assert str(run.status) == "failed"
    assert "SIGKILL" in run.stop_reason and "second of this run" in run.stop_reason
    assert "num_workers" in run.stop_reason
    assert run.checkpoints.all(), "what was learned until then is kept"
    gc.collect()
    assert not multiprocessing.active_children()


def test_a_loader_of_the_persons_own_that_cannot_start_again_fails_with_the_death(train: Any) -> None:
    """Where starting again fails, the run ends with the worker's death, not with what failed after it."""

    class Twice(DataLoader):
        begun = 0

        def __iter__(self) -> Any:
            self.begun += 1
            if self.begun > 1:
                raise RuntimeError("this loader can be begun once")
            return super().__iter__()

    data = Twice(KillsAlways(), batch_size=8, num_workers=1)
    run = train(net(), data, epochs=1)

    assert str(run.status) == "failed"
    assert "SIGKILL" in run.stop_reason


class KillsAlways(Noisy):
    def __getitem__(self, index: int) -> Any:
        if index == 30 and get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


def begun(train: Any, data: DataLoader, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(lasting, "WAIT_S", 0.5)
    run = train(net(), data, epochs=1, wait=False)
    until = time.monotonic() + 60
    while not [a for a in run.alerts if a.rule == "waiting-for-data"]:
        assert time.monotonic() < until and run.status.alive, run.error
        time.sleep(0.02)
    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_a_wait_that_does_not_end_is_told_once(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """A data set that hangs is told while it hangs, with who gives nothing; the run goes on when it does."""
    data = DataLoader(Noisy(tmp_path, hang_at=40), batch_size=8, num_workers=workers)
    run = begun(train, data, monkeypatch)
    time.sleep(1.0)
    (tmp_path / "go").touch()
    run.wait(60)

    (alert,) = [a for a in run.alerts if a.rule == "waiting-for-data"]
    assert alert.issue.startswith("Waiting for data for ")
    assert ("2 workers are alive" if workers else "the data set gives none") in alert.issue
    assert (str(run.status), run.progress.step) == ("completed", 8)


def test_a_stop_is_obeyed_while_workers_hang(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """run.stop() ends a run whose workers give nothing, at the step before; no worker is left."""
    run = begun(train, DataLoader(Noisy(tmp_path, hang_at=40), batch_size=8, num_workers=2), monkeypatch)
    run.stop()
    run.wait(60)

    assert (str(run.status), run.progress.step) == ("stopped", 5)
    gc.collect()
    assert not multiprocessing.active_children()
