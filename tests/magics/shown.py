"""What a cell of the kernel shows: pictures, widgets, and the messages that bring them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"


def pictures(cell: Any) -> list[dict[str, Any]]:
    return [data for data in cell.shown if "image/png" in data]


def has_widget(cell: Any) -> bool:
    return any(WIDGET in data for data in cell.shown)


def came(cell: Any, wanted: Callable[[dict[str, Any]], bool]) -> Callable[[dict[str, Any]], bool]:
    """Recognise the message that puts something wanted into a display of the cell."""
    places = {one["content"].get("transient", {}).get("display_id") for one in cell.messages}

    def seen(one: dict[str, Any]) -> bool:
        content = one["content"]
        here = one["msg_type"] == "update_display_data" and content["transient"]["display_id"] in places
        return here and wanted(content["data"])

    return seen


def picture_came(cell: Any) -> Callable[[dict[str, Any]], bool]:
    return came(cell, lambda data: "image/png" in data)


def report_came(cell: Any) -> Callable[[dict[str, Any]], bool]:
    return came(cell, lambda data: data["text/plain"].startswith("Training "))
