"""Batches of every form and losses of every kind, each trained to the weights of a loop by hand."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from setups import digits, loader, net, same_weights, twins
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nbtrain.errors import UsageError
from nbtrain.train.batch import (
    batch_size,
    check_loss,
    describe,
    logits_of,
    make_task,
    own_loss,
    to_device,
)

CE = nn.CrossEntropyLoss()
CPU = torch.device("cpu")


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


@dataclass
class Movable:
    """A batch with `.to`, as graph libraries have it."""

    x: Tensor
    y: Tensor

    def to(self, device: Any, **options: Any) -> Movable:
        return Movable(self.x.to(device), self.y.to(device))


class TakesBatch(nn.Module):
    """Calls a model with what is inside a batch."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, batch: Any) -> Tensor:
        return self.inner(batch.x)


class TakesNames(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


FORMS: dict[str, tuple[Any, Any]] = {
    "tuple": (lambda x, y: (x, y), lambda model: model),
    "list": (lambda x, y: [x, y], lambda model: model),
    "named tuple": (Pair, lambda model: model),
    "dict by name": (lambda x, y: {"x": x, "labels": y}, TakesNames),
    "dict with more than forward takes": (lambda x, y: {"x": x, "id": y, "target": y}, TakesNames),
    "dict of other names": (lambda x, y: {"input": x, "label": y}, TakesNames),
    "object with .to": (Movable, TakesBatch),
}


@pytest.mark.parametrize("form", FORMS)
def test_batches_of_every_form_train_alike(train: Any, form: str) -> None:
    """Tuples, lists, mappings and objects give the same weights and accuracy, with all samples."""
    shape, wrap = FORMS[form]
    model, hand = twins()
    optimizer = torch.optim.SGD(hand.parameters(), lr=0.1)
    hits = 0
    for x, y in loader():
        optimizer.zero_grad()
        output = hand(x)
        hits += int((output.argmax(1) == y).sum())
        CE(output, y).backward()
        optimizer.step()
    data = [shape(x, y) for x, y in loader()]
    wrapped = wrap(model)
    run = train(wrapped, data, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1)

    assert str(run.status) == "completed", run.error
    assert same_weights(model, hand)
    assert run.epochs["train_acc"].iloc[0] == pytest.approx(hits / 100)
    assert run._do.state.samples == 100


def test_tensors_and_lone_inputs_are_reconstructed(train: Any) -> None:
    """A batch that is one tensor, alone or in a tuple, is input and target."""
    for data in (DataLoader([x for x, _ in digits()], batch_size=16), [(x,) for x, _ in loader()]):
        torch.manual_seed(0)
        model = nn.Linear(8, 8)
        run = train(model, data, loss=nn.MSELoss(), epochs=3)
        assert run.epochs["train_loss"].is_monotonic_decreasing
        assert "train_acc" not in run.epochs


def test_several_inputs_stand_before_the_target(train: Any) -> None:
    """(a, b, target) calls model(a, b)."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.inner(a + b)

    model, hand = Two(), Two()
    hand.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(hand.parameters(), lr=0.1)
    for x, y in loader():
        optimizer.zero_grad()
        CE(hand(x, x), y).backward()
        optimizer.step()
    data = [(x, x, y) for x, y in loader()]
    train(model, data, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1)

    assert same_weights(model, hand)


class OwnLoss(nn.Module):
    """Gives its loss as Hugging Face models do, or in a tuple."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inner, self.kind = net(), kind

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        logits = self.inner(x)
        loss = CE(logits, labels)
        if self.kind == "scalar":
            return loss
        if self.kind == "logits, loss":
            return logits, loss
        if self.kind == "loss, logits":
            return loss, logits
        if self.kind == "loss, a number, logits":
            return loss, logits.detach().mean(), logits
        return (
            {"loss": loss, "logits": logits}
            if self.kind == "dict"
            else SimpleNamespace(loss=loss, logits=logits)
        )


@pytest.mark.parametrize(
    "kind", ["object", "dict", "scalar", "logits, loss", "loss, logits", "loss, a number, logits"]
)
@pytest.mark.parametrize("form", ["dict", "tuple"])
def test_a_models_own_loss(train: Any, kind: str, form: str) -> None:
    """A model's own loss is found as a tensor, in a mapping, an attribute or a tuple."""
    model, hand = OwnLoss(kind), OwnLoss(kind)
    hand.load_state_dict(model.state_dict())
    optimizer = torch.optim.SGD(hand.parameters(), lr=0.1)
    for x, y in loader():
        optimizer.zero_grad()
        CE(hand.inner(x), y).backward()
        optimizer.step()
    data = [{"x": x, "labels": y} if form == "dict" else (x, y) for x, y in loader()]
    run = train(
        model, data, val=data, loss=None, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1
    )

    assert str(run.status) == "completed", run.error
    assert same_weights(model, hand)
    assert run.epochs["val_loss"].notna().all()
    assert ("val_acc" in run.epochs) == (kind != "scalar")


def test_the_loss_in_a_tuple_is_the_one_number_that_learns() -> None:
    """Numbers without gradient are no loss, several with one no choice; without gradients one is enough."""
    loss, number, logits = torch.ones((), requires_grad=True), torch.tensor(2.0), torch.zeros(3, 2)

    assert own_loss((logits, loss)) is loss
    assert own_loss([number, logits, loss]) is loss
    assert own_loss((number, logits)) is number
    for nothing in ((loss, 2 * loss, logits), (number, number, logits), (logits, torch.tensor(3)), ()):
        assert own_loss(nothing) is None
    assert logits_of((loss, logits)) is logits
    assert logits_of((logits, loss)) is logits
    assert logits_of((loss, ["text"], logits)) is None


def test_a_loss_of_model_and_batch(train: Any) -> None:
    """A function (model, batch) is called with both and gives the weights of the loop by hand."""
    model, hand = twins()

    def loss_fn(model: nn.Module, batch: Any) -> Tensor:
        x, y = batch
        return CE(model(x), y) + 1e-3 * sum(p.square().sum() for p in model.parameters())

    optimizer = torch.optim.SGD(hand.parameters(), lr=0.1)
    for batch in loader():
        optimizer.zero_grad()
        loss_fn(hand, batch).backward()
        optimizer.step()
    run = train(
        model, loader(), loss=loss_fn, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1,
        val=loader(40),
    )  # fmt: skip

    assert same_weights(model, hand)
    assert run.epochs["val_loss"].notna().all()


def test_the_usual_loss_is_assumed_and_said(planned: Any) -> None:
    """Without a loss, class numbers get CrossEntropyLoss, numbers of one shape MSELoss, and it is marked."""
    run = planned(net(), loader(), loss=None)
    line = next(line for line in run.plan.lines if line.label == "Loss")
    assert (line.value, line.origin, line.marked) == ("CrossEntropyLoss", "assumed", True)

    numbers = [(x, x[:, :3]) for x, _ in loader()]
    assert planned(net(), numbers, loss=None).plan.work.criterion.__class__ is nn.MSELoss


def test_to_device_keeps_every_container() -> None:
    """Containers and what is no tensor come back in kind; tensors that are in place are not copied."""
    x = torch.ones(2)
    moved = to_device(Pair(x, [x, {"a": x, "name": "text", "n": 3}]), CPU)

    assert isinstance(moved, Pair)
    assert moved.x is x
    assert moved.y[1] == {"a": x, "name": "text", "n": 3}
    assert to_device((x, "text"), torch.device("meta"))[0].is_meta


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        (torch.zeros(5, 2), 5),
        (torch.tensor(1.0), 1),
        ((torch.zeros(4), torch.zeros(4)), 4),
        ({"text": "x", "ids": torch.zeros(3, 7)}, 3),
        (SimpleNamespace(num_graphs=6), 6),
        (Movable(torch.zeros(9, 2), torch.zeros(9)), 9),
        ((), 0),
        (object(), 1),
    ],
)
def test_batch_size(batch: Any, samples: int) -> None:
    """The samples of a batch are the first dimension of its first tensor, or what the object says."""
    assert batch_size(batch) == samples


