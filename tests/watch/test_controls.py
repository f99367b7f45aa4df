"""Followed loops that are stopped, paused, swallow the stop, fail, lose their numbers, log their own."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from setting import X, Y, dataset, net, train_loader
from torch import nn

import nbtrain
from nbtrain.commands.finish import completion
from nbtrain.commands.parse import parse
from nbtrain.commands.watch import CELL
from nbtrain.errors import UsageError
from nbtrain.running.run import Run
from nbtrain.watch import seams
from nbtrain.watch.options import WatchOptions
from nbtrain.watch.watching import Watching


class Loop:
    """A loop over `train_loader`, with something of the test's own at each step."""

    def __init__(self, each: Any = lambda loop: None, *, epochs: int = 10**6) -> None:
        self.each, self.epochs = each, epochs
        self.model = net()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.steps, self.after, self.finally_ran = 0, False, False

    def __call__(self) -> None:
        optimizer, model = self.optimizer, self.model
        try:
            for _ in range(self.epochs):
                for xb, yb in train_loader:
                    optimizer.zero_grad()
                    F.cross_entropy(model(xb), yb).backward()
                    optimizer.step()
                    self.steps += 1
                    self.each(self)
            self.after = True
        finally:
            self.finally_ran = True


@pytest.fixture
def followed(tmp_path: Path) -> Any:
    """Start a loop in the background, as %%train does."""

    def start(body: Any, **words: Any) -> Run:
        options = WatchOptions.from_words({"log": "json", "dir": tmp_path, **words})
        return Run(Watching(options, globals(), body=body)).start()

    return start


