"""The limits of a diagnosis exactly as they are defined, and no healthy history accused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbtrain
from nbtrain.diagnose.checks.unstable_first_steps import _width
from nbtrain.diagnose.diagnosis import Diagnosis
from tests.diagnose.conftest import falling, rising_accuracy


def diagnosis(**columns: Any) -> Diagnosis:
    """Diagnose columns of equal length; None is absent."""
    count = len(next(iter(columns.values())))
    rows = [
        {"epoch": at + 1, **{name: _plain(values[at]) for name, values in columns.items()}}
        for at in range(count)
    ]
    return nbtrain.diagnose(rows)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, dict)) else float(value)


def checks(found: Diagnosis) -> list[str]:
    return [one.check for one in found.findings if str(one.severity) != "info"]


def accuracies(train: list[float], valid: list[float]) -> dict[str, Any]:
    """Return losses that say nothing beside the accuracies."""
    return {
        "train_loss": falling(len(train)),
        "val_loss": falling(len(train)) + 0.05,
        "train_acc": train,
        "val_acc": valid,
    }


@pytest.mark.parametrize(
    ("gap", "accused"), [(0.15, False), (0.1500004, False), (0.150001, True), (0.3, True), (-0.1, False)]
)
def test_overfitting_is_a_gap_over_15_points(gap: float, accused: bool) -> None:
    """Strictly over 15 points after rounding to 1e-6, by the mean of the last three epochs."""
    train = [0.5, 0.8, 0.9, 0.96, 0.95, 0.94]
    found = diagnosis(**accuracies(train, [*[value - 0.01 for value in train[:3]], *[0.95 - gap] * 3]))

    assert ("overfitting" in checks(found)) == accused
    assert (found.primary == "overfitting") == accused


def test_the_mean_is_of_the_last_three_that_have_them() -> None:
    """Epochs without accuracies are passed over; fewer than three are enough."""
    train = [0.9, 0.95, 0.95, 0.95, None, None]
    valid = [0.9, 0.75, 0.75, 0.75, None, None]

    assert diagnosis(**accuracies(train, valid)).primary == "overfitting"
    assert diagnosis(**accuracies([0.95], [0.75])).primary == "overfitting"
    assert diagnosis(**accuracies([0.9] * 4 + [1.0], [0.8] * 5)).primary is None, "one epoch decides nothing"


@pytest.mark.parametrize(
    ("train", "valid", "accused"),
    [
        (0.749, 0.70, True),
        (0.75, 0.70, False),
        (0.74, 0.75, False),
        (0.7499996, 0.7, False),
        (0.6, 0.58, True),
    ],
)
def test_underfitting_is_both_below_75(train: float, valid: float, accused: bool) -> None:
    """Both means strictly below 75 %; one at the limit is none."""
    found = diagnosis(**accuracies([train] * 12, [valid] * 12))

    assert ("underfitting" in checks(found)) == accused


def test_a_short_run_that_reached_75_is_not_accused() -> None:
    """Three epochs may be a whole run: a mean below 75 % whose last epoch is above is only said."""
    found = diagnosis(**accuracies([0.4, 0.7, 0.86], [0.5, 0.75, 0.88]))

    assert found.primary is None
    assert diagnosis(**accuracies([0.4, 0.5, 0.6], [0.4, 0.5, 0.6])).primary == "underfitting"


@pytest.mark.parametrize(("swing", "accused"), [(0.08, False), (0.09, True)])
def test_varying_is_over_8_points_of_the_last_quarter(swing: float, accused: bool) -> None:
    """Largest minus smallest of the last quarter, at least five epochs; what came before does not count."""
    valid = [0.3, 0.9, 0.4, 0.9, 0.5, 0.9, *[0.9] * 9]
    valid[-5:] = [0.9, 0.9 - swing, 0.9, 0.9 - swing, 0.9]
    found = diagnosis(**accuracies([0.92] * 15, valid))

    assert ("data-quality" in checks(found)) == accused


def test_a_climb_does_not_vary() -> None:
    """A trend is taken out, and a curve that only climbs is none, however bent."""
    steady = list(np.linspace(0.3, 0.9, 20))
    bent = [0.2, 0.5, 0.68, 0.78, 0.83, 0.85]

    assert "data-quality" not in checks(diagnosis(**accuracies(steady, steady)))
    assert "data-quality" not in checks(diagnosis(**accuracies(bent, bent)))


def test_a_restart_of_the_rate_is_no_fault_of_the_data() -> None:
    """Validation that drops where the learning rate was raised, and comes back, accuses nothing."""
    valid = [0.5, 0.8, 0.9, 0.92, 0.93, 0.93, 0.94, 0.80, 0.90, 0.95]
    rate = [1e-3, 8e-4, 6e-4, 4e-4, 2e-4, 1e-4, 5e-5, 1e-3, 5e-4, 1e-4]
    columns = accuracies([0.95] * 10, valid)

    assert diagnosis(**columns).primary == "data-quality"
    assert diagnosis(**columns, lr=rate).primary is None


def test_validation_far_above_train_is_the_datas() -> None:
    """It is data-quality, with dropout as the other explanation, and never overfitting."""
    found = diagnosis(**accuracies([0.78] * 10, [0.97] * 10))

    assert found.primary == "data-quality"
    assert "overfitting" not in [one.check for one in found.findings]
    said = found.findings[0].said
    assert "leak" in said.evidence and any("dropout" in other.lower() for other in said.others)


def test_a_first_epoch_ahead_of_its_own_mean_is_no_leak() -> None:
    """An epoch's train accuracy lags behind its end: validation above it in a short run is right."""
    found = diagnosis(**accuracies([0.60, 0.91, 0.95], [0.90, 0.94, 0.96]))

    assert found.primary is None


