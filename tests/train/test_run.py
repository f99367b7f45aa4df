"""A run as people hold it: controls, waiting, what it leaves, and what it lets go of."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from setups import digits, loader, net, same_weights, twins
from torch import nn
from torch.optim import lr_scheduler as lrs
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

from nbtrain.errors import NbtrainError, UsageError
from nbtrain.running import active
from nbtrain.runs.listing import runs_table
from nbtrain.runs.metrics import read_metrics
from nbtrain.runs.status import RunStatus
from nbtrain.runs.stored import StoredRun

CE = nn.CrossEntropyLoss()


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for what a thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


class Gated:
    """Batches that come to a training only when the test lets them."""

    def __init__(self, epochs_of: int = 4) -> None:
        self.batches = list(loader(16 * epochs_of))
        self.gate = threading.Semaphore(0)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.batches:
            planning = threading.current_thread() is threading.main_thread()
            assert planning or self.gate.acquire(timeout=30)
            yield batch

    def let(self, steps: int) -> None:
        self.gate.release(steps)


# --- controls ---------------------------------------------------------------------------------------------


def test_pause_holds_still_and_resume_goes_on_as_if_nothing_had_been(train: Any) -> None:
    """A paused run takes no step; resumed, it ends at the weights of a run that never paused."""
    ours, theirs = twins(dropout=0.2)
    train(theirs, Gated(8).batches, optimizer=torch.optim.SGD(theirs.parameters(), lr=0.1), epochs=1, seed=3)
    data = Gated(8)
    run = train(
        ours, data, optimizer=torch.optim.SGD(ours.parameters(), lr=0.1), epochs=1, seed=3, wait=False
    )
    data.let(2)
    until(lambda: run.progress.step == 2)
    run.pause()
    data.let(6)
    until(lambda: run.status is RunStatus.PAUSED)
    until(lambda: run.manifest.status is RunStatus.PAUSED)
    assert (run.progress.step, run.progress.phase) == (3, "paused")
    run.resume()
    run.wait(60)

    assert (str(run.status), run.progress.step) == ("completed", 8)
    assert same_weights(ours, theirs)
    assert 0 < run._do.state.paused_s < run.progress.elapsed_s


def test_stop_after_a_step_and_after_an_epoch(train: Any) -> None:
    """stop() ends at the next step, stop("epoch") at the epoch's end with its row, both with a checkpoint."""
    data = Gated(4)
    run = train(net(), data, epochs=100, wait=False)
    data.let(2)
    until(lambda: run.progress.step == 2)
    run.stop("epoch")
    data.let(2)
    run.wait(30)
    assert (str(run.status), run.progress.step, len(run.epochs)) == ("stopped", 4, 1)
    assert run.stop_reason == "stopped by hand"
    assert run.checkpoints.latest().step == 4

    data = Gated(4)
    run = train(net(), data, epochs=100, wait=False)
    data.let(2)
    until(lambda: run.progress.step == 2)
    run.stop()
    data.let(1)
    run.wait(30)
    assert (str(run.status), run.progress.step, len(run.history)) == ("stopped", 3, 3)


def test_a_run_stopped_within_an_epoch_tells_its_validations(train: Any, tmp_path: Path) -> None:
    """The table of runs has the last and the best validation loss, though no epoch was finished."""
    data = Gated(8)
    run = train(net(), data, val=loader(40), val_every=2, epochs=100, wait=False)
    data.let(4)
    until(lambda: len(run.evaluations) == 2)
    run.stop()
    data.let(1)
    run.wait(30)

    losses = run.evaluations["val_loss"]
    row = runs_table(tmp_path / "runs").loc[run.id]
    assert len(run.epochs) == 0 and row["steps"] == 5
    assert row["val_loss"] == pytest.approx(losses.iloc[-1])
    assert row["best_val_loss"] == pytest.approx(losses.min())


