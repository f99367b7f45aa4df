"""The learning-rate range test: what it measures, and that nothing of it stays."""

from __future__ import annotations

import copy
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from setups import digits, loader, net, same_weights
from torch import nn
from torch.optim import lr_scheduler as lrs
from torch.utils.data import DataLoader, IterableDataset

from nbtrain.errors import OutOfMemory, UsageError
from nbtrain.notebook.namespace import find_setup
from nbtrain.train.lr_range import RangeTest, range_test
from nbtrain.train.lr_setup import range_settings, range_subjects

CE = nn.CrossEntropyLoss()


def find(
    model: nn.Module, data: Any, optimizer: Any = None, *, loss: Any = CE, scheduler: Any = False,
    on_step: Any = None, **options: Any,
) -> RangeTest:  # fmt: skip
    setup = find_setup(
        {}, model=model, data=data, val=False, optimizer=optimizer, loss=loss, scheduler=scheduler
    )
    settings, precision = range_settings(options)
    return range_test(range_subjects(setup, precision), settings, on_step)


def everything(model: nn.Module, optimizer: Any, scheduler: Any = None) -> list[Any]:
    """All that a test may disturb, as values and identities, read without any code of nbtrain."""
    state = [(id(key), sorted(value)) for key, value in optimizer.state.items()]
    numbers = [
        copy.deepcopy(part)
        for part in (model.state_dict(), optimizer.state_dict(), scheduler and scheduler.state_dict())
    ]
    return [
        numbers, state, [id(t) for t in (*model.parameters(), *model.buffers())],
        [(id(p.grad), None if p.grad is None else p.grad.clone()) for p in model.parameters()],
        [module.training for module in model.modules()], [p.requires_grad for p in model.parameters()],
        random.getstate(), np.random.get_state(), torch.get_rng_state(),
        torch.is_grad_enabled(), signal.getsignal(signal.SIGINT),
    ]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, (torch.Tensor, np.ndarray)):
        return one.dtype == other.dtype and bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-3, amsgrad=True),
    "tensor lr": lambda p: torch.optim.Adam(p, lr=torch.tensor(1e-3), foreach=False),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3),
    "adadelta": lambda p: torch.optim.Adadelta(p),
}


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_of_it_stays(name: str, used: bool, tmp_path: Path, monkeypatch: Any) -> None:
    """Weights, buffers, gradients, optimizer state, modes, flags and generators are as before, to the bit."""
    monkeypatch.chdir(tmp_path)
    model = net(dropout=0.3, norm=True)
    model[1].eval()
    model[0].bias.requires_grad_(False)
    optimizer = OPTIMIZERS[name]([p for p in model.parameters() if p.requires_grad])
    if used:

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = model(torch.randn(16, 8)).square().mean()
            loss.backward()
            return loss

        optimizer.step(closure)
    before, had_state = everything(model, optimizer), bool(optimizer.state)
    test = find(model, loader(shuffle=True), optimizer, steps=20)

    assert same(before, everything(model, optimizer))
    assert bool(optimizer.state) == had_state
    assert test.verified, (test.changed, test.unchecked)
    assert len(test.losses) > 10
    assert not list(tmp_path.iterdir())


def test_a_training_afterwards_is_the_one_without_it() -> None:
    """Trained with dropout, shuffling and a schedule, the weights are bit for bit those without a test."""

    def trained(*, tested: bool) -> nn.Module:
        model = net(dropout=0.5, norm=True)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        scheduler = lrs.OneCycleLR(optimizer, max_lr=0.05, total_steps=30)
        data = loader(shuffle=True, generator=torch.Generator().manual_seed(3))
        torch.manual_seed(5)
        for _ in range(2):
            if tested:
                assert find(model, data, optimizer, scheduler=scheduler, steps=30).verified
            for inputs, targets in data:
                optimizer.zero_grad()
                CE(model(inputs), targets).backward()
                optimizer.step()
                scheduler.step()
        return model

    assert same_weights(trained(tested=False), trained(tested=True))


