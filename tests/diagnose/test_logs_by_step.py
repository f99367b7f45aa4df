"""Logs that count optimizer steps, and losses that need not fall: what is healthy in them is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import nbtrain
from nbtrain.diagnose.aims import why_no_aim
from nbtrain.diagnose.merging import merge
from nbtrain.diagnose.reader import read_history
from nbtrain.diagnose.totals import totals
from nbtrain.errors import InvalidMetrics
from nbtrain.runs.metrics import COLUMNS

STEPS = np.arange(5, 801, 5)


def trainer_state(folder: Path, losses: np.ndarray, *, batch: int = 8, **columns: np.ndarray) -> Path:
    """Write what the Trainer logs of one pass over the data, without evaluations."""
    log = [
        {
            "step": int(step),
            "epoch": step / 800,
            "loss": float(loss),
            **{k: float(v[at]) for k, v in columns.items()},
        }
        for at, (step, loss) in enumerate(zip(STEPS, losses, strict=True))
    ]
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"log_history": log, "train_batch_size": batch}))
    return path


def scatter(size: float, count: int = len(STEPS)) -> np.ndarray:
    return 1 + np.random.default_rng(3).normal(0, size, count)


@pytest.mark.parametrize(
    ("floor", "fall", "noise"), [(1.95, 0.35, 0.07), (1.18, 0.10, 0.05), (0.5, 1.2, 0.2)]
)
def test_a_model_adapted_in_one_pass_is_healthy(
    tmp_path: Path, floor: float, fall: float, noise: float
) -> None:
    """A fine-tuning log without evaluations, whose loss falls little and levels off, is not accused."""
    path = trainer_state(tmp_path, (floor + fall * np.exp(-STEPS / 100)) * scatter(noise))
    found = nbtrain.diagnose(path)

    assert found.primary is None
    assert found.history.passes == 1.0 and len(found.history.epochs) == 32
    assert any("equal parts" in note for note in found.history.notes)


def test_a_log_without_evaluations_still_shows_what_is_wrong(tmp_path: Path) -> None:
    """A loss that rises again, and one that is nan from a step on, are found in such a log, at that step."""
    rising = np.where(STEPS < 400, 2 + 3 * np.exp(-STEPS / 80), 2 + 0.02 * (STEPS - 400))
    assert nbtrain.diagnose(trainer_state(tmp_path, rising * scatter(0.04))).primary == "divergence"

    broken = np.where(STEPS < 603, rising, np.nan)
    found = nbtrain.diagnose(trainer_state(tmp_path, broken))
    assert found.primary == "nan-loss"
    assert 605 in [one.step for one in found.history.broken]


def test_a_log_of_single_steps_is_judged_by_parts(tmp_path: Path) -> None:
    """Single losses that scatter by half of themselves are neither swings nor unstable first steps."""
    at = np.arange(3000)
    losses = (0.4 + 1.8 * np.exp(-at / 500)) * np.exp(np.random.default_rng(8).normal(0, 0.5, 3000))
    path = tmp_path / "log.csv"
    path.write_text(
        "step,loss\n" + "\n".join(f"{step},{loss}" for step, loss in zip(at, losses, strict=True))
    )

    found = nbtrain.diagnose(path)
    assert found.primary is None and len(found.history.epochs) == 40 and len(found.history.steps) == 3000


def test_rows_are_epochs_where_a_log_may_have_counted_them() -> None:
    """A log of 200 points or fewer, without validations, has a row a point unless its writer counts steps."""
    points = {"loss": {at: 1.0 / at for at in range(1, 101)}}

    assert len(merge(points).rows) == 100 and merge(points).passes is None
    assert len(merge(points, stepwise=True).rows) == 20 and merge(points, stepwise=True).passes == 0.0


@pytest.mark.parametrize("once", ["hp_metric", "test_f1"])
def test_a_value_written_once_is_not_the_clock(once: str) -> None:
    """A result beside a series leaves the rows to the series; alone it is a row."""
    series = {"train_loss": {at: 1.0 / at for at in range(1, 31)}, once: {30: 0.5}}

    assert len(merge(series).rows) == 30
    assert len(merge({once: {30: 0.5}}).rows) == 1
    assert len(merge({**series, "val_loss": {10: 1.0, 20: 0.5}}).rows) == 2


def test_parts_of_a_loss_are_summed(tmp_path: Path) -> None:
    """A detector's log has the sum of its parts as its losses; a table of other things is none."""
    path = tmp_path / "results.csv"
    path.write_text(
        "epoch, train/box_loss, train/cls_loss, val/box_loss, val/cls_loss, metrics/mAP50(B)\n"
        "1, 2.0, 3.0, 1.5, 2.5, 0.1\n2, 1.0, 2.0, 1.25, 1.5, 0.3\n"
    )
    history = read_history(path)

    assert history.column("train_loss").tolist() == [5.0, 3.0]
    assert history.column("val_loss").tolist() == [4.0, 2.75]
    assert "train_loss is train/box_loss + train/cls_loss." in history.notes
    path.write_text("epoch,train_nll,val_nll\n1,2.0,3.0\n2,1.0,2.0\n")
    assert read_history(path).column("val_loss").tolist() == [3.0, 2.0]
    path.write_text("sepal,petal\n1,2\n3,4\n")
    with pytest.raises(InvalidMetrics, match="no loss"):
        read_history(path)


