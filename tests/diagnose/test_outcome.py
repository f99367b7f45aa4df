"""The verdict on a training: the four cases, the limits as they are defined, and no healthy run accused."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from nbtrain.diagnose.advice import Circumstances
from nbtrain.diagnose.outcome import Outcome, outcome
from tests.diagnose.conftest import NO_STEPS, falling, rising_accuracy, steps, table


def judge(
    epochs: pd.DataFrame, history: pd.DataFrame = NO_STEPS, status: str = "completed",
    val_samples: int | None = None,
) -> Outcome:  # fmt: skip
    return outcome(epochs, history, status=status, val_samples=val_samples)


def healthy(epochs: int, noise: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables of a good run; by step its loss has 20 % noise and rare outliers ten times as high."""
    random = np.random.default_rng(seed)
    train = falling(epochs, 0.05, noise=noise, seed=seed)
    by_step = np.repeat(train, 20) * np.exp(random.normal(0, 0.2, 20 * epochs))
    by_step[random.integers(0, len(by_step), 3)] *= 10
    frame = table(
        train_loss=train, val_loss=falling(epochs, 0.08, noise=noise, seed=seed + 1),
        train_acc=rising_accuracy(epochs, 0.98, noise / 5, seed),
        val_acc=rising_accuracy(epochs, 0.96, noise / 5, seed + 2),
    )  # fmt: skip
    return frame, steps(by_step, grad_norm=np.exp(random.normal(0, 0.5, len(by_step))))


@pytest.mark.parametrize("epochs", [8, 20, 100])
@pytest.mark.parametrize("noise", [0.0, 0.03, 0.08])
@pytest.mark.parametrize("columns", [["train_acc", "val_acc"], [], ["val_loss"]])
def test_healthy_noisy_runs_are_called_healthy(epochs: int, noise: float, columns: list[str]) -> None:
    """No warning, whatever the length and the noise: with accuracies, by losses alone, without validation."""
    for seed in range(5):
        frame, history = healthy(epochs, noise, seed)
        kept = {"train_acc", "val_acc"} if columns == ["train_acc", "val_acc"] else set()
        lost = {"train_acc", "val_acc"} - kept | ({"val_loss"} if columns == ["val_loss"] else set())
        verdict = judge(frame.drop(columns=list(lost)), history)

        assert verdict.kind == "converged", verdict.headline
        assert all(str(finding.severity) == "info" for finding in verdict.findings)


@pytest.mark.parametrize(
    ("gap", "kind"), [(0.15, "converged"), (0.1500005, "converged"), (0.151, "overfitting")]
)
def test_the_gap_limit_is_15_points_strictly(gap: float, kind: str) -> None:
    """The mean of the last three epochs decides; 15 points and rounding errors are still healthy."""
    train = np.array([0.5, 0.7, 0.95, 0.95, 0.95])
    frame = table(train_loss=falling(5), val_loss=falling(5), train_acc=train, val_acc=train - gap)

    assert judge(frame).kind == kind


@pytest.mark.parametrize(
    ("train", "valid", "kind"),
    [(0.749, 0.70, "underfitting"), (0.75, 0.70, "converged"), (0.74, 0.75, "converged")],
)
def test_underfitting_needs_both_accuracies_under_75(train: float, valid: float, kind: str) -> None:
    """One accuracy at the limit is enough to be no underfitting."""
    frame = table(
        train_loss=falling(20), val_loss=falling(20), train_acc=np.full(20, train), val_acc=np.full(20, valid)
    )

    assert judge(frame, val_samples=1000).kind == kind


def shares(values: list[float], of: int) -> np.ndarray:
    """Return the accuracies as a run has them: whole numbers of hits, over `of`."""
    return np.round(np.array(values) * of) / of


