"""Accuracy against counting by hand."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from setups import net
from torch import Tensor, nn
from torch.nn import functional as F

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


LABELS = torch.tensor([0, 1, 1, 0, 2, 2])
SCORES = torch.randn(6, 5)


def contrastive(embedding: Tensor, label: Tensor) -> Tensor:
    """Supervised contrastive loss: samples of one label together, whatever the label."""
    unit = F.normalize(embedding, dim=1)
    alike = (label[:, None] == label[None]).float() - torch.eye(len(label))
    likeness = unit @ unit.T / 0.2 - 1e9 * torch.eye(len(label))
    return -(alike * F.log_softmax(likeness, 1)).sum(1).div(alike.sum(1).clamp(min=1)).mean()


class SupConLoss(nn.Module):
    def forward(self, embedding: Tensor, label: Tensor) -> Tensor:
        return contrastive(embedding, label)


class ArcFaceLoss(nn.Module):
    """Has the class weights itself: what the model gives is an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 5))

    def forward(self, embedding: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(F.normalize(embedding) @ F.normalize(self.weight).T * 16, label)


class FocalLoss(nn.Module):
    """Counts its calls, which a trial must not change."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        share = F.softmax(output, 1).gather(1, target[:, None])
        return (-((1 - share) ** 2) * share.log()).mean()


class Weighted(FocalLoss):
    """A focal loss whose name says nothing."""


def ce_loss(output: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(output, target)


@pytest.mark.parametrize(
    "criterion",
    [contrastive, SupConLoss(), ArcFaceLoss(), lambda e, y: contrastive(e, y), lambda e, y: e.square().mean(),
     nn.CosineEmbeddingLoss(), lambda e, y: 1 / 0],
    ids=["contrastive", "SupConLoss", "ArcFaceLoss", "lambda", "norm", "cosine", "fails"],
)  # fmt: skip
def test_embeddings_with_labels_have_no_accuracy(criterion: Any) -> None:
    """A loss of embeddings has the shapes of a classification, and no accuracy is made up for it."""
    assert find_accuracy(criterion, SCORES, LABELS) is None


@pytest.mark.parametrize(
    "criterion",
    [nn.NLLLoss(), nn.MultiMarginLoss(), F.cross_entropy, F.nll_loss, FocalLoss(), Weighted(), ce_loss,
     partial(F.cross_entropy, label_smoothing=0.1), lambda o, y: 3 * F.cross_entropy(o, y) + 0.1,
     lambda o, y: F.nll_loss(F.log_softmax(o, 1), y)],
)  # fmt: skip
def test_losses_of_classes_have_their_accuracy(criterion: Any) -> None:
    """torch's losses of classes, those named so, and functions that turn out to be such are judged."""
    tally = Tally(find_accuracy(criterion, SCORES, LABELS))
    tally.add(SCORES, LABELS)

    assert tally.take() == pytest.approx(float((SCORES.argmax(1) == LABELS).double().mean()))
    assert getattr(criterion, "calls", 0) == 0


def test_a_partial_s_ignore_index_is_obeyed() -> None:
    """functools.partial(F.cross_entropy, ignore_index=...) leaves those samples out."""
    tally = Tally(find_accuracy(partial(F.cross_entropy, ignore_index=0), SCORES, LABELS))
    tally.add(SCORES, LABELS)
    held = LABELS != 0

    assert tally.take() == pytest.approx(float((SCORES.argmax(1) == LABELS)[held].double().mean()))


def test_labels_beyond_the_outputs_are_no_classes() -> None:
    """Where a label is no column of the output, a person's function is no loss of classes."""
    assert find_accuracy(ce_loss, SCORES, LABELS + 9) is None


def test_a_square_sequence_is_not_judged_along_the_wrong_side() -> None:
    """With as many classes as positions, a loss that wants classes last gets no accuracy of positions."""
    torch.manual_seed(0)
    output = torch.randn(2, 4, 4)

    def flat(output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.flatten(0, 1), target.flatten())

    for target in (
        torch.randint(0, 4, (2, 4)),
        torch.arange(4).repeat(2, 1),
    ):  # the second looks right so too
        assert find_accuracy(flat, output, target) is None
    assert find_accuracy(lambda o, y: F.cross_entropy(o, y), output, target) is not None


def test_a_models_own_loss_is_judged_when_it_is_one_of_classes() -> None:
    """A named `.logits`, or a tuple whose loss is the cross-entropy of what stands beside it; no other."""
    loss = F.cross_entropy(SCORES, LABELS)

    assert find_accuracy(None, SimpleNamespace(logits=SCORES, loss=loss), LABELS) is not None
    assert find_accuracy(None, (SCORES, loss), LABELS) is not None
    assert find_accuracy(None, (contrastive(SCORES, LABELS), SCORES), LABELS) is None


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
