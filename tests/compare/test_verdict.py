"""The verdict: what it says of pairs whose truth is known, and that noise names no winner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nbtrain
from tests.compare.conftest import Writer, rows

Seeds = Callable[..., Path]
LOSSES = ("train_loss", "val_loss")


def test_a_clear_gain_over_seeds_is_better(seeds: Seeds) -> None:
    """Five seeds a side three spreads apart: better, by Welch's test, with p and an interval above zero."""
    found = nbtrain.compare(
        seeds("base", [0.79, 0.80, 0.81, 0.80, 0.795]), seeds("opt", [0.83, 0.84, 0.85, 0.84, 0.835])
    )

    top = found.metrics[0]
    assert found.verdict == "better"
    assert found.to_dict()["method"] == "welch"
    assert top["name"] == "val_acc"
    assert top["p_value"] < 0.05
    assert 0 < top["interval"][0] < top["absolute"] < top["interval"][1]
    assert top["baseline_std"] > 0


def test_the_same_pair_the_other_way_round_is_worse(seeds: Seeds) -> None:
    """Exchanged, better becomes worse with the same p and the opposite sign."""
    base, opt = seeds("base", [0.79, 0.80, 0.81]), seeds("opt", [0.84, 0.85, 0.86])
    there, back = nbtrain.compare(base, opt), nbtrain.compare(opt, base)

    assert (there.verdict, back.verdict) == ("better", "worse")
    assert there.metrics[0]["p_value"] == pytest.approx(back.metrics[0]["p_value"])
    assert there.metrics[0]["absolute"] == pytest.approx(-back.metrics[0]["absolute"])


def test_noise_between_seeds_names_no_winner(seeds: Seeds) -> None:
    """Of 12 pairs drawn from one distribution, at most two are called better or worse at alpha 0.05."""
    rng = np.random.default_rng(7)
    named = 0
    for at in range(12):
        a, b = rng.normal(0.8, 0.02, 4), rng.normal(0.8, 0.02, 4)
        found = nbtrain.compare(seeds(f"a{at}", a.tolist()), seeds(f"b{at}", b.tolist()))
        named += found.verdict != "no-significant-difference"

    assert named <= 2


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.0, "no-significant-difference"), (0.03, "no-significant-difference"),
                          (0.0301, "better"), (-0.0301, "worse"), (-0.03, "no-significant-difference")],
)  # fmt: skip
def test_single_runs_need_more_than_three_points(write: Writer, gain: float, verdict: str) -> None:
    """With one run a side the rule of thumb decides, strictly above 3 points, and is called that."""
    base = [{"epoch": at, "train_loss": 1 / at, "val_loss": 1.0, "val_acc": 0.8} for at in range(1, 6)]
    opt = [{**row, "val_acc": 0.8 + gain} for row in base]
    found = nbtrain.compare(write("base", base), write("opt", opt))

    assert found.verdict == verdict
    assert found.to_dict()["method"] == "rule-of-thumb"
    assert "rule of thumb" in found.reasons[0]
    assert found.metrics[0]["p_value"] is None


def test_a_single_run_that_jumps_more_than_it_gains_is_no_winner(write: Writer) -> None:
    """5 points of gain in a curve that jumps by 8 from epoch to epoch are inside the noise."""
    found = nbtrain.compare(
        write("base", rows(0.80, epochs=30, noise=0.08, seed=1)),
        write("opt", rows(0.85, epochs=30, noise=0.08, seed=2)),
    )

    assert found.verdict == "no-significant-difference"


def test_copies_of_a_run_are_no_seeds(write: Writer) -> None:
    """The same numbers three times count once: otherwise a copy would make any difference certain."""
    base, opt = write("base", rows(0.80)), write("opt", rows(0.81))
    found = nbtrain.compare([base, base, base], [opt, opt, opt])

    assert found.verdict == "no-significant-difference"
    assert found.to_dict()["baseline"]["runs"] == ["base"]
    assert any("copy" in note for note in found.to_dict()["notes"])


