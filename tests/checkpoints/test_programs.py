"""What a program of torch.export would run when it is loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path

from nbtrain.checkpoints.programs import unsafe_in


def test_compiled_code_in_a_program_is_named(tmp_path: Path) -> None:
    """A .pt2 that brings a compiled library is not safe: torch would load it, with no pickle to be seen."""
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as archive:
        archive.writestr("m/data/aotinductor/model/model.so", b"\x7fELF")

    assert "model.so (compiled code" in unsafe_in(tmp_path / "m.pt2")[0]