@pytest.mark.parametrize(
    ("columns", "sums"),
    [
        (
            ("train_total_loss", "train_recon_loss", "train_kl_loss", "val_total_loss"),
            ["train_loss is train_total_loss", "val_loss is val_total_loss"],
        ),
        (("train_recon_loss", "train_kl_loss"), ["train_loss is train_recon_loss"]),
        (
            ("train_a_loss", "train_b_loss", "val_a_loss"),
            ["train_loss is train_a_loss", "val_loss is val_a_loss"],
        ),
        (
            ("train_total_loss", "train_a_loss", "val_a_loss"),
            ["train_loss is train_a_loss", "val_loss is val_a_loss"],
        ),
        (("train_a_loss", "val_b_loss"), ["train_loss is train_a_loss"]),
        (("train_kl_loss", "val_kl_loss"), []),
        (("train_nll", "val_nll"), ["train_loss is train_nll", "val_loss is val_nll"]),
    ],
)
def test_only_what_may_be_compared_is_summed(columns: tuple[str, ...], sums: list[str]) -> None:
    """A total stands for its side, both sides have the same parts, and a part of unknown weight is none."""
    assert [str(total) for total in totals(columns)] == sums


@pytest.mark.parametrize(
    ("columns", "aim"),
    [
        (("train_loss", "val_loss"), True),
        (("loss", "rewards/chosen", "rewards/margins"), True),
        (("box_loss", "cls_loss", "dfl_loss"), True),
        (("val_loss", "val_reward_acc"), True),
        (("loss", "reward_model_loss"), True),
        (("loss", "reward", "kl"), False),
        (("loss", "reward_std"), False),
        (("train/loss", "rollout/ep_rew_mean"), False),
        (("policy_loss", "value_loss"), False),
        (("g_loss", "d_loss"), False),
        (("Loss/Generator", "Loss/Discriminator"), False),
    ],
)
def test_losses_that_need_not_fall_are_told_by_their_columns(columns: tuple[str, ...], aim: bool) -> None:
    """A reward, a policy, or a generator and its judge among the columns: the loss says little."""
    assert (why_no_aim(columns) == "") is aim


def test_the_loss_of_reinforcement_learning_is_not_accused(tmp_path: Path) -> None:
    """A policy's loss that rises while the reward does is no divergence, and nan still is one."""
    rising = 1e-6 * STEPS * scatter(0.3)
    found = nbtrain.diagnose(trainer_state(tmp_path, rising, reward=0.2 + STEPS / 1000))

    assert found.primary is None
    gaps = dict(found.found.gaps)
    assert "reinforcement learning" in gaps["divergence"] and "nan-loss" not in gaps
    broken = np.where(STEPS < 603, rising, np.nan)
    assert nbtrain.diagnose(trainer_state(tmp_path, broken, reward=STEPS / 1000)).primary == "nan-loss"


def test_rows_that_are_diagnosed_stay_as_they_are() -> None:
    """Rows of a person's own, with accuracies in percent, are read and not changed."""
    row = dict.fromkeys(COLUMNS, 1.0) | {"epoch": 1, "step": 1, "train_acc": 91.0, "val_acc": 90.0}
    rows = [row, row | {"epoch": 2, "step": 2}]
    nbtrain.diagnose(rows)

    assert [one["val_acc"] for one in rows] == [90.0, 90.0]
