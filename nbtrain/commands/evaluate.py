"""evaluate: a checkpoint, or a model as it is, on a data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.commands.subject import (
    CHECKPOINT,
    CONFIG,
    DATA,
    LOSS,
    MODEL,
    TARGET,
    TRUST,
    Asked,
    find_subject,
    sorted_words,
    with_weights,
)
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
        model, weights = with_weights(model, checkpoint, trust=trust)
    found = evaluate_model(model, data, loss=loss, metrics=metrics)
    name = type(getattr(data, "dataset", data)).__name__
    return evaluation_report(found, weights=weights, data=name, classes=tuple(map(str, classes)))


def _run(args: SimpleNamespace, context: Context) -> Any:
    known = context.visible()
    names, files = sorted_words(args.words, known, verb="evaluate")
    if args.checkpoint is not None:
        files.append(args.checkpoint)
    given = [*names, *(word for word in (args.model, args.test_data) if word)]
    if len(given) > 2 or len(files) > 1:
        raise UsageError(
            f"evaluate takes a checkpoint, a model and its data; `{' '.join([*files, *given])}` are too "
            "many.",
            suggestion="For example: %train evaluate runs/mine model test_loader",
        )
    model = args.model or (names.pop(0) if names else None)
    data = args.test_data or (names.pop(0) if names else None)
    checkpoint = files[0] if files else None
    asked = Asked(model, data, checkpoint, args.config, args.loss, args.target, None, args.trust)
    subject = find_subject(asked, context, verb="evaluate")
    metrics = dict(_metric(one, known) for one in args.metric or ())
    classes = _classes(args.classes, known)
    return _report(subject, metrics=metrics, classes=classes)


def _report(subject: Any, *, metrics: Mapping[str, Any], classes: Any) -> Any:
    from nbtrain.evaluation.measuring import evaluate_model
    from nbtrain.evaluation.report import evaluation_report

    dataset = getattr(subject.data, "dataset", subject.data)
    found = evaluate_model(subject.model, subject.data, loss=subject.loss, metrics=metrics)
    data = subject.data_name or type(dataset).__name__
    labels = classes or getattr(dataset, "labels", ())
    return evaluation_report(found, weights=subject.weights, data=data, classes=tuple(map(str, labels)))


def _classes(word: str | None, known: Mapping[str, Any]) -> Any:
    """Return the classes' names: of a variable, or written with commas."""
    if word is None:
        return ()
    return known[word] if word in known else [one.strip() for one in word.split(",")]


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
        MODEL, CHECKPOINT, CONFIG, DATA, TARGET, LOSS,
        Argument(("--metric",), "name=function, (output, target) -> number", many=True, metavar="NAME=F"),
        Argument(("--classes",), "a list of the classes' names, or the names: cat,dog", metavar="NAME"),
        TRUST,
    ),
    with_objects=(
        "model test_loader",
        "runs/mine model test_loader --classes names",
    ),
    examples=(
        "--model pkg.module:factory --checkpoint runs/mine --test-data test.npz",
        "--config baseline.yaml --checkpoint runs/mine",
    ),
)  # fmt: skip
