"""What could not be exported, in words: the operator, the module, the line, and a way out."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nbtrain.errors import ExportFailed
from nbtrain.export.asked import ExportOptions
from nbtrain.exported.formats import KNOWN, ONNX, TORCH_EXPORT, TORCHSCRIPT
from nbtrain.exported.quiet import quiet
from nbtrain.watch.people import is_machinery

_NO_ONNX = re.compile(
    r"No ONNX function found for <OpOverload\(op='(?P<op>[^']+)', overload='(?P<over>[^']+)'\)>"
)
_NODE = re.compile(r"translating node %(?P<node>\w+)")
_SPECIALIZED = re.compile(
    r"You marked (?P<name>\w+) as dynamic but your code specialized it to be a constant \((?P<size>\d+)\)"
)
_DATA_DEPENDENT = ("data-dependent", "GuardOnDataDependent")


@dataclass(frozen=True)
class Where:
    """Where a model stopped. `module`: its path, "" for the model itself. `kind`: the module's class."""

    module: str = ""
    kind: str = ""

    def said(self) -> str:
        """Return it in words."""
        if not self.kind:
            return ""
        return f", in `{self.module}` ({self.kind})" if self.module else f", in {self.kind} itself"


@dataclass(frozen=True)
class Line:
    """A line of the model's source."""

    file: str
    number: int
    source: str

    def said(self) -> str:
        """Return it in words."""
        name = (
            "the notebook" if "ipykernel" in self.file or self.file.startswith("<") else Path(self.file).name
        )
        return f" at line {self.number} of {name}: `{self.source}`" if self.source else ""


def where_it_stopped(model: nn.Module, again: Callable[[], Any]) -> Where:
    """Return the innermost module that a failing call had entered, by doing it once more with hooks."""
    paths = {module: name for name, module in model.named_modules()}
    entered: list[nn.Module] = []
    hooks = []

    def enter(module: nn.Module, args: Any) -> None:
        entered.append(module)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if entered and entered[-1] is module:
            entered.pop()

    for module in paths:
        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with quiet():
            again()
    except Exception:  # it failed before, and fails again: where is all that is asked
        inner = entered[-1] if entered else None
        return Where() if inner is None else Where(_shown(paths[inner]), type(inner).__name__)
    finally:
        for hook in hooks:
            hook.remove()
    return Where()


def _shown(path: str) -> str:
    return path.removeprefix("inside.") if path != "inside" else ""  # `Halved` is ours


def export_failed(error: Exception, options: ExportOptions, *, where: Where) -> ExportFailed:
    """Return the error for a model that cannot be followed.

    Args:
        where: the module in which it stopped.
    """
    text = str(error)
    line = _line_of(error)
    dynamic = _SPECIALIZED.search(text)
    if dynamic is not None:
        what = "the batch size" if dynamic["name"] == "batch" else f"a size ({dynamic['name']})"
        message = f"The model fixes {what} at {dynamic['size']}"
        way = (
            f"Look for `len(x)`, and for a view, reshape or expand with {dynamic['size']} in it, and write "
            "x.shape[0] or -1 there. Or --fixed-batch: the file then takes this size alone."
        )
        operator = "view"
    elif any(word in f"{type(error).__name__} {text}" for word in _DATA_DEPENDENT):
        message = (
            f"The model decides by the values of a tensor, which an exported graph cannot do{where.said()}"
        )
        way = "Write torch.where in place of `if`, and keep numbers as tensors in place of .item() and int()."
        if options.format != TORCHSCRIPT:
            way += " Or --format torchscript, which keeps `if` and loops."
        operator = "if on a tensor" if "Eq(" in text else "a tensor's value as a number"
    elif ".numpy()" in text or "numpy" in text.splitlines()[0]:
        message = f"The model leaves torch for numpy, where it cannot be followed{where.said()}"
        way = "Do it with torch's own operations, or before the model, in the data set."
        operator = "numpy"
    else:
        first = next((one.strip() for one in text.splitlines() if one.strip()), type(error).__name__)
        message = f"{KNOWN[options.format].said} cannot be made of the model{where.said()}: {first[:250]}"
        way = _other_way(options)
        operator = _operator_in(text)
    at = line.said() if line is not None else ""
    return ExportFailed(
        f"{message}{at}.", suggestion=way, operator=operator, module=where.module,
        line=line.number if line else None, file=line.file if line else None, format=options.format,
        reason=text[:500],
    )  # fmt: skip


def conversion_failed(error: Exception, program: Any, options: ExportOptions) -> ExportFailed:
    """Return the error for a program that has no form in ONNX."""
    text = _whole(error)
    known, node = _NO_ONNX.search(text), _NODE.search(text)
    operator = known["op"].replace(".", "::", 1) if known else "an operator"
    # the exporter takes operators apart first: `_linalg_eigh` stands for the program's `linalg_eigh`
    wanted = (node["node"], node["node"].lstrip("_")) if node else ()
    found = next((one for one in program.graph.nodes if one.name in wanted), None)
    where = Where()
    stack = list((found.meta.get("nn_module_stack") or {}).values()) if found is not None else []
    if stack:
        path, kind = stack[-1]
        kind = kind if isinstance(kind, str) else kind.__name__
        where = Where(_shown(path), kind.rpartition(".")[2])
    line = _last_line(found.meta.get("stack_trace", "")) if found is not None else ""
    at = f" at `{line}`" if line else ""
    first = "" if known else f": {text.strip().splitlines()[0][:200]}"
    return ExportFailed(
        f"ONNX has no form of `{operator}`{where.said()}{at}{first}.",
        suggestion="--format torch-export holds every operator of torch. Or compute it outside the model, or "
        "write it with operations that ONNX has.",
        operator=operator, module=where.module, format=ONNX, reason=text[-500:],
    )  # fmt: skip


def _whole(error: BaseException | None) -> str:
    parts = []
    while error is not None and len(parts) < 6:
        parts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def _other_way(options: ExportOptions) -> str:
    others = {ONNX: TORCHSCRIPT, TORCH_EXPORT: TORCHSCRIPT, TORCHSCRIPT: TORCH_EXPORT}
    return f"Try --format {others.get(options.format, ONNX)}, or rewrite the part that is named."


def _operator_in(text: str) -> str:
    found = re.search(r"\b(?:aten|torch\.ops\.aten|prim)[.:]+([a-z_0-9]+)", text)
    return f"aten::{found[1]}" if found else ""


def _line_of(error: BaseException) -> Line | None:
    """Return the innermost line of code that is neither torch's nor ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not is_machinery(frame.filename) and "site-packages" not in frame.filename:
            return Line(frame.filename, frame.lineno or 0, (frame.line or "").strip()[:120])
    return None


def _last_line(trace: str) -> str:
    lines = [one.strip() for one in trace.splitlines() if one.strip()]
    return lines[-1][:120] if lines else ""
