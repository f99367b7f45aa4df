"""The inspector follows living objects, tells only what changed, and lets them go."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from made_run import made_objects
from recording import from_page
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.notebook.seen_shapes import SeenShapes
from nbtrain.widgets.inspector import Inspector, inspector_for


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a thread; the test's own time limit ends a wait in vain."""
    while not (found := condition()):
        time.sleep(0.01)
    return found


def watching(inspector: Inspector) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t is inspector._watch._thread]


def test_first_everything_then_only_changes() -> None:
    """The first look tells all, the next nothing; a frozen layer is told as rows, a new lr as groups."""
    objects = made_objects(blocks=2)
    inspector = Inspector(objects.model, model_name="net", optimizers={"opt": objects.optimizer})
    inspector._watch._fresh = True
    inspector._watch.look()
    whole = json.loads(inspector.comm.customs("model")[0][1][0])
    inspector.comm.said.clear()
    inspector._watch.look()
    silent = list(inspector.comm.said)
    objects.optimizer.param_groups[0]["lr"] = 0.25
    for parameter in objects.model[2].parameters():
        parameter.requires_grad_(False)
    inspector._watch.look()

    assert whole["head"]["name"] == "net"
    assert whole["names"][:2] == ["", "0"]
    assert silent == []
    assert inspector.comm.customs("optimizers")[0][0]["items"][0]["groups"][0]["lr"] == 0.25
    changed = {row[0]: row for row in inspector.comm.customs("model-rows")[0][0]["rows"]}
    paths = [name for name, _ in objects.model.named_modules()]
    assert changed[paths.index("2.0")][6] == "frozen"
    assert paths.index("3") not in changed
    assert inspector.comm.customs("model") == []


def test_a_page_starts_the_watch_and_its_closing_ends_it() -> None:
    """Without a page no thread looks; two pages share one; it ends with the last."""
    model = nn.Linear(3, 2)
    inspector = inspector_for(model, "net")
    assert not inspector.is_following
    for page in ("a", "b"):
        from_page(inspector, {"type": "inspect", "open": True, "page": page})
    until(lambda: inspector.comm.customs("model"))
    assert len(watching(inspector)) == 1
    from_page(inspector, {"type": "inspect", "open": False, "page": "a"})
    assert inspector.is_following
    from_page(inspector, {"type": "inspect", "open": False, "page": "b"})
    until(lambda: not inspector.is_following)

    assert watching(inspector) == []


def test_a_change_made_in_another_cell_is_seen() -> None:
    """While a page is open, an lr set by hand reaches it without being asked for."""
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
    inspector = inspector_for(optimizer, "opt")
    from_page(inspector, {"type": "inspect", "open": True, "page": "a"})
    until(lambda: inspector.comm.customs("optimizers"))
    optimizer.param_groups[0]["lr"] = 0.5
    told = until(lambda: inspector.comm.customs("optimizers")[1:])
    inspector.close()

    assert told[0][0]["items"][0]["groups"][0]["lr"] == 0.5
    until(lambda: not inspector.is_following)


def test_a_second_page_gets_everything_again() -> None:
    """A page opened later is told all, not only what changes from then on."""
    model = nn.Linear(3, 2)
    inspector = inspector_for(model, "net")
    comm = inspector.comm
    from_page(inspector, {"type": "inspect", "open": True, "page": "a"})
    until(lambda: comm.customs("loaders"))
    from_page(inspector, {"type": "inspect", "open": True, "page": "b"})
    until(lambda: len(comm.customs("loaders")) == 2)
    inspector.close()

    assert len(comm.customs("model")) == 2


def test_shapes_of_replaced_layers_vanish() -> None:
    """A new head has no shape until somebody looks again; what is known of shapes is said under the tree."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    shapes = SeenShapes.of(model, {"": "4 × 2", "0": "4 × 2", "1": "4 × 2"}, "Seen just now.")
    inspector = Inspector(model, model_name="net", output_shapes=shapes)
    inspector._watch._fresh = True
    inspector._watch.look()
    packed = json.loads(inspector.comm.customs("model")[0][1][0])
    model[1] = nn.Linear(2, 2)
    inspector._watch.look()
    [[told, _]] = inspector.comm.customs("model-rows")

    assert packed["head"]["note"] == "Seen just now."
    assert [packed["words"]["shape"][code] for code in packed["codes"]["shape"]] == ["4 × 2"] * 3
    assert {row[0]: row[-1] for row in told["rows"]} == {0: "", 2: ""}


def test_a_deleted_model_is_let_go_and_said() -> None:
    """The inspector does not keep a model in memory, and says that nothing holds it any more."""
    model = nn.Linear(3, 2)
    inspector = inspector_for(model, "net")
    inspector._watch.look()
    del model
    gc.collect()
    inspector._watch.look()

    assert "No variable holds net any more" in inspector.comm.customs("gone")[-1][0]["text"]


def test_a_model_alone_is_not_accused_of_having_no_optimizer() -> None:
    """With no optimizer known nothing is said about who trains a parameter; with one it is."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1)
    alone, known = inspector_for(model, "net"), inspector_for(model, "net", optimizers={"opt": optimizer})
    held = []
    for inspector in (alone, known):
        inspector._watch._fresh = True
        inspector._watch.look()
        packed = json.loads(inspector.comm.customs("model")[0][1][0])
        held.append([packed["words"]["held"][code] for code in packed["codes"]["held"]])

    assert held[0] == ["", "", ""]
    assert held[1][1:] == ["opt[0]", "none"]


def test_a_scheduler_and_a_loader_stand_alone() -> None:
    """Each kind of object is told apart and shown with its facts; a batch shows shapes."""
    objects = made_objects(blocks=1)
    schedule = inspector_for(objects.scheduler, "scheduler")
    data = inspector_for(objects.train_loader, "train_loader", sample=next(iter(objects.train_loader)))
    for inspector in (schedule, data):
        inspector._watch.look()
    shown = schedule.comm.customs("schedulers")[0][0]["items"][0]
    loader = data.comm.customs("loaders")[0][0]["items"][0]

    assert len(shown["lrs"]) == 200
    assert loader["batch_size"] == 32
    assert loader["sample"][0]["dtype"] == "float32"


def test_what_cannot_be_inspected_is_named() -> None:
    """A number is refused with its name and kind, and with what can be passed."""
    with pytest.raises(UsageError, match=r"`x` is a int.*Pass a model"):
        inspector_for(3, "x")
    with pytest.raises(UsageError, match="nothing to inspect"):
        Inspector()
