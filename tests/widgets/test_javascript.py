"""The page's own tests, run where there is a node: `node --test js/test/` by hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).resolve().parents[2] / "js"


@pytest.mark.skipif(
    shutil.which("node") is None, reason="no node here"
)
def test_the_pages_own_tests_pass() -> None:
    """Curve store, link, module tree, axes and formats do what they promise."""
    files = sorted(str(path) for path in (JS / "test").glob("*.test.js"))
    done = subprocess.run(["node", "--test", *files], capture_output=True, text=True, timeout=120)

    assert files
    assert done.returncode == 0, done.stdout + done.stderr
