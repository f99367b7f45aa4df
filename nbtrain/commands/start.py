"""start: find the objects, make the plan, train."""

from __future__ import annotations

import keyword
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from nbtrain.commands import configured
from nbtrain.commands.cells_of_run import cells_of, cells_of_objects
from nbtrain.commands.errors_explained import explainer
from nbtrain.commands.finish import completion, leave_reports
from nbtrain.commands.parse import as_typed
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.commands.still_held import still_held
from nbtrain.errors import UsageError
from nbtrain.runs.root import root_words

ROLES = ("val", "optimizer", "loss", "scheduler")
OBJECTS = Argument(
    ("objects",),
    "model and data, by name; found among the notebook's variables when left out",
    many=True,
    metavar="NAME",
)
OPTIONS = (
    Argument(
        ("--epochs", "--max-epochs", "--num-epochs", "--num-train-epochs", "--n-epoch"),
        "passes over the training data (10)",
        int,
    ),
    Argument(("--max-steps",), "optimizer steps; the shorter of the two ends the run", int),
    Argument(("--val",), "validation loader", metavar="LOADER"),
    Argument(("--split",), "put this part of the training data aside for validation, e.g. 0.2", float),
    Argument(("--no-val",), "train without validation, knowingly", bool),
    Argument(("--optimizer",), "optimizer, when the notebook has several", metavar="NAME"),
    Argument(("--loss", "--criterion"), "loss: a criterion or a function (output, target)", metavar="NAME"),
    Argument(("--scheduler",), "learning-rate scheduler", metavar="NAME"),
    Argument(
        ("--scheduler-step",),
        "step | epoch: when the scheduler's kind does not tell",
        choices=("step", "epoch"),
        metavar="WHEN",
    ),
    Argument(
        ("--metric",),
        "a function (output, target), measured at validation; may be repeated",
        many=True,
        metavar="NAME=FUNCTION",
    ),
    Argument(("--clip", "--gradient-clip-val", "--max-grad-norm"), "largest total gradient norm", float),
    Argument(
        ("--accumulate", "--accumulate-grad-batches", "--gradient-accumulation-steps"),
        "batches per optimizer step (1)",
        int,
    ),
    Argument(("--precision",), "32 | bf16 | 16 | auto (32)"),
    Argument(
        ("--patience", "--early-stopping-patience"),
        "evaluations without a better validation loss before it stops",
        int,
    ),
    Argument(
        ("--max-time", "--time-limit"), "time budget: 2h, 90m, 1:30:00, or seconds; pauses left out",
        metavar="TIME",
    ),
    Argument(("--max-cost",), "cost budget; needs --price-per-hour; pauses included", float),
    Argument(("--price-per-hour",), "what the machine costs an hour", float),
    Argument(("--currency",), "of the two above (USD)", metavar="CODE"),
    Argument(
        ("--stop-rise",),
        "stop after 3 evaluations that each rise by more than this share (0.1), 0: never",
        float,
        metavar="SHARE",
    ),
    Argument(("--stop-grad-norm",), "stop at a gradient norm above this (never)", float, metavar="NORM"),
    Argument(
        ("--on-nan",),
        "stop | skip | recover: after a step that was not finite (stop)",
        choices=("stop", "skip", "recover"),
        metavar="POLICY",
    ),
    Argument(
        ("--on-stall",),
        "alert | recover: after 15 epochs without a better loss (alert)",
        choices=("alert", "recover"),
        metavar="POLICY",
    ),
    Argument(("--val-every",), "steps between evaluations (each epoch's end)", int),
    Argument(
        ("--checkpoint-every", "--save-steps", "--save-every"),
        "steps between checkpoints, or auto: as often as is cheap (each epoch's end)",
        int,
        words=("auto",),
    ),
    Argument(("--keep",), "periodic checkpoints kept besides best, last and one backup (2)", int, least=0),
    Argument(("--seed",), "seed python, numpy, torch and CUDA", int, least=0),
    Argument(("--fast",), "try what makes a step faster, keep what wins, say what it was", bool),
    Argument(("--deterministic",), "ask torch for deterministic algorithms", bool),
    Argument(("--device",), "cpu | cuda | cuda:1 | mps (where the model is)", metavar="DEVICE"),
    Argument(
        ("--guard",),
        "on | detect | off: keep what cells draw and switch meanwhile from the run (on)",
        choices=("on", "detect", "off"),
        metavar="HOW",
    ),
    Argument(("--log",), "json | tensorboard | wandb | mlflow, several with commas", metavar="BACKENDS"),
    Argument(
        ("--resume",), "go on with an earlier run: its id or name, or `latest` of this name", metavar="RUN"
    ),
    Argument(
        ("--trust",), "with --resume: load a checkpoint of another machine with a torch before 2.10", bool
    ),
    Argument(("--name",), "name of the run", metavar="NAME"),
    Argument(("--dir", "--output-dir"), "folder of the run folders (runs)"),
    *configured.ARGUMENTS,
)
DRY = Argument(("--dry-run",), "take --max-steps (10) steps, show them, and put everything back", bool)
FRONT_ONLY = (
    Argument(("--yes", "-y"), "start at once, without asking", bool),
    Argument(("--wait",), "with --yes: wait in the cell until the run is over", bool),
    Argument(("--as",), "bind the run to this name", metavar="NAME"),
)
_NOT_OPTIONS = {
    "objects", "metric", *ROLES, *(one.dest for one in (DRY, *FRONT_ONLY, *configured.ARGUMENTS)),
}  # fmt: skip