def test_a_stop_ends_a_paused_run(train: Any) -> None:
    """stop() while paused ends the run there, without another step."""
    run = train(net(), loader(), epochs=10_000, wait=False)
    run.pause()
    until(lambda: run.status is RunStatus.PAUSED)
    step = run.progress.step
    run.stop()
    run.wait(30)

    assert (str(run.status), run.progress.step) == ("stopped", step)


@pytest.mark.parametrize("after", ["step", "epoch"])
def test_a_stop_file_ends_the_run(train: Any, after: str) -> None:
    """A file STOP in the run folder is obeyed and taken away; one that says `epoch` ends at an epoch."""
    run = train(net(), loader(), epochs=100_000, wait=False)
    (run.dir / "STOP").write_text(after)
    run.wait(30)

    assert str(run.status) == "stopped"
    assert "STOP file" in run.stop_reason
    assert not (run.dir / "STOP").exists()
    assert after == "step" or run.progress.step % 7 == 0


def test_save_commits_a_checkpoint_now(train: Any) -> None:
    """save() commits at the next step, though checkpoints are far apart."""
    run = train(net(), loader(), epochs=100_000, checkpoint_every=10**9, wait=False)
    run.save()
    until(lambda: run.checkpoints.latest() is not None)
    saved = run.checkpoints.latest().step
    until(lambda: run.progress.step > saved)
    run.stop()
    run.wait(30)

    steps = [info.step for info in run.checkpoints.all()]
    assert len(steps) == 2
    assert steps[0] == run.progress.step > steps[1]


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "none": lambda o: None,
    "cosine": lambda o: lrs.CosineAnnealingLR(o, T_max=40),
    "lambda": lambda o: lrs.LambdaLR(o, lambda step: 0.9**step),
    "one-cycle": lambda o: lrs.OneCycleLR(o, max_lr=0.2, total_steps=40),
    "cyclic": lambda o: lrs.CyclicLR(o, 0.01, 0.1, step_size_up=7),
    "in sequence": lambda o: lrs.SequentialLR(
        o, [lrs.ConstantLR(o, 1.0, 1), lrs.LambdaLR(o, lambda step: 0.9**step)], milestones=[1]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_a_scheduler_goes_on_from_the_height_set_by_hand(train: Any, name: str) -> None:
    """After set_lr each later rate is as many times the one of an untouched schedule; an event says it."""
    rates: dict[bool, list[float]] = {}
    for touched in (False, True):
        data, model = Gated(8), net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = SCHEDULES[name](optimizer)
        run = train(
            model, data, optimizer=optimizer, scheduler=scheduler, scheduler_step="step", epochs=1, wait=False
        )
        data.let(3)
        until(lambda run=run: run.progress.step == 3)
        if touched:
            run.set_lr(0.5 * optimizer.param_groups[0]["lr"])
        data.let(5)
        run.wait(30)
        assert str(run.status) == "completed", run.error
        rates[touched] = run.history["lr"].tolist()

    assert rates[True][:4] == rates[False][:4]
    factor = 0.5 * rates[False][3] / rates[False][4]  # set after step 4, when the schedule had gone on
    assert rates[True][4:] == pytest.approx([factor * rate for rate in rates[False][4:]])
    event = run.manifest.events[-1]
    assert (event["kind"], event["step"]) == ("lr", 4)
    assert event["to"] == pytest.approx(0.5 * rates[False][3])


def test_wishes_that_make_no_sense_are_refused(train: Any) -> None:
    """A rate that is none, a stop after nothing, and a change of a run that is over are UsageErrors."""
    run = train(net(), loader(), epochs=1)
    with pytest.raises(UsageError, match="The learning rate is -1; it must be a number, 0 or more"):
        run.set_lr(-1)
    with pytest.raises(UsageError, match="`after` is 'never'; allowed are 'step' and 'epoch'"):
        run.stop("never")
    for wish in (run.save, lambda: run.set_lr(0.1)):
        with pytest.raises(UsageError, match=r"is over \(completed\)"):
            wish()
    with pytest.raises(UsageError, match=r"was started before \(it is completed\)"):
        run.start()
    run.pause(), run.resume(), run.stop()
    assert str(run.status) == "completed"


def test_a_stopped_run_says_how_it_goes_on(train: Any) -> None:
    """resume() on a run that was stopped is refused with the command that goes on from its checkpoint."""
    run = train(net(), loader(), epochs=100_000, wait=False)
    run.stop()
    run.wait(60)

    with pytest.raises(UsageError, match=rf"is over \(stopped\).*%train resume {run.id}"):
        run.resume()


def test_snapshot_is_a_copy_at_a_step_boundary(train: Any) -> None:
    """snapshot() gives a copy in eval mode while it trains, and the model goes on in train mode."""
    model = net()
    run = train(model, loader(), epochs=100_000, wait=False)
    until(lambda: run.progress.step > 2)
    copy = run.snapshot()
    after = run.progress.step
    until(lambda: run.progress.step > after + 2)

    assert not copy.training
    assert model.training
    assert not same_weights(copy, model)
    run.stop()
    run.wait(30)
    assert same_weights(run.snapshot(), model)


# --- waiting ----------------------------------------------------------------------------------------------


def test_wait_says_when_it_gives_up_and_result_raises_what_failed(planned: Any) -> None:
    """wait(timeout) raises TimeoutError and the run goes on; before the start it is a UsageError."""
    data = Gated(2)
    run = planned(net(), data, epochs=1)
    with pytest.raises(UsageError, match="has not been started"):
        run.wait()
    run.start()
    with pytest.raises(TimeoutError, match=r"is still running after 0\.05 s; it goes on"):
        run.wait(0.05)
    data.let(2)
    assert run.result(30)["total_steps"] == 2

    def broken() -> Iterator[Any]:
        yield from loader(32)
        raise OSError("the disk with the pictures is gone")

    class Broken:
        def __iter__(self) -> Iterator[Any]:
            return broken()

    failed = planned(net(), Broken(), epochs=1).start()
    with pytest.raises(NbtrainError, match="the disk with the pictures is gone"):
        failed.result(30)


INTERRUPTED = """
import os, signal, sys, threading, time, torch, nbtrain
from torch import nn
torch.set_num_threads(1)
batches = [(torch.randn(4, 3), torch.randn(4, 1))]
class Slow:
    def __init__(self): self.stuck = False
    def __iter__(self):
        while True:
            while self.stuck: time.sleep(0.01)
            yield batches[0]
data = Slow()
run = nbtrain.train(nn.Linear(3, 1), data, loss=nn.MSELoss(), no_val=True, epochs=1, dir=sys.argv[1])
while run.progress.step < 3: time.sleep(0.01)
twice = sys.argv[2] == "twice"
def press():
    data.stuck = twice  # no step boundary comes any more
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
    if twice:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press).start()
try:
    run.wait()
    whole = run.checkpoints.latest().step == run.progress.step
    print(run.status, "|", run.stop_reason, "|", whole, flush=True)
except KeyboardInterrupt:
    print("raised while", run.status, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("presses", "said"), [("once", "stopped | interrupted by hand | True"), ("twice", "raised while running")]
)
def test_an_interrupt_stops_at_a_step_and_a_second_one_raises(
    tmp_path: Path, presses: str, said: str
) -> None:
    """Ctrl-C in wait() ends the run at a step boundary with its checkpoint; twice leaves at once."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path), presses],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2],
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip

    assert done.stdout.strip() == said, done.stderr


class Tells(torch.utils.data.Dataset):
    """Says how the process that loads it takes SIGINT."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        return torch.full((8,), float(ignored)), torch.tensor(0)


def test_workers_do_not_hear_the_interrupt(train: Any) -> None:
    """A loader's workers ignore SIGINT, and the person's worker_init_fn has run in them."""
    seen: list[float] = []
    own: list[int] = []

    class Noting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(float(x.min()))
            return self.inner(x)

    data = DataLoader(Tells(), batch_size=4, num_workers=2, worker_init_fn=own.append)
    run = train(Noting(), data, epochs=1)

    assert str(run.status) == "completed", run.error
    assert seen[-2:] == [1.0, 1.0]
    assert data.worker_init_fn == own.append
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


# --- what it leaves ---------------------------------------------------------------------------------------


def test_history_and_epochs_are_what_is_on_disk(train: Any) -> None:
    """metrics.jsonl has the rows of history and metrics.json those of epochs, value for value."""
    run = train(net(), loader(), val=loader(40), epochs=4)
    lines = [json.loads(line) for line in (run.dir / "logs" / "metrics.jsonl").read_text().splitlines()]
    history = run.history.reset_index()

    assert len(lines) == len(history) == 28
    for name in history:
        assert [line[name] for line in lines] == history[name].tolist()
    stored = read_metrics(run.dir / "logs" / "metrics.json").epochs
    assert [{name: row[name] for name in run.epochs} for row in stored] == run.epochs.to_dict("records")
    read_back = StoredRun(run.dir)
    pd.testing.assert_frame_equal(read_back.epochs, run.epochs)
    pd.testing.assert_frame_equal(read_back.history, run.history)
    assert read_back.step == run.step == 28
    assert run.manifest.training_results["final_val_loss"] == run.epochs["val_loss"].iloc[-1]
    assert run.result()["best_val_step"] in run.epochs["step"].tolist()
    assert run.latest["train_loss"] == run.history["train_loss"].iloc[-1]


def test_seeds_are_set_and_determinism_is_put_back(train: Any) -> None:
    """A seeded run repeats bit for bit; torch's deterministic flags are afterwards as they were."""
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    during: list[bool] = []

    class Noting(nn.Sequential):
        def forward(self, x: Any) -> Any:
            during.append(torch.are_deterministic_algorithms_enabled())
            return super().forward(x)

    models = []
    for _ in range(2):
        model = Noting(*net(dropout=0.4))
        train(model, loader(shuffle=True), epochs=3, seed=7, deterministic=True)
        models.append(model)

    assert same_weights(*models)
    assert during[-1] is True
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark) == before


