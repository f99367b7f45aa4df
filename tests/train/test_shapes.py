"""Output shapes without a run: as a real forward shows them, and nothing is changed by the look."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from setups import digits, loader, net
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrain.train import shapes
from nbtrain.train.shapes import find_shapes
from nbtrain.train.untouched import output_shapes


class Tied(nn.Module):
    """Uses a layer twice, and a weight of another."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.block = nn.Embedding(30, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 30, bias=False)
        self.head.weight = self.table.weight
        self.same = self.block
        self.parts = [self.block]  # a plain list knows the layer too

    def forward(self, x: Any) -> Any:
        return self.head(self.parts[0](self.block(self.table(x))))


class OwnLoss(nn.Module):
    """Makes its loss from both parts of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Any, target: Any) -> Any:
        logits = self.layer(x)
        return {"loss": nn.functional.cross_entropy(logits, target), "logits": logits}


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "image": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 2)),
        lambda: (torch.randn(5, 3, 8, 8), torch.zeros(5)),
    ),
    "text": (Tied, lambda: (torch.zeros(3, 6, dtype=torch.long), torch.zeros(3, 6))),
    "own loss": (OwnLoss, lambda: (torch.randn(4, 8), torch.zeros(4, dtype=torch.long))),
    "weight norm": (
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)),
        lambda: (torch.randn(4, 8), torch.zeros(4)),
    ),
    "hooked weights": (lambda: nn.utils.spectral_norm(nn.Linear(8, 3)), lambda: (torch.randn(4, 8), None)),
}


@pytest.mark.parametrize("kind", MODELS)
def test_shapes_are_those_of_a_real_forward(kind: str) -> None:
    """Convolutions, tied and repeated layers, own losses, weights made by hooks: all as computed."""
    model, batch = MODELS[kind][0](), MODELS[kind][1]()
    with output_shapes(model) as real, torch.no_grad():
        model(*(batch if kind == "own loss" else batch[:1]))
    seen = find_shapes(model, (("batch", batch),))

    assert dict(seen.shapes) == real and len(real) >= 1
    assert seen.said == "Output shapes are those of one batch of `batch`."


class Cache:
    """An object of the person's that a forward writes into."""

    def __init__(self) -> None:
        self.kept: list[Any] = []


class Busy(nn.Module):
    """Changes everything a forward can change, and draws from every generator."""

    def __init__(self, *, decides: bool, fails: bool) -> None:
        super().__init__()
        self.inner, self.norm = nn.Linear(8, 4), nn.BatchNorm1d(4)
        self.register_buffer("seen", torch.zeros(3))
        self.register_buffer("replaced", torch.zeros(2))
        self.decides, self.fails, self.calls = decides, fails, 0
        self.last, self.state, self.late = None, torch.zeros(4), None
        self.cache, self.rng = Cache(), np.random.default_rng(3)
        self.dropped = nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.seen += random.random() + np.random.rand() + self.rng.random()
        self.replaced = torch.ones(2)
        self.state += 1
        self.norm.eval()
        print("the forward prints")
        y = self.dropped(self.norm.train()(self.inner(x)))
        self.last = y
        self.added = y
        self.cache.kept.append(y)
        if self.late is None:
            self.late = nn.Linear(4, 2)
        if self.decides and y.abs().sum() > 1e9:
            raise AssertionError("never")
        if self.fails:
            raise ValueError("not today")
        return self.late(y)


