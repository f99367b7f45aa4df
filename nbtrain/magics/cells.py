"""What happens before each cell: the thread it runs in is told apart from those that train."""

from __future__ import annotations

import sys
from typing import Any


def install(shell: Any) -> None:
    """Be called before each cell. Twice does no harm."""
    if _before not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _before)


def uninstall(shell: Any) -> None:
    """Be called no longer."""
    if _before in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", _before)


def _before(info: Any) -> None:
    """Costs less than a microsecond while nothing trains; loads nothing by itself."""
    guard = sys.modules.get("nbtrain.running.guards.randomness")
    if guard is not None:
        guard.join_this_thread()
