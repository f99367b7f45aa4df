"""Batches of every kind are cut into parts whose losses add up to that of the whole."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbtrain.train.batch import batch_size, make_task
from nbtrain.train.pieces import cut, how_losses_add, pieces_of, samples_in, whole

Pair = namedtuple("Pair", "x y")
X, Y = torch.arange(40.0).view(10, 4), torch.arange(10)
BATCHES = {
    "tensor": X,
    "tuple": (X, Y),
    "list": [X, Y],
    "named tuple": Pair(X, Y),
    "mapping": {"x": X, "labels": Y, "scale": torch.tensor(2.0)},
    "nested": ((X, {"mask": X > 3}), Y),
    "texts beside tensors": (X, [f"text {n}" for n in range(10)]),
    "images of different sizes": ([torch.zeros(n + 1) for n in range(10)], [{"box": n} for n in range(10)]),
    "a weight for each class": {"x": X, "weight": torch.ones(3), "y": Y},
}


def tensors(thing: Any) -> list[Any]:
    if isinstance(thing, dict):
        return [one for part in thing.values() for one in tensors(part)]
    if isinstance(thing, (tuple, list)):
        return [one for part in thing for one in tensors(part)]
    return [thing]


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("count", [2, 3, 10])
def test_parts_are_the_whole(name: str, count: int) -> None:
    """Parts have the form of the whole, equal sizes as far as that goes, and every sample once, in order."""
    batch = BATCHES[name]
    parts = cut(batch, count)
    assert samples_in(batch) == 10
    assert sum(size for _, size in parts) == 10
    assert len(parts) == count
    assert max(size for _, size in parts) - min(size for _, size in parts) <= 1
    assert all(type(part) is type(batch) for part, _ in parts)
    rows: list[Any] = []
    for part, size in parts:
        assert samples_in(part) == size
        first = tensors(part)[0] if name != "images of different sizes" else part[0]
        rows += list(first)
    expected = BATCHES[name][0] if name == "images of different sizes" else tensors(batch)[0]
    assert all(torch.equal(a, b) for a, b in zip(rows, expected, strict=True))


@pytest.mark.parametrize("batch", [torch.tensor(1.0), "text", None, object(), (), [], ([1, 2], X)])
def test_what_has_no_samples_is_left_whole(batch: Any) -> None:
    """What cannot be cut is one piece."""
    assert samples_in(batch) == 0
    assert [piece.batch for piece in pieces_of([batch], 1)] == [batch]


class Graphs:
    """A batch of graphs as PyTorch Geometric has it."""

    def __init__(self, graphs: list[int]) -> None:
        self.graphs, self.num_graphs = graphs, len(graphs)

    def to_data_list(self) -> list[int]:
        return self.graphs

    @classmethod
    def from_data_list(cls, graphs: list[int]) -> Graphs:
        return cls(graphs)


def test_batches_of_graphs_are_cut_by_their_own_means() -> None:
    """A batch that knows its graphs is taken apart and put together by them."""
    assert [part.graphs for part, _ in cut(Graphs([1, 2, 3]), 2)] == [[1, 2], [3]]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("most", [1, 3, 4, 5, 9, 10, 99])
def test_the_losses_of_the_pieces_add_up(reduction: str, most: int) -> None:
    """However a step is cut, gradient and loss are those of the step, for means and for sums."""
    torch.manual_seed(0)
    model, loss = nn.Linear(4, 3), nn.CrossEntropyLoss(reduction=reduction)
    group = [(torch.randn(10, 4), torch.randint(0, 3, (10,))), (torch.randn(7, 4), torch.randint(0, 3, (7,)))]

    def gradients(pieces: Any) -> tuple[float, Tensor]:
        model.zero_grad()
        total = 0.0
        for piece in pieces:
            part = loss(model(piece.batch[0]), piece.batch[1]) / piece.divisor
            part.backward()
            total += float(part)
        return total, model.weight.grad.clone()

    adds = how_losses_add(lambda batch: loss(model(batch[0]), batch[1]), group[0])
    assert adds == reduction
    wanted, gradient = gradients(whole(group))
    pieces = pieces_of(group, most, adds=adds)
    assert all(batch_size(piece.batch) <= most for piece in pieces)
    total, cut_gradient = gradients(pieces)
    assert total == pytest.approx(wanted, rel=1e-5)
    assert torch.allclose(gradient, cut_gradient, rtol=1e-4, atol=1e-6)


def test_halves_divide_as_accumulation_by_hand_does() -> None:
    """Two equal halves are divided by exactly two, so that bits agree with accumulate=2."""
    assert [piece.divisor for piece in pieces_of([(X, Y)], 5)] == [2, 2]
    assert [piece.divisor for piece in pieces_of([(X, Y), (X, Y)], 5)] == [4, 4, 4, 4]


def test_losses_that_do_not_add_up_are_told() -> None:
    """A mean over tokens, of which samples have different numbers, and a contrast of samples are other."""
    tokens = torch.tensor([[1, 2, 3, 4], [1, -100, -100, -100]])
    logits = torch.randn(2, 4, 5)
    ignoring = (logits, tokens)
    assert how_losses_add(lambda b: F.cross_entropy(b[0].flatten(0, 1), b[1].flatten()), ignoring) == "other"
    assert how_losses_add(lambda b: (b[0] @ b[0].T).logsumexp(1).mean(), (X / 40, Y)) == "other"
    assert how_losses_add(lambda b: b[0].mean(), (X[:1], Y[:1])) == "other"


def test_a_task_is_asked_as_the_loop_asks_it() -> None:
    """Pieces go through the same task as whole batches."""
    model = nn.Linear(4, 3)
    task = make_task(model, nn.CrossEntropyLoss(), (X, Y % 3))
    assert how_losses_add(lambda batch: task.loss(model, batch)[0], (X, Y % 3)) == "mean"
