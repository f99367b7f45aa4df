"""pause, stop, save, set: leave a wish in a run's mailbox."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands.pick import pick_living
from nbtrain.commands.spec import DIR, Argument, Command, Context
from nbtrain.errors import UsageError

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


def _set(args: SimpleNamespace, context: Context) -> str:
    wishes: dict[str, str] = {}
    runs: list[str] = []
    for word in args.wishes:
        name, equals, value = word.partition("=")
        if not equals:
            runs.append(word)
        elif name.lstrip("-").replace("-", "_") in wishes:
            raise UsageError(f"`{name}` is said twice.", suggestion="Say it once.")
        else:
            wishes[name.lstrip("-").replace("-", "_")] = value
    if len(runs) > 1:
        raise UsageError(
            f"`{runs[1]}` is neither a run nor NAME=VALUE.", suggestion="For example: %train set lr=1e-4"
        )
    run = pick_living(runs[0] if runs else None, context, verb="set", dir=args.dir)
    edits = run.change(wishes)
    cautions = "".join(f" {edit.caution}" for edit in edits if edit.caution)
    return f"{run.id} at its next step: {', '.join(edit.said for edit in edits)}.{cautions}"


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
    "set": Command(
        "set",
        "change lr, epochs, max_steps or patience of a run while it trains",
        _set,
        (
            Argument(
                ("wishes",), "NAME=VALUE, and which run if several train", many=True, metavar="NAME=VALUE"
            ),
            DIR,
        ),
        examples=("lr=1e-4", "lr=*0.5 epochs=30", "patience=off"),
        notebook_only=True,
    ),
}
