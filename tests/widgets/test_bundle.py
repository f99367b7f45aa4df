"""The bundle: what stands in for it, and that its colours are those of the reports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbtrain.report import theme
from nbtrain.widgets.bundle import STUB, script, style

ROOT = Path(__file__).resolve().parents[2]
LOOK = ROOT / "js" / "src" / "look.css"


def test_without_a_bundle_widgets_say_so(tmp_path: Path) -> None:
    """A bare checkout imports and shows a sentence with the remedy; a built one is used."""
    assert script("panel", folder=tmp_path) == STUB
    assert style("panel", folder=tmp_path) == ""
    assert "pip install ." in STUB
    (tmp_path / "panel.js").write_text("export default {}")
    assert script("panel", folder=tmp_path) == tmp_path / "panel.js"


@pytest.mark.parametrize(("selector", "dark"), [(r"\.nbt", False), (r"\.nbt\[data-theme=\"dark\"\]", True)])
def test_the_panel_has_the_colours_of_the_reports(selector: str, dark: bool) -> None:
    """Every colour of the style sheet is the one of the same name in the report's theme, light and dark."""
    found = re.search(rf"^{selector} \{{\n  --nbt(.*?)\n\}}", LOOK.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    mine = dict(re.findall(r"--nbt-([a-z0-9-]+): (#[0-9a-f]{6});", found.group()))
    extras = {name for name in theme.LIGHT if name.startswith("extra-")}

    assert mine == {name: value for name, value in theme.palette(dark=dark).items() if name not in extras}
