"""The loop against the same loop written by hand: parameters equal bit for bit."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from setups import digits, loader, net, same_weights, twins
from torch import Tensor, nn
from torch.optim import lr_scheduler as lrs
from torch.utils.data import DataLoader, IterableDataset

CE = nn.CrossEntropyLoss()
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2),
    "adam-foreach": lambda p: torch.optim.Adam(p, lr=1e-2, foreach=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3),
}


def by_hand(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Any,
    *,
    epochs: int = 3,
    clip: float | None = None,
    accumulate: int = 1,
    after_step: Callable[[], Any] = lambda: None,
    after_epoch: Callable[[], Any] = lambda: None,
) -> list[float]:
    """The bare loop; returns the loss of each step."""
    losses: list[float] = []
    model.train()
    for _ in range(epochs):
        batches = list(data)
        for start in range(0, len(batches), accumulate):
            group = batches[start : start + accumulate]
            optimizer.zero_grad(set_to_none=True)
            total = 0.0
            for inputs, targets in group:
                loss = CE(model(inputs), targets) / len(group)
                loss.backward()
                total += float(loss.detach())
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            losses.append(total)
            after_step()
        after_epoch()
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("options", [{}, {"clip": 0.5}, {"accumulate": 3}, {"accumulate": 2, "clip": 1.0}])
def test_parameters_are_those_of_a_bare_loop(train: Any, name: str, options: dict[str, Any]) -> None:
    """Optimizers, clipping and accumulation with a shorter last group end at the very same weights."""
    ours, theirs = twins()
    losses = by_hand(theirs, OPTIMIZERS[name](theirs.parameters()), loader(), **options)
    run = train(ours, loader(), optimizer=OPTIMIZERS[name](ours.parameters()), epochs=3, **options)

    assert str(run.status) == "completed", run.error
    assert same_weights(ours, theirs)
    assert run.history["train_loss"].tolist() == pytest.approx(losses, rel=1e-6)


def test_lbfgs_gets_its_closure(train: Any) -> None:
    """LBFGS, which evaluates several times a step, ends at the weights of the loop by hand."""
    ours, theirs = twins()
    data = [next(iter(loader(64, batch_size=64)))]
    optimizer = torch.optim.LBFGS(theirs.parameters(), lr=0.5, max_iter=5)
    for _ in range(4):
        for inputs, targets in data:

            def closure() -> Tensor:
                optimizer.zero_grad()
                loss = CE(theirs(inputs), targets)  # noqa: B023 - called within the iteration
                loss.backward()
                return loss

            optimizer.step(closure)
    run = train(ours, data, optimizer=torch.optim.LBFGS(ours.parameters(), lr=0.5, max_iter=5), epochs=4)

    assert same_weights(ours, theirs)
    assert run.history["train_loss"].is_monotonic_decreasing
    assert 0 <= run.epochs["train_acc"].iloc[0] <= 1


STEP_SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "one-cycle": lambda o: lrs.OneCycleLR(o, max_lr=0.1, total_steps=21),
    "cosine-steps": lambda o: lrs.CosineAnnealingLR(o, T_max=21),
    "lambda": lambda o: lrs.LambdaLR(o, lambda step: 1 / (1 + step)),
    "warm-up then cosine": lambda o: lrs.SequentialLR(
        o, [lrs.LinearLR(o, 0.1, total_iters=4), lrs.CosineAnnealingLR(o, T_max=17)], milestones=[4]
    ),
}
EPOCH_SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: lrs.StepLR(o, step_size=1, gamma=0.5),
    "step of many epochs": lambda o: lrs.StepLR(o, step_size=4, gamma=0.5),
    "multi-step": lambda o: lrs.MultiStepLR(o, [1, 2]),
    "exponential": lambda o: lrs.ExponentialLR(o, 0.5),
    "cosine-epochs": lambda o: lrs.CosineAnnealingLR(o, T_max=3),
}


@pytest.mark.parametrize("name", [*STEP_SCHEDULES, *EPOCH_SCHEDULES])
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_schedulers_are_stepped_when_a_person_would(train: Any, name: str) -> None:
    """Schedules of steps are stepped each step, those of epochs each epoch; weights and lr are equal."""
    ours, theirs = twins()
    make = {**STEP_SCHEDULES, **EPOCH_SCHEDULES}[name]
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.05)
    scheduler = make(optimizer)
    when = {"after_step" if name in STEP_SCHEDULES else "after_epoch": scheduler.step}
    by_hand(theirs, optimizer, loader(), **when)
    mine = torch.optim.SGD(ours.parameters(), lr=0.05)
    run = train(ours, loader(), optimizer=mine, scheduler=make(mine), epochs=3)

    assert str(run.status) == "completed", run.error
    assert same_weights(ours, theirs)
    assert mine.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("validated", [True, False])
def test_reduce_on_plateau_watches_the_right_loss(train: Any, validated: bool) -> None:
    """ReduceLROnPlateau sees the validation loss, or the training loss of the epoch without validation."""
    ours, theirs = twins()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=4.0)
    scheduler = lrs.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)

    def judged() -> None:
        theirs.eval()
        with torch.no_grad():
            batches = [(CE(theirs(x), y), len(x)) for x, y in loader(40)]
        theirs.train()
        scheduler.step(float(sum(loss * n for loss, n in batches)) / 40)

    mine = torch.optim.SGD(ours.parameters(), lr=4.0)
    plateau = lrs.ReduceLROnPlateau(mine, patience=0, factor=0.5)
    if validated:
        by_hand(theirs, optimizer, loader(), epochs=12, after_epoch=judged)
        train(ours, loader(), optimizer=mine, scheduler=plateau, val=loader(40), epochs=12)
        assert same_weights(ours, theirs)
        assert mine.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"] < 4.0
    else:
        run = train(ours, loader(), optimizer=mine, scheduler=plateau, epochs=6)
        assert plateau.best == pytest.approx(run.epochs["train_loss"].min())


def test_an_evaluation_that_a_stop_broke_off_moves_no_scheduler(train: Any) -> None:
    """ReduceLROnPlateau is not given a training loss in place of a validation loss nobody measured."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = lrs.ReduceLROnPlateau(optimizer)

    begun, runs = threading.Event(), []

    class Stopping:
        def __iter__(self) -> Iterator[Any]:
            for batch in loader(40):
                if threading.current_thread() is not threading.main_thread():
                    assert begun.wait(30)
                    runs[0].stop()
                yield batch

    run = train(
        model, loader(), optimizer=optimizer, scheduler=scheduler, val=Stopping(), epochs=5, wait=False
    )
    runs.append(run)
    begun.set()
    run.wait(30)

    assert (str(run.status), run.progress.step) == ("stopped", 7)
    assert scheduler.best == float("inf")
    assert "val_loss" not in run.epochs