def test_a_run_still_improving_is_told_to_go_on() -> None:
    """A short run whose mean of three epochs is low, and whose accuracy rises on, is not accused."""
    train, valid = [0.163, 0.33, 0.47, 0.55, 0.63, 0.70], [0.18, 0.35, 0.50, 0.58, 0.66, 0.72]
    frame = table(
        train_loss=[2.78, 2.6, 2.45, 2.33, 2.24, 2.16], val_loss=[2.63, 2.45, 2.3, 2.18, 2.08, 2.0],
        train_acc=shares(train, 1400), val_acc=shares(valid, 397),
    )  # fmt: skip
    verdict = judge(frame, val_samples=397)

    assert verdict.kind == "unclear" and verdict.tone == "info"
    assert [(f.rule, str(f.severity)) for f in verdict.findings] == [("still-improving", "info")]
    assert "accuracy was still rising" in verdict.headline and "--epochs 12" in verdict.recommendations[0]


@pytest.mark.parametrize("side", ["train_acc", "val_acc"])
def test_a_last_epoch_over_the_limit_is_no_underfitting(side: str) -> None:
    """Three epochs may be a whole run: their mean is low, and the last one says how good it is."""
    frame = table(
        train_loss=[1.8, 1.0, 0.7], val_loss=[1.3, 0.8, 0.68], train_acc=shares([0.40, 0.70, 0.74], 1000),
        val_acc=shares([0.42, 0.70, 0.74], 400),
    )  # fmt: skip
    frame.loc[2, side] = 0.77
    verdict = judge(frame, val_samples=400)

    assert verdict.kind != "underfitting" and "75" not in verdict.headline


def test_a_crawling_accuracy_is_still_underfitting() -> None:
    """A rise that would not reach the limit in as many epochs again excuses nothing, nor does noise."""
    crawling, resting = np.linspace(0.20, 0.40, 12), np.full(12, 0.6)
    resting[1::2] += 0.02
    for course in (crawling, resting):
        frame = table(
            train_loss=np.linspace(2.3, 2.0, 12), val_loss=np.linspace(2.3, 2.0, 12),
            train_acc=shares(list(course), 1000), val_acc=shares(list(course), 400),
        )  # fmt: skip
        verdict = judge(frame, val_samples=400)

        assert verdict.kind == "underfitting" and str(verdict.findings[0].severity) == "warning"


def letters(positions: int) -> pd.DataFrame:
    """Return the epochs of a character model: over a third of the next letters right, and no more to come."""
    valid = [0.28, 0.31, 0.330, 0.345, 0.352, 0.356, 0.357, 0.356, 0.357, 0.357]
    loss = 2.16 + 0.8 * np.exp(-np.arange(10) / 1.5)
    accuracy = (np.round(np.array(valid) * positions) + np.arange(10) % 2) / positions
    return table(train_loss=loss, val_loss=loss + 0.02, train_acc=accuracy, val_acc=accuracy)


def test_accuracy_of_positions_is_not_held_to_75() -> None:
    """A share of more things than there are samples is one of letters or pixels: the losses decide."""
    verdict = judge(letters(425 * 64), val_samples=425)

    assert verdict.kind == "converged" and verdict.findings == ()
    assert judge(letters(425), val_samples=425).kind == "underfitting", "the same accuracies, of samples"


def test_accuracy_of_unknown_things_accuses_nobody() -> None:
    """Without the number of samples a low accuracy is said, not judged."""
    verdict = judge(letters(425))

    assert (verdict.kind, verdict.tone) == ("unclear", "info")
    assert [(f.rule, str(f.severity)) for f in verdict.findings] == [("underfitting", "info")]


