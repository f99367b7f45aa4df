"""report: what a run came to, in words, numbers and curves."""

from __future__ import annotations

from nbtrain.commands.finish import completion
from nbtrain.commands.pick import pick
from nbtrain.commands.spec import DIR, RUN, Command

COMMAND = Command(
    "report",
    "show what a run came to",
    lambda args, context: completion(pick(args.run, context, dir=args.dir)),
    (RUN, DIR),
    examples=("", "digits-20260101-120000-ab12"),
)
