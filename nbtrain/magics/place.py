"""A place in a cell: one display whose content changes, and which is found again in the notebook's document.

A page that was loaded again while a run trains gets no more updates of displays: the request they belong to
is unknown to it. Its widgets do reach the kernel, so each place bears a name in its metadata, and a widget
that is still shown after it should have gone asks what the places show; js/src/places.js puts that into the
document.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

from IPython.display import display

MARK = "nbtrain"  # of the metadata that name a place


class Place:
    """A display in the running cell.

    Args:
        data: MIME type -> content, shown now. metadata: MIME type -> what belongs to it.
    """

    def __init__(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        self.name = uuid.uuid4().hex[:16]
        self._handle = display(dict(data), metadata=self._named(metadata), raw=True, display_id=True)

    def fill(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Show this instead."""
        self._handle.update(dict(data), metadata=self._named(metadata), raw=True)

    def as_output(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what a page has to put into its document to show this here."""
        texts = {
            kind: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for kind, value in data.items()
        }
        return {"place": self.name, "data": texts, "metadata": self._named(metadata)}

    def _named(self, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**(metadata or {}), MARK: {"place": self.name}}
