"""evaluate: a checkpoint, or a model as it is, on a data set."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError


def evaluate(
    model: Any, data: Any, *, checkpoint: Any = None, loss: Any = None,
    metrics: Mapping[str, Any] | None = None, classes: Any = (), trust: bool = False,
) -> Any:  # fmt: skip
    """Evaluate a model on a data set; with a checkpoint, a copy of the model with its weights.

    Args:
        model: a torch.nn.Module; it is not changed. data: gives batches, e.g. a DataLoader.
        checkpoint: file or folder whose weights are taken; None: the model's own.
        loss: criterion (output, target). metrics: name -> (output, target) -> number.
        classes: their names, in the order of the outputs. trust: load a checkpoint that runs code.

    Returns:
        A report: metrics with 95 % intervals, precision and recall of each class, the confusion matrix.

    Raises:
        UsageError: the checkpoint does not fit the model, the data is empty, or nothing can be measured.
    """
    from nbtrain.evaluation.measuring import evaluate_model
    from nbtrain.evaluation.report import evaluation_report

    weights = "as they are in the notebook"
    if checkpoint is not None:
        model, weights = _with_weights(model, checkpoint, trust=trust), Path(str(checkpoint)).name
    found = evaluate_model(model, data, loss=loss, metrics=metrics)
    name = type(getattr(data, "dataset", data)).__name__
    return evaluation_report(found, weights=weights, data=name, classes=tuple(map(str, classes)))


def _with_weights(model: Any, checkpoint: Any, *, trust: bool) -> Any:
    """Return a copy of the model with a checkpoint's weights."""
    from nbtrain.checkpoints.difference import fit_of, renamed
    from nbtrain.checkpoints.inspecting import read_checkpoint

    found = read_checkpoint(checkpoint, trust=trust)
    if not found.weights:
        why = found.problems[0] if found.problems else "it is empty."
        raise UsageError(
            f"`{checkpoint}` has no weights to evaluate: {why}",
            suggestion=f"Look at it: inspect {checkpoint}",
        )
    fit = fit_of(found.weights, model)
    if fit.missing or fit.unexpected or fit.shapes:
        wrong = {
            "missing": fit.missing, "not in the model": fit.unexpected, "of another shape": fit.shapes,
        }  # fmt: skip
        worst = [f"{len(names)} names {said}" for said, names in wrong.items() if names]
        raise UsageError(
            f"`{checkpoint}` does not fit the model: {', '.join(worst)}.",
            suggestion=f"inspect {checkpoint} --model NAME shows which.",
        )
    twin = copy.deepcopy(model)
    twin.load_state_dict({renamed(name, fit.prefix): value for name, value in found.weights.items()})
    return twin


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.notebook.namespace import find_setup

    if context.namespace is None:
        raise UsageError(
            "`evaluate` needs a model and a data set, and a terminal has none.",
            suggestion="Use %train evaluate in a notebook, nbtrain.evaluate(model, loader) in a script.",
        )
    known = context.visible()
    names = [word for word in args.words if word.partition(".")[0] in known]
    files = [word for word in args.words if word not in names]
    if len(names) > 2 or len(files) > 1:
        raise UsageError(
            f"evaluate takes a checkpoint, a model and its data; `{' '.join(args.words)}` are too many.",
            suggestion="For example: %train evaluate runs/mine model test_loader",
        )
    model, data = [*names, None, None][:2]
    setup = find_setup(
        known, model=model, data=data, val=None if data is None else False, scheduler=False, loss=args.loss
    )
    judged = setup.val if setup.val is not None else setup.train  # what was trained on says little
    loss = setup.loss.value if setup.loss is not None else None
    metrics = dict(_metric(one, known) for one in args.metric or ())
    return evaluate(
        setup.model.value, judged.value, checkpoint=files[0] if files else None, loss=loss,
        metrics=metrics, classes=known.get(args.classes, ()) if args.classes else (), trust=args.trust,
    )  # fmt: skip


def _metric(text: str, known: Mapping[str, Any]) -> tuple[str, Any]:
    name, _, what = text.partition("=")
    if not callable(known.get(what or name)):
        raise UsageError(
            f"--metric {text}: there is no function `{what or name}` in this notebook.",
            suggestion="For example: --metric f1=my_f1, a function (output, target) -> number.",
        )
    return name, known[what or name]


COMMAND = Command(
    "evaluate",
    "evaluate a checkpoint, or the model as it is, on a data set",
    _run,
    (
        Argument(("words",), "checkpoint, model, data: each found when left out", many=True, metavar="NAME"),
        Argument(("--loss", "--criterion"), "loss: criterion or function (output, target)", metavar="NAME"),
        Argument(("--metric",), "name=function, (output, target) -> number", many=True, metavar="NAME=F"),
        Argument(("--classes",), "list of the classes' names", metavar="NAME"),
        Argument(("--trust",), "load a checkpoint in full although its pickle runs code", bool),
    ),
    examples=("model test_loader", "runs/mine model test_loader --classes names"),
    notebook_only=True,
)