@pytest.mark.parametrize("epochs", [3, 8])
def test_a_loss_back_at_its_start_is_not_converged(epochs: int) -> None:
    """A huge learning rate lets the loss leap up and come back to chance: nothing was learned."""
    random = np.random.default_rng(0)
    leap, chance = 12 * np.exp(-np.arange(59) / 5), random.normal(2.31, 0.02, 60 * epochs)
    by_step = np.concatenate([[2.35], leap + chance[1:60], chance[60:]])
    by_epoch = by_step.reshape(epochs, 60).mean(1)
    verdict = judge(table(train_loss=by_epoch, val_loss=by_epoch), steps(by_step))

    assert verdict.kind == ("underfitting" if epochs > 5 else "unclear"), verdict.headline
    assert "hardly moved: 2.35" in verdict.headline and "12.1 in between" in verdict.headline
    assert "Lower the learning rate" in verdict.recommendations[0], "too low a rate makes no leap"


def test_no_advice_that_cannot_be_followed() -> None:
    """Patience needs validation, and a run that is over cannot be resumed."""
    falls = np.linspace(3, 1, 10)
    for frame in (table(train_loss=falls), table(train_loss=falling(20)), table(train_loss=[1.0])):
        assert "--patience" not in " ".join(judge(frame).recommendations)
    improving = judge(table(train_loss=falls, val_loss=falls))

    assert "--patience" in improving.recommendations[1]
    assert "resume" not in " ".join(improving.recommendations)
    rising = table(train_loss=falling(20), train_acc=np.full(20, 0.9), val_acc=np.full(20, 0.9))
    assert "--val" not in " ".join(judge(rising).recommendations), "there is validation already"


def test_percent_is_read_as_percent() -> None:
    """A column with a value over 1.5 is in percent as a whole; the verdict is that of the fractions."""
    train, valid = rising_accuracy(20, 0.99), rising_accuracy(20, 0.70)
    fractions = judge(table(train_loss=falling(20), val_loss=falling(20), train_acc=train, val_acc=valid))
    percents = judge(
        table(train_loss=falling(20), val_loss=falling(20), train_acc=100 * train, val_acc=100 * valid)
    )

    assert fractions.kind == "overfitting"
    assert percents == fractions


def test_overfitting_by_shape_names_its_numbers() -> None:
    """Without accuracies: validation loss over its best while train loss falls, with numbers."""
    valid = falling(30, 0.5) + np.concatenate([np.zeros(12), np.linspace(0, 0.5, 18)])
    verdict = judge(table(train_loss=falling(30, 0.01), val_loss=valid, lr=np.full(30, 1e-3)))

    best = int(valid.argmin()) + 1
    assert verdict.kind == "overfitting" and verdict.tone == "warning"
    assert f"at epoch {best}" in verdict.findings[0].evidence
    assert f"epoch {best}" in verdict.recommendations[0] and "--patience" in verdict.recommendations[0]


def test_a_small_rise_or_a_late_one_is_no_overfitting() -> None:
    """Five percent over the best, or a jump in the last epoch alone, decides nothing."""
    valid = falling(30, 0.5)
    small = valid + np.concatenate([np.zeros(20), np.linspace(0, 0.025, 10)])
    late = valid + np.concatenate([np.zeros(29), [2.0]])

    assert judge(table(train_loss=falling(30, 0.01), val_loss=small)).kind == "converged"
    assert judge(table(train_loss=falling(30, 0.01), val_loss=late)).kind == "converged"


def test_a_rise_of_both_losses_is_not_overfitting() -> None:
    """Where the train loss rises too, the run is unstable, not overfitted."""
    rise = np.concatenate([np.zeros(15), np.linspace(0, 3, 15)])
    verdict = judge(table(train_loss=falling(30) + rise, val_loss=falling(30) + rise))

    assert verdict.kind == "unstable" and verdict.findings[0].rule == "divergence"