@pytest.mark.parametrize(
    ("values", "accused"),
    [
        ([95.0, *[59.9] * 11], True),
        ([95.0, *[60.0] * 11], False),
        ([5.0, *[61.0] * 11], False),
        ([30.0] * 11, False),
        ([None, None, *[30.0] * 12], True),
        ([*[30.0] * 12, None], True),
        ([0.9] * 12, False),
        ([95.0, *[1.0] * 11], True),
    ],
)
def test_gpu_use_is_the_median_of_more_than_ten_epochs(values: list[Any], accused: bool) -> None:
    """Strictly below 60 %, over more than ten epochs that have it, the first of them left out."""
    columns = accuracies([0.95] * len(values), [0.93] * len(values))
    found = diagnosis(**columns, gpu_util=values)

    assert (found.primary == "resource-inefficiency") == accused


def test_without_accuracies_the_losses_shape_decides() -> None:
    """A clear rise of validation over its best while train falls is overfitting; a last bad epoch is none."""
    valid = falling(30, 0.5) + np.concatenate([np.zeros(12), np.linspace(0, 0.5, 18)])
    late = np.append(falling(29, 0.5), 0.9)

    assert diagnosis(train_loss=falling(30, 0.01), val_loss=valid).primary == "overfitting"
    assert diagnosis(train_loss=falling(30, 0.01), val_loss=late).primary is None
    assert diagnosis(train_loss=np.linspace(2, 3, 30), val_loss=valid).primary != "overfitting"


@pytest.mark.parametrize(
    ("level", "epochs", "accused"), [(2.3, 16, True), (2.3, 15, False), (2.001, 20, True), (2.0, 20, False)]
)
def test_a_stall_of_a_classification(level: float, epochs: int, accused: bool) -> None:
    """No improvement by 1 % in fifteen epochs, with a train loss strictly above 2.0."""
    flat = np.full(epochs, level)
    good = np.full(epochs, 0.9)
    found = diagnosis(train_loss=flat, val_loss=flat, train_acc=good, val_acc=good)

    assert ("convergence-stall" in checks(found)) == accused


@pytest.mark.parametrize(("improvement", "accused"), [(0.009, True), (0.011, False)])
def test_one_percent_is_an_improvement(improvement: float, accused: bool) -> None:
    """The best of the last fifteen epochs against the best before them."""
    train = np.concatenate([np.full(5, 2.5), np.full(15, 2.5 * (1 - improvement))])
    good = np.full(20, 0.9)
    found = diagnosis(train_loss=train, val_loss=train, train_acc=good, val_acc=good)

    assert ("convergence-stall" in checks(found)) == accused


def test_a_regression_is_no_stall_for_its_scale() -> None:
    """A loss in the hundreds that has come down and levelled off is done; one that never moved is not."""
    done, stuck = 100 + 400 * np.exp(-np.arange(40) / 3), np.full(40, 480.0)

    assert diagnosis(train_loss=done, val_loss=done + 5).primary is None
    assert diagnosis(train_loss=stuck, val_loss=stuck).primary == "convergence-stall"