class Remembers(nn.Module):
    """State in every kind of place: tensors, lists, counters that are no buffers or parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)
        self.hidden = torch.zeros(3)
        self.seen: list[float] = [1.0]
        self.notes = {"calls": [0]}
        self.calls = 0
        self.generator = torch.Generator().manual_seed(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.notes["calls"][0] += 1
        self.seen.append(float(x.sum()))
        out = self.layer(x) + 0.01 * torch.randn(3, generator=self.generator)
        self.hidden = 0.5 * self.hidden + out.detach().mean(0)
        return out


def test_state_that_is_neither_parameter_nor_buffer_is_put_back() -> None:
    """Hidden tensors, lists, counters, own generators, an average that a hook keeps are restored."""
    model = Remembers()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    average = copy.deepcopy(model.layer)

    def follow(*_: Any) -> None:
        with torch.no_grad():
            average.weight.lerp_(model.layer.weight, 0.5)

    optimizer.register_step_post_hook(follow)
    hidden, weight, state = model.hidden, average.weight.clone(), model.generator.get_state()
    assert find(model, loader(), optimizer, steps=12).verified

    assert model.hidden is hidden
    assert not hidden.any()
    assert torch.equal(average.weight, weight)
    assert (model.seen, model.notes, model.calls) == ([1.0], {"calls": [0]}, 0)
    assert torch.equal(model.generator.get_state(), state)


def test_the_loader_gives_next_what_it_would_have_given() -> None:
    """A loader with a generator of its own and a sampler that counts goes on as if nobody had read it."""

    class Counting(torch.utils.data.Sampler):
        epoch = 0

        def __iter__(self) -> Iterator[int]:
            self.epoch += 1
            return iter(range(self.epoch, 90 + self.epoch))

    own = loader(shuffle=True, generator=torch.Generator().manual_seed(9))
    twin = loader(shuffle=True, generator=torch.Generator().manual_seed(9))
    counted = DataLoader(digits(100), batch_size=16, sampler=Counting())
    for data in (own, counted):
        assert find(net(), data, steps=20).verified

    assert torch.equal(next(iter(own))[0], next(iter(twin))[0])
    assert counted.sampler.epoch == 0


def test_persistent_workers_keep_their_place() -> None:
    """The person's own workers are left alone: their iterator is the same one, at the same batch."""
    data = loader(num_workers=1, persistent_workers=True)
    batches = iter(data)
    next(batches)
    before = data._iterator
    assert find(net(), data, steps=12).verified

    assert data._iterator is before
    assert len(list(batches)) == len(data) - 1


class Unruly(torch.optim.SGD):
    """Keeps a count where nobody can put it back."""

    count = 0

    def step(self, closure: Any = None) -> Any:
        type(self).count += 1
        return super().step(closure)


