"""plan: everything `start` would do, shown and rehearsed on one batch, with nothing started and nothing
changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands import start
from nbtrain.commands.spec import Command, Context


def plan(args: SimpleNamespace, context: Context) -> Any:
    """Return the plan as a report, with `--dry-run` after some steps whose traces are gone."""
    if not args.dry_run:
        return start.resolve(args, context).report()
    from nbtrain.commands.dry_run import rehearsed
    from nbtrain.train.dry_run import STEPS

    steps = args.max_steps or STEPS
    args.max_steps = None  # of the dry run, and not of the run that is planned
    return rehearsed(start.resolve(args, context), steps, context)


COMMAND = Command(
    "plan",
    "resolve everything, rehearse one batch, show the plan",
    plan,
    (start.OBJECTS, *start.OPTIONS, start.DRY),
    with_objects=(
        "--epochs 20", "model train_loader --val val_loader",
    ),
    examples=("--config training_config.yaml --dry-run --max-steps 10",),
)  # fmt: skip
