"""pause, stop, save: leave a wish in a run's mailbox."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands.pick import pick_living
from nbtrain.commands.spec import DIR, Argument, Command, Context

LIVING = Argument(
    ("run",), "id, beginning of an id, name or folder; the one that trains when left out", metavar="RUN"
)


def _meant(verb: str, args: SimpleNamespace, context: Context) -> Any:
    return pick_living(args.run, context, verb=verb, dir=args.dir)


def _pause(args: SimpleNamespace, context: Context) -> str:
    run = _meant("pause", args, context)
    run.pause()
    return f"Pausing {run.id} at the next step. %train resume goes on."


def _stop(args: SimpleNamespace, context: Context) -> str:
    run = _meant("stop", args, context)
    run.stop(args.after)
    return f"Stopping {run.id} after this {args.after}. Model, optimizer and history stay in the notebook."


def _save(args: SimpleNamespace, context: Context) -> str:
    run = _meant("save", args, context)
    run.save()
    return f"Saving a checkpoint of {run.id} at the next step."


AFTER = Argument(
    ("--after",), "step | epoch (step)", default="step", choices=("step", "epoch"), metavar="WHEN"
)
COMMANDS = {
    "pause": Command("pause", "pause a run at the next step", _pause, (LIVING, DIR), notebook_only=True),
    "stop": Command(
        "stop",
        "stop a run at the next step or epoch",
        _stop,
        (LIVING, AFTER, DIR),
        examples=("", "--after epoch", "digits --after epoch"),
    ),
    "save": Command("save", "save a checkpoint at the next step", _save, (LIVING, DIR), notebook_only=True),
}
