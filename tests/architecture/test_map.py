"""docs/architecture.md is the map: a clause for every file, none for a file that is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_map_shows_every_file() -> None:
    """The map is what the files say of themselves now; the failure names the command that writes it."""
    command = [sys.executable, "docs/map.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_map_is_not_empty() -> None:
    """The map names the library, the loop and itself, so the check cannot pass on an empty page."""
    page = (ROOT / "docs" / "architecture.md").read_text()

    assert all(f"`{name}`: " in page for name in ("errors.py", "loop.py", "architecture/test_map.py"))