class Counted:
    """A scheduler by hand whose state is that count."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    def step(self) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        return {"count": type(self.optimizer).count}


def test_what_could_not_be_put_back_is_said() -> None:
    """The proof is a comparison, not a belief: a state out of reach makes it fail, and names the part."""
    model = net()
    optimizer = Unruly(model.parameters(), lr=0.1)
    test = find(model, loader(), optimizer, scheduler=Counted(optimizer), steps=12)

    assert test.changed == ("scheduler",)
    assert not test.verified


class BreaksAt(nn.Module):
    """A loss that does something at its n-th call."""

    def __init__(self, at: int, act: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.left, self.act = at, act

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> Any:
        loss = CE(output, target)
        self.left -= 1
        return self.act(loss) if self.left < 0 else loss


def raises(error: BaseException) -> Callable[[Any], Any]:
    def act(_: Any) -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (ValueError("mine"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (torch.OutOfMemoryError("full"), OutOfMemory),
    ],
)
def test_after_an_error_or_an_interrupt_everything_is_back(error: Any, seen: Any) -> None:
    """Whatever ends a test comes through as a training would say it, and leaves nothing behind."""
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    before = everything(model, optimizer)
    with pytest.raises(seen):
        find(model, loader(shuffle=True), optimizer, loss=BreaksAt(12, raises(error)))

    assert same(before, everything(model, optimizer))


def test_an_interrupt_while_things_are_put_back_waits() -> None:
    """A second Ctrl-C does not break into the putting back; it comes when that is done."""
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    before = everything(model, optimizer)

    class Impatient(dict):
        """Attributes that interrupt when one is taken out again."""

        def __delitem__(self, key: str) -> None:
            signal.raise_signal(signal.SIGINT)
            super().__delitem__(key)

    model.notes = Impatient()
    model.register_forward_hook(lambda *_: model.notes.update(late=1))
    with pytest.raises(KeyboardInterrupt):
        find(model, loader(), optimizer, steps=12)

    assert not model.notes
    assert same(before, everything(model, optimizer))


# --- what it measures -------------------------------------------------------------------------------------


def test_a_learning_model_gets_a_rate_between_too_low_and_too_high() -> None:
    """The suggestion lies where the loss falls: trained with it, the loss ends far below the start."""
    model, data = net(), loader(400, shuffle=True)
    test = find(model, data, torch.optim.Adam(model.parameters(), lr=1e-3))
    rate = test.suggestion.lr
    assert rate is not None
    assert 1e-4 < rate < 0.3 < 10 * test.suggestion.lowest
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    losses = []
    for inputs, targets in [batch for _ in range(4) for batch in data]:
        optimizer.zero_grad()
        losses.append(CE(model(inputs), targets))
        losses[-1].backward()
        optimizer.step()

    assert losses[-1] < 0.5 * losses[0]


def test_the_rates_are_those_asked_for_and_the_groups_keep_their_ratio() -> None:
    """Rates rise by one factor from start to end; a second group is held at its multiple of the first."""
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters(), "lr": 0.02}]
    optimizer = torch.optim.SGD(groups)
    seen: list[list[float]] = []
    test = find(
        model, loader(), optimizer, start=1e-5, end=1e-3, steps=10,
        on_step=lambda *_: seen.append([group["lr"] for group in optimizer.param_groups]),
    )  # fmt: skip

    assert test.rates == pytest.approx(np.geomspace(1e-5, 1e-3, 10))
    assert [pair[0] for pair in seen] == pytest.approx(test.rates)
    assert [pair[1] / pair[0] for pair in seen] == pytest.approx([0.2] * 10)


def test_under_a_schedule_that_starts_at_zero_there_are_rates_all_the_same() -> None:
    """A warmup's first rate of 0 is no ratio; the groups' own first rates are taken."""
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters(), "lr": 0.05}]
    optimizer = torch.optim.SGD(groups)
    scheduler = lrs.LambdaLR(optimizer, lambda step: step / 100)
    seen: list[float] = []
    test = find(
        model, loader(), optimizer, scheduler=scheduler, steps=10, end=1e-3,
        on_step=lambda *_: seen.append(optimizer.param_groups[1]["lr"]),
    )  # fmt: skip

    assert seen == pytest.approx([0.5 * rate for rate in test.rates])
    assert [group["lr"] for group in optimizer.param_groups] == [0, 0]


def test_it_ends_when_the_loss_is_four_times_its_best() -> None:
    """A model that explodes is not driven on to the last rate."""
    points = torch.randn(256, 4)
    data = [(part, part.sum(1, keepdim=True)) for part in points.split(32)]
    model = nn.Linear(4, 1)
    test = find(model, data, torch.optim.SGD(model.parameters(), lr=0.1), loss=nn.MSELoss())

    assert "4 times" in test.ended
    assert len(test.losses) < 100
    assert test.losses[-1] > 4 * min(test.losses)


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_a_loss_that_is_no_number_ends_it(value: float, word: str) -> None:
    """NaN in the middle ends the test; what came before is kept and everything is put back."""
    model = net()
    test = find(model, loader(), loss=BreaksAt(20 + 6, lambda loss: loss * value), steps=50)

    assert word in test.ended
    assert 10 < len(test.losses) <= 26
    assert np.isfinite(test.losses).all()
    assert test.verified


def test_gradients_that_are_no_numbers_end_it() -> None:
    """A step that cannot be taken ends the test, also where its loss is a number."""

    class Breaks(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, loss: torch.Tensor) -> torch.Tensor:
            return loss.clone()

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            return grad * float("inf")

    test = find(net(), loader(), loss=BreaksAt(26, Breaks.apply), steps=50)

    assert "gradients became NaN or infinite" in test.ended
    assert 10 < len(test.losses) <= 27
    assert test.verified


def test_nan_from_the_first_step_is_no_curve() -> None:
    """Nothing is suggested, and the reason is said."""
    test = find(net(), loader(), loss=BreaksAt(6, lambda loss: loss * float("nan")), steps=20)

    assert test.suggestion.lr is None
    assert len(test.losses) <= 1
    assert "curve" in test.suggestion.reason


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_short_loader_is_begun_again(accumulate: int) -> None:
    """Two batches are enough for any number of steps, also when several make a step."""
    test = find(net(), loader(32), steps=15, end=0.01, accumulate=accumulate)

    assert len(test.losses) == 15


def test_a_loss_below_zero_can_end_it_too() -> None:
    """A likelihood's loss has no multiples: it ends once it has lost several times what it had won."""
    model = nn.Linear(4, 1)
    points = torch.randn(256, 4)
    data = [(part, part.sum(1, keepdim=True)) for part in points.split(32)]

    def likelihood(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.5 * (output - target).square().mean() - 10

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    test = find(model, data, optimizer, loss=likelihood, start=1e-4, end=100.0)
    assert test.suggestion.lr is not None
    assert test.losses[0] < 0
    assert len(test.losses) < 100


@pytest.mark.parametrize("precision", ["bf16", "16"])
def test_reduced_precision_is_tested_as_it_trains(precision: str) -> None:
    """With autocast, and for float16 with a scaler of its own, there is a curve and no trace."""
    test = find(net(), loader(), precision=precision, steps=40, end=1.0)

    assert test.verified
    assert len(test.losses) > 20


# --- what it refuses --------------------------------------------------------------------------------------


class Stream(IterableDataset):
    """Gives the same iterator again and again."""

    def __init__(self) -> None:
        self.rest = iter(digits(64))

    def __iter__(self) -> Iterator[Any]:
        return self.rest


@pytest.mark.parametrize(
    "data", [(b for b in loader()), DataLoader(Stream(), batch_size=8)], ids=["iterator", "stream"]
)
def test_data_that_can_be_read_only_once_is_left_alone(data: Any) -> None:
    """The test would use it up, so it is refused with a way on."""
    with pytest.raises(UsageError, match="only once"):
        find(net(), data)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": 0}, "`start` is 0"),
        ({"end": -1.0}, "`end` is -1.0"),
        ({"start": 1.0, "end": 0.1}, "must go upwards"),
        ({"steps": 5}, "at least 10"),
        ({"steps": 20.5}, "at least 10"),
        ({"accumulate": 0}, "`accumulate` is 0"),
        ({"precision": "8"}, "`precision` is '8'"),
        ({"epochs": 3}, "`epochs` is not an option of lr_find"),
    ],
)
def test_settings_that_cannot_be_are_said(options: dict[str, Any], said: str) -> None:
    """Each names what was given."""
    with pytest.raises(UsageError, match=said):
        find(net(), loader(), **options)


