"""What a `with` region does to what is computed in it: its precision, and whether a graph is kept."""

from __future__ import annotations

from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.machine import Machine
from nbtrain.notebook.symbolic.values import Const, Made, Member, Ref, Term, Value, name_of, options

FP16, BF16, MIXED = frozenset({"fp16"}), frozenset({"bf16"}), frozenset({"mixed"})
HALF = frozenset({"float16", "half"})


WITHOUT_GRAPH = frozenset({"no_grad", "inference_mode"})


def enter_quiet(machine: Machine, value: Value) -> int:
    """Enter a region that keeps no graph, or one again; return how many were entered (0 or 1)."""
    for one in options(value):
        path = one.op.path if isinstance(one, Term) and one.op is not None else ""
        if not path.startswith("torch") or one.op is None:  # type: ignore[union-attr]
            continue
        tail = path.rpartition(".")[2]
        given = [*one.op.inputs, *one.op.kwargs.values()]  # type: ignore[union-attr]
        if tail in WITHOUT_GRAPH or tail == "enable_grad":
            machine.quiet.append(tail in WITHOUT_GRAPH)
            return 1
        if tail == "set_grad_enabled":
            known = isinstance(given[0], Const) if given else False
            machine.quiet.append(not given[0].value if known else None)  # type: ignore[attr-defined]
            return 1
    return 0


def region_tags(machine: Machine, value: Value) -> frozenset[str]:
    """Return the tag of values computed inside `with value:`.

    Empty when it is no autocast, or one that is off.

    torch.autocast("cuda") and torch.cuda.amp.autocast() compute in float16 unless told otherwise,
    torch.autocast("cpu") in bfloat16 (PyTorch's documented defaults).
    """
    found = frozenset().union(*(_one(machine, one) for one in options(value)))
    if not found:
        return found
    return found if found in (FP16, BF16) else MIXED


def _one(machine: Machine, value: Value) -> frozenset[str]:
    if not (isinstance(value, Made) and category(value.path) == "autocast"):
        return frozenset()
    on_cuda = ".cuda." in value.path
    positions = ("enabled", "dtype") if on_cuda else ("device_type", "dtype", "enabled")
    if ".cpu." in value.path:
        positions = ("enabled", "dtype")
    held = {**dict(zip(positions, value.args, strict=False)), **value.kwargs}
    enabled = held.get("enabled")
    if isinstance(enabled, Const) and not enabled.value:
        return frozenset()
    maybe_off = enabled is not None and not isinstance(enabled, Const)
    dtype = held.get("dtype")
    if dtype is None or (isinstance(dtype, Const) and dtype.value is None):
        device = (
            Const("cuda")
            if on_cuda
            else Const("cpu")
            if ".cpu." in value.path
            else held.get("device_type", Const("cuda"))
        )
        tags = _by_device(device)
    else:
        tags = frozenset().union(*(_by_dtype(one) for one in options(dtype)))
    if maybe_off and tags == FP16:
        tags = MIXED
    machine.emit("autocast", value, value.node, tags=tags, dtype=dtype)
    return tags


def _by_dtype(dtype: Value) -> frozenset[str]:
    if isinstance(dtype, Ref):
        tail = dtype.path.rpartition(".")[2]
        return FP16 if tail in HALF else BF16
    text = (
        str(getattr(getattr(dtype, "obj", None), "__str__", lambda: "")())
        if not isinstance(dtype, Term)
        else ""
    )
    if text.startswith("torch."):
        return FP16 if text.rpartition(".")[2] in HALF else BF16
    return MIXED


def _by_device(device: Value) -> frozenset[str]:
    names = []
    for one in options(device):
        inner = one.owner if isinstance(one, Member) and one.attr == "type" else one
        for part in options(inner):
            names.append(str(part.value) if isinstance(part, Const) else name_of(part))
    if any(name.startswith("cuda") and "." not in name for name in names):
        return FP16
    return BF16 if names and all(name.startswith("cpu") for name in names) else MIXED
