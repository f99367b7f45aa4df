"""pause, stop, save, set: leave a wish in a run's mailbox. wait: stand by until the run is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.pick import pick, pick_living
from nbtrain.commands.spec import DIR, Argument, Command, Context
from nbtrain.errors import UsageError, UserError
from nbtrain.units import number, seconds

LIVING = Argument(
    ("run",), "id, beginning of an id, name or folder; the one that trains when left out", metavar="RUN"
)

POLL_S = 0.05


def _meant(verb: str, args: SimpleNamespace, context: Context) -> Any:
    return pick_living(args.run, context, verb=verb, dir=args.dir)


def _pause(args: SimpleNamespace, context: Context) -> str:
    run = _meant("pause", args, context)
    if getattr(run, "pausing", False):
        return f"{run.id} is paused already, at step {run.progress.step:,}. %train resume goes on."
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


def _wait(args: SimpleNamespace, context: Context) -> str:
    """Wait for a run of this kernel; at an interrupt it stops at its next step, with everything kept.

    A notebook run from top to bottom may come here when the run is over already: that is no mistake.
    """
    from nbtrain.running import active

    run = pick(args.run, context, dir=args.dir) if args.run is not None else None
    if run is None and args.dir is None and not active.alive():
        run = active.newest()
    run = run or _meant("wait", args, context)
    if run.status.alive and not hasattr(run, "wait"):
        raise UserError(
            f"The run {run.id} trains in another process and cannot be waited for here.",
            suggestion=f"%train status {run.id} shows how it stands.",
        )
    if not run.status.over:
        _stand_by(run, context.progress or (lambda text: None))
    progress, loss = run.progress, run.latest.get("train_loss")
    said = f"{run.id} is over: {run.status} at step {progress.step:,} after {seconds(progress.elapsed_s)}"
    said += f", train loss {number(loss)}" if loss is not None else ""
    return f"{said} ({run.stop_reason.rstrip('.')})." if run.stop_reason else f"{said}."


def _stand_by(run: Any, tell: Callable[[str], Any]) -> None:
    """Return when the run is over; an interrupt stops it at its next step, a second one raises."""
    try:
        _until_over(run, tell, "Interrupting this cell stops the run at its next step.")
    except KeyboardInterrupt:
        run.stop()
        _until_over(run, tell, "It stops at its next step; interrupt once more to leave at once.")


def _until_over(run: Any, tell: Callable[[str], Any], hint: str) -> None:
    while not run.is_over:
        tell(f"Waiting for {run.id}, at step {run.progress.step:,}. {hint}")
        time.sleep(POLL_S)
    run.wait()  # shows the end where only this cell's messages are kept


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
    "wait": Command(
        "wait",
        "wait in this cell until a run is over",
        _wait,
        (LIVING, DIR),
        notebook_only=True,
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