def test_a_model_that_trains_is_refused_and_one_that_is_tested_too(planned: Any) -> None:
    """While a run trains the model there is no test; while a test works on it no run starts."""
    model = net()
    data = loader(64)
    run = planned(model, data, epochs=100_000).start()
    with pytest.raises(UsageError, match="is training this model right now"):
        find(model, data)
    run.stop()
    run.wait(30)
    waiting = planned(model, data, epochs=1)
    refused: list[str] = []

    def start(*_: Any) -> None:
        with pytest.raises(UsageError) as caught:
            waiting.start()
        refused.append(str(caught.value))

    find(model, data, steps=10, on_step=start)
    assert "range test is working on this model" in refused[0]
    assert str(waiting.start().wait(30).status) == "completed"


def test_beside_another_run_the_generators_are_left_to_it(planned: Any) -> None:
    """Putting them back would make the run draw the same numbers again; the report says so."""
    other = planned(net(1), loader(64), epochs=100_000).start()
    test = find(net(), loader(), steps=12)
    other.stop()

    assert "another run draws from them" in test.unchecked[0]
    assert not test.verified
    assert not test.changed


@pytest.mark.gpu
def test_on_a_gpu_its_generator_and_its_state_come_back_too() -> None:
    """With dropout, fused Adam and a rate in a tensor on the device, nothing differs afterwards."""
    model = net(dropout=0.5, norm=True).cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(1e-3, device="cuda"), fused=True)
    generator, before = torch.cuda.get_rng_state(), everything(model, optimizer)
    test = find(model, loader(shuffle=True), optimizer, steps=30)

    assert test.verified
    assert same(before, everything(model, optimizer))
    assert torch.equal(generator, torch.cuda.get_rng_state())