def test_layers_are_sampled(train: Any) -> None:
    """Each parameter has its gradient norm and update ratio, also beside one that never gets a gradient."""

    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = net(), nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    model = Partly()
    run = train(model, loader(), optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=2)
    first = net()
    x, y = next(iter(loader()))
    CE(first(x), y).backward()
    norm = float(first[0].weight.grad.norm().detach())

    assert run.layers["used.0.weight"][0] == pytest.approx(norm, rel=1e-5)
    assert run.layers["used.0.weight"][1] == pytest.approx(
        0.1 * norm / float(first[0].weight.detach().norm()), rel=1e-3
    )
    assert run.layers["unused.weight"][0] != run.layers["unused.weight"][0]


class HostReads(TorchDispatchMode):
    READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)
    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        HostReads.count += func in self.READS
        return func(*args, **(kwargs or {}))


def test_a_step_reads_no_value_from_the_device(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 400 steps, both threads and validation together read at most 0.05 values a step."""
    original = threading.Thread.run

    def counted(thread: threading.Thread) -> None:
        with HostReads():
            original(thread)

    monkeypatch.setattr(threading.Thread, "run", counted)
    HostReads.count = 0
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # Adam reads its own step counters, on the CPU
    run = train(model, loader(1600), optimizer=optimizer, val=loader(64), epochs=4)

    assert run.progress.step == 400
    assert 0 < HostReads.count / 400 <= 0.05


# --- what it lets go of -----------------------------------------------------------------------------------


def test_a_deleted_model_is_freed_though_the_run_is_remembered(train: Any) -> None:
    """After the end, model, optimizer and data that the person deletes go, and the run still answers."""
    model, data = net(), loader()
    optimizer = torch.optim.AdamW(model.parameters())
    run = train(model, data, optimizer=optimizer, loss=nn.CrossEntropyLoss(), epochs=1)
    assert (run.objects.model, run.objects.optimizer, run.objects.train_loader) == (model, optimizer, data)
    assert run.plan.report().to_markdown()

    gone = [weakref.ref(thing) for thing in (model, optimizer, data, data.dataset)]
    del model, optimizer, data
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4
    assert (run.objects.model, run.objects.optimizer) == (None, None)
    assert active.newest() is run
    assert len(run.history) == 7
    with pytest.raises(UsageError, match="no longer in memory"):
        run.snapshot()


def test_a_model_that_nobody_else_holds_stays_with_its_run(planned: Any) -> None:
    """`train(Net(), loader)`: the trained model is there as long as the run is held, then it goes."""
    run = planned(net(), loader(), epochs=1).start()
    run.wait(30)
    assert run.objects.model is not None
    assert run.objects.optimizer is not None, "nbtrain's own optimizer lives with the model"
    gone = weakref.ref(run.objects.model)
    again = planned(net(), loader(), epochs=1).start()
    again.wait(30)
    assert gone() is not None
    del run
    gc.collect()

    assert gone() is None
    assert active.newest() is again


def test_the_model_is_freed_after_a_failure_too(train: Any) -> None:
    """A run that failed holds neither the model nor the batch it failed on."""
    batches: list[weakref.ref[Any]] = []

    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls = net(), 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not torch.equal(x, first):
                batches.append(weakref.ref(x))
                kept = self.inner(x)
                raise ValueError(f"no more of {tuple(kept.shape)}")
            return self.inner(x)

    first = next(iter(loader()))[0]
    model = Failing()
    run = train(model, loader(), epochs=1)
    assert str(run.status) == "failed"
    gone = weakref.ref(model)
    del model
    gc.collect()

    assert batches
    assert [ref() for ref in batches] == [None] * len(batches)
    assert gone() is None


def test_a_second_run_on_the_same_model_is_refused(planned: Any, train: Any, tmp_path: Path) -> None:
    """While one trains, planning another on the same model is a UsageError before anything is rehearsed."""
    data, model = Gated(4), net()
    run = train(model, data, epochs=1, wait=False)
    data.let(1)
    until(lambda: run.progress.step == 1)
    model[0].weight.grad = marker = torch.ones_like(model[0].weight)
    with pytest.raises(UsageError, match=f"Run `{run.id}` .*is training this model right now") as refused:
        planned(nn.Sequential(model), loader())
    assert "copy.deepcopy(model)" in str(refused.value)
    assert model[0].weight.grad is marker
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == [run.id]
    data.let(3)
    run.wait(30)

    plan = planned(model, loader()).plan
    assert any("trained before in this kernel: 1 epoch (4 steps)" in warning for warning in plan.warnings)


def test_runs_are_found_and_forgotten(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel finds its runs by id, by the start of one and by name, and keeps only so many ended ones."""
    monkeypatch.setattr(active, "_runs", [])
    monkeypatch.setattr(active, "KEPT", 2)
    model = net()
    runs = [train(model, loader(32), epochs=1, name=f"run-{n}") for n in range(4)]

    assert active.known() == runs[-2:]
    assert active.find("run-3") is active.find(runs[3].id[:8]) is runs[3]
    assert active.find("nobody") is None
    assert active.alive() == []


def test_split_is_the_same_for_the_same_seed(planned: Any) -> None:
    """A split holds out a fraction, the same for the same seed, and its halves share no sample."""
    held: list[set[int]] = []
    for seed in (1, 1, 2):
        work = planned(net(), loader(shuffle=True), split=0.25, seed=seed).plan.work
        train_part, val_part = set(work.train_loader.dataset.indices), set(work.val_loader.dataset.indices)
        assert len(val_part) == 25
        assert not train_part & val_part
        held.append(val_part)
    assert held[0] == held[1] != held[2]

    work = planned(net(), loader(drop_last=True), split=0.2).plan.work
    assert (len(work.train_loader), len(work.val_loader)) == (5, 2)
    assert len(digits()) == 100