def test_bf16_is_autocast(train: Any) -> None:
    """Precision bf16 ends at the weights of a loop under torch.autocast."""
    ours, theirs = twins()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(2):
        for inputs, targets in loader():
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = CE(theirs(inputs), targets)
            loss.backward()
            optimizer.step()
    train(ours, loader(), optimizer=torch.optim.SGD(ours.parameters(), lr=0.1), epochs=2, precision="bf16")

    assert same_weights(ours, theirs)


def test_fp16_is_scaled_and_unscaled_before_the_clip(train: Any) -> None:
    """Precision 16 ends at the weights of a loop with a GradScaler that unscales before clipping."""
    ours, theirs = twins()
    optimizer, scaler = torch.optim.SGD(theirs.parameters(), lr=0.1), torch.amp.GradScaler("cpu")
    for _ in range(2):
        for inputs, targets in loader():
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.float16):
                loss = CE(theirs(inputs), targets)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
            scaler.step(optimizer)
            scaler.update()
    mine = torch.optim.SGD(ours.parameters(), lr=0.1)
    run = train(ours, loader(), optimizer=mine, epochs=2, precision="16", clip=0.5)

    assert str(run.status) == "completed", run.error
    assert same_weights(ours, theirs)
    assert run.history["train_loss"].max() < 10  # unscaled in what is shown


def test_a_gradscaler_that_skips_a_step_is_no_divergence(train: Any) -> None:
    """Gradients that overflow in fp16 make the scaler skip, and the run goes on without an alert."""
    model = net()
    huge = [(inputs * 300, targets) for inputs, targets in loader()]
    run = train(model, huge, optimizer=torch.optim.SGD(model.parameters(), lr=1e-6), epochs=3, precision="16")

    assert not run.history["grad_norm"].map(lambda norm: norm < float("inf")).all(), "nothing overflowed"
    assert str(run.status) == "completed"
    assert [alert.rule for alert in run.alerts if alert.rule == "nan-loss"] == []


