"""What is measured: improvement with its sign, best epochs, gap, time, settings, and units."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nbtrain
from nbtrain.compare.directions import direction_of
from tests.compare.conftest import Writer, rows


@pytest.mark.parametrize(
    ("name", "way"),
    [("val_loss", "down"), ("val_acc", "up"), ("valF1Score", "up"), ("val_auc", "up"),
     ("val_perplexity", "down"), ("top1_error", "down"), ("dice_loss", "down"), ("brier_score", "down"),
     ("neg_mse", "up"), ("val_wer", "down"), ("val_mean_iou", "up"), ("r2", "up"),
     ("nll", "down"), ("val_zeta", None), ("score", None)],
)  # fmt: skip
def test_directions_are_read_from_names(name: str, way: str | None) -> None:
    """The last telling word decides; a name that tells nothing has no direction."""
    assert direction_of(name) == way


def test_positive_is_better_whatever_the_direction(write: Writer) -> None:
    """A lower loss and a higher accuracy are both positive, in the metric's own unit."""
    base = [{"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "val_acc": 0.5, "val_perplexity": 20.0}]
    opt = [{"epoch": 1, "train_loss": 2.5, "val_loss": 0.8, "val_acc": 0.6, "val_perplexity": 10.0}]
    found = {one["name"]: one for one in nbtrain.compare(write("a", base), write("b", opt)).metrics}

    assert found["val_loss"]["absolute"] == pytest.approx(0.2)
    assert found["val_loss"]["relative_percent"] == pytest.approx(20)
    assert found["val_acc"]["absolute"] == pytest.approx(0.1)
    assert found["val_acc"]["relative_percent"] == pytest.approx(20)
    assert found["val_perplexity"]["absolute"] == pytest.approx(10)
    assert found["train_loss"]["absolute"] == pytest.approx(-0.5)
    assert found["val_loss"]["direction"] == "down"


def test_a_custom_metric_has_the_direction_that_is_declared(write: Writer) -> None:
    """Without a declaration there is no improvement and it is said; --up and --down give one, by stem too."""
    a = write("a", [{"epoch": 1, "val_loss": 1.0, "val_zeta": 4.0}])
    b = write("b", [{"epoch": 1, "val_loss": 1.0, "val_zeta": 6.0}])

    def zeta(**declared: object) -> dict:
        return next(one for one in nbtrain.compare(a, b, **declared).metrics if one["name"] == "val_zeta")

    assert zeta()["absolute"] is None
    assert nbtrain.compare(a, b).to_dict()["direction_unknown"] == ["val_zeta"]
    assert zeta(up=["val_zeta"])["absolute"] == 2
    assert zeta(down="zeta")["absolute"] == -2
    assert nbtrain.compare(a, b, up="zeta", metric="val_zeta").to_dict()["headline_metric"] == "val_zeta"


def test_each_side_is_taken_at_its_best_epoch_with_the_last_beside_it(write: Writer) -> None:
    """All metrics are those of the epoch best by validation, a side each; the last epochs stand beside."""
    peak = [0.5, 0.7, 0.9, 0.6]
    base = [
        {"epoch": at, "val_acc": acc, "val_loss": 1 - acc, "train_acc": 0.1 * at}
        for at, acc in enumerate(peak, 1)
    ]
    opt = [
        {"epoch": at, "val_acc": 0.2 * at, "val_loss": 1 - 0.2 * at, "train_acc": 0.9} for at in range(1, 6)
    ]
    found = nbtrain.compare(write("a", base), write("b", opt))
    data, metrics = found.to_dict(), {one["name"]: one for one in found.metrics}

    assert (data["baseline"]["best_epoch"], data["optimized"]["best_epoch"]) == (3, 5)
    assert metrics["train_acc"]["baseline"] == pytest.approx(0.3)
    assert metrics["val_acc"]["baseline"] == 0.9
    assert metrics["val_acc"]["baseline_last"] == 0.6
    assert metrics["val_acc"]["absolute"] == pytest.approx(0.1)
    assert metrics["val_acc"]["absolute_last"] == pytest.approx(0.4)


def test_the_change_of_the_gap_is_negative_where_it_became_smaller(write: Writer) -> None:
    """The gap is train minus validation accuracy; its change is optimized minus baseline."""
    a = write("a", [{"epoch": 1, "train_acc": 0.95, "val_acc": 0.75, "val_loss": 1}])
    b = write("b", [{"epoch": 1, "train_acc": 0.90, "val_acc": 0.85, "val_loss": 1}])

    assert nbtrain.compare(a, b).to_dict()["gap_change"] == pytest.approx(-0.15)


def test_epochs_until_the_baselines_best_is_reached(write: Writer) -> None:
    """The first epoch at which the optimized side is as good as the baseline's best; None if never."""
    slow = [
        {"epoch": at, "val_acc": 0.1 * at, "val_loss": 1 - 0.1 * at, "epoch_time_s": 2.0}
        for at in range(1, 7)
    ]
    fast = [
        {"epoch": at, "val_acc": 0.2 * at, "val_loss": 1 - 0.2 * at, "epoch_time_s": 3.0}
        for at in range(1, 5)
    ]
    a, b = write("slow", slow), write("fast", fast)

    there = nbtrain.compare(a, b).to_dict()
    assert there["epochs_to_baseline_best"] == 3
    assert there["reached"]["baseline"] == 6
    assert (there["reached"]["baseline_seconds"], there["reached"]["optimized_seconds"]) == (12, 9)
    assert nbtrain.compare(b, a).to_dict()["epochs_to_baseline_best"] is None


def test_time_cost_and_memory_are_compared(write: Writer) -> None:
    """Training time is the sum of the epochs, memory the highest column with a unit, cost as it was noted."""
    a = write("a", rows(gpu_memory_gib=4.0), cost={"cost": 3.0, "currency": "EUR"})
    b = write("b", rows(gpu_memory_gib=2.0), cost={"cost": 1.5, "currency": "EUR"})
    found = {one["name"]: one for one in nbtrain.compare(a, b).to_dict()["resources"]}

    assert found["training time"]["baseline"] == pytest.approx(24)
    assert found["peak memory"]["optimized"] == 2 * 2**30
    assert found["peak memory"]["saved_percent"] == 50
    assert (found["cost"]["unit"], found["cost"]["saved_percent"]) == ("EUR", 50)
    assert "memory" not in str([one["name"] for one in nbtrain.compare(a, b).metrics])


def test_settings_that_differ_are_listed_without_the_seed(write: Writer) -> None:
    """Nested settings by their path, the same ones and the seed left out, a missing one as such."""
    a = write("a", rows(), seed=1, config={"lr": 1e-3, "seed": 1, "optimizer": {"type": "Adam", "eps": 1e-8}})
    b = write(
        "b",
        rows(),
        seed=2,
        config={"lr": 3e-4, "seed": 2, "optimizer": {"type": "AdamW", "eps": 1e-8}, "d": 1},
    )
    found = nbtrain.compare(a, b).to_dict()

    assert {one["field"]: (one["baseline"], one["optimized"]) for one in found["config_differences"]} == {
        "lr": (1e-3, 3e-4), "optimizer.type": ("Adam", "AdamW"), "d": (None, 1),
    }  # fmt: skip
    assert found["same_seed"] is False


def test_percent_and_fractions_are_brought_to_one_unit(write: Writer, tmp_path: Path) -> None:
    """A CSV log in percent and a metrics.json in fractions give the difference in fractions."""
    csv = tmp_path / "log.csv"
    csv.write_text("epoch,train_loss,val_loss,val_acc,val_f1\n1,2,2,50,40\n2,1,1,80,70\n")
    other = write("b", [{"epoch": 1, "train_loss": 1, "val_loss": 1, "val_acc": 0.9, "val_f1": 0.8}])
    found = {one["name"]: one for one in nbtrain.compare(csv, other).metrics}

    assert found["val_acc"]["absolute"] == pytest.approx(0.1)
    assert found["val_f1"]["absolute"] == pytest.approx(0.1)


def test_the_json_is_json(write: Writer) -> None:
    """to_dict holds the contract's keys and no value that JSON lacks, also where all is missing."""
    found = nbtrain.compare(write("a", []), write("b", [{"epoch": 1, "val_loss": "Infinity"}]))
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert {"verdict", "metrics", "gap_change"} <= set(data)
