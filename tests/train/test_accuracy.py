"""Accuracy against counting by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from setups import net
from torch import Tensor, nn

from nbtrain.train.accuracy import KEPT, KEPT_NUMEL, Tally, find_accuracy

torch.manual_seed(0)
SAID = torch.tensor([[0, 1, 0], [1, 0, 0]])
IGNORED = torch.tensor([[0, 2, -100], [1, -100, -100]])
CASES: dict[str, tuple[Any, Tensor, Tensor, float]] = {
    "classes": (nn.CrossEntropyLoss(), torch.eye(3)[[0, 1, 2, 0]], torch.tensor([0, 1, 0, 0]), 3 / 4),
    "own loss": (None, torch.eye(3)[[0, 1]], torch.tensor([0, 2]), 1 / 2),
    "ignored samples": (nn.CrossEntropyLoss(), torch.eye(3)[[0, 1, 2]], torch.tensor([0, -100, 1]), 1 / 2),
    "own ignore_index": (
        nn.CrossEntropyLoss(ignore_index=0),
        torch.eye(3)[[0, 1]],
        torch.tensor([0, 1]),
        1.0,
    ),
    "sequence": (nn.CrossEntropyLoss(), torch.eye(3)[SAID].transpose(1, 2), IGNORED, 2 / 3),
    "binary logits": (
        nn.BCEWithLogitsLoss(),
        torch.tensor([2.0, -1.0, 0.3]),
        torch.tensor([1.0, 0.0, 0.0]),
        2 / 3,
    ),
    "binary probabilities": (nn.BCELoss(), torch.tensor([0.7, 0.4]), torch.tensor([1.0, 1.0]), 1 / 2),
}


@pytest.mark.parametrize("name", CASES)
def test_accuracy_counts_what_is_judged(name: str) -> None:
    """Classes, sequences and binary answers are counted, ignored positions are not."""
    criterion, output, target, expected = CASES[name]
    tally = Tally(find_accuracy(criterion, output, target))
    tally.add(output, target)

    assert tally.take() == pytest.approx(expected)
    assert tally.take() != tally.take(), "nothing judged is NaN"


@pytest.mark.parametrize(
    ("criterion", "output", "target"),
    [
        (nn.MSELoss(), torch.zeros(4, 3), torch.zeros(4, 3)),
        (nn.CrossEntropyLoss(), torch.zeros(4, 3), torch.zeros(4, 3)),
        (nn.CrossEntropyLoss(), torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64)),
        (None, "text", torch.zeros(4, dtype=torch.int64)),
        (None, torch.zeros(4, 3), None),
    ],
)
def test_what_is_no_classification_has_no_accuracy(criterion: Any, output: Any, target: Any) -> None:
    """Regression, soft targets, one output and unknown things are not judged."""
    assert find_accuracy(criterion, output, target) is None


def test_batches_of_all_sizes_are_summed_exactly() -> None:
    """Small batches, a smaller last one, large ones and sequences of several lengths count exactly."""
    hits = find_accuracy(None, torch.zeros(2, 5), torch.zeros(2, dtype=torch.int64))
    tally, right, judged = Tally(hits), 0, 0
    shapes = [(7, 5)] * (2 * KEPT + 3) + [(3, 5)] + [(KEPT_NUMEL, 5)] + [(2, 5, 4), (2, 5, 6)]
    for shape in shapes:
        output = torch.randn(shape)
        target = torch.randint(0, 5, (shape[0], *shape[2:]))
        tally.add(output, target)
        right += int((output.argmax(1) == target).sum())
        judged += target.numel()

    assert tally.take() == pytest.approx(right / judged, abs=0)


def test_a_loader_that_fills_the_same_tensors_again_is_counted_right() -> None:
    """Batches written over are left out once noticed, and every later one is judged at once."""
    hits = find_accuracy(None, torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))
    tally, target = Tally(hits), torch.zeros(4, dtype=torch.int64)
    for label in [0, 1, 2] * 20:
        target.fill_(label)
        tally.add(torch.eye(3)[[label] * 4], target)

    assert tally.take() == 1.0


def test_what_is_kept_keeps_no_graph_alive() -> None:
    """Outputs kept to be judged later hold no graph: they need no gradient."""
    hits = find_accuracy(None, torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))
    tally = Tally(hits)
    tally.add(net()(torch.zeros(2, 8)), torch.zeros(2, dtype=torch.int64))

    assert not tally._kept[0][0].requires_grad
