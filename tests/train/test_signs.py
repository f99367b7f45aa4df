"""Early signs: there when something goes wrong, silent on what healthy runs show."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from setups import digits, loader, net
from torch.utils.data import DataLoader, Dataset

from nbtrain.findings import Finding
from nbtrain.running.host_reads import Probe
from nbtrain.running.record import News
from nbtrain.running.signs.exploding import Exploding
from nbtrain.running.signs.idle_device import IdleDevice
from nbtrain.running.signs.loader_bound import LoaderBound, advice
from nbtrain.running.signs.lr_exhausted import LrExhausted
from nbtrain.running.signs.sign import Sign
from nbtrain.running.signs.stall import Stall
from nbtrain.running.state import State
from nbtrain.telemetry.samplers import DeviceSampler
from nbtrain.train.batch import make_task
from nbtrain.train.callbacks.utilisation import Utilisation
from nbtrain.train.precision import choose_precision
from nbtrain.train.step import Stepper


def steps(
    sign: Sign, column: str, values: Any, *, block: int = 50, total: int | None = None
) -> list[Finding]:
    """Give a sign a column of a whole run in blocks, as the pump does."""
    values, found = np.asarray(values, float), []
    state = State(total_steps=total or len(values))
    for start in range(0, len(values), block):
        part = values[start : start + block]
        state.step = start + len(part)
        numbers = np.arange(start + 1, state.step + 1)
        found += sign.look(News(steps={"step": numbers, column: part}), state)
    return found


def epochs(sign: Sign, rows: Iterable[dict[str, float]]) -> list[int]:
    """Give a sign epochs one by one; returns the epochs at which it spoke."""
    found = []
    for number, row in enumerate(rows, start=1):
        news = News(epochs=[{"epoch": number, "step": 10 * number, **row}])
        found += [number] * len(sign.look(news, State(step=10 * number, epoch=number)))
    return found


def losses(train: Iterable[float], val: Iterable[float] = ()) -> list[dict[str, float]]:
    val = list(val)
    return [{"train_loss": loss, **({"val_loss": val[at]} if val else {})} for at, loss in enumerate(train)]


# --- stall ---


def test_a_high_loss_without_improvement_is_a_stall() -> None:
    """Fifteen epochs at ln 10 say so once, fifteen more say so again."""
    draw = np.random.default_rng(0)
    flat = 2.303 + 1e-5 * draw.normal(size=40)
    assert epochs(Stall(), losses(flat)) == [16, 31]
    assert epochs(Stall(), losses(flat, flat)) == [16, 31]
    falls_then_flat = [*np.linspace(4, 2.5, 10), *[2.5] * 16]
    assert epochs(Stall(), losses(falls_then_flat)) == [25]


@pytest.mark.parametrize(
    "rows",
    [
        losses([1.9] * 60),  # low enough
        losses(np.linspace(3.0, 2.9, 60)),  # slow, but it moves: 0.06 % an epoch
        losses(np.linspace(3.0, 0.1, 40), [2.9] * 40),  # overfitting: training improves
        losses([9000, 3000, 900, *[500 + n % 3 for n in range(60)]]),  # a regression that has levelled off
        losses([2.3] * 15),  # not yet
        losses([float("nan")] * 40),
        losses([-5.0] * 40),
    ],
)
def test_what_is_no_stall(rows: list[dict[str, float]]) -> None:
    """Low, improving, overfitting or levelled-off losses are none."""
    assert epochs(Stall(), rows) == []


# --- learning rate ---


def schedule(make: Any, count: int, *, lr: float = 0.1, hold: int = 1) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, rates = make(optimizer), []
    for at in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if at % hold == hold - 1:
            scheduler.step()
    return rates


lrs = torch.optim.lr_scheduler
HEALTHY = {
    "constant": schedule(lambda o: lrs.ConstantLR(o, 1.0), 2000),
    "one-cycle": schedule(lambda o: lrs.OneCycleLR(o, 0.1, total_steps=2000), 2000),
    "cosine": schedule(lambda o: lrs.CosineAnnealingLR(o, 2000), 2000),
    "restarts": schedule(lambda o: lrs.CosineAnnealingWarmRestarts(o, 1000), 3000),
    "cosine by epochs": schedule(lambda o: lrs.CosineAnnealingLR(o, 20), 2000, hold=100),
    "steps": schedule(lambda o: lrs.MultiStepLR(o, [900, 1800, 2400], gamma=0.1), 3000),
    "warm-up": schedule(lambda o: lrs.LinearLR(o, 1e-6, total_iters=1500), 2000),
    "bounces": schedule(lambda o: lrs.CosineAnnealingLR(o, 600), 3000),
}


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("block", [1, 32, 700])
def test_usual_schedules_are_never_used_up(name: str, block: int) -> None:
    """No usual schedule that fits its run raises anything, in any block size."""
    assert steps(LrExhausted(), "lr", HEALTHY[name], block=block) == []


def test_a_rate_used_up_too_early_is_said_once() -> None:
    """A schedule of half the run's length, and one stepped each batch instead of each epoch, are said."""
    short = schedule(lambda o: lrs.PolynomialLR(o, total_iters=1000, power=2), 2000)
    (found,) = steps(LrExhausted(), "lr", short)
    assert (found.rule, str(found.severity)) == ("lr-exhausted", "warning")
    assert 1000 < found.step < 1200
    assert "of 2,000 steps are left" in found.evidence
    per_batch = schedule(lambda o: lrs.ExponentialLR(o, 0.9), 2000)
    assert len(steps(LrExhausted(), "lr", per_batch)) == 1
    assert steps(LrExhausted(), "lr", short[:1010], total=None) == [], "the end of the run is no waste"


