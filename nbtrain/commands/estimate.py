"""estimate: the memory that a training step will need, before it runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.commands.start import OBJECTS
from nbtrain.errors import UsageError

CONFIGURATION = ("parameters", "seq", "d_model", "layers")


def estimate_memory(model: Any, batch: Any, **options: Any) -> Any:
    """Estimate the memory of a training step; see `nbtrain.memory.estimate.estimate_memory`."""
    from nbtrain.memory.estimate import estimate_memory as estimated

    return estimated(model, batch, **options)


def _run(args: SimpleNamespace, context: Context) -> Any:
    if args.parameters is not None:
        return _rough(args)
    given = [name for name in CONFIGURATION[1:] if getattr(args, name) is not None]
    if given:
        raise UsageError(
            f"--{given[0].replace('_', '-')} belongs to the rule of thumb, which needs --parameters too.",
            suggestion="For example: estimate --parameters 124M --batch 8 --seq 1024 --d-model 768 "
            "--layers 12",
        )
    if context.namespace is None:
        raise UsageError(
            "`estimate` follows the objects of a notebook, and a terminal has none.",
            suggestion="Use %train estimate in a notebook, nbtrain.estimate_memory(model, batch) in a "
            "script, or the rule of thumb: nbtrain estimate --parameters 124M --batch 8 --seq 1024 "
            "--d-model 768 --layers 12",
        )
    return _of_objects(args, context)


def _rough(args: SimpleNamespace) -> Any:
    from nbtrain.memory.rough import Activations, count_of, rough_report

    def given(*names: str) -> dict[str, Any]:
        return {name: getattr(args, name) for name in names if getattr(args, name) is not None}

    activations = Activations(**given("batch", "seq", "d_model", "layers"))
    options = given("precision", "optimizer")
    return rough_report(count_of(args.parameters), activations, memory_gib=args.memory, **options)


def _of_objects(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.memory.estimate import estimate_memory as estimated
    from nbtrain.memory.setup import optimizer_class, resized, samples_of
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.notebook.sample import sample_batch

    if len(args.objects) > 2:
        raise UsageError(
            f"`{args.objects[2]}` is one name too many: estimate takes a model and its data.",
            suggestion="For example: %train estimate model loader",
        )
    model, data = [*args.objects, None, None][:2]
    known = context.visible()
    named = args.optimizer is None or args.optimizer.partition(".")[0] in known
    setup = find_setup(
        known, model=model, data=data, val=False, scheduler=False, loss=args.loss,
        optimizer=args.optimizer if named else None,
    )  # fmt: skip
    optimizer = setup.optimizer.value if setup.optimizer is not None else None
    if not named:
        optimizer = optimizer_class(args.optimizer)
    batch = sample_batch(setup.train.value)
    if args.batch is not None:
        if samples_of(batch) < 1:
            raise UsageError("The batch of this loader cannot be cut, so --batch has no meaning here.")
        batch = resized(batch, args.batch)
    options = {"precision": args.precision, "accumulate": args.accumulate, "memory_gib": args.memory}
    return estimated(
        setup.model.value, batch, optimizer=optimizer, device=args.device,
        loss=setup.loss.value if setup.loss is not None else None,
        **{name: value for name, value in options.items() if value is not None},
    )  # fmt: skip


COMMAND = Command(
    "estimate",
    "estimate the memory of a training step before it runs",
    _run,
    (
        OBJECTS,
        Argument(("--batch", "--batch-size"), "samples in a micro-batch (as the loader gives them)", int),
        Argument(("--accumulate",), "micro-batches per optimizer step (1)", int),
        Argument(("--precision",), "32 | bf16 | 16 (32)", choices=("32", "bf16", "16")),
        Argument(("--optimizer",), "a variable, or a name of torch.optim", metavar="NAME"),
        Argument(("--loss", "--criterion"), "loss: criterion or function (output, target)", metavar="NAME"),
        Argument(("--device",), "where it would train, also a cuda that is not here (where the model is)"),
        Argument(("--memory",), "GiB of that device (asked of it)", float, metavar="GIB"),
        Argument(
            ("--parameters",), "rule of thumb, from numbers alone: 124M", metavar="COUNT"
        ),
        Argument(("--seq",), "rule of thumb: tokens of a sample", int),
        Argument(("--d-model",), "rule of thumb: width", int),
        Argument(("--layers",), "rule of thumb: layers", int),
    ),
    with_objects=(
        "",
        "model train_loader --device cuda --memory 24 --precision bf16",
    ),
    examples=("--parameters 124M --batch 8 --seq 1024 --d-model 768 --layers 12",),
)
