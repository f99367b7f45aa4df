"""bench: how fast exported models and PyTorch answer, side by side, and what they get right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.inputs import DTYPE, SAMPLES, SHAPE, as_shapes, feeds_for, name_of_data
from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.commands.subject import (
    CHECKPOINT,
    CONFIG,
    DATA,
    LOSS,
    TARGET,
    TRUST,
    Asked,
    Subject,
    find_subject,
    sorted_words,
    steady,
    with_weights,
)
from nbtrain.errors import UsageError

MOST_SIDES = 5


@dataclass(frozen=True)
class _Sides:
    """What is timed: files first, then modules by name."""

    files: tuple[Path, ...]
    modules: Mapping[str, Any]
    trust: bool = False


def bench(model: Any, data: Any = None, *, against: Any = None, **options: Any) -> Any:
    """Time a model, call by call, beside PyTorch's own or others.

    Args:
        model: an .onnx, .pt2 or TorchScript file, or a torch.nn.Module. data: gives batches.
        against: a module or a file, or several, timed in turn with it.
        **options: batch_size (1, or a list; the first is judged), device (cpu | cuda), latency_limit (50
            ms, of the 99th percentile), calls (200 of each), samples (1024, for accuracy), loss, checkpoint
            (weights for the modules), input_shape and input_dtype (in place of data), trust.

    Returns:
        A report; `.data` has p50_ms, p95_ms, p99_ms, samples_per_s, accuracy, memory_bytes, within_limit.

    Raises:
        UsageError: a file that is no exported model, inputs it does not take, or no such device.
        UntrustedCheckpoint: a .pt2 that would run code when loaded.

    >>> import torch, nbtrain
    >>> model = torch.nn.Linear(4, 3)
    >>> report = nbtrain.bench(model, [(torch.randn(16, 4), torch.randint(3, (16,)))], calls=20)
    >>> report.data["calls"], report.data["batch_size"], report.data["p50_ms"] <= report.data["p99_ms"]
    (20, 1, True)
    """
    known = {
        "batch_size", "device", "latency_limit", "calls", "samples", "loss", "checkpoint", "input_shape",
        "input_dtype", "trust",
    }  # fmt: skip
    if unknown := set(options) - known:
        raise UsageError(
            f"bench takes no `{min(unknown)}`.", suggestion=f"It takes {', '.join(sorted(known))}."
        )
    import torch

    others = [] if against is None else list(against) if isinstance(against, (list, tuple)) else [against]
    files, modules = [], {}
    for one in (model, *others):
        if isinstance(one, torch.nn.Module):
            modules["PyTorch" if not modules else f"PyTorch {len(modules) + 1}"] = steady(one)
        else:
            files.append(Path(str(one)).expanduser())
    if (checkpoint := options.get("checkpoint")) is not None:
        trust = bool(options.get("trust", False))
        modules = {name: with_weights(one, checkpoint, trust=trust)[0] for name, one in modules.items()}
    name = name_of_data(data)
    first = next(iter(modules.values()), None)
    subject = Subject(first, "model", data, name, options.get("loss"))
    return _benched(subject, _Sides(tuple(files), modules, options.get("trust", False)), options)


def _benched(subject: Subject, sides: _Sides, options: Mapping[str, Any], progress: Any = None) -> Any:
    from nbtrain.exported.formats import format_of_file
    from nbtrain.exported.runners import load_runner
    from nbtrain.latency.bench import LIMIT_MS, Asked, bench_sides
    from nbtrain.latency.report import bench_report
    from nbtrain.latency.timing import CALLS

    device = options.get("device") or "cpu"
    limit = options.get("latency_limit")
    asked = Asked(
        _batch_sizes(options.get("batch_size")), device, LIMIT_MS if limit is None else _positive(limit),
        _calls(options.get("calls"), CALLS),
    )  # fmt: skip
    formats = {path: format_of_file(path) for path in sides.files}
    for path in sides.files:
        _refuse_code(path, formats[path], trust=sides.trust)
    names: tuple[str, ...] = ()
    if subject.model is None:
        names = tuple(one.name for one in load_runner(sides.files[0], formats[sides.files[0]]).facts.inputs)
    feeds = feeds_for(
        subject.model, subject.data, shapes=as_shapes(options.get("input_shape")),
        dtype=options.get("input_dtype"), samples=options.get("samples"), names=names,
    )  # fmt: skip
    found = bench_sides(_loading(sides, formats, device), feeds, asked, loss=subject.loss, progress=progress)
    return bench_report(found, data=_said(subject, feeds))


def _said(subject: Subject, feeds: Sequence[Any]) -> str:
    samples = sum(feed.size for feed in feeds)
    if subject.data is None:
        shapes = ", ".join(f"{n} {tuple(t.shape[1:])}" for n, t in feeds[0].tensors().items())
        return f"random numbers: {shapes}"
    return f"{samples} samples of {subject.data_name or 'the data'}"


def _loading(sides: _Sides, formats: Mapping[Path, str], device: str) -> list[Any]:
    from nbtrain.exported.runners import load_runner
    from nbtrain.exported.runners.module import ModuleRunner, evaluation_copy
    from nbtrain.latency.bench import Loading

    names = [path.name for path in sides.files]
    found = [
        Loading(
            path.name if names.count(path.name) == 1 else str(path),
            lambda path=path: load_runner(path, formats[path], device=device), path.stat().st_size,
            path.stat().st_size,
        )
        for path in sides.files
    ]  # fmt: skip
    found += [
        Loading(
            name, lambda one=one, name=name: ModuleRunner(evaluation_copy(one, name), device=device), None,
            sum(part.nbytes for part in (*one.parameters(), *one.buffers())),
        )
        for name, one in sides.modules.items()
    ]  # fmt: skip
    if not found:
        raise UsageError("There is nothing to time.", suggestion="Give a file that export made, or a model.")
    if len(found) > MOST_SIDES:
        raise UsageError(f"bench times at most {MOST_SIDES} side by side, and there are {len(found)}.")
    return found


def _refuse_code(path: Path, format: str, *, trust: bool) -> None:
    """Refuse a .pt2 whose pickles would run code: torch.export.load runs them."""
    from nbtrain.checkpoints.programs import unsafe_in
    from nbtrain.errors import UntrustedCheckpoint

    if trust or format != "torch-export":
        return
    calls = unsafe_in(path)
    if calls:
        raise UntrustedCheckpoint(
            f"{path} holds a pickle that would run code when it is loaded: {', '.join(calls[:3])}.",
            suggestion="If you know who made it: --trust (trust=True).", path=str(path), calls=list(calls),
        )  # fmt: skip


def _calls(given: Any, usual: int) -> int:
    if given is None:
        return usual
    if type(given) is not int or given < 1:
        raise UsageError(f"calls is {given!r}; a whole number from 1 is wanted.", suggestion=f"calls={usual}")
    return given


def _batch_sizes(given: Any) -> tuple[int, ...]:
    """Return `1,8,32`, a number or a list of them as batch sizes."""
    words = [1] if given is None else str(given).split(",") if isinstance(given, (str, int)) else list(given)
    try:
        found = tuple(dict.fromkeys(int(word) for word in words))
    except (TypeError, ValueError):
        found = ()
    if not found or min(found) < 1:
        raise UsageError(
            f"`--batch-size {given}`: it must be whole numbers from 1, with commas.",
            suggestion="For example --batch-size 1,8,32",
        )
    return found


def _positive(limit: float) -> float:
    if not limit > 0:
        raise UsageError(f"`--latency-limit {limit}`: it must be milliseconds above 0.", suggestion="50")
    return float(limit)


def _run(args: SimpleNamespace, context: Context) -> Any:
    known = context.visible()
    words = [*(args.model or ()), *args.words]
    names, given = sorted_words(words, known, verb="bench")
    files = [Path(word).expanduser() for word in given]
    against = args.against or (names.pop(0) if names else None)
    data = args.test_data or (names.pop(0) if names else None)
    if names:
        raise UsageError(
            f"`{names[0]}` is one name too many: bench takes files, a model and its data.",
            suggestion="For example: %train bench model.onnx model test_loader",
        )
    asked = Asked(against, data, args.checkpoint, args.config, args.loss, args.target, None, args.trust)
    shaped = bool(args.input_shape) and data is None
    subject = find_subject(asked, context, verb="bench", need_data=not shaped, need_model=not files)
    modules = {"PyTorch": subject.model} if subject.model is not None else {}
    options = {name: getattr(args, name) for name in (
        "batch_size", "device", "latency_limit", "calls", "samples", "input_shape", "input_dtype",
    )}  # fmt: skip
    return _benched(subject, _Sides(tuple(files), modules, args.trust), options, context.progress)


COMMAND = Command(
    "bench",
    "time exported models beside PyTorch: latency, throughput, accuracy, memory",
    _run,
    (
        Argument(
            ("words",), "exported files, a model, data: model and data are found when left out", many=True,
            metavar="FILE|NAME",
        ),
        Argument(
            ("--model",), "an exported .onnx, .pt2 or TorchScript file, or a variable; again for more",
            many=True, metavar="FILE",
        ),
        Argument(
            ("--against",), "PyTorch's side: a variable, or pkg.module:factory with --checkpoint",
            metavar="MODEL",
        ),
        CHECKPOINT, CONFIG, DATA, TARGET, LOSS,
        Argument(("--batch-size",), "samples in a call; the first is judged: 1,8,32 (1)", metavar="N,N"),
        Argument(("--device",), "cpu | cuda (cpu)"),
        Argument(("--latency-limit",), "ms that the 99th percentile may take (50)", float, metavar="MS"),
        Argument(("--calls",), "timed calls of each side at each batch size (200)", int),
        SHAPE, DTYPE, SAMPLES, TRUST,
    ),
    with_objects=(
        "model.onnx model test_loader --batch-size 1,8,32",
    ),
    examples=(
        "--model model.onnx --test-data test.npz --latency-limit 20",
        "--model m.onnx --against pkg.module:make --checkpoint runs/mine --test-data test.npz",
        "--model model.pt2 --input-shape 1,28,28 --device cuda",
    ),
)  # fmt: skip
