"""A comm that records what a widget says, so that widgets are tested without a kernel."""

from __future__ import annotations

from typing import Any

from comm.base_comm import BaseComm


class RecordingComm(BaseComm):
    """Keeps every message: (type, data, buffers)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.said: list[tuple[str, dict[str, Any], list[bytes]]] = []
        super().__init__(*args, **kwargs)

    def _reply_subshell_for(self, data: Any, default: Any) -> Any:
        """As in ipykernel 7.4: sends what the page says to the shell that spoke last."""
        return "main"

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        self.said.append((msg_type, data or {}, [bytes(b) for b in buffers or []]))

    def customs(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        """Return custom messages of a type."""
        sent = [
            (data["content"], buffers) for _, data, buffers in self.said if data.get("method") == "custom"
        ]
        return [(content, buffers) for content, buffers in sent if content["type"] == kind]

    def states(self) -> list[dict[str, Any]]:
        """Return the trait updates."""
        return [data["state"] for _, data, _ in self.said if data.get("method") == "update"]


def from_page(widget: Any, message: dict[str, Any]) -> None:
    """Hand a widget a message as if a page had sent it."""
    widget._handle_custom_msg(message, [])
