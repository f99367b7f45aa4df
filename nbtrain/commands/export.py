"""export: a model into a file that runs without its Python, verified against PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.inputs import DTYPE, SAMPLES, SHAPE, as_shapes, feeds_for, name_of_data
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
    Subject,
    find_data,
    find_subject,
    sorted_words,
    steady,
    with_weights,
)
from nbtrain.errors import UsageError

FORMATS = ("onnx", "torchscript", "torch-export", "safetensors")
_INPUTS = ("input_shape", "input_dtype", "samples")
_WRITING = ("calibration", "opset", "fixed_batch", "tolerance", "name")


def export(
    model: Any, data: Any = None, *, output: Any = None, format: str | None = None, **options: Any
) -> Any:
    """Export a model to a file, verify the file against PyTorch, and only then give it its name.

    The model is copied and not changed, its modes and every random generator neither. The batch may differ
    from call to call, and so may other sizes that differ between the batches of the data.

    Args:
        model: a torch.nn.Module. data: gives batches, e.g. a DataLoader; what the file is verified on.
        output: the file; None writes `model` with the format's suffix here.
        format: onnx, torchscript, torch-export or safetensors; None takes that of the output's name.
        **options: quantize (int8: ONNX, dynamic, or static with calibration=loader; fp16), checkpoint (its
            weights), loss (says how predictions are read), input_shape (in place of data: sizes of one
            sample), input_dtype, samples (1024), tolerance (a share, in place of the default), opset,
            fixed_batch (the batch of the data is the only one), trust, name.

    Returns:
        A report; `.data["accepted"]` says whether the file was written.

    Raises:
        UsageError: options or inputs that cannot be used. ExportFailed: the model cannot be exported; names
            operator, module and a way out. MissingExtra: a package is absent.

    >>> import torch, nbtrain
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> batches = [(torch.randn(16, 4), torch.randint(3, (16,))) for _ in range(2)]
    >>> report = nbtrain.export(model, batches, output="classifier.pt2")
    >>> report.data["accepted"], report.data["format"], report.data["batch_sizes"]
    (True, 'torch-export', [1, 16])
    """
    known = {"quantize", "checkpoint", "loss", "trust", *_INPUTS, *_WRITING}
    if unknown := set(options) - known:
        raise UsageError(
            f"export takes no `{min(unknown)}`.", suggestion=f"It takes {', '.join(sorted(known))}."
        )
    weights = "as they are in the model"
    if (checkpoint := options.pop("checkpoint", None)) is not None:
        model, weights = with_weights(model, checkpoint, trust=options.get("trust", False))
    else:
        model = steady(model)
    name = name_of_data(data)
    subject = Subject(model, options.get("name") or "model", data, name, options.get("loss"), weights)
    return _exported(subject, {**options, "output": output, "format": format})


def _exported(subject: Subject, options: Mapping[str, Any], progress: Any = None) -> Any:
    from nbtrain.export.asked import checked
    from nbtrain.export.exporting import export_model
    from nbtrain.export.report import export_report

    calibration = options.get("calibration")
    asked = checked(
        format=options.get("format"), output=options.get("output"), quantize=options.get("quantize"),
        name=options.get("name") or subject.name or "model", opset=options.get("opset"),
        fixed_batch=bool(options.get("fixed_batch")), tolerance=options.get("tolerance"),
        calibration=() if calibration is None else feeds_for(
            subject.model, calibration, samples=options.get("samples")
        ),
    )  # fmt: skip
    feeds = feeds_for(
        subject.model, subject.data, shapes=as_shapes(options.get("input_shape")),
        dtype=options.get("input_dtype"), samples=options.get("samples"),
    )  # fmt: skip
    said = {} if progress is None else {"progress": progress}
    found = export_model(subject.model, feeds, asked, loss=subject.loss, **said)
    data = "random numbers" if subject.data is None else subject.data_name or "the data"
    return export_report(found, data=data, weights=subject.weights)


def _run(args: SimpleNamespace, context: Context) -> Any:
    known = context.visible()
    names, files = sorted_words(args.words, known, verb="export")
    files += [args.checkpoint] if args.checkpoint else []
    model = args.model or (names.pop(0) if names else None)
    data = args.test_data or (names.pop(0) if names else None)
    if names or len(files) > 1:
        raise UsageError(
            f"`{(names or files[1:])[0]}` is one word too many: export takes a model, its data and a "
            "checkpoint.",
            suggestion="For example: %train export model loader --output model.onnx",
        )
    asked = Asked(
        model, data, files[0] if files else None, args.config, args.loss, args.target, None, args.trust
    )
    shaped = bool(args.input_shape) and data is None
    subject = find_subject(asked, context, verb="export", need_data=not shaped)
    calibration = None
    if args.calibration is not None:
        calibration = find_data(args.calibration, context, target=args.target)
    options = {name: getattr(args, name) for name in (
        "output", "format", "quantize", "opset", "fixed_batch", "tolerance", *_INPUTS,
    )}  # fmt: skip
    return _exported(subject, {**options, "calibration": calibration}, context.progress)


COMMAND = Command(
    "export",
    "export a model to ONNX, TorchScript, torch.export or safetensors, verified",
    _run,
    (
        Argument(("words",), "model, data, checkpoint: each found when left out", many=True, metavar="NAME"),
        Argument(("--format",), " | ".join(FORMATS) + " (that of --output, else onnx)", choices=FORMATS),
        Argument(("--output", "-o"), "the file (the model's name)", metavar="FILE"),
        Argument(
            ("--quantize",), "int8 (ONNX) | fp16", choices=("int8", "fp16"), metavar="KIND"
        ),
        Argument(
            ("--calibration",), "static int8: a loader or file whose inputs set the ranges (dynamic int8)",
            metavar="DATA",
        ),
        MODEL, CHECKPOINT, CONFIG, DATA, TARGET, LOSS, SHAPE, DTYPE, SAMPLES,
        Argument(("--fixed-batch",), "the batch of the data is the only one that the file takes", bool),
        Argument(("--opset",), "of ONNX (the exporter's own)", int),
        Argument(
            ("--tolerance",), "share of the largest output, or of accuracy when quantised, that may be lost",
            float,
        ),
        TRUST,
    ),
    with_objects=(
        "model test_loader --output model.onnx",
        "--format onnx --quantize int8 --calibration train_loader --output small.onnx",
    ),
    examples=(
        "--model pkg.module:make --checkpoint runs/mine --test-data test.npz --output m.onnx",
        "--model pkg.module:factory --input-shape 1,28,28 --output model.pt2",
    ),
)  # fmt: skip
