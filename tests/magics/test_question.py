"""The Start button under a plan, in a real kernel: it starts, refuses, gives way, and keeps nothing alive."""

from __future__ import annotations

from typing import Any

import pytest
from shown import WIDGET, has_widget, picture_came

pytestmark = pytest.mark.kernel

ENDLESS = "%train --epochs 1000000 --yes"


def test_start_is_clicked(live: Any) -> None:
    """A planned run waits behind its Start button; a click starts it: the plan folds, the panel is shown."""
    cell = live("run = %train --epochs 1000000")
    assert "Everything it does" not in cell.text
    assert "Does this configuration look correct? Any changes?" in cell.text
    assert "planned" in live("str(run.status)").text
    bars = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    assert len(bars) == 1

    live.send(bars[0], {"type": "start"})
    live.wait_for(lambda one: one["msg_type"] == "update_display_data" and WIDGET in one["content"]["data"])

    assert "True" in live("run.status.alive").text
    assert [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data] != bars
    live("run.stop(); run.wait();")
    assert not has_widget(cell)
    assert "Started." in cell.text and "Everything it does" in cell.text


def test_a_click_on_an_old_plan_is_refused(live: Any) -> None:
    """When the model's cell ran again the button says so and nothing trains."""
    cell = live("run = %train --epochs 1")
    live("model = nn.Sequential(nn.Linear(4, 2))")
    (bar,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    live.send(bar, {"type": "start"})
    said = "`model` was made again since this plan: run %train again."
    live.wait_for(
        lambda one: (
            one["msg_type"] == "comm_msg" and one["content"]["data"].get("state", {}).get("note") == said
        )
    )

    assert "planned" in live("str(run.status)").text


REMADE = (
    "import gc, weakref\nmade = []\ndef make():\n"
    "    global model, optimizer\n"
    "    model = nn.Linear(4, 2)\n    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
    "    made.append((weakref.ref(model), weakref.ref(optimizer)))\n"
    "def alive():\n    gc.collect()\n    return [[ref() is not None for ref in one] for one in made]\n"
)


def flush(live: Any) -> None:
    """Have the shell forget what cells returned: `_`, `__`, `___` are pushed out, then Out is emptied."""
    for _ in range(3):
        live("0")
    live("run = None\nget_ipython().run_line_magic('reset', '-f out')")


def test_a_plan_that_never_starts_lets_go(live: Any) -> None:
    """Of plans nobody holds only the newest keeps model and optimizer; its button works, older ones close."""
    live(REMADE)
    bars = []
    for line in ("run = %train --epochs 1", "%train --epochs 1", "%train --epochs 1\nprint()"):
        live("make()")
        cell = live(line)
        bars += [(cell, data[WIDGET]["model_id"]) for data in cell.shown if WIDGET in data]
    flush(live)

    assert "[[False, False], [False, False], [True, True]]" in live("alive()").text
    assert len(bars) == 3
    for cell, _ in bars[:2]:
        assert not has_widget(cell) and "A newer plan took its place" in cell.text
    live.send(bars[0][1], {"type": "start"})
    live.send(bars[2][1], {"type": "start"})
    live.wait_for(picture_came(bars[2][0]))
    live("make()")
    live("__import__('nbtrain').last_run().wait();")
    flush(live)
    assert "[False, False, False, True]" in live("[one[1] for one in alive()]").text


def test_a_closed_plan_starts_by_hand_and_shows(live: Any) -> None:
    """The button of a plan gives way to a newer plan; run.start() still starts it, with its panel."""
    cell = live("first = %train --epochs 1")
    live("second = %train --epochs 2")
    live("first.start();")
    live.wait_for(picture_came(cell))

    assert "Started." in cell.text


def test_a_refused_start_can_be_clicked_again(live: Any) -> None:
    """When another run trains the model the button says so and stays; later it starts."""
    cell = live("second = %train --epochs 1")
    live(f"first = {ENDLESS}")
    (bar,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    live.send(bar, {"type": "start"})
    live.wait_for(
        lambda one: (
            one["msg_type"] == "comm_msg"
            and "training this model right now" in str(one["content"]["data"].get("state", {}).get("note"))
        )
    )
    assert "planned" in live("str(second.status)").text
    live("first.stop(); first.wait();")
    live.send(bar, {"type": "start"})
    live.wait_for(picture_came(cell))

    assert "completed" in live("second.wait();\nstr(second.status)").text
