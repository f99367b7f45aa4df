"""cleanup: what lies about in a folder, with the command to remove each. It never deletes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.housekeeping.looking import LARGE_BYTES, look
    from nbtrain.housekeeping.report import cleanup_report
    from nbtrain.units import MIB

    if args.large is not None and args.large <= 0:
        raise UsageError(
            f"--large {args.large}: it must be a number of MiB above 0.", suggestion="--large 512"
        )
    large = LARGE_BYTES if args.large is None else int(args.large * MIB)
    return cleanup_report(look(Path(args.folder or "."), large_bytes=large))


COMMAND = Command(
    "cleanup",
    "list what lies about, with its removal; delete nothing",
    _run,
    (
        Argument(("folder",), "folder to look through (the working folder)", metavar="FOLDER"),
        Argument(("--large",), "files from so many MiB on are listed as large (512)", float, metavar="MIB"),
    ),
    examples=("", "runs --large 100"),
)