@pytest.mark.parametrize("how", ["inf by step", "nan tail", "nan inside", "nan epoch", "status"])
def test_a_broken_loss_is_unstable_and_critical(how: str) -> None:
    """Infinite and NaN losses are found by step and by epoch; a diverged run needs no number at all."""
    by_step, by_epoch, status = falling(400), falling(10), "completed"
    by_step[200 if "inside" in how else slice(390, None)] = math.inf if "inf" in how else math.nan
    if how == "nan epoch":
        by_step, by_epoch = falling(400), np.append(falling(9), math.nan)
    if how == "status":
        by_step, status = np.full(400, math.nan), "diverged"
    verdict = judge(table(train_loss=by_epoch, lr=np.full(10, 0.1)), steps(by_step), status)

    assert verdict.kind == "unstable" and verdict.tone == "critical"
    assert verdict.findings[0].rule == "nan-loss"
    assert {"inf by step": "at step 391", "nan tail": "at step 391", "nan inside": "at step 201",
            "nan epoch": "epoch 10", "status": "NaN"}[how] in verdict.headline  # fmt: skip
    assert any("from 0.1 to 0.033" in advice for advice in verdict.recommendations[:2])


def test_absent_losses_are_not_broken() -> None:
    """A column that is empty, or empty at first, is absent: epochs without validation are no divergence."""
    valid = np.where(np.arange(20) % 5 == 4, falling(20, 0.1), math.nan)
    late = steps(np.concatenate([np.full(50, math.nan), falling(400)]))

    assert (
        judge(table(train_loss=falling(20), val_loss=valid), steps(np.full(400, math.nan))).kind
        == "converged"
    )
    assert judge(table(train_loss=falling(20), val_loss=valid), late).kind == "converged"


def test_a_loss_that_breaks_out_of_the_blue_points_at_the_batch() -> None:
    """Without growth before it the batch of that step is looked at first; after growth, the rate."""
    calm = np.r_[np.linspace(1.2, 0.8, 30), np.nan, np.nan]
    grown = np.r_[np.linspace(1.2, 0.8, 26), 2.0, 8.0, 64.0, 900.0, np.nan, np.nan]
    late = np.r_[np.linspace(10.0, 0.1, 100), 0.2, 0.8, 2.0, 5.0, 9.5, np.nan]
    first = [
        judge(table(train_loss=[1.0]), steps(loss)).recommendations[0]
        for loss in (calm, grown, late)
    ]
    assert "batch of step 31 first" in first[0] and "ordinary up to it" in first[0]
    assert "learning rate" in first[1] and "learning rate" in first[2]
    holes = np.where(np.arange(40) % 5 == 4, np.nan, 1.0)  # logged at some steps alone
    absent = judge(table(train_loss=[1.0]), steps(holes), "diverged")
    assert absent.kind == "unstable" and "batch of step" not in " ".join(absent.recommendations)


def test_oscillation_and_spikes_are_unstable() -> None:
    """A loss that swings from epoch to epoch, and one that jumps back twice, are told apart."""
    swinging = falling(30) + np.random.default_rng(0).random(30) * 2
    spiking = falling(40)
    spiking[[20, 30]] += 2.5

    assert judge(table(train_loss=swinging)).findings[0].rule == "oscillating-loss"
    spikes = judge(table(train_loss=spiking))
    assert spikes.kind == "unstable" and "2 times" in spikes.headline


def test_a_short_run_is_judged_by_its_steps() -> None:
    """One long epoch shows instability by its steps; and nothing else is claimed of it."""
    bad = steps(np.concatenate([falling(300), falling(300) + np.linspace(0, 8, 300)]))
    good = steps(falling(600, noise=0.2))

    assert judge(table(train_loss=[1.0]), bad).kind == "unstable"
    assert judge(table(train_loss=[1.0]), good).kind == "unclear"