def resolve(args: SimpleNamespace, context: Context) -> Any:
    """Return the plan for a line's arguments and the notebook's objects.

    Raises:
        UsageError: something is missing, ambiguous or wrong.
    """
    from nbtrain.train.resume import plan_of

    if args.config is not None:
        return configured.prepared(args, context).plan
    configured.refuse_without_config(args)
    if context.namespace is None:
        raise UsageError(
            "Training works on the objects of a notebook, and a terminal has none.",
            suggestion="Use %train in a notebook, or nbtrain.train(model, data) in a script, "
            "or a file: nbtrain start --config FILE.",
        )
    if len(args.objects) > 2:
        raise UsageError(
            f"`{args.objects[2]}` is one name too many: %train takes a model and its data.",
            suggestion="For example: %train model loader --val val_loader",
        )
    model, data = [*args.objects, None, None][:2]
    said = {"model": model, "data": data, **{role: getattr(args, role) for role in ROLES}}
    return plan_of(
        lambda options, known: setup_of(said, options, known, context), options_of(args, context),
        explain=explainer(context.namespace),
    )  # fmt: skip


def setup_of(said: Mapping[str, Any], options: Any, known: Mapping[str, str], context: Context) -> Any:
    """Find the objects. `known`: role -> name that a run to be resumed had them under."""
    from nbtrain.notebook.namespace import find_setup

    there = context.visible()
    roles = {role: known.get(role) if name is None else name for role, name in said.items()}
    roles = {role: name for role, name in roles.items() if said[role] is not None or name in there}
    if roles.get("val") is None and (options.no_val or options.split is not None):
        roles["val"] = False  # asked for none of the notebook's: nothing to look for, nothing to ask about
    return find_setup(there, **roles)


def options_of(args: SimpleNamespace, context: Context) -> Any:
    """Return the options of a line; what it leaves out comes from the notebook's settings."""
    from nbtrain.train.options import TrainOptions

    said = {key: value for key, value in vars(args).items() if key not in _NOT_OPTIONS}
    words = {key: value for key, value in said.items() if value is not None and value is not False}
    if metrics := _metrics(args.metric, context.namespace or {}):
        words["metrics"] = metrics
    words.setdefault("log", context.log or None)
    try:
        options = TrainOptions.from_words({"dir": context.runs_dir, **words})
    except UsageError as error:
        raise as_typed(error, OPTIONS) from None
    is_default = "dir" not in words and context.runs_dir == str(TrainOptions.dir)
    return replace(options, given=options.given - {"dir"}) if is_default else options