def all_of(model: Busy, data: DataLoader) -> dict[str, Any]:
    return {
        "weights": copy.deepcopy(model.state_dict()),
        "attributes": {key: id(value) for key, value in vars(model).items()},
        "parts": list(model._modules), "buffers": [id(b) for b in model.buffers()],
        "state": model.state.clone(), "kept": list(model.cache.kept), "own": model.rng.bit_generator.state,
        "modes": [module.training for module in model.modules()],
        "hooks": [list(module._forward_hooks) for module in model.modules()],
        "torch": torch.get_rng_state(), "python": random.getstate(), "numpy": np.random.get_state()[1].copy(),
        "loader": data.generator.get_state(),
    }  # fmt: skip


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("decides", [False, True], ids=["stand-in", "itself"])
def test_nothing_is_changed(decides: bool, fails: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights, attributes, modes, hooks, generators, the loader: as before to the bit, also on failure."""
    data = DataLoader(digits(), batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(5))
    model, outputs = Busy(decides=decides, fails=fails), []
    model.inner.register_forward_hook(lambda module, args, output: outputs.append(output))
    before = all_of(model, data)
    seen = find_shapes(model, (("data", data),))

    after = all_of(model, data)
    assert {name: equal(before[name], after[name]) for name in before} == dict.fromkeys(before, True)
    assert outputs == [] and capsys.readouterr().out == ""
    assert seen.shapes.get("inner") == (None if fails else "16 × 4")
    assert ("not today" in seen.said) == fails
    assert model(torch.zeros(2, 8)).shape == (2, 2) if not fails else True


def test_the_loader_that_fits_is_taken() -> None:
    """A loader of other data does not go through and is passed over; the one named is the one used."""
    wrong = DataLoader(TensorDataset(torch.zeros(8, 5), torch.zeros(8)), batch_size=4)
    seen = find_shapes(net(), (("pictures", wrong), ("train_loader", loader())))

    assert seen.shapes[""] == "16 × 3" and "`train_loader`" in seen.said
    assert "does not go through" in find_shapes(net(), (("pictures", wrong),)).said


def test_what_can_be_read_only_once_is_left_alone() -> None:
    """A generator loses no batch, and the reason is told."""
    batches = (batch for batch in loader())
    seen = find_shapes(net(), (("stream", batches),))

    assert len(list(batches)) == len(loader())
    assert seen.shapes == {} and "`stream` can be read only once" in seen.said


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (nn.ModuleList([nn.Linear(2, 2)]), "a ModuleList has no forward"),
        (nn.Sequential(nn.LazyLinear(3)), "lazy layers"),
    ],
)
def test_a_model_that_cannot_be_called_is_not_called(model: nn.Module, why: str) -> None:
    """A container and a lazy layer are left as they are, and the reason is told."""
    assert why in find_shapes(model, (("data", loader()),)).said
    assert not isinstance(model[0], nn.LazyLinear) or isinstance(model[0].weight, nn.UninitializedParameter)


class Counted(torch.utils.data.Dataset):
    def __init__(self) -> None:
        self.asked = 0

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        self.asked += 1
        return torch.zeros(8), 0


def test_the_same_look_is_not_taken_twice() -> None:
    """Nothing is drawn or computed again until the model or its loader is another."""
    dataset, model = Counted(), net()
    data = DataLoader(dataset, batch_size=4)
    first = find_shapes(model, (("data", data),))
    asked = dataset.asked

    assert find_shapes(model, (("data", data),)) is first and dataset.asked == asked > 0
    model[3] = nn.Linear(12, 7)
    assert find_shapes(model, (("data", data),)).shapes["3"] == "4 × 7"


def test_no_look_while_a_run_trains(train: Any) -> None:
    """The run's own shapes stand for its model; any other model has to wait."""
    model = net()
    run = train(model, loader(), epochs=10**6, wait=False)
    mine, other = find_shapes(model, (("data", loader()),)), find_shapes(net(), (("data", loader()),))
    run.stop()

    assert mine.shapes[""] == "16 × 3" and "the run has seen" in mine.said
    assert other.shapes == {} and "while a run trains" in other.said


def test_a_replaced_layer_has_no_shape_any_more() -> None:
    """A new head, and what it is part of, have no shape; the layers that were seen keep theirs."""
    model = nn.Sequential(net(), nn.Linear(3, 3))
    seen = find_shapes(model, (("data", loader()),))
    assert seen.still(model) == dict(seen.shapes)
    model[0][3] = nn.Linear(12, 3)

    assert set(seen.shapes) - set(seen.still(model)) == {"", "0", "0.3"}


def test_a_look_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen until the time was up is kept, and it is said that there is more."""
    monkeypatch.setattr(shapes, "BUDGET_S", 0.0)
    model = net(norm=True)
    seen = find_shapes(model, (("data", loader()),))

    assert dict(seen.shapes) == {"0": "16 × 12"} and "the rest is left out" in seen.said
    assert model[0]._forward_hooks == {} and int(model[1].num_batches_tracked) == 0
