"""NextCell: a button that puts code into a new cell below the one it stands in. The page does it, for only
there is the notebook's document; no kernel is needed. The other end of js/src/start.js.
"""

from __future__ import annotations

import anywidget
import traitlets

from nbtrain.widgets.bundle import script, style


class NextCell(anywidget.AnyWidget):
    """Offers a cell.

    Args:
        code: of the cell. question: what stands beside the button.

    Attributes:
        place: name of the display that shows this, by which its cell is found in the document.
    """

    _esm = script("start")
    _css = style("start")
    cell = traitlets.Unicode("").tag(sync=True)
    place = traitlets.Unicode("").tag(sync=True)
    question = traitlets.Unicode("").tag(sync=True)
    label = traitlets.Unicode("Put it below").tag(sync=True)
    icon = traitlets.Unicode("edit").tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    phase = traitlets.Unicode("asking").tag(sync=True)

    def __init__(self, code: str, question: str) -> None:
        super().__init__(cell=code, question=question)