def _metrics(words: list[str] | None, namespace: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for word in words or ():
        name, equals, function = word.partition("=")
        function = function if equals else name
        first, *rest = function.split(".")
        value = namespace.get(first)
        for part in rest:
            value = getattr(value, part, None)
        if not callable(value):
            raise UsageError(
                f"--metric {word}: `{function}` is no function of this notebook.",
                suggestion="--metric f1=my_f1, with my_f1(output, target) defined.",
            )
        found[name.split(".")[-1]] = value
    return found


def start(args: SimpleNamespace, context: Context) -> Any:
    """Return the planned Run; the front shows its plan, then starts it at once (`--yes`) or at a click.

    With `--dry-run` return what `plan --dry-run` returns: nothing is started.
    """
    if args.dry_run:
        from nbtrain.commands import plan

        return plan.plan(args, context)
    name = vars(args)["as"]
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise UsageError(
            f"--as {name}: `{name}` is no name a variable can have.", suggestion="For example: --as run"
        )
    run = planned(args, context)
    if args.yes and (failed := run.plan.rehearsal.failed) is not None:
        failed.refuse()  # before a plan is shown that will not be carried out
    return run


def planned(args: SimpleNamespace, context: Context) -> Any:
    """Return the run that a line's arguments and the notebook's objects make, not started.

    Raises:
        UsageError: something is missing, ambiguous or wrong.
    """
    from nbtrain.running.run import Run
    from nbtrain.train.training import Training

    if args.config is not None:
        return configured.configured_run(args, context)
    plan = resolve(args, context)
    training = Training(plan)
    training.cells = cells_of(plan.work.names.values())
    return Run(
        training, finishers=(leave_reports,), report=completion, in_thread=context.in_thread,
        before_start=still_held(plan.work.names.values(), context.namespace),
        explain=explainer(context.namespace),
    )  # fmt: skip


def train(
    model: Any,
    data: Any,
    *,
    val: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    scheduler: Any = None,
    log: Any = "json",
    **options: Any,
) -> Any:
    """Train a model in the background and return its Run at once.

    Args:
        model: a torch.nn.Module.
        data: a DataLoader, or any iterable of batches: tuples (input, target), mappings, tensors, objects
        with `.to`.
        val: validation data of the same kind; or say `split=0.2` or `no_val=True`.
        optimizer: any torch optimizer over the model's parameters; None makes AdamW(lr=1e-3,
        weight_decay=0.01).
        loss: a criterion `(output, target)`, a function `(model, batch)`, or None for the model's own
            `.loss` or the usual one for the target.
        scheduler: a torch scheduler on that optimizer.
        log: backends, e.g. "json" or "json,tensorboard".
        **options: those of `%train --help`, with underscores (epochs=20, clip=1.0, no_val=True); the names of
            Lightning, Hugging Face and Keras work too. A run that is a cell's last line shows its panel.

    Raises:
        UsageError: something cannot work; nothing was started and nothing is on disk.
    """
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.running.run import Run
    from nbtrain.train.options import TrainOptions
    from nbtrain.train.resume import plan_of
    from nbtrain.train.training import Training

    for role, given in (("model", model), ("data", data), ("val", val), ("optimizer", optimizer),
                        ("loss", loss), ("scheduler", scheduler)):  # fmt: skip
        if isinstance(given, str) and (role in ("model", "data", "optimizer") or given.lower() != "none"):
            raise UsageError(
                f"`{role}` is the text {given!r}, and nbtrain.train takes the objects themselves.",
                suggestion="For example nbtrain.train(model, train_loader, optimizer=optimizer, "
                "loss=torch.nn.CrossEntropyLoss()).",
            )
    settings = TrainOptions.from_words({"log": log, **root_words(options), **options})
    names = sys._getframe(1).f_globals
    setup = find_setup(
        {}, model=model, data=data, val=val, optimizer=optimizer, loss=loss, scheduler=scheduler
    )
    if setup.optimizer is None:
        _refuse_a_second_optimizer(model, names)
    explain = explainer(names)
    plan = plan_of(lambda options, known: setup, settings, explain=explain)
    for warning in plan.warnings:
        warnings.warn(_in_python(warning), stacklevel=2)
    training, held = Training(plan), (model, data, val, optimizer, loss, scheduler)
    training.cells = cells_of_objects(held, names)
    return Run(training, finishers=(leave_reports,), report=completion, explain=explain).start()


def _in_python(text: str) -> str:
    """Return a warning of the plan with the three ways on as keywords, as nbtrain.train takes them."""
    words = {"--val NAME": "val=loader", "--split 0.2": "split=0.2", "--no-val": "no_val=True"}
    for flag, word in words.items():
        text = text.replace(flag, word)
    return text


def _refuse_a_second_optimizer(model: Any, names: Mapping[str, Any]) -> None:
    """Make no optimizer of our own beside one that holds the model's parameters already."""
    import torch

    mine = {id(p) for p in model.parameters()} if isinstance(model, torch.nn.Module) else set()
    for name, value in list(names.items()):
        if isinstance(value, torch.optim.Optimizer):
            held = {id(p) for group in value.param_groups for p in group["params"]}
            if held & mine:
                raise UsageError(
                    f"`{name}` ({type(value).__name__}) holds this model's parameters, and no optimizer was "
                    "passed: training would make another.",
                    suggestion=f"Pass it: nbtrain.train(model, data, optimizer={name}, ...).",
                )


COMMAND = Command(
    "start",
    "train a model in the background",
    start,
    (OBJECTS, *OPTIONS, DRY, *FRONT_ONLY),
    with_objects=(
        "--log json",
        "model train_loader --val val_loader --epochs 20 --log json --yes",
        "--split 0.2 --patience 5 --clip 1.0",
    ),
    examples=("--config training_config.yaml --mode baseline --output-dir runs",),
)
