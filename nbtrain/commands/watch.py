"""watch: a person's own loop as a run, a cell in the background or a block in the foreground."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nbtrain.commands.cells_of_run import cells_of, current_cell
from nbtrain.commands.errors_explained import explainer
from nbtrain.commands.finish import completion, leave_reports
from nbtrain.commands.spec import DIR, Argument, Command, Context
from nbtrain.runs.root import root_words

if TYPE_CHECKING:
    from nbtrain.errors import UsageError
    from nbtrain.watch.block import WatchedBlock

ON_NAN = Argument(
    ("--on-nan",), "alert | stop: what a loss that is not finite does (alert)", metavar="WHAT",
)  # fmt: skip
ARGUMENTS = (
    Argument(("--log",), "json | tensorboard | wandb | mlflow, several with commas", metavar="BACKENDS"),
    Argument(("--name",), "name of the run", metavar="NAME"),
    DIR,
    Argument(
        ("--save-every", "--checkpoint-every", "--save-steps"),
        "steps between checkpoints of the models, optimizers and schedulers found (none)",
        int,
    ),
    ON_NAN,
    Argument(
        ("--max-time", "--time-limit"), "time budget: 2h, 90m, 1:30:00, or seconds; pauses left out",
        metavar="TIME",
    ),
    Argument(("--max-cost",), "cost budget; needs --price-per-hour; pauses included", float),
    Argument(("--price-per-hour",), "what the machine costs an hour", float),
    Argument(("--currency",), "of the two above (USD)", metavar="CODE"),
    Argument(("--wait",), "wait in the cell until the loop is over", bool),
    Argument(("--as",), "bind the run to this name", metavar="NAME"),
)
_FRONT_ONLY = ("wait", "as", "fast")


def watch(*, log: Any = "json", **options: Any) -> WatchedBlock:
    """Follow the loop of a block, in the foreground: `with nbtrain.watch(name="mine") as run: ...`.

    Losses, gradient norms, rates, epochs and validation are seen without a line changed in the loop, and
    nothing of it is changed. An interrupt stops it at its next step and keeps everything.

    Args:
        log: backends, e.g. "json" or "json,tensorboard".
        **options: name, dir, save_every (steps between checkpoints), on_nan ("alert" or "stop"), max_time
            (a budget: "2h", "90m", seconds), max_cost with price_per_hour and currency.

    Raises:
        UsageError: an option is unknown or not allowed.
    """
    from nbtrain.running.run import Run
    from nbtrain.watch.block import WatchedBlock
    from nbtrain.watch.options import WatchOptions
    from nbtrain.watch.watching import Watching

    settings = WatchOptions.from_words({"log": log, **root_words(options), **options})
    activity = Watching(settings, sys._getframe(1).f_globals)
    if cell := current_cell():
        activity.cells = cells_of((), text=cell)
    explain = explainer(sys._getframe(1).f_globals)
    return WatchedBlock(Run(activity, finishers=(leave_reports,), report=completion, explain=explain))


def watch_cell(args: SimpleNamespace, context: Context) -> Any:
    """Return the run of a cell's loop, not started yet.

    Args:
        context: its `cell` is the text, its `body` runs it.

    Raises:
        UsageError: an option is not allowed, or logging was not chosen.
    """
    from nbtrain.running.backends import refuse_without
    from nbtrain.running.run import Run
    from nbtrain.watch.clash import refuse_clash
    from nbtrain.watch.options import WatchOptions
    from nbtrain.watch.watching import Watching

    words = {key: value for key, value in vars(args).items() if key not in _FRONT_ONLY and value is not None}
    words.setdefault("log", context.log or None)
    options = WatchOptions.from_words({"dir": context.runs_dir, **words})
    refuse_without(options.log)
    cell = context.cell or ""
    activity = Watching(options, context.namespace or {}, body=context.body, source=cell)
    activity.cells = cells_of((), text=cell)
    return Run(
        activity, finishers=(leave_reports,), report=completion, in_thread=context.in_thread,
        before_start=lambda: refuse_clash(cell), explain=explainer(context.namespace),
    )  # fmt: skip


def _refused(word: str) -> UsageError | None:
    from nbtrain.watch.options import refused_here

    return refused_here(word)


CELL = Command(
    "watch",
    "run this cell's own loop in the background, followed and controllable, not one line changed",
    watch_cell,
    ARGUMENTS,
    examples=("--log json", "--log json --name mine --save-every 500"),
    notebook_only=True,
    refuse=_refused,
)
