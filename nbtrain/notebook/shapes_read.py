"""The number of dimensions of a value, where a source or a live data set tells it."""

from __future__ import annotations

from nbtrain.notebook.source_values import argument
from nbtrain.notebook.symbolic.values import Const, Live, Made, Op, Seq, Term, Value, options

BY_SIZES = ("randn", "rand", "zeros", "ones", "empty")
BY_RANGE = ("arange", "linspace", "randperm")
KEEPING = (
    ".float", ".long", ".to", ".cuda", ".cpu", ".double", ".clone", ".detach", ".contiguous", ".type",
    "torch.sin", "torch.cos", "torch.exp", "torch.relu", ".abs", ".pow", ".sqrt", ".log", ".exp",
)  # fmt: skip
SIGNS = ("+", "-", "*", "/", "**", "compare")


def dimensions(value: Value | None, depth: int = 0) -> int | None:
    """Return how many dimensions a tensor has, or None where that cannot be told."""
    if depth > 30 or value is None:
        return None
    if isinstance(value, Const):
        return 0 if isinstance(value.value, int | float) else None
    if isinstance(value, Live):
        held = getattr(value.obj, "ndim", None) if type(value.obj).__module__ in ("torch", "numpy") else None
        return held if isinstance(held, int) else None
    op = value.op if isinstance(value, Term) else None
    return _of_op(op, depth) if op is not None else None


def _of_op(op: Op, depth: int) -> int | None:
    root, _, tail = op.path.rpartition(".")
    if root in ("torch", "numpy.random", "numpy") and tail in BY_SIZES:
        return _sizes(op.inputs)
    if root in ("torch", "numpy") and tail in BY_RANGE:
        return 1
    if op.path == "torch.randint":
        return _sizes(op.inputs[-1:]) if op.inputs else None
    if op.path in KEEPING and op.inputs:
        return dimensions(op.inputs[0], depth + 1)
    if op.path in SIGNS:
        found = [dimensions(one, depth + 1) for one in op.inputs]
        return max(one for one in found if one is not None) if None not in found and found else None
    if op.path in (".unsqueeze", "torch.unsqueeze"):
        inner = dimensions(op.inputs[0], depth + 1)
        return None if inner is None else inner + 1
    if op.path == "batch" and len(op.inputs) > 1 and isinstance(op.inputs[1], Const):
        return _of_batch(op.inputs[0], op.inputs[1].value, depth)
    return None


def _sizes(inputs: tuple[Value, ...]) -> int | None:
    if len(inputs) == 1 and isinstance(inputs[0], Seq):
        return None if inputs[0].open else len(inputs[0].items)
    return len(inputs) or None


def _of_batch(loader: Value, position: int, depth: int) -> int | None:
    """A batch of a TensorDataset has the dimensions of its tensor."""
    found: set[int | None] = set()
    for one in options(loader):
        if isinstance(one, Made) and one.path == "builtins.iteration" and len(one.args) == 1:
            return _of_batch(one.args[0], position - (tail(one) == "enumerate"), depth)
        data = argument(one, "dataset", 0) if isinstance(one, Made) else None
        if isinstance(one, Live):
            held = vars(one.obj).get("dataset") if hasattr(one.obj, "__dict__") else None
            tensors = vars(held).get("tensors") if type(held).__name__ == "TensorDataset" else None
            found.add(tensors[position].dim() if tensors and position < len(tensors) else None)
        elif (
            isinstance(data, Made) and data.path.endswith("TensorDataset") and 0 <= position < len(data.args)
        ):
            found.add(dimensions(data.args[position], depth + 1))
        else:
            found.add(None)
    return found.pop() if len(found) == 1 else None


def tail(made: Made) -> str:
    """The name of the wrapper that a loop goes through, as the source calls it."""
    func = getattr(made.node, "func", None)
    return getattr(func, "id", getattr(func, "attr", ""))
