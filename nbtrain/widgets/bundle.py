"""Where the bundled scripts and style sheets are, and what stands in where they were not built.

Knows nothing of widgets. The bundle is made by hatch_build.py from js/; a bare checkout has none, and
importing and testing without a browser must work all the same.
"""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"

STUB = """
export default {
  render({ el }) {
    el.textContent = "nbtrain's live view is not built here. In the checkout run: pip install .";
  },
};
"""


def script(name: str, *, folder: Path = STATIC) -> Path | str:
    """Return the path of the bundle `name`, or a script that says that it is missing."""
    path = folder / f"{name}.js"
    return path if path.is_file() else STUB


def style(name: str, *, folder: Path = STATIC) -> Path | str:
    """Return the path of the style sheet `name`, or an empty one."""
    path = folder / f"{name}.css"
    return path if path.is_file() else ""
