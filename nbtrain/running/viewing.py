"""Who shows a run to a person. Told from above by the front that is there;
without one, a run is only its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

viewer: Callable[[Any], Any] | None = None
# Shows a run that goes on in the cell itself; returns what to call once it is over.
# Returns what a person calls the cell that a file name of Python stands for; "" for a real file.
cell_of: Callable[[str], str] | None = None
# Returns the number of the cell that runs just now, None outside of one.
cell_now: Callable[[], int | None] | None = None
# Returns the cells that were run so far, oldest first, the one that runs now last: (number, text) each.
cells: Callable[[], list[tuple[int, str]]] | None = None
foreground: Callable[[Any], Callable[[], Any]] | None = None
