"""Which device a source moves things to."""

from __future__ import annotations

from nbtrain.notebook.feeds import MOVES
from nbtrain.notebook.story import Story, may_be_same
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Const, Member, Op, Ref, Term, Value, options

ACCELERATORS = ("cuda", "mps", "xpu", "hip", "tpu")
# New tensors of these are on the CPU unless they are told where to be.
FRESH = frozenset(
    f"torch.{name}"
    for name in (
        "zeros", "ones", "rand", "randn", "randint", "full", "empty", "tensor", "arange", "eye", "linspace",
        "FloatTensor", "LongTensor", "Tensor", "as_tensor", "from_numpy", "randperm",
    )
)  # fmt: skip


def is_accelerator(device: Value | None) -> bool | None:
    """Whether a device is no CPU; None where that cannot be told."""
    if device is None:
        return None
    texts = [str(one.value) for one in options(device) if isinstance(one, Const)]
    if any(text.startswith(ACCELERATORS) or text.isdigit() for text in texts):
        return True
    return False if texts and len(texts) == len(options(device)) else None


def moves(story: Story, value: Value) -> list[Event]:
    """The calls that move an object or model of the source to a device that is not surely the CPU."""
    found = []
    for event in story.calls(*MOVES):
        owner = event.subject.owner if isinstance(event.subject, Member) else None
        if owner is None or not may_be_same(owner, value) or not moves_device(event):
            continue
        if event.data["path"] != ".to" or is_accelerator(_device(event)) is not False:
            found.append(event)
    return found


def _device(event: Event) -> Value | None:
    return event.data["kwargs"].get("device") or next(iter(event.data["args"]), None)


def moves_device(event: Event) -> bool:
    """Whether `.to(...)` names a device, not only a type."""
    if event.data["path"] != ".to":
        return True
    given = _device(event)
    return given is not None and not any(isinstance(one, Ref) for one in options(given))


def made_on_cpu(op: Op) -> bool:
    """Whether an operation makes a tensor that nobody places anywhere."""
    return op.path in FRESH and "device" not in op.kwargs


def moved(value: Value) -> bool:
    """Whether a value comes straight out of a move to a device."""
    return (
        isinstance(value, Term)
        and value.op is not None
        and (
            value.op.path in MOVES
            or "device" in value.op.kwargs
            or value.op.path in (".type_as", ".to_device")
        )
    )