@pytest.mark.parametrize("epochs", [0, 1, 2])
@pytest.mark.parametrize("status", ["running", "stopped", "failed", "interrupted", "completed"])
def test_too_few_epochs_get_no_verdict(epochs: int, status: str) -> None:
    """Under three epochs the verdict is unclear, says why, and what to do."""
    frame = table(
        train_loss=falling(2)[:epochs], val_loss=falling(2)[:epochs], train_acc=[0.99, 0.99][:epochs],
        val_acc=[0.1, 0.1][:epochs],
    )  # fmt: skip
    verdict = judge(frame, status=status)

    assert verdict.kind == "unclear" and verdict.findings == ()
    assert "at least 3" in verdict.headline and "--epochs" in verdict.recommendations[0]


def test_a_run_still_improving_is_not_accused() -> None:
    """By losses alone, a run that was still falling at the end is healthy and not done: go on."""
    verdict = judge(table(train_loss=np.linspace(3, 1, 10), val_loss=np.linspace(3.1, 1.1, 10)))

    assert verdict.kind == "unclear" and "still falling" in verdict.headline
    assert "--epochs 20" in verdict.recommendations[0]


def test_a_loss_that_never_moved_is_underfitting() -> None:
    """Loss-only runs underfit where the loss hardly moved; the evidence has both values."""
    flat = 2.303 * np.exp(np.random.default_rng(0).normal(0, 0.002, 15))
    verdict = judge(table(train_loss=flat, val_loss=flat, lr=np.full(15, 1e-6)))

    assert verdict.kind == "underfitting" and "2.3" in verdict.headline
    assert "now 1e-6, try 1e-5 and 1e-7" in verdict.recommendations[0]


def test_regression_losses_may_be_negative() -> None:
    """A negative log-likelihood that converges is healthy, one that rises again is not."""
    loss = falling(40, -3.0, 4.0)

    assert judge(table(train_loss=loss, val_loss=loss + 0.05)).kind == "converged"
    assert judge(table(train_loss=loss + np.linspace(0, 1, 40) ** 8 * 5)).kind == "unstable"


def test_accuracy_that_varies_is_a_question_for_the_data() -> None:
    """Over 8 points up and down in the last epochs is found; a steady climb of more is not."""
    swinging = np.full(20, 0.85) + np.where(np.arange(20) % 2, 0.05, -0.05)
    climbing = np.linspace(0.5, 0.95, 20)
    frame = table(train_loss=falling(20), val_loss=falling(20), train_acc=np.full(20, 0.9))

    found = judge(frame.assign(val_acc=swinging))
    assert found.kind == "unstable" and found.findings[0].rule == "data-quality"
    assert judge(frame.assign(val_acc=climbing)).kind == "converged"


def test_validation_far_above_train_is_data_quality_not_overfitting() -> None:
    """A leak is suspected, and dropout is named as the other explanation."""
    frame = table(
        train_loss=falling(20), val_loss=falling(20), train_acc=np.full(20, 0.78), val_acc=np.full(20, 0.97)
    )
    verdict = judge(frame)

    assert verdict.findings[0].rule == "data-quality" and "dropout" in verdict.findings[0].evidence
    assert verdict.kind == "converged" and verdict.tone == "warning"


def test_tables_of_strings_and_of_nothing_are_read() -> None:
    """The strings of the metrics file are numbers; empty tables without columns are nothing yet."""
    frame = table(train_loss=["2.0", "1.0", "NaN"], val_loss=["2.0", "Infinity", "1.0"])

    assert judge(frame).findings[0].rule == "nan-loss"
    assert judge(pd.DataFrame(), pd.DataFrame()).kind == "unclear"


def test_long_histories_are_judged_at_once() -> None:
    """Two hundred thousand epochs and a million steps give the verdict of the same curve in short."""
    frame = table(
        train_loss=falling(200_000, noise=0.02), val_loss=falling(200_000, 0.12, noise=0.02, seed=1)
    )

    assert judge(frame, steps(falling(1_000_000, noise=0.3))).kind == "converged"