def test_what_is_no_loss_is_refused_with_what_to_look_for() -> None:
    """A number, a vector and a constant are each refused in a sentence with the way on."""
    cases = {
        0.5: "`crit` gave float; a loss is one tensor with one number. Return it as a tensor",
        torch.ones(4, requires_grad=True): "`crit` gave a tensor of shape (4,); a loss is one number. Use "
        "reduction='mean', or .mean() it.",
        torch.tensor(1.0): "`crit` does not depend on any trainable parameter, so nothing would be learned.",
    }
    for value, text in cases.items():
        with pytest.raises(UsageError) as refused:
            check_loss(value, "crit")
        assert str(refused.value).startswith(text)


def test_the_first_batch_decides_where_nobody_could_look() -> None:
    """Without a batch to look at, the first one of the run says how batches are taken apart."""
    task = make_task(TakesNames(net()), CE)
    x, y = next(iter(loader()))
    loss, output, target = task.loss(TakesNames(net()), {"x": x, "label": y})

    assert target is y
    assert float(loss.detach()) == pytest.approx(float(CE(output, y).detach()))


def test_words_for_shapes() -> None:
    """Shapes and kinds are said in a few words."""
    assert describe(torch.zeros(32, 10)) == "(32, 10) float32"
    assert describe((torch.zeros(2), ["a"] * 9)) == "((2,) float32, a list of 9 str)"
    assert describe({"x": torch.zeros(1, dtype=torch.int64)}) == "{x: (1,) int64}"
    assert logits_of((torch.zeros(1), "rest")).shape == (1,)
