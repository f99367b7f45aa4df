"""status: a run, live when it trains, as it ended when it is over."""

from __future__ import annotations

from nbtrain.commands.pick import pick
from nbtrain.commands.spec import DIR, RUN, Command

COMMAND = Command(
    "status",
    "show a run, live when it trains",
    lambda args, context: pick(args.run, context, dir=args.dir),
    (RUN, DIR),
    examples=("", "digits", "digits-20260101-120000-ab12"),
)
