"""Checkpoints are in the estimated time: how many there will be, and how many bytes each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from setups import loader, net

from nbtrain.train.save_time import COMMIT_S, saved_bytes, saves, time_save


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"epochs": 3, "steps": 30, "seconds": 3e3}, 3),  # each epoch's end
        ({"epochs": 1, "steps": 30, "seconds": 3.0}, 1),
        ({"epochs": 40, "steps": 80, "seconds": 0.1}, 2),  # the first epoch's end, and the run's
        ({"epochs": 40, "steps": 80, "seconds": 0.1, "judged": True}, 3),  # ... and the best one held
        ({"epochs": 100, "steps": 800, "seconds": 10.0}, 31),  # 3 % of the time
        ({"epochs": 3, "steps": 30, "seconds": 3.0, "every": 4}, 8),
        ({"epochs": 3, "steps": 30, "seconds": 3.0, "every": 5}, 6),
    ],
)
def test_how_many_checkpoints(given: dict[str, Any], expected: int) -> None:
    """Short epochs are thinned out to a share of the time, the end and a held best one come on top."""
    assert saves(**{"every": None, "judged": False, "save_s": 0.01, **given}) == expected


def test_the_number_of_saves_is_that_of_a_run(planned: Any) -> None:
    """A run that saves every few steps, and where it ends, commits as many checkpoints as were counted."""
    run = planned(net(), loader(32), epochs=5, checkpoint_every=4, keep=100).start().wait()
    counted = saves(epochs=5, steps=10, every=4, judged=False, seconds=1.0, save_s=0.01)
    assert len(run.checkpoints.all()) == counted


def test_moments_count_before_they_are_there() -> None:
    """Adam keeps two moments for each weight, SGD with momentum one; once they are there they are counted."""
    model = net()
    weights = sum(p.numel() * 4 for p in model.parameters()) + sum(b.nbytes for b in model.buffers())
    trained = sum(p.numel() * 4 for p in model.parameters())
    adam = torch.optim.AdamW(model.parameters())

    assert saved_bytes(model, torch.optim.SGD(model.parameters(), lr=0.1)) == weights
    assert saved_bytes(model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)) == weights + trained
    assert saved_bytes(model, adam) == weights + 2 * trained
    model(torch.randn(8, 8)).sum().backward()
    adam.step()
    assert weights + 2 * trained <= saved_bytes(model, adam) <= weights + 2 * trained + 4 * 20


def test_nothing_is_left_where_it_was_timed(tmp_path: Path) -> None:
    """A save is timed in the folder of the runs, which is not made and holds nothing afterwards."""
    model = net()
    times = time_save(model, torch.optim.AdamW(model.parameters()), tmp_path / "runs" / "deep")

    assert len(times) > 1 and min(times) > COMMIT_S
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: Any) -> None:
    """Where nothing can be tried, the bytes are divided by a usual rate; the start says what is wrong."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr("tempfile.TemporaryFile", _refused)

    assert len(time_save(net(), None, blocked)) == 1


def _refused(**options: Any) -> Any:
    raise PermissionError("read-only")


def test_it_is_in_the_estimate(planned: Any) -> None:
    """The time of saving is a part of its own: at least one save, and of the others what holds a run up."""
    few = planned(net(), loader(64), epochs=3).plan.estimate
    many = planned(net(), loader(64), epochs=3, checkpoint_every=1).plan.estimate

    assert few.parts["saving"] >= COMMIT_S
    assert many.parts["saving"] >= 2 * COMMIT_S
    assert "saving checkpoints" in many.basis
