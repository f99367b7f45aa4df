"""How a value came about: the operations behind it, and whether gradients can flow through them."""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

from collections.abc import Callable, Iterator

from nbtrain.notebook.symbolic.values import Choice, Const, Made, Map, Member, Op, Seq, Term, Value

# These change how numbers are laid out, stored or picked, not what they are.
LAYOUT = frozenset(
    """
    .view .reshape .flatten .squeeze .unsqueeze .contiguous .to .cuda .cpu .float .double .half
    .bfloat16 .type .permute .transpose .t .clone .expand .expand_as .requires_grad_ .swapaxes
    .movedim .type_as .view_as .detach torch.squeeze torch.unsqueeze torch.flatten torch.reshape
    torch.permute torch.transpose torch.clone torch.movedim torch.swapaxes [] .index_select
    .gather torch.cat torch.stack einops.rearrange .select .narrow .chunk .split torch.chunk
    torch.split
    """.split()
)
# Nothing behind these gets a gradient.
CUTS = frozenset(
    """
    .detach .detach_ .item .numpy .tolist .argmax .argmin .round .floor .ceil .sign .bool .int
    .long torch.argmax torch.argmin torch.round torch.sign torch.tensor torch.as_tensor
    torch.from_numpy compare == != < > <= >= builtins.float builtins.int torch.eq torch.gt
    torch.lt .eq .gt .lt .ge .le .new_tensor numpy.array numpy.asarray torch.Tensor
    torch.FloatTensor torch.LongTensor torch.multinomial torch.bernoulli .sample
    """.split()
)
# Attributes that carry no gradient: of a tensor, or settings of a model.
NO_GRADIENT = frozenset({"data", "shape", "device", "dtype", "config", "training", "hparams", "ndim"})
# How many samples something has says nothing of what they are.
COUNTS = frozenset({"builtins.len", ".size", ".__len__"})
MOST_VALUES = 4_000


def operations(value: Value) -> Iterator[Op | None]:
    """Yield the operation that gave a value, for each way it may have come about; None for a way that is
    not known.

    Looks through what only changes layout, storage or place, through attributes of results
    (`outputs.logits`), and into models of the source, whose own last operation is the answer.
    """
    waiting, seen = [value], set()
    while waiting and len(seen) < MOST_VALUES:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Choice):
            waiting.extend(one.options)
        elif isinstance(one, Member):
            waiting.append(one.owner)
        elif isinstance(one, Term) and one.op is not None:
            if one.op.inside is not None:
                waiting.append(one.op.inside)
            elif one.op.path in LAYOUT and one.op.inputs:
                first = one.op.inputs[0]
                waiting.extend(first.items if isinstance(first, Seq) else [first])
            else:
                yield one.op
        elif not isinstance(one, Const):
            yield None


def behind(
    value: Value, *, graph: bool = False, past: frozenset[str] = frozenset()
) -> Iterator[tuple[Value, Op | None]]:
    """Yield everything a value was made from, nearest first, each with the operation that used it up.

    Args:
        graph: follow only what a gradient can follow: not through `.item()`, `.detach()` or `torch.no_grad`.
        past: operations at which to stop: what went into them is of no matter.
    """
    waiting: list[tuple[Value, Op | None]] = [(value, None)]
    seen: set[int] = set()
    at = 0
    while at < len(waiting) and len(seen) < MOST_VALUES:
        one, into = waiting[at]
        at += 1
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one, into
        if graph and isinstance(one, Member) and one.attr in NO_GRADIENT:
            continue
        for part in parts_of(one):
            op = one.op if isinstance(one, Term) else into
            made = one.op if isinstance(one, Term) else None
            if made is not None and (made.path in past or (graph and cuts(made))):
                break
            waiting.append((part, op))


def cuts(op: Op) -> bool:
    """Whether no gradient passes an operation. One that may run without a graph is given the benefit of
    doubt."""
    return op.path in CUTS or op.quiet is True or op.path == "batch"


def parts_of(value: Value) -> list[Value]:
    """What a value was directly made from."""
    if isinstance(value, Choice):
        return list(value.options)
    if isinstance(value, Member):
        return [value.owner]
    if isinstance(value, Seq):
        return value.items
    if isinstance(value, Made) and value.path in ("builtins.iteration", "torch.nn.ModuleList"):
        return value.args
    if isinstance(value, Map):
        return list(value.items.values())
    if isinstance(value, Term) and value.op is not None:
        inside = [value.op.inside] if value.op.inside is not None else []
        return [*inside, *value.op.inputs, *value.op.kwargs.values()]
    return []


def any_behind(value: Value, wanted: Callable[[Value], bool], *, graph: bool = False) -> Value | None:
    """Return the nearest value behind `value` that is wanted, or None."""
    return next((one for one, _ in behind(value, graph=graph) if wanted(one)), None)
