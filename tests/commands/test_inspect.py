"""Tests of nbtrain.commands.inspect: objects laid open, anywhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError


def inspected(objects: dict[str, Any], *words: str) -> Any:
    return command("inspect").run(parse(command("inspect"), list(words)), Context(namespace=objects))


def test_everything_a_run_would_use(objects: dict[str, Any]) -> None:
    """Without a name model, optimizer and loaders are shown under their names in the notebook."""
    text = inspected(objects).report().to_text()

    for said in ("Model: model", "optimizer (SGD)", "train_loader (DataLoader)", "val_loader (DataLoader)"):
        assert said in text
    assert "optimizer[0]" in text


def test_a_loader_shows_a_sample(objects: dict[str, Any]) -> None:
    """Shapes, types and ranges of one batch are told; the loader's random order is as before."""
    import torch

    state = torch.get_rng_state()
    shown = inspected(objects, "train_loader")

    assert "(16, 4) float32" in shown.report().to_text()
    assert torch.equal(state, torch.get_rng_state())


def test_no_batch_is_drawn_while_a_run_trains(objects: dict[str, Any]) -> None:
    """Looking at a loader leaves the random generators of a training alone."""
    run = nbtrain.train(objects["model"], objects["train_loader"], no_val=True, epochs=10**6)

    assert inspected(objects, "val_loader").samples == {}
    run.stop()


def test_a_way_leads_to_the_object(objects: dict[str, Any]) -> None:
    """`trainer.model` is inspected as well as `model`."""
    objects["trainer"] = SimpleNamespace(model=objects["model"])

    assert inspected(objects, "trainer.model").model is objects["model"]


def test_the_callers_variables_give_names_and_owners() -> None:
    """nbtrain.inspect(net) knows that the caller's optimizer holds its parameters, and what it is called."""
    variables: dict[str, Any] = {}
    code = (
        "import torch, nbtrain\n"
        "net = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Linear(2, 1))\n"
        "opt = torch.optim.SGD(net[0].parameters(), lr=0.1)\n"
        "shown = nbtrain.inspect(net)\n"
    )
    exec(code, variables)

    text = variables["shown"].report().to_text()
    assert "Model: net" in text
    assert "opt[0]" in text and "in no optimizer" in text


def test_a_model_shows_its_output_shapes_without_a_run(objects: dict[str, Any]) -> None:
    """Any loader of the notebook that fits gives them; one that is named is taken alone."""
    import torch

    objects["pictures"] = [(torch.zeros(2, 3, 8, 8), torch.zeros(2))]
    named, found = inspected(objects, "model", "--data", "pictures"), inspected(objects, "model")
    everything = inspected(objects)

    assert "one batch of `train_loader`" in str(found) and "16 × " in str(found)
    assert "a batch of `pictures` does not go through" in str(named)
    assert everything.output_shapes.shapes == found.output_shapes.shapes
    assert "no loader is known" in str(nbtrain.inspect(objects["model"], namespace={}))
    assert "5 × " in str(nbtrain.inspect(objects["model"], data=torch.zeros(5, 4), namespace={}))


def test_optimizer_scheduler_and_run_are_told_apart(objects: dict[str, Any]) -> None:
    """Each kind of object has its section, and a run has all of them."""
    import torch

    scheduler = torch.optim.lr_scheduler.StepLR(objects["optimizer"], step_size=5)
    objects["scheduler"] = scheduler
    run = nbtrain.train(objects["model"], objects["train_loader"], no_val=True, epochs=1).wait(60)

    said = inspected(objects, "optimizer").report().to_text()
    assert "0.1" in said and "momentum" in said
    assert "maximi" not in said, "a switch that is off says nothing"
    assert "StepLR" in inspected(objects, "scheduler").report().to_text()
    assert "Output" in str(nbtrain.inspect(run))
    assert nbtrain.inspect(run).model is objects["model"]


def test_any_iterable_of_batches_is_a_loader() -> None:
    """A list of batches and a class of one's own that can be iterated again are loaders."""
    import torch

    class Mine:
        def __iter__(self) -> Any:
            yield torch.zeros(2, 3)

    assert "list" in str(nbtrain.inspect([(torch.zeros(2, 3), torch.zeros(2))]))
    assert "(2, 3)" in str(nbtrain.inspect(Mine()))


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (3, "the number 3"), ("model", "the text 'model'"), ({"a": 1}, "a dict of 1 item"),
        (iter([1]), "a list_iterator"),
    ],
)
def test_what_cannot_be_inspected_is_said(thing: Any, said: str) -> None:
    """The object is named, and what can be inspected."""
    with pytest.raises(UsageError, match=f"is {said}; I can inspect a model"):
        nbtrain.inspect(thing)


def test_an_unknown_name_gets_the_nearest(objects: dict[str, Any]) -> None:
    """A mistyped name is no guess but a question."""
    with pytest.raises(UsageError, match=r"no variable `modle` in this notebook\. Did you mean `model`"):
        inspected(objects, "modle")


def test_a_terminal_holds_no_objects() -> None:
    """Inspecting without variables says where it works."""
    with pytest.raises(UsageError, match="In a notebook: %train inspect model"):
        command("inspect").run(parse(command("inspect"), []), Context())


@pytest.mark.parametrize("trouble", ["two loaders", "stale optimizer"])
def test_the_model_is_shown_where_a_run_could_not_begin(objects: dict[str, Any], trouble: str) -> None:
    """Two training loaders or a stale optimizer leave out the output shapes, with a word, no more."""
    import copy

    import torch

    if trouble == "two loaders":
        objects["other_train_loader"] = copy.deepcopy(objects["train_loader"])
    else:
        gone = copy.deepcopy(objects["model"])
        objects["optimizer"] = torch.optim.SGD(gone.parameters(), lr=0.1)
    text = inspected(objects).report().to_text()

    for said in ("Model: model", "optimizer (SGD)", "train_loader (DataLoader)", "shapes are left out"):
        assert said in text
