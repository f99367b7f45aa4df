"""status: a run, live when it trains, as it ended when it is over."""

from __future__ import annotations

from nbtrain.commands.pick import pick
from nbtrain.commands.spec import Argument, Command

COMMAND = Command(
    "status",
    "show a run, live when it trains",
    lambda args, context: pick(args.run, root=context.runs_dir),
    (Argument(("run",), "id, name or folder; the newest when left out", metavar="RUN"),),
    examples=("%train status", "nbtrain status digits-20260101-120000-ab12"),
)
