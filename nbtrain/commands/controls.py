"""pause, resume, stop, save: leave a wish in a run's mailbox."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands.pick import pick
from nbtrain.commands.spec import Argument, Command, Context

RUN = Argument(("run",), "id or name of the run; the one that trains when left out", metavar="RUN")


def _pause(args: SimpleNamespace, context: Context) -> Any:
    run = pick(args.run, root=context.runs_dir, alive=True)
    run.pause()
    return f"Pausing {run.id} at the next step. %train resume goes on."


def _resume(args: SimpleNamespace, context: Context) -> Any:
    run = pick(args.run, root=context.runs_dir, alive=True)
    run.resume()
    return f"{run.id} goes on."


def _stop(args: SimpleNamespace, context: Context) -> Any:
    run = pick(args.run, root=context.runs_dir, alive=True)
    run.stop(args.after)
    return f"Stopping {run.id} after this {args.after}. Model, optimizer and history stay in the notebook."


def _save(args: SimpleNamespace, context: Context) -> Any:
    run = pick(args.run, root=context.runs_dir, alive=True)
    run.save()
    return f"Saving a checkpoint of {run.id} at the next step."


COMMANDS = {
    "pause": Command("pause", "pause a run at the next step", _pause, (RUN,)),
    "resume": Command("resume", "let a paused run go on", _resume, (RUN,)),
    "stop": Command(
        "stop", "stop a run at the next step or epoch", _stop,
        (RUN, Argument(("--after",), "step | epoch (step)", default="step")), examples=("%train stop", "%train stop --after epoch"),
    ),
    "save": Command("save", "save a checkpoint at the next step", _save, (RUN,)),
}  # fmt: skip