# --- gradients ---


def test_gradients_that_grow_and_stay_are_said_once() -> None:
    """Norms that leave for the hundreds are said; the evidence holds both medians."""
    draw = np.random.default_rng(1)
    norms = np.concatenate((np.ones(300), np.full(200, 400.0))) * draw.lognormal(0, 0.3, 500)
    (found,) = steps(Exploding(), "grad_norm", norms)
    assert found.rule == "exploding-gradients"
    assert 310 <= found.step <= 350


@pytest.mark.parametrize("scale", [1, 5000])
def test_large_or_single_norms_are_no_explosion(scale: float) -> None:
    """A loss summed over the batch, heavy tails, overflows of a scaler and a single spike say nothing."""
    draw = np.random.default_rng(2)
    norms = scale * draw.lognormal(0, 0.8, 3000)
    norms[700], norms[900:903] = 1e6 * scale, np.inf
    assert steps(Exploding(), "grad_norm", norms, block=7) == []


# --- loader ---


class Slow(Dataset):
    """Samples that take their time."""

    def __init__(self, seconds: float, samples: int = 64) -> None:
        self.data, self.seconds = digits(samples), seconds

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, at: int) -> Any:
        time.sleep(self.seconds)
        return self.data[at]


def test_a_run_that_waits_for_its_data_says_so(train: Any) -> None:
    """A slow data set is named with the share of the time and advice that fits; metrics hold the share."""
    run = train(net(), DataLoader(Slow(0.004), batch_size=8), epochs=6)
    (found,) = [alert for alert in run.alerts if alert.rule == "loader-bound"]
    assert "num_workers=" in found.recommended
    assert "for each batch" in found.evidence
    assert 0.8 < run.epochs["data_wait"].iloc[-1] <= 1.0


def test_a_slow_start_of_each_epoch_is_told_apart() -> None:
    """When the first batch of each epoch makes the time, that is said, with workers kept alive as remedy."""
    workers = DataLoader(digits(), num_workers=2)
    sign = LoaderBound(workers)
    sign.look(News(), State())
    state = State(step=300, epoch=4, train_s=10.0, wait_s=8.5, first_wait_s=8.0)
    (found,) = sign.look(News(), state)
    assert "first batch of each epoch" in found.issue
    assert "persistent_workers=True" in found.recommended
    assert sign.look(News(), state) == [], "once"


@pytest.mark.parametrize(
    ("taken", "waited"),
    [(1000, 0.4), (1000, 6.0), (5, 9.0), (500, 3.0)],
)  # little; half of a busy machine; too few steps; below half
def test_waiting_that_is_worth_no_word(taken: int, waited: float) -> None:
    """Short waits, tiny runs and few steps say nothing."""
    sign = LoaderBound(loader())
    sign.look(News(), State())
    assert sign.look(News(), State(step=taken, epoch=1, train_s=10.0, wait_s=waited)) == []


def test_half_a_minute_of_waiting_is_worth_a_word() -> None:
    """Above half of the time and half a minute it is said however short each wait is."""
    sign = LoaderBound(loader())
    sign.look(News(), State(step=100, epoch=3, train_s=1000.0, wait_s=990.0))  # a resumed run begins here
    assert sign.look(News(), State(step=9_000, epoch=3, train_s=1050.0, wait_s=1015.0)) == []
    state = State(step=90_000, epoch=4, train_s=1058.0, wait_s=1022.0)
    assert "32.0 s of 58.0 s" in sign.look(News(), state)[0].evidence


