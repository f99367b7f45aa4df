"""Whether run folders can be made somewhere, tried before anything is planned; nothing is left there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nbtrain.runs.files import TEMPORARY, disk_trouble


def refuse_unwritable(root: str | os.PathLike[str]) -> None:
    """Refuse a folder of run folders that cannot be written to, or cannot be made.

    Raises:
        RunFolderError: where and why.
    """
    root = Path(os.path.abspath(Path(root).expanduser()))  # noqa: PTH100 - resolve() would follow links
    try:
        there = root
        while not there.is_dir() and not there.is_file() and there != there.parent:
            there = there.parent
        Path(tempfile.mkdtemp(dir=there, prefix=TEMPORARY)).rmdir()
    except OSError as error:
        raise disk_trouble(error, "make a run folder", root) from error