def train_really(
    seed: int, *, samples: int, epochs: int, lr: float, wrong: float = 0.0, sgd: bool = False
) -> pd.DataFrame:
    """Train a two-layer net on scanned digits, a share of the labels wrong; return its epochs table."""
    torch = pytest.importorskip("torch")
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = torch.tensor(x[order] / 16, dtype=torch.float32), torch.tensor(y[order])
    torch.manual_seed(seed)
    y[:samples] = torch.where(torch.rand(samples) < wrong, torch.randint(0, 10, (samples,)), y[:samples])
    model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
    optimizer = (torch.optim.SGD if sgd else torch.optim.AdamW)(model.parameters(), lr=lr)
    loss = torch.nn.functional.cross_entropy
    parts, rows = {"train": slice(0, samples), "val": slice(1200, None)}, []
    for _ in range(epochs):
        for batch in torch.randperm(samples).split(32):
            optimizer.zero_grad()
            loss(model(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            logits = model(x)
        rows.append(
            {f"{part}_loss": loss(logits[at], y[at]).item() for part, at in parts.items()}
            | {
                f"{part}_acc": (logits[at].argmax(1) == y[at]).double().mean().item()
                for part, at in parts.items()
            }
        )
    return table(**{name: [row[name] for row in rows] for name in rows[0]})


def both_ways(frame: pd.DataFrame) -> tuple[str, str]:
    """Return the verdicts with accuracies and by the losses alone."""
    return judge(frame).kind, judge(frame.drop(columns=["train_acc", "val_acc"])).kind


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread: a net this small is ten times slower on two that share cores with others."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("seed", range(2))
def test_real_curves_get_the_verdict_of_how_they_were_made(seed: int) -> None:
    """Real digits, trained well, on too few and wrong labels, with a tiny and with a huge learning rate."""
    good = train_really(seed, samples=1200, epochs=15, lr=2e-3)
    overfitted = train_really(seed, samples=160, epochs=80, lr=2e-3, wrong=0.5)
    slow = train_really(seed, samples=1200, epochs=8, lr=1e-6)
    wild = train_really(seed, samples=1200, epochs=8, lr=4.0, sgd=True)

    assert both_ways(good)[0] == "converged" and both_ways(good)[1] in ("converged", "unclear")
    assert both_ways(overfitted) == ("overfitting", "overfitting")
    assert both_ways(slow) == ("underfitting", "underfitting")
    assert judge(wild, val_samples=len(load_digits().target) - 1200).kind in ("unstable", "underfitting")


def test_a_short_run_tells_what_its_steps_show() -> None:
    """One epoch is no trend, but a loss that fell is called healthy, and one that leapt up unstable."""
    falls = judge(table(train_loss=[1.2], val_loss=[0.4], val_acc=[0.91]), steps(falling(400, noise=0.05)))
    flat = judge(table(train_loss=[2.3], val_loss=[2.3]), steps(np.full(400, 2.3)))
    behind = judge(table(train_loss=[2.25], val_loss=[2.1]), steps(np.linspace(2.3, 2.15, 60)))
    wild = judge(table(train_loss=[9.0]), steps(np.concatenate([[2.3] * 4, np.linspace(90, 14, 56)])))

    assert falls.headline.startswith("Healthy so far: train loss fell from") and "91.0 %" in falls.headline
    assert (falls.kind, falls.findings) == ("unclear", ()) and "at least 3" in falls.headline
    assert "hardly moved" in flat.headline and "both directions" in flat.recommendations[0]
    assert behind.headline.startswith("Healthy so far"), "the mean of an epoch lies behind its end"
    assert wild.kind == "unstable" and "Lower the learning rate" in wild.recommendations[0]


def test_a_good_run_that_still_improves_is_told_both() -> None:
    """Good accuracies and a loss still falling: healthy, with its best epoch's numbers, and worth more."""
    frame = table(
        train_loss=np.linspace(2.0, 0.4, 8), val_loss=np.linspace(1.9, 0.35, 8),
        train_acc=np.linspace(0.4, 0.9, 8), val_acc=np.linspace(0.5, 0.93, 8),
    )  # fmt: skip
    verdict = judge(frame)

    assert (verdict.kind, verdict.tone) == ("converged", "good")
    assert "still improving" in verdict.headline and "93.0 %" in verdict.headline
    assert "3.0 points above train accuracy" in verdict.headline
    assert "--epochs 16" in verdict.recommendations[0]


def test_a_train_accuracy_that_lags_is_no_data_quality() -> None:
    """The mean over an epoch lies far under the validation at its end; the next epoch is the measure."""
    frame = table(
        train_loss=[1.9, 0.9, 0.5], val_loss=[1.2, 0.6, 0.4], train_acc=[0.30, 0.70, 0.85],
        val_acc=[0.66, 0.84, 0.9],
    )  # fmt: skip

    assert all(found.rule != "data-quality" for found in judge(frame).findings)


@pytest.mark.parametrize(
    "valid",
    [[0.504, 0.411, 0.358, 0.323], [3.06, 0.31, 0.163], list(0.48 * 0.95 ** np.arange(8.0))],
)
@pytest.mark.parametrize("accuracy", [None, 0.91])
def test_a_loss_that_plainly_falls_is_not_converged(valid: list[float], accuracy: float | None) -> None:
    """Best at the last epoch and over 2 % an epoch: still improving, healthy, train longer, with numbers."""
    frame = table(train_loss=valid, val_loss=valid)
    frame = frame if accuracy is None else frame.assign(train_acc=accuracy, val_acc=accuracy)
    verdict = judge(frame, status="stopped")

    assert not verdict.headline.startswith("Converged") and "still" in verdict.headline
    assert verdict.findings[0].rule == "still-improving" and verdict.tone in ("good", "info")
    assert "Train longer: --epochs" in verdict.recommendations[0] and "%" in verdict.recommendations[0]


def test_only_a_flat_curve_is_converged() -> None:
    """Under 2 % an epoch, noise around a level, and a perfect accuracy are converged."""
    flat = np.append(np.geomspace(1.0, 0.4, 6), 0.4 * 0.985 ** np.arange(1, 7))
    noisy = 0.4 * np.exp(np.random.default_rng(0).normal(0, 0.05, 20))
    noisy[0], noisy[-1] = 2.0, noisy[1:].min() * 0.97
    tiny = 0.05 * 0.8 ** np.arange(6.0)
    perfect = {"train_acc": np.full(6, 1.0), "val_acc": np.full(6, 0.999)}

    assert judge(table(train_loss=flat, val_loss=flat)).headline.startswith("Converged")
    assert judge(table(train_loss=falling(20), val_loss=noisy)).headline.startswith("Converged")
    assert judge(table(train_loss=tiny, val_loss=tiny, **perfect)).headline.startswith("Converged")


def noisy_batches(swing: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return five epochs of 40 noisy batches, or of a loss that swings every five steps in their place."""
    random, at = np.random.default_rng(3), np.arange(200)
    scatter = random.gamma(1.0, 0.15, 200) if not swing else swing * (at // 5 % 2)
    by_step = 0.02 + 0.12 * np.exp(-at / 20) + scatter
    accuracy = np.array([0.93, 0.95, 0.96, 0.965, 0.97])
    frame = table(
        train_loss=by_step.reshape(5, 40).mean(1), val_loss=[0.20, 0.14, 0.12, 0.110, 0.109],
        train_acc=accuracy, val_acc=accuracy,
    )  # fmt: skip
    return frame, steps(by_step)


def test_noise_of_batches_is_no_instability_while_validation_is_at_its_best() -> None:
    """The same swings are a finding where they are no noise, or validation is not at its best."""
    frame, history = noisy_batches()
    verdict = judge(frame, history)

    assert (verdict.kind, verdict.tone) == ("converged", "good"), verdict.headline
    worse = judge(frame.assign(val_loss=[0.2, 0.14, 0.109, 0.13, 0.15]), history)
    swinging = judge(*noisy_batches(0.1))
    for accused in (worse, swinging):
        assert accused.findings[0].rule == "oscillating-loss", accused.headline
        assert "of the" in accused.findings[0].evidence and "in all" not in accused.findings[0].evidence


def test_a_loop_of_ones_own_is_advised_without_options() -> None:
    """No option of %train reaches a followed loop: no advice on it names one."""
    falls, rise = np.linspace(3, 1, 10), falling(30, 0.5)
    rise[12:] += np.linspace(0, 1.5, 18)
    frames = [
        table(train_loss=falls, val_loss=falls), table(train_loss=falls[:2]), table(train_loss=falling(40)),
        table(train_loss=falling(30, 0.01), val_loss=rise), table(train_loss=[1.0, math.inf, math.inf]),
        table(train_loss=np.full(9, 2.3)), table(train_loss=falling(9), val_loss=np.append(0.1, [0.11] * 8)),
    ]  # fmt: skip
    own = Circumstances(own_loop=True)
    advice = [
        " ".join(outcome(frame, NO_STEPS, status="completed", known=own).recommendations) for frame in frames
    ]

    assert all(advice) and not [said for said in advice if "--" in said or "%train" in said]
    assert advice[0].startswith("Let your loop run longer, 20 epochs in all")


def test_a_diverged_run_names_what_ended_it() -> None:
    """A step that was passed over long before is not named as the end, and gradients are called gradients."""
    loss = np.full(40, 1.0)
    loss[[9, 35, 36, 37, 38, 39]] = np.nan
    told = outcome(table(train_loss=[1.0]), steps(loss, grad_norm=np.ones(40)), status="diverged").headline
    assert told == "Unstable: the loss became NaN or infinite at step 36."

    loss, norm = np.full(40, 1.0), np.ones(40)
    loss[9], norm[39] = np.nan, np.inf
    told = outcome(table(train_loss=[1.0]), steps(loss, grad_norm=norm), status="diverged").headline
    assert told == "Unstable: the gradient norm became NaN or infinite at step 40."
    everything = steps(np.full(3, np.nan), grad_norm=np.full(3, np.nan))
    assert "at step 1." in outcome(table(train_loss=[np.nan]), everything, status="diverged").headline


@pytest.mark.parametrize("epochs", [2, 6])
def test_a_solved_task_trained_on_is_not_called_unstable(epochs: int) -> None:
    """Leaps of a loss next to zero are no instability while validation accuracy stays perfect, else one."""
    random = np.random.default_rng(1)
    losses = np.exp(random.normal(-14, 2, 100 * epochs))
    losses[-90:] *= 3000
    by_epoch = losses.reshape(epochs, 100).mean(axis=1)
    solved, lost = np.full(epochs, 1.0), np.linspace(1.0, 0.8, epochs)
    frame = table(train_loss=by_epoch, val_loss=by_epoch, train_acc=solved, val_acc=solved)

    verdict = judge(frame, steps(losses))
    assert verdict.kind != "unstable" and verdict.tone != "warning", verdict.headline
    assert judge(frame.assign(train_acc=lost, val_acc=lost), steps(losses)).kind == "unstable"


def test_noise_of_tiny_batches_is_no_leap() -> None:
    """A flat loss that scatters like squared errors of two samples is told to try rates both ways."""
    losses = np.random.default_rng(0).exponential(5e10, 20_000)
    frame = table(train_loss=losses.reshape(10, -1).mean(axis=1))
    advice = " ".join(judge(frame, steps(losses, lr=1e-3)).recommendations)
    assert "leapt" not in advice and "both directions" in advice

    losses[4000:4400] *= np.linspace(1, 60, 400)
    assert "leapt" in " ".join(judge(frame, steps(losses, lr=1e-3)).recommendations)