def test_seeded_shuffling_and_dropout_are_those_of_a_seeded_loop(train: Any) -> None:
    """With a seed, shuffled batches and dropout masks are those of a bare loop after torch.manual_seed."""
    ours, theirs = twins(dropout=0.5)
    torch.manual_seed(11)
    by_hand(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1), loader(shuffle=True))
    torch.manual_seed(99)
    train(ours, loader(shuffle=True), optimizer=torch.optim.SGD(ours.parameters(), lr=0.1), epochs=3, seed=11)

    assert same_weights(ours, theirs)


def test_workers_give_the_same_batches(train: Any) -> None:
    """A loader with two workers trains to the weights of the loop by hand, and keeps its settings."""
    ours, theirs = twins()
    data = loader(num_workers=2)
    by_hand(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1), loader())
    train(ours, data, optimizer=torch.optim.SGD(ours.parameters(), lr=0.1), epochs=3)

    assert same_weights(ours, theirs)
    assert data.worker_init_fn is None


def test_batch_norm_trains_and_a_frozen_one_does_not(train: Any) -> None:
    """Running statistics are those of the bare loop; a batch norm put in eval mode stays in it."""
    ours, theirs = twins(norm=True)
    by_hand(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1), loader())
    train(ours, loader(), optimizer=torch.optim.SGD(ours.parameters(), lr=0.1), epochs=3, val=loader(40))
    assert same_weights(ours, theirs)

    frozen = net(norm=True)
    frozen[1].eval()
    before = frozen[1].running_mean.clone()
    train(frozen, loader(), epochs=2, val=loader(40))
    assert [module.training for module in frozen] == [True, False, True, True, True]
    assert torch.equal(frozen[1].running_mean, before)


def test_a_model_in_eval_mode_is_put_to_train(train: Any) -> None:
    """A model left in eval mode by an earlier cell trains with dropout on."""
    model = net(dropout=0.9).eval()
    train(model, loader(), epochs=1)

    assert all(module.training for module in model.modules())


def test_max_steps_and_epochs_whichever_comes_first(train: Any) -> None:
    """max_steps ends within an epoch, epochs end before more steps, and each is an epoch's row."""
    run = train(net(), loader(), epochs=5, max_steps=9)  # 7 steps an epoch
    assert (run.progress.step, run.progress.epoch, len(run.epochs)) == (9, 2, 2)

    run = train(net(), loader(), epochs=1, max_steps=100)
    assert (run.progress.step, run.progress.total_steps) == (7, 7)

    run = train(net(), loader(), max_steps=3)
    assert (run.progress.step, len(run.history), run.progress.total_epochs) == (3, 3, 1)


def test_a_loader_that_gives_more_than_its_length_is_read_to_its_end(train: Any) -> None:
    """A length that is too small ends no epoch early: only the person's own max_steps is a limit."""

    class Understated(list):
        def __len__(self) -> int:
            return 2

    batches = list(loader())
    run = train(net(), Understated(batches), epochs=2)

    assert run.progress.step == 2 * len(batches)


class Once:
    """Iterable again and again in form, but its data come once."""

    def __init__(self, batches: list[Any]) -> None:
        self._batches = iter(batches)

    def __iter__(self) -> Iterator[Any]:
        return self._batches


def test_data_that_is_used_up_ends_the_run(train: Any) -> None:
    """Data that give nothing a second time end the run after their epoch, and it says why."""
    batches = list(loader())
    run = train(net(), Once([batches[0], *batches]), epochs=4)

    assert str(run.status) == "completed"
    assert run.progress.epoch == 1
    assert "only once" in run.stop_reason


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        yield from (digits(40)[i] for i in range(40))


def test_streams_without_a_length_train(train: Any) -> None:
    """An IterableDataset without a length trains for its epochs."""
    run = train(net(), DataLoader(Stream(), batch_size=8), epochs=2)

    assert str(run.status) == "completed", run.error
    assert (run.progress.step, run.progress.total_steps) == (10, None)


def test_validation_is_in_eval_mode_without_gradients(train: Any) -> None:
    """While it validates the model is in eval mode without gradients, and val_loss is what that gives."""
    seen: list[tuple[bool, bool]] = []

    class Watching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net(dropout=0.5)

        def forward(self, x: Tensor) -> Tensor:
            seen.append((self.training, torch.is_grad_enabled()))
            return self.inner(x)

    model = Watching()
    run = train(model, loader(), val=loader(40), epochs=1)
    model.eval()
    with torch.no_grad():
        expected = sum(float(CE(model(x), y)) * len(x) for x, y in loader(40)) / 40
        hits = sum(int((model(x).argmax(1) == y).sum()) for x, y in loader(40)) / 40

    assert set(seen) == {(True, True), (False, False)}
    assert run.epochs["val_loss"].iloc[0] == pytest.approx(expected, rel=1e-6)
    assert run.epochs["val_acc"].iloc[0] == pytest.approx(hits)