def test_one_run_against_several_uses_the_rule(seeds: Seeds, write: Writer) -> None:
    """Without two runs on both sides there is no test; the spread of the several counts as noise."""
    several = seeds("base", [0.70, 0.80, 0.90])
    found = nbtrain.compare(several, write("opt", rows(0.86)))

    assert found.to_dict()["method"] == "rule-of-thumb"
    assert found.verdict == "no-significant-difference"


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        ([], "is empty"),
        ([row | dict.fromkeys(LOSSES, "NaN") if row["epoch"] > 4 else row for row in rows()], "diverged"),
        ([{**row, "train_loss": 2.0 * 1.5 ** row["epoch"]} for row in rows()], "diverged"),
        ([{"epoch": at, "train_loss": 1 / at} for at in range(1, 9)], "Other metrics"),
    ],
    ids=["empty", "nan", "rising", "no-validation"],
)  # fmt: skip
def test_what_cannot_be_compared_is_said_with_the_reason(write: Writer, spoiled: list, reason: str) -> None:
    """Empty, diverged and without a shared validation metric: not-comparable on either side."""
    good, bad = write("good", rows()), write("bad", spoiled)
    for pair in ((good, bad), (bad, good)):
        found = nbtrain.compare(*pair)

        assert found.verdict == "not-comparable"
        assert any(reason in said for said in found.reasons)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"dataset": {"name": "digits"}}, {"dataset": {"name": "letters"}}),
        ({"dataset": "digits"}, {"dataset": "letters"}),
        ({"dataset": {"name": "x", "sha256": "aa"}}, {"dataset": {"name": "x", "sha256": "bb"}}),
        ({"dataset": {"valid_samples": 100}}, {"dataset": {"valid_samples": 200}}),
        ({"config": {"dataset": "digits"}}, {"config": {"dataset": "letters"}}),
        ({"config": {"num_classes": 10}}, {"config": {"num_classes": 100}}),
    ],
)
def test_other_data_is_not_comparable(write: Writer, one: dict, other: dict) -> None:
    """Data of another name, hash, size or number of classes ends the comparison, however large the gain."""
    found = nbtrain.compare(write("base", rows(0.7), **one), write("opt", rows(0.9), **other))

    assert found.verdict == "not-comparable"
    assert "Other data" in found.reasons[0]
    assert found.to_dict()["same_data"] is False


def test_losses_of_other_kinds_are_not_comparable(write: Writer) -> None:
    """val_loss decides only where both losses are of one kind; val_acc still does."""
    bare = [{key: row[key] for key in ("epoch", "train_loss", "val_loss")} for row in rows()]
    losses = {"config": {"loss": "MSELoss"}}, {"config": {"loss": "L1Loss"}}

    assert (
        nbtrain.compare(write("a", bare, **losses[0]), write("b", bare, **losses[1])).verdict
        == "not-comparable"
    )
    with_accuracy = nbtrain.compare(write("c", rows(0.7), **losses[0]), write("d", rows(0.9), **losses[1]))
    assert with_accuracy.verdict == "better"


def test_the_same_hash_under_two_names_is_the_same_data(write: Writer) -> None:
    """A hash is surer than a name."""
    found = nbtrain.compare(
        write("a", rows(), seed=1, dataset={"name": "x", "sha256": "aa"}),
        write("b", rows(), seed=1, dataset={"name": "y", "sha256": "aa"}),
    )

    assert found.to_dict()["same_data"] is True
    assert found.to_dict()["same_seed"] is True


def test_values_prepared_otherwise_are_a_doubt(tmp_path: Path) -> None:
    """Of two runs one trained on scaled inputs: compared all the same, and the other hash is said."""

    def run(scale: float) -> Path:
        torch.manual_seed(0)
        x = torch.randn(64, 3)
        data = TensorDataset(x * scale, (x.sum(1) > 0).long())
        model = nn.Linear(3, 2)
        run = nbtrain.train(
            model, DataLoader(data, 16), val=DataLoader(data, 64), loss=nn.CrossEntropyLoss(), epochs=2,
            optimizer=torch.optim.SGD(model.parameters(), 0.1), log="json", dir=tmp_path, seed=1,
            name=f"by-{scale:g}",
        )  # fmt: skip
        run.wait(60)
        return run.dir

    found = nbtrain.compare(run(1.0), run(10.0))

    assert found.verdict != "not-comparable"
    assert "hashes differ" in found.to_markdown()


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        (0.44, "better"),
        (0.46, "no-significant-difference"),
        (0.54, "no-significant-difference"),
        (0.56, "worse"),
    ],
)
def test_a_single_loss_needs_a_tenth(write: Writer, loss: float, verdict: str) -> None:
    """Without accuracies the rule of thumb asks for 10 % of the baseline's loss."""
    base = [{"epoch": at, "train_loss": 1 / at, "val_loss": 0.5} for at in range(1, 6)]
    opt = [{**row, "val_loss": loss} for row in base]
    found = nbtrain.compare(write("base", base), write("opt", opt))

    assert found.verdict == verdict
    assert "10 % of the baseline" in found.reasons[0]