def test_advice_fits_the_loader() -> None:
    """Batches in a list, tensors, and a loader with workers get different advice."""
    assert "DataLoader" in advice([1, 2])
    assert "slices of the tensors" in advice(loader())
    assert "more workers (now 2" in advice(loader(num_workers=2))
    assert "slices" not in advice(DataLoader(Slow(0)))


# --- device ---


def busy(values: Iterable[float | None], waited: float = 0.1) -> list[dict[str, float]]:
    return [{"gpu_util": value, "data_wait": waited} for value in values]


def looked(count: int = 0, **lines: int) -> Probe:
    """A probe that has looked into a step."""
    probe = Probe("cuda")
    with probe.look():
        pass
    probe.reads.count, probe.reads.lines = count, lines
    return probe


def test_an_idle_gpu_is_looked_into_before_it_is_said() -> None:
    """A step is asked for first; waits for the device are then named with their lines."""
    news = News(epochs=[{"epoch": n, "step": n, "gpu_util": 30.0, "data_wait": 0.01} for n in range(10)])
    probe = Probe("cuda")
    sign = IdleDevice(loader(), probe)
    assert sign.look(news, State()) == []
    assert probe.wanted
    probe.reads = looked(3, **{"`loss.item()` (model.py:7)": 3}).reads
    (found,) = sign.look(News(), State())
    assert "waits for it 3 times in a step: `loss.item()` (model.py:7)" in found.issue
    assert "read them once an epoch" in found.recommended


def test_waits_for_the_device_are_counted_with_their_lines() -> None:
    """Reads of values by the person's own code are found in one step, and named by their line."""
    model = net()

    class Reading(torch.nn.Module):
        def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            loss = torch.nn.functional.cross_entropy(output, target)
            self.kept = loss.item()  # a read
            return loss

    batch = next(iter(loader()))
    task = make_task(model, Reading(), batch)
    stepper = Stepper(
        model, torch.optim.SGD(model.parameters(), lr=0.1), task=task, device=torch.device("cpu"),
        precision=choose_precision("32", torch.device("cpu")),
    )  # fmt: skip
    stepper.probe.wanted = True
    stepper.step([batch], 1, 0.0)
    reads = stepper.probe.reads
    assert [line for line in reads.lines if "self.kept = loss.item()" in line and "test_signs.py" in line]
    assert not stepper.probe.wanted


def test_an_idle_gpu_is_said_with_what_keeps_it_waiting() -> None:
    """Ten epochs below 60 % are said once; a loader that keeps it waiting is blamed, else the host."""
    assert epochs(IdleDevice(loader(), looked()), busy([40.0] * 30)) == [10]
    news = News(epochs=[{"epoch": n, "step": n, "gpu_util": 30.0, "data_wait": 0.6} for n in range(10)])
    (found,) = IdleDevice(loader(), looked()).look(news, State())
    assert (found.rule, found.current) == ("resource-inefficiency", "30 %")
    assert "loader keeps it waiting" in found.issue
    assert "pin_memory=True" in found.recommended
    news = News(epochs=[{"epoch": n, "step": n, "gpu_util": 30.0, "data_wait": 0.01} for n in range(10)])
    (found,) = IdleDevice(loader(), looked()).look(news, State())
    assert "larger batch (now 16)" in found.recommended


def test_a_busy_gpu_or_none_says_nothing() -> None:
    """Nine epochs, a median above 60 % and epochs without a reading raise nothing."""
    assert epochs(IdleDevice(loader(), looked()), busy([40.0] * 9)) == []
    assert epochs(IdleDevice(loader(), looked()), busy([20.0, 90.0, 90.0] * 10)) == []
    assert epochs(IdleDevice(loader(), looked()), busy([None] * 30)) == []
    assert epochs(IdleDevice(loader(), looked()), [{"train_loss": 1.0}] * 30) == []


def test_readings_of_an_epoch_become_its_gpu_util() -> None:
    """An epoch's row holds the mean of its readings, and nothing once the hardware no longer answers."""
    values = iter([50.0, 70.0])
    sampler = DeviceSampler(lambda: next(values), every_s=0.0)
    sampler.look()
    sampler.look()
    row: dict[str, Any] = {}
    Utilisation(sampler).on_epoch(None, None, row)
    assert row == {"gpu_util": 60.0}
    sampler.look()  # StopIteration: no reading, no error
    assert not sampler.works
    row = {}
    Utilisation(sampler).on_epoch(None, None, row)
    assert row == {}


def test_healthy_runs_of_tiny_models_raise_nothing(train: Any) -> None:
    """A small network on small data trains without a word, however the machine is loaded."""
    run = train(net(), loader(400, shuffle=True), split=0.25, epochs=12)
    assert (run.alerts, str(run.status)) == ([], "completed")