def test_a_loss_that_is_no_number_comes_first() -> None:
    """nan-loss is primary and critical whatever else holds; divergence is named where the loss grew there."""
    grew = ["NaN" if value is None else value for value in [2.3, 1.8, 1.6, 3.2, 40.0, 900.0, None, None]]
    calm = [2.3, 1.8, 1.6, 1.5, 1.4, "Infinity", 1.3, 1.2]
    good = [0.9] * 8
    both = diagnosis(train_loss=grew, val_loss=falling(8), train_acc=good, val_acc=[0.5] * 8)
    alone = diagnosis(train_loss=falling(8), val_loss=calm, train_acc=good, val_acc=good)

    assert both.primary == "nan-loss" and checks(both)[:3] == ["nan-loss", "divergence", "overfitting"]
    assert alone.primary == "nan-loss" and "divergence" not in checks(alone)
    assert str(alone.findings[0].severity) == "critical" and "epoch 6" in alone.findings[0].said.issue


def test_the_order_of_findings_names_the_primary() -> None:
    """nan, divergence, exploding gradients, used-up rate; overfitting, underfitting, data, resources."""
    at = np.arange(24)
    columns = accuracies([0.7] * 24, [0.5] * 24) | {"gpu_util": [30.0] * 24}
    order = ["overfitting", "underfitting", "resource-inefficiency"]
    used_up = {"train_loss": 1.6 + 0.7 * np.exp(-at / 2), "lr": 0.01 * 0.1 ** (at / 3)}

    assert checks(diagnosis(**columns))[:3] == order
    found = diagnosis(**columns | used_up)
    assert checks(found)[:4] == ["lr-exhausted", *order]
    exploding = diagnosis(**columns | used_up, grad_norm=2 * 1.5**at)
    assert checks(exploding)[:2] == ["exploding-gradients", "lr-exhausted"]


def histories(seed: int, epochs: int, noise: float) -> dict[str, dict[str, Any]]:
    """Return healthy histories of many kinds."""
    random, at = np.random.default_rng(seed), np.arange(epochs)

    def rough(values: np.ndarray) -> np.ndarray:
        return values * np.exp(random.normal(0, noise, epochs))

    train, valid = falling(epochs, 0.05), falling(epochs, 0.1)
    scores = {"train_acc": rising_accuracy(epochs, 0.98), "val_acc": rising_accuracy(epochs, 0.94)}
    period = max(epochs // 4, 4)
    cycle = 0.5 * (1 + np.cos(math.pi * (at % period) / period))
    rise = np.minimum(at / (0.3 * epochs), 1)
    spiked = train.copy()
    spiked[epochs // 2] = 1.8
    late = np.where(at > 0.6 * epochs, 0.1 + 2.1 * np.exp(-(at - 0.6 * epochs) / (epochs / 15)), 2.25)
    seen = np.where(at > 0.6 * epochs, 0.97 - 0.85 * np.exp(-(at - 0.6 * epochs) / (epochs / 15)), 0.12)
    return {
        "classification": {"train_loss": rough(train), "val_loss": rough(valid), **scores},
        "losses": {"train_loss": rough(train), "val_loss": rough(valid)},
        "train loss": {"train_loss": rough(train)},
        "regression": {"train_loss": rough(300 * train + 40), "val_loss": rough(300 * valid + 45)},
        "noise floor": {"train_loss": rough(0.45 + train / 4), "val_loss": rough(0.5 + valid / 4)},
        "log-likelihood": {"train_loss": train - 3, "val_loss": valid - 3},
        "restarts": {
            "train_loss": train + 0.2 * cycle,
            "val_loss": valid + 0.2 * cycle,
            **scores,
            "lr": 1e-3 * cycle,
        },
        "one cycle": {
            "train_loss": train,
            "val_loss": valid,
            **scores,
            "lr": 1e-3 * rise * (1 - at / epochs),
        },
        "step decay": {
            "train_loss": train,
            "val_loss": valid,
            **scores,
            "lr": 0.1 * 0.1 ** ((at >= epochs / 2).astype(int) + (at >= epochs * 0.75)),
        },
        "spike": {"train_loss": spiked, "val_loss": valid, **scores},
        "grokking": {
            "train_loss": 0.001 + 2 * np.exp(-at / (epochs / 15)),
            "val_loss": late + 1,
            "train_acc": 1 - 0.9 * np.exp(-at / (epochs / 20)),
            "val_acc": seen,
        },
        "plateau and drop": {
            "train_loss": late,
            "val_loss": late + 0.02,
            "train_acc": seen,
            "val_acc": seen - 0.01,
        },
        "double descent": {
            "train_loss": train,
            "val_loss": valid + 0.5 * np.exp(-(((at - 0.4 * epochs) / (0.1 * epochs)) ** 2)),
            **scores,
        },
    }


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.06])
@pytest.mark.parametrize("epochs", [8, 20, 100])
def test_no_healthy_history_is_accused(epochs: int, noise: float) -> None:
    """Noise, restarts, one cycle, grokking, double descent, plateaus that end, spikes: no problem found."""
    for seed in range(2):
        for name, columns in histories(seed, epochs, noise).items():
            if epochs < 20 and name in ("grokking", "plateau and drop"):
                continue  # a drop needs room for a plateau before it
            found = diagnosis(**columns)
            assert found.primary is None, (name, checks(found))
            assert "No problem found" in found.report.headline


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_the_first_epochs_of_a_good_run_are_not_accused(epochs: int) -> None:
    """One to three epochs of a run that learns say too little to accuse it of a shape."""
    losses = [1.9, 1.2, 0.8][:epochs]
    found = diagnosis(train_loss=losses, val_loss=[1.6, 1.0, 0.75][:epochs])

    assert found.primary is None
    assert found.found.gaps, "and it is said what could not be looked at"


