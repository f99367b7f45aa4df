"""Alerts: silent on healthy runs however noisy, there when something happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbtrain.findings import Finding
from nbtrain.running.alerts import Watch
from nbtrain.telemetry.recorder import Rows


def fed(
    losses: Any, norms: Any = None, *, skipped: Any = None, block: int = 100, watch: Watch | None = None
) -> list[Finding]:
    """Give a watch a whole run in blocks, as the pump does."""
    losses = np.asarray(losses, float)
    norms = np.ones(len(losses)) if norms is None else np.asarray(norms, float)
    watch, found = watch or Watch(), []
    for start in range(0, len(losses), block):
        part = slice(start, min(start + block, len(losses)))
        steps = np.arange(part.start + 1, part.stop + 1)
        ones = np.ones(len(steps))
        left_out = np.zeros(len(steps), bool) if skipped is None else np.asarray(skipped)[part]
        found += watch.on_rows(Rows(steps, losses[part], norms[part], ones, ones.astype(int), ones, left_out))
    return found


def rules(found: list[Finding]) -> list[str]:
    return [finding.rule for finding in found]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("block", [1, 16, 700])
def test_noisy_healthy_runs_raise_nothing(seed: int, block: int) -> None:
    """Falling losses with heavy-tailed noise and norms raise no alert in 20,000 steps, in any block size."""
    draw = np.random.default_rng(seed)
    steps = np.arange(20_000 if block > 1 else 3_000)
    loss = (0.05 + 2.3 * np.exp(-steps / 3000)) * draw.lognormal(0, 0.5, len(steps))
    norm = (0.3 + 3 * np.exp(-steps / 3000)) * draw.lognormal(0, 0.6, len(steps))

    assert fed(loss, norm, block=block) == []


def test_a_warm_up_and_a_converged_model_raise_nothing() -> None:
    """Losses that rise a little at the start, and one hard batch of a converged model, are no alerts."""
    draw = np.random.default_rng(0)
    warm = np.concatenate((2.3 + np.linspace(0, 0.5, 300), np.linspace(2.8, 0.01, 5000)))
    noise = draw.normal(1, 0.1, len(warm))
    norm = np.where(np.arange(len(warm)) == 5200, 1.5, warm / 2)
    assert fed(warm * noise, norm) == []


@pytest.mark.parametrize("block", [1, 16, 500])
def test_a_jump_of_the_loss_is_said_once(block: int) -> None:
    """A loss that jumps for some steps is said, with the place, once for a while."""
    draw = np.random.default_rng(1)
    loss = 0.5 + 0.05 * draw.normal(size=2000)
    loss[1203:1230] = 4.0
    found = fed(loss, block=block)

    assert rules(found) == ["loss-spike"]
    assert 1203 < found[0].step <= 1230
    assert found[0].severity == "warning"


def test_one_hard_batch_is_no_jump() -> None:
    """A single batch of a loss three times the usual is noise."""
    loss = np.full(1000, 0.5) + np.random.default_rng(2).normal(0, 0.02, 1000)
    loss[700] = 1.5
    assert fed(loss) == []


def test_a_gradient_far_above_the_usual_is_said() -> None:
    """One norm of fifty times the median is an information with its step."""
    norm = np.random.default_rng(3).lognormal(0, 0.3, 1000)
    norm[612] = 50.0
    found = fed(np.full(1000, 0.5), norm)

    assert [(finding.rule, finding.step, str(finding.severity)) for finding in found] == [
        ("gradient-spike", 613, "info")
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_is_critical_once(value: float) -> None:
    """NaN and infinity that reach the gradients are said once, with step and last finite loss."""
    loss, norm = np.full(100, 0.25), np.ones(100)
    loss[60:], norm[60:] = value, np.nan
    watch = Watch()
    found = fed(loss, norm, block=10, watch=watch)

    assert rules(found) == ["nan-loss"]
    assert (found[0].step, str(found[0].severity)) == (61, "critical")
    assert "the last finite loss was 0.25" in found[0].evidence
    assert watch.diverged == "the loss became NaN or infinite at step 61"


@pytest.mark.parametrize("what", ["loss", "gradient norm"])
def test_a_step_that_was_left_out_is_critical_and_says_what_the_weights_are(what: str) -> None:
    """The first step left out is named, with what became of the weights; under a scaler nothing is said."""
    loss, norm, skipped = np.ones(100), np.ones(100), np.zeros(100, bool)
    norm[40:], skipped[40:] = np.nan, True
    loss[40] = np.nan if what == "loss" else 1.0
    whole, drifting = Watch(), Watch(whole=False)
    found = fed(loss, norm, skipped=skipped, block=30, watch=whole)
    fed(loss, norm, skipped=skipped, block=30, watch=drifting)

    assert [(one.rule, one.step, str(one.severity)) for one in found] == [("nan-loss", 41, "critical")]
    assert "Step 41 was not taken: the weights are those before it." in found[0].issue
    begin = f"the {what} became NaN or infinite at step 41; "
    assert whole.diverged == f"{begin}that step was not taken, the weights are those before it"
    assert drifting.diverged == f"{begin}its gradients were left out, the weights are finite"
    scaled = Watch(scaled=True)
    assert "nan-loss" not in rules(fed(loss, norm, skipped=skipped, watch=scaled))


def test_nan_gradients_are_critical_but_not_under_a_scaler() -> None:
    """A NaN gradient norm under a finite loss is said; under a GradScaler it is a skipped step."""
    norm = np.ones(100)
    norm[50] = np.nan
    assert rules(fed(np.ones(100), norm, block=10)) == ["nan-loss"]
    assert fed(np.ones(100), norm, block=10, watch=Watch(scaled=True)) == []
    assert fed(np.ones(100), np.full(100, np.nan), block=10) == [], "a run without gradient norms"


def test_overfitting_in_the_making_is_said_in_short_epochs_too() -> None:
    """Validation that rises three epochs while train falls is said, also where an epoch is ten steps."""
    watch = Watch()
    values = [(1.0, 1.0), (0.8, 0.9), (0.6, 0.92), (0.5, 0.95), (0.4, 0.99)]
    found = [watch.on_epoch(10 * n, *pair) for n, pair in enumerate(values, start=1)]

    assert [rules(one) for one in found] == [[], [], [], [], ["validation-rising"]]
    assert watch.on_epoch(60, 0.3, 1.1) == [], "not again at once"


def test_a_validation_loss_that_wavers_is_healthy() -> None:
    """Validation that goes up and down, or rises by a hair, is no alert."""
    watch = Watch()
    for n in range(40):
        assert watch.on_epoch(100 * n, 1 / (n + 1), 0.5 + 0.02 * (n % 2)) == []
    watch = Watch()
    for n in range(6):
        assert watch.on_epoch(100 * n, 1 / (n + 1), 0.5 + 0.0001 * n) == []
    assert watch.on_epoch(700, 0.1, None) == []