def until(true: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def rules(run: Any) -> list[str]:
    return [alert.rule for alert in run.alerts]


def test_a_stop_ends_the_loop_at_a_step(followed: Any) -> None:
    """Stop: `finally` runs, later lines do not, everything measured is there, the hooks are off."""
    loop = Loop()
    run = followed(loop)
    until(lambda: run.progress.step > 5)
    run.stop()
    run.wait(30)

    assert (str(run.status), run.stop_reason) == ("stopped", "stopped by hand")
    assert loop.finally_ran and not loop.after
    assert len(run.history) == run.progress.step in (loop.steps, loop.steps + 1)
    assert not seams.is_open() and run.error is None


def test_except_exception_does_not_swallow_a_stop_and_a_bare_one_is_told(followed: Any) -> None:
    """`except Exception` lets it through; where a bare `except` catches it, it comes again, and is said."""
    caught: list[str] = []

    def loop() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        while len(caught) < 3:
            try:
                try:
                    F.cross_entropy(model(X), Y).backward()
                    optimizer.step()
                except Exception:
                    caught.append("never")
            except:  # noqa: E722
                caught.append("stop")

    run = followed(loop)
    until(lambda: run.progress.step > 2)
    run.stop()
    run.wait(30)

    assert caught == ["stop"] * 3
    assert rules(run).count("stop-swallowed") == 1
    assert str(run.status) == "completed"


def test_stop_after_the_epoch(followed: Any) -> None:
    """With a loader the epoch is finished, its scheduler and validation too; the next has no step."""
    ended: list[int] = []

    def loop() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        steps = 0
        while True:
            for xb, yb in train_loader:
                optimizer.zero_grad()
                F.cross_entropy(model(xb), yb).backward()
                optimizer.step()
                steps += 1
                time.sleep(0.001)
            ended.append(steps)

    run = followed(loop)
    until(lambda: run.progress.epoch > 1)
    run.stop(after="epoch")
    run.wait(30)

    assert str(run.status) == "stopped"
    assert run.progress.step % len(train_loader) == 0 and ended[-1] == run.progress.step
    assert len(run.epochs) == run.progress.step // len(train_loader)


def test_stop_after_the_epoch_without_a_loader_is_a_step_and_says_so(followed: Any) -> None:
    """Where no loader was seen to end, an epoch's end is the next step."""

    def loop() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        while True:
            F.cross_entropy(model(X), Y).backward()
            optimizer.step()
            optimizer.zero_grad()

    run = followed(loop)
    until(lambda: run.progress.step > 2)
    run.stop(after="epoch")
    run.wait(30)

    assert str(run.status) == "stopped" and "at a step" in run.stop_reason
    assert "stop-at-step" in rules(run)


def test_pause_waits_between_two_steps(followed: Any) -> None:
    """Paused, no step is made and the status says so; resumed, it goes on; a rate can be set meanwhile."""
    loop = Loop()
    run = followed(loop)
    until(lambda: run.progress.step > 3)
    run.pause()
    until(lambda: str(run.status) == "paused")
    at = loop.steps
    run.set_lr(0.5)
    time.sleep(0.2)
    assert loop.steps == at
    run.resume()
    until(lambda: loop.steps > at + 3)
    run.stop()
    run.wait(30)

    assert loop.optimizer.param_groups[0]["lr"] == 0.5
    assert run.events[0]["from"] == 0.1 and 0.5 in set(run.history.lr)


def test_a_failure_is_the_person_s(followed: Any) -> None:
    """An exception ends the run as failed with its traceback; what was measured stays."""

    def each(loop: Loop) -> None:
        if loop.steps == 4:
            raise RuntimeError("my own mistake")

    run = followed(Loop(each))
    run.wait(30)

    assert str(run.status) == "failed" and "my own mistake" in run.error
    assert "in each" in run.error and "watching.py" not in run.error
    assert len(run.history) == 4 and not seams.is_open()


def test_a_loss_that_is_not_finite_is_told_and_changes_nothing(followed: Any) -> None:
    """A NaN is a critical alert; the loop runs to its end as it would, and counts as completed."""

    def loop() -> None:
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for n in range(8):
            optimizer.zero_grad()
            (F.cross_entropy(model(X), Y) * (float("nan") if n == 4 else 1.0)).backward()
            optimizer.step()

    run = followed(loop)
    run.wait(30)

    assert str(run.status) == "completed" and len(run.history) == 8
    nan = [alert for alert in run.alerts if alert.rule == "nan-loss"]
    assert [str(alert.severity) for alert in nan] == ["critical"] and nan[0].step == 5


def test_on_nan_stop_ends_before_the_weights_take_it_in(followed: Any) -> None:
    """--on-nan stop: diverged, the weights are those of the last finite step."""
    model = net()
    kept: list[Any] = []

    def loop() -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for n in range(8):
            optimizer.zero_grad()
            (F.cross_entropy(model(X), Y) * (float("nan") if n == 4 else 1.0)).backward()
            kept[:] = [p.detach().clone() for p in model.parameters()]
            optimizer.step()

    run = followed(loop, on_nan="stop")
    run.wait(30)

    assert str(run.status) == "diverged" and "nan-loss" in rules(run)
    assert all(torch.equal(a, b) for a, b in zip(kept, model.parameters(), strict=True))
    assert list(run.history.train_loss.isna()) == [False] * 4 + [True]


def test_what_is_logged(followed: Any) -> None:
    """nbtrain.log adds columns to history and epochs, from numbers and tensors; elsewhere it does nothing."""
    nbtrain.log(accuracy=0.3)

    def each(loop: Loop) -> None:
        nbtrain.log(accuracy=torch.tensor(0.5), n=loop.steps)
        if loop.steps % len(train_loader) == 0:
            nbtrain.log(val_f1=loop.steps / 100)

    run = followed(Loop(each, epochs=2))
    run.wait(30)
    steps = len(train_loader)

    assert run.history.accuracy.tolist() == [0.5] * 2 * steps
    assert run.history.n.tolist() == list(range(1, 2 * steps + 1))
    assert run.epochs.val_f1.tolist() == [steps / 100, 2 * steps / 100]
    assert run.epochs.n.tolist() == [(steps + 1) / 2, steps + (steps + 1) / 2]
    stored = nbtrain.load_run(run.dir)
    assert stored.history.accuracy.tolist() == [0.5] * 2 * steps and len(stored.history) == 2 * steps
    assert stored.history.optimizer.tolist() == run.history.optimizer.tolist()
    with pytest.raises(UsageError, match="numbers and tensors"), nbtrain.watch(dir=run.dir.parent):
        nbtrain.log(accuracy=[1, 2])


def test_a_loss_that_is_not_seen_can_be_logged(followed: Any) -> None:
    """autograd.grad comes past backward: it is said; a logged loss takes its row, before or after a step."""

    def loop(before: bool, says: bool) -> Any:
        def run() -> None:
            model = nn.Linear(4, 3)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for n in range(6):
                loss = F.cross_entropy(model(X), Y)
                for p, g in zip(
                    model.parameters(), torch.autograd.grad(loss, list(model.parameters())), strict=True
                ):
                    p.grad = g
                if says and before:
                    nbtrain.log(loss=loss)
                optimizer.step()
                seen.append(loss.item())
                if says and not before:
                    nbtrain.log(loss=loss, n=n)

        return run

    for before in (True, False):
        seen: list[float] = []
        run = followed(loop(before, says=True)).wait(30)
        assert run.history.train_loss.tolist() == pytest.approx(seen)
        assert run.history.backwards.tolist() == [0] * 6 and run.alerts == []
    seen = []
    run = followed(loop(before=True, says=False)).wait(30)
    assert rules(run) == ["loss-not-seen"] and "nbtrain.log(loss=" in run.alerts[0].recommended
    assert len(run.history) == 6 and run.history.train_loss.isna().all()


def test_a_loop_without_an_optimizer(followed: Any) -> None:
    """Updates by hand: it is said that steps are not seen; logged losses are steps, and stop there too."""
    model = nn.Linear(4, 3)

    def by_hand() -> float:
        loss = F.cross_entropy(model(X), Y)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
                p.grad = None
        return loss.item()

    run = followed(lambda: [by_hand() for _ in range(30)]).wait(30)
    assert rules(run) == ["steps-not-seen"] and run.progress.step == 0

    def logs() -> None:
        grads = torch.func.grad(lambda w: F.cross_entropy(X @ w, Y))
        w = torch.zeros(4, 3)
        while True:
            w = w - 0.1 * grads(w)
            nbtrain.log(loss=F.cross_entropy(X @ w, Y))

    run = followed(logs)
    until(lambda: run.progress.step > 5)
    run.stop()
    run.wait(30)
    assert str(run.status) == "stopped" and len(run.history) == run.progress.step
    assert run.history.train_loss.is_monotonic_decreasing

    nothing = followed(lambda: None).wait(30)
    assert rules(nothing) == ["nothing-seen"] and "Follow the cell in which" in completion(nothing).to_text()


def test_another_thread_is_not_followed(followed: Any) -> None:
    """A loop that goes on elsewhere meanwhile adds nothing."""
    loop = Loop(lambda loop: time.sleep(0.001))
    run = followed(loop)
    until(lambda: run.progress.step > 2)
    other = Loop(epochs=2)
    other()
    run.stop()
    run.wait(30)

    assert len(run.history) <= loop.steps + 1
    assert other.after


def test_two_followed_loops_at_once_see_their_own(followed: Any) -> None:
    """Each run has its own loop's steps; one that trains what another does is refused before a step."""
    one, two = Loop(epochs=30), Loop(epochs=20)
    runs = [followed(one, name="one"), followed(two, name="two")]
    for run in runs:
        run.wait(60)
    assert [len(run.history) for run in runs] == [one.steps, two.steps]

    living = followed(Loop(lambda loop: time.sleep(0.005)))
    until(lambda: living.progress.step > 1)
    twin = Loop(epochs=1)
    twin.optimizer = living.objects.optimizer
    before = [p.clone() for p in twin.model.parameters()]
    refused = followed(twin).wait(30)
    assert str(refused.status) == "failed" and living.id in refused.error and twin.steps == 0
    assert all(torch.equal(a, b) for a, b in zip(before, twin.model.parameters(), strict=True))
    with pytest.raises(UsageError, match=living.id):
        nbtrain.train(living.objects.model, train_loader, loss=nn.CrossEntropyLoss(), no_val=True,
                      optimizer=living.objects.optimizer, dir=living.dir.parent)  # fmt: skip
    living.stop()
    living.wait(30)


def test_a_block_in_the_foreground(tmp_path: Path) -> None:
    """`with nbtrain.watch`: an interrupt stops at a step, the cell goes on after it; errors come through."""
    loop = Loop(lambda loop: loop.steps == 5 and os.kill(os.getpid(), signal.SIGINT))
    handler = signal.getsignal(signal.SIGINT)
    with nbtrain.watch(dir=tmp_path) as run:
        loop()
    assert (str(run.status), run.stop_reason) == ("stopped", "stopped by hand")
    assert 5 <= loop.steps <= 7 and len(run.history) == run.progress.step
    assert signal.getsignal(signal.SIGINT) is handler

    with pytest.raises(ZeroDivisionError), nbtrain.watch(dir=tmp_path) as run:
        Loop(lambda loop: 1 / 0)()
    assert str(run.status) == "failed" and "ZeroDivisionError" in run.error and not seams.is_open()

    inner = nbtrain.watch(dir=tmp_path)
    with nbtrain.watch(dir=tmp_path), pytest.raises(UsageError, match="followed already"), inner:
        pass
    assert threading.active_count() < 20


def test_words_of_a_block() -> None:
    """Unknown or wrong options are refused, with the nearest."""
    with pytest.raises(UsageError, match="save_every"):
        nbtrain.watch(save_evry=3)
    with pytest.raises(UsageError, match="alert and stop"):
        nbtrain.watch(on_nan="stopp")
    with pytest.raises(UsageError, match="json"):
        nbtrain.watch(log="jsn")


@pytest.mark.parametrize("policy", ["skip", "recover"])
def test_policies_that_need_our_loop_are_refused_in_words(policy: str) -> None:
    """--on-nan skip and recover: the refusal says why, what does it here, and which line has it."""
    with pytest.raises(UsageError, match="as it is written") as refused:
        nbtrain.watch(on_nan=policy)
    assert 'on_nan="stop"' in refused.value.suggestion and f"--on-nan {policy}" in refused.value.suggestion


def test_what_the_loop_decides_itself_is_refused_in_words(followed: Any) -> None:
    """epochs, patience and their like: as options, as flags of %%train and as edits of a living run."""
    with pytest.raises(UsageError, match="run as it is written") as refused:
        nbtrain.watch(epochs=3)
    assert "--epochs" in refused.value.suggestion
    with pytest.raises(UsageError, match="run as it is written"):
        parse(CELL, ["--patience", "3"], front="%%train")
    run = followed(Loop())
    until(lambda: run.progress.step > 2)
    for wish in ({"epochs": 5}, {"patience": 2}):
        with pytest.raises(UsageError, match="as it is written") as refused:
            run.set(**wish)
        assert "lr=1e-4" in refused.value.suggestion


def test_a_stop_reaches_steps_within_a_backward_and_passes_that_break_off(followed: Any) -> None:
    """Steps within a gradient's hook stop there; after an epoch means after a pass that was broken off."""
    model = net()
    steppers = {p: torch.optim.SGD([p], lr=0.01) for p in model.parameters()}

    def hook(p: torch.Tensor) -> None:
        steppers[p].step()
        steppers[p].zero_grad()

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(hook)

    def endless() -> None:
        while True:
            F.cross_entropy(model(X), Y).backward()

    run = followed(endless)
    until(lambda: run.progress.step > 8)
    run.stop()
    run.wait(30)
    assert str(run.status) == "stopped" and run.history.train_loss.notna().all()

    begun: list[int] = []

    def broken_off() -> None:
        learner = net()
        optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
        for epoch in range(10**6):
            begun.append(epoch)
            for n, (xb, yb) in enumerate(train_loader):
                optimizer.zero_grad()
                F.cross_entropy(learner(xb), yb).backward()
                optimizer.step()
                time.sleep(0.002)
                if n == 3:
                    break

    run = followed(broken_off)
    until(lambda: run.progress.step > 8)
    run.stop(after="epoch")
    run.wait(30)
    assert str(run.status) == "stopped" and len(run.history) % 4 == 0
    assert len(run.epochs) == len(run.history) // 4


def test_a_time_budget_ends_the_loop_at_a_step(followed: Any) -> None:
    """max_time: stopped with the reason, at a step boundary, with everything measured; the plan says it."""
    loop = Loop()
    run = followed(loop, max_time="0.4")
    run.wait(30)

    assert str(run.status) == "stopped" and "time budget" in run.stop_reason
    assert len(run.history) == run.progress.step and loop.finally_ran and not loop.after
    assert "Time budget" in (run.dir / "plan.md").read_text()


def test_a_cost_budget_is_spent_in_a_pause_too(followed: Any) -> None:
    """max_cost: a run that waits is ended as well; without a price it is refused."""
    with pytest.raises(UsageError, match="what an hour costs"):
        nbtrain.watch(max_cost=2)
    run = followed(Loop(), max_cost=0.5, price_per_hour=3600)
    run.pause()
    run.wait(30)

    assert str(run.status) == "stopped" and "the budget of 0.50 USD is spent" in run.stop_reason


def test_checkpoints_of_what_the_names_hold(followed: Any) -> None:
    """--save-every saves models, optimizers and schedulers found around the loop; the end is saved too."""
    loop = Loop(epochs=2)
    run = followed(loop, save_every=5).wait(30)
    kept = run.checkpoints.latest()
    weights, state = run.checkpoints.load(kept)

    assert kept.step == 14 and {info.step for info in run.checkpoints.all()} >= {5, 10, 14}
    assert all(torch.equal(weights[name], value) for name, value in loop.model.state_dict().items())
    assert state["optimizer"]["param_groups"][0]["lr"] == 0.1
    assert len(dataset) == 100


def test_hooks_come_off_while_the_loop_goes_on(followed: Any) -> None:
    """Unhooked (as %unload_ext does), torch is as it was; the loop trains on, unseen, and that is said."""
    ends: list[bool] = []
    loop = Loop(lambda loop: ends and 1 / 0)
    run = followed(loop)
    until(lambda: run.progress.step > 2)
    run.activity.unhook("nbtrain was unloaded")
    assert not seams.is_open()
    seen, at = run.progress.step, loop.steps
    until(lambda: loop.steps > at + 20)
    ends.append(True)
    run.wait(30)

    assert run.progress.step <= seen + 1 and "not-followed" in rules(run)


def test_a_block_that_is_followed_no_longer_can_be_stopped(tmp_path: Path) -> None:
    """Unhooked in its own block, a loop is still ended at a step by a stop, and torch is as it was then."""
    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    turns = 0
    with nbtrain.watch(log="json", dir=tmp_path) as run:
        for turns in range(1, 1000):
            optimizer.zero_grad()
            model(torch.ones(3, 4)).sum().backward()
            optimizer.step()
            if turns == 3:
                run.activity.unhook("nbtrain was unloaded")
                run.stop()

    assert str(run.status) == "stopped" and turns == 4 and not seams.is_open()


def test_prints_of_a_block_are_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a loop in the foreground prints goes where it went, and is in the run's log."""
    with nbtrain.watch(dir=tmp_path) as run:
        print("epoch 1 of mine")
    print("afterwards")

    assert "epoch 1 of mine" in capsys.readouterr().out
    log = (run.dir / "logs" / "training.log").read_text()
    assert "epoch 1 of mine" in log and "afterwards" not in log


def test_several_optimizers_have_a_curve_each(tmp_path: Path) -> None:
    """Curves, epochs and the verdict are of the first optimizer; each has a curve of its own."""
    one, two = net(), net()
    opt_a, opt_b = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.1)
    with nbtrain.watch(dir=tmp_path) as run:
        for xb, yb in train_loader:
            for model, opt, factor in ((one, opt_a, 1), (two, opt_b, 100)):
                opt.zero_grad()
                (F.cross_entropy(model(xb), yb) * factor).backward()
                opt.step()
    view = run.curves.view()

    assert run.optimizers == ["opt_a", "opt_b"] and "several-optimizers" in rules(run)
    by = run.history.groupby("optimizer", observed=True).train_loss.mean()
    assert by["opt_b"] > 50 * by["opt_a"]
    assert 0 < run.latest["train_loss"] < 10 < np.nanmax(view.mean["loss_2"])
    assert run.epochs.train_loss.tolist() == pytest.approx([by["opt_a"]], rel=0.1)


class Odd:
    """An object of the notebook that answers nothing."""

    __hash__ = None

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    @property
    def __dict__(self) -> Any:
        raise RuntimeError("no attributes here")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("nothing is equal")


def test_odd_objects_and_caught_errors_do_not_end_the_following(tmp_path: Path) -> None:
    """Objects that raise at every question, and exceptions that the loop catches, cost no step."""
    odd = Odd()
    model = net()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    caught = 0
    with nbtrain.watch(dir=tmp_path, save_every=1) as run:
        for n in range(4):

            def closure(n: int = n) -> torch.Tensor:
                if n == 1:
                    raise ValueError("in the closure")
                optimizer.zero_grad()
                loss = F.cross_entropy(model(X), Y)
                loss.backward()
                return loss

            try:
                optimizer.step(closure)
            except ValueError:
                caught += 1

    assert (caught, len(run.history)) == (1, 3) and set(rules(run)) <= {"several-backwards"}
    assert run.checkpoints.latest().step == 3 and odd is not None