def test_nothing_yet_and_what_is_no_history(tmp_path: Path) -> None:
    """An empty list of epochs is nothing yet, with no finding; a damaged file is InvalidMetrics."""
    empty, torn = tmp_path / "empty.json", tmp_path / "torn.json"
    empty.write_text('{"epochs": []}')
    torn.write_text('{"epochs": [{"epoch": 1, "train_loss": 2.')
    found = nbtrain.diagnose(empty)

    assert found.primary is None and found.findings == () and "Nothing to diagnose yet" in str(found)
    with pytest.raises(Exception, match="is no JSON") as caught:
        nbtrain.diagnose(torn)
    assert caught.value.to_dict()["error"] == "InvalidMetrics"


def test_a_file_is_read_by_its_rules(tmp_path: Path) -> None:
    """Percent as a whole column, a later row of an epoch replacing, a missing column, other keys kept."""
    rows = [
        {"epoch": at, "train_loss": 2 / at, "train_acc": 99.0, "val_acc": 50.0, "mine": at}
        for at in range(1, 9)
    ]
    rows += [{"epoch": at, "train_loss": 2 / at, "train_acc": 99.0, "val_acc": 95.0} for at in (6, 7, 8)]
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"epochs": rows}))
    found = nbtrain.diagnose(path)

    assert found.primary is None, "the later rows hold"
    assert "Read as percent, as a whole: train_acc, val_acc." in found.history.notes
    assert "mine" in found.history.epochs
    path.write_text(json.dumps({"epochs": rows[:8]}))
    assert nbtrain.diagnose(path).primary == "overfitting"


def test_a_diagnosis_recommends_one_rate() -> None:
    """Where underfitting follows from slow convergence, both recommend one learning rate: the cause's."""
    climb = np.linspace(0.1, 0.51, 20)
    loss = np.linspace(2.29, 2.16, 20)
    found = diagnosis(train_loss=loss, val_loss=loss, train_acc=climb, val_acc=climb, lr=[3e-5] * 20)

    rates = {one.check: [said.change["lr"] for said in one.recommendations if "lr" in said.change]
             for one in found.findings}  # fmt: skip
    assert found.primary == "underfitting"
    assert rates["underfitting"] == rates["slow-convergence"] == [3e-4]


def test_gradients_that_vanish_at_a_high_train_accuracy_are_only_said() -> None:
    """Without validation and losses the train accuracy tells whether the model has learned."""
    layers = [{"first": 5e-6, "last": 1.0}] * 4
    found = [
        diagnosis(train_acc=[top] * 4, layer_grad_norms=layers).findings
        for top in (0.97, 0.5)
    ]

    said = [{one.check: str(one.severity) for one in findings} for findings in found]
    assert [one["vanishing-gradients"] for one in said] == ["info", "warning"]


def test_a_median_of_first_steps_is_of_a_few_hundred_at_most() -> None:
    """However much a long loss scatters, its running medians need no memory of its length squared."""
    assert _width(100.0, 100_000) == 201 and _width(100.0, 200) == 51 and _width(0.0, 100_000) == 3
