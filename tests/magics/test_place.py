"""The places of a run in its cell, as a page asks for them that gets no display updates any more."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from shown import WIDGET, picture_came

pytestmark = pytest.mark.kernel


def asked(live: Any, widget: str, count: int) -> list[dict[str, Any]]:
    """Ask for the places through a widget; return the answer that has `count` of them."""

    def answered(one: dict[str, Any]) -> bool:
        content = one["content"].get("data", {}).get("content", {}) if one["msg_type"] == "comm_msg" else {}
        mine = one["content"].get("comm_id") == widget and content.get("type") == "places"
        return mine and len(content["places"]) == count

    live.send(widget, {"type": "places"})
    return live.wait_for(answered)["content"]["data"]["content"]["places"]


def named(live: Any, cell: Any) -> dict[str, dict[str, Any]]:
    """Name of a place -> what it shows, of the cell's displays."""
    shown = [one for one in cell.messages if one["msg_type"] == "display_data"]
    names = [one["content"]["metadata"].get("nbtrain", {}).get("place") for one in shown]
    return {name: live.now(one["content"]) for name, one in zip(names, shown, strict=True) if name}


def test_a_page_can_ask_what_a_run_shows(live: Any) -> None:
    """While it trains the places are the panel, afterwards picture and report, as in the displays."""
    cell = live("run = %train --epochs 1000000 --yes")
    (panel,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    (during,) = asked(live, panel, 1)
    assert during["data"][WIDGET]["model_id"] == panel and during["place"] in named(live, cell)

    live("run.stop(); run.wait();")
    live.wait_for(picture_came(cell))
    picture, report = asked(live, panel, 2)
    places = named(live, cell)
    assert base64.b64decode(picture["data"]["image/png"])[:4] == b"\x89PNG"
    assert picture["data"]["text/plain"] == places[picture["place"]]["text/plain"]
    assert picture["metadata"]["nbtrain"] == {"place": picture["place"]}
    assert report["data"] == places[report["place"]]


def test_a_page_can_ask_through_the_start_bar(live: Any) -> None:
    """After a click on Start, and after a newer plan, the bar knows what stands in its place now."""
    first = live("run = %train --epochs 1000000")
    (bar,) = [data[WIDGET]["model_id"] for data in first.shown if WIDGET in data]
    assert asked(live, bar, 0) == []
    second = live("other = %train --epochs 1")
    (gone,) = asked(live, bar, 1)
    assert "A newer plan took its place" in gone["data"]["text/plain"]

    (bar,) = [data[WIDGET]["model_id"] for data in second.shown if WIDGET in data]
    live.send(bar, {"type": "start"})
    live.wait_for(picture_came(second))
    plan, started, picture, report = asked(live, bar, 4)
    assert "Everything it does" in plan["data"]["text/plain"]
    assert "Started." in started["data"]["text/plain"] and "image/png" in picture["data"]
    assert "Training Complete" in report["data"]["text/plain"]


def test_a_place_keeps_no_run_alive(live: Any) -> None:
    """A page that asks about a run that is gone gets nothing, and the model is not held for its sake."""
    live("import gc, weakref\nmine = nn.Linear(4, 2)\nsgd = torch.optim.SGD(mine.parameters(), lr=0.1)")
    cell = live("run = %train mine --optimizer sgd --epochs 1")
    (bar,) = [data[WIDGET]["model_id"] for data in cell.shown if WIDGET in data]
    live("model_ref = weakref.ref(mine)\ndel mine, sgd\nrun = %train --epochs 1")
    for _ in range(3):
        live("0")
    live("run = None\nget_ipython().run_line_magic('reset', '-f out')")

    assert "True" in live("gc.collect(); model_ref() is None").text
    assert asked(live, bar, 0) == []
