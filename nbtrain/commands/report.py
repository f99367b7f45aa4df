"""report: what a run came to, in words, numbers and curves."""

from __future__ import annotations

from nbtrain.commands.finish import completion
from nbtrain.commands.pick import pick
from nbtrain.commands.spec import Argument, Command

COMMAND = Command(
    "report",
    "show what a run came to",
    lambda args, context: completion(pick(args.run, root=context.runs_dir)),
    (Argument(("run",), "id, name or folder; the newest when left out", metavar="RUN"),),
)
