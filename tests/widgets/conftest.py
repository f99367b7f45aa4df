"""Every widget made in a test speaks into a comm that records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import comm
import ipywidgets
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "telemetry")]  # what several tests share


@pytest.fixture(autouse=True)
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every widget made in a test speaks into a RecordingComm."""
    from recording import RecordingComm

    monkeypatch.setattr(comm, "create_comm", RecordingComm)
    yield
    ipywidgets.Widget.close_all()
