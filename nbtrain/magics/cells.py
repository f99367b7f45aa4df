"""What happens around each cell.

Its thread is told apart from those that train, and holds up none of them once it waits; its failure is noted.
"""

from __future__ import annotations

import sys
from typing import Any

from nbtrain.notebook import last_failure


def install(shell: Any) -> None:
    """Be called before and after each cell. Twice does no harm."""
    if _before not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _before)
        shell.events.register("post_run_cell", _after)


def uninstall(shell: Any) -> None:
    """Be called no longer."""
    if _before in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", _before)
        shell.events.unregister("post_run_cell", _after)


def _before(info: Any) -> None:
    """Costs less than a microsecond while nothing trains; loads nothing by itself."""
    guard = sys.modules.get("nbtrain.running.guards.randomness")
    if guard is not None:
        guard.join_this_thread()


def _after(result: Any) -> None:
    """Note when a cell failed, for `%train explain`, which may come after a run that failed later.

    From here on this thread waits, perhaps beside one that trains.
    """
    openmp = sys.modules.get("nbtrain.running.openmp")
    if openmp is not None:
        openmp.let_go()
    if result is not None and (result.error_in_exec is not None or result.error_before_exec is not None):
        last_failure.note()
