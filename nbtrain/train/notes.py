"""What the training thread has to say of a run: alerts, events of its manifest, lines of its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbtrain.findings import Finding
from nbtrain.runs.manifest import utc_now


@dataclass(frozen=True)
class Notes:
    """Where it goes; none of these raises.

    Attributes:
        alert: takes a finding. add_event: takes an event of the manifest. log: takes a line of training.log.
    """

    alert: Callable[[Finding], Any]
    add_event: Callable[[dict[str, Any]], Any]
    log: Callable[[str], Any]

    def event(self, kind: str, **values: Any) -> None:
        """Note a change that was made while it ran; values are JSON-ready, None is left out."""
        said = {key: value for key, value in values.items() if value is not None}
        self.add_event({"at": utc_now(), "kind": kind, **said})