def test_val_every_judges_each_step_once(train: Any) -> None:
    """Evaluations come every N steps and at the epoch's end, and a step is never judged twice."""
    calls: list[int] = []

    class Counted(list):
        def __iter__(self) -> Iterator[Any]:
            calls.append(1)
            return super().__iter__()

    val = Counted(loader(32))
    run = train(net(), loader(96), val=val, epochs=2, val_every=3)  # 6 steps an epoch: at 3, 6, 9, 12

    assert len(calls) == 4
    assert run.epochs["val_loss"].notna().all()


def test_early_stopping_counts_evaluations(train: Any) -> None:
    """patience=2 ends the run at the second evaluation without a better one, as completed, at that step."""
    model = net()
    run = train(
        model,
        loader(96),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0),
        val=loader(32),
        epochs=50,
        patience=2,
        val_every=2,
    )

    assert str(run.status) == "completed"
    assert run.progress.step == 6  # judged at 2 (the best), 4 and 6
    assert "early stopping" in run.stop_reason


def test_gradient_norms_are_those_before_clipping(train: Any) -> None:
    """history's grad_norm is the total norm that clip_grad_norm_ returns, clipped or not."""
    ours, theirs = twins()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    norms = []
    for inputs, targets in loader():
        optimizer.zero_grad()
        CE(theirs(inputs), targets).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.1)))
        optimizer.step()
    clipped = copy.deepcopy(ours)
    run = train(
        clipped, loader(), optimizer=torch.optim.SGD(clipped.parameters(), lr=0.1), epochs=1, clip=0.1
    )
    assert run.history["grad_norm"].tolist() == pytest.approx(norms, rel=1e-6)
    assert run.epochs["grad_norm_max"].iloc[0] == pytest.approx(max(norms), rel=1e-6)

    run = train(ours, loader(), optimizer=torch.optim.SGD(ours.parameters(), lr=0.0), epochs=1)
    first = net()
    CE(first(digits()[:16][0]), digits()[:16][1]).backward()
    total = torch.nn.utils.clip_grad_norm_(first.parameters(), math.inf)
    assert run.history["grad_norm"].iloc[0] == pytest.approx(float(total), rel=1e-6)


def test_an_optimizer_that_writes_into_gradients_changes_no_norm(train: Any) -> None:
    """Norms are of the gradients as backward left them, also under an optimizer that scales them in place."""

    class Scaling(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad.mul_(1000.0)
            return super().step(closure)

    one, other = twins()
    plain = train(one, loader(), optimizer=torch.optim.SGD(one.parameters(), lr=0.0), epochs=8)
    scaled = train(other, loader(), optimizer=Scaling(other.parameters(), lr=0.0), epochs=8)

    assert scaled.history["grad_norm"].tolist() == pytest.approx(plain.history["grad_norm"].tolist())


def test_sparse_gradients_are_measured(train: Any) -> None:
    """A sparse embedding trains under SparseAdam, its gradient norm measured."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.EmbeddingBag(20, 3, sparse=True))
    data = [(torch.randint(0, 20, (8, 4)), torch.randint(0, 3, (8,))) for _ in range(5)]
    run = train(model, data, optimizer=torch.optim.SparseAdam(model.parameters(), lr=0.1), epochs=2)

    assert str(run.status) == "completed", run.error
    assert (run.history["grad_norm"] > 0).all()


def test_parameters_that_take_turns_keep_their_norms(train: Any) -> None:
    """Steps that reach other parameters, as many of other sizes, have each its own norm."""

    class Turns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(8, 3), nn.Sequential(nn.Unflatten(1, (2, 4)), nn.Conv1d(2, 3, 4))
            self.turn = 0

        def forward(self, x: Tensor) -> Tensor:
            self.turn += 1
            return self.one(x) if self.turn % 2 else self.other(x).squeeze(2)

    ours, norms = Turns(), []
    theirs = copy.deepcopy(ours)
    for x, y in loader():
        theirs.zero_grad()
        CE(theirs(x), y).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(theirs.parameters(), math.inf)))
    run = train(ours, loader(), optimizer=torch.optim.SGD(ours.parameters(), lr=0.0), epochs=4)

    assert run.history["grad_norm"][:7].tolist() == pytest.approx(norms, rel=1e-6)
    assert len(set(run.history["grad_norm"].round(5))) == 14, "both parts take every second batch"
