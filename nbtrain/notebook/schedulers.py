"""Choose the scheduler that drives the chosen optimizer, told by identity; refuse one that drives another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.notebook.candidates import Candidates, Named
from nbtrain.notebook.listing import candidates, either, listed
from nbtrain.notebook.ownership import Holder, scheduler_line
from nbtrain.notebook.wording import attribute


def choose_scheduler(
    found: Candidates, holder: Holder | None, namespace: Mapping[str, Any]
) -> tuple[Named | None, tuple[str, ...]]:
    """Choose the scheduler whose `optimizer` is the chosen one, with remarks about others.

    Raises:
        UsageError: several drive it, or the only one drives an optimizer that is gone.
    """
    if holder is None:
        return None, ()
    nested = [] if found.nested is None else found.nested.schedulers
    mine = _outermost([one for one in found.schedulers if drives(one.value, holder)])
    mine = mine or _outermost([one for one in nested if drives(one.value, holder)])
    if len(mine) > 1:
        raise _several(mine, holder)
    others = [*found.optimizers, *([] if found.nested is None else found.nested.optimizers)]
    # an optimizer that only this scheduler still knows is no optimizer of the notebook's any more
    others = [one for one in others if not one.name.endswith(".optimizer") or one.name.count(".") > 1]
    known = {id(one.value) for one in others} | {id(attribute(one.value, "optimizer")) for one in others}
    stale = _outermost([one for one in found.schedulers if _bound_ids(one.value).isdisjoint(known)])
    stale = [one for one in stale if not drives(one.value, holder) and _bound_ids(one.value)]
    if mine:
        return mine[0], tuple(
            f"`{one.name}` ({type(one.value).__name__}) drives an optimizer that is gone, and is not used."
            for one in stale
        )
    if stale:
        raise stale_scheduler(stale[0], holder, namespace)
    return None, ()


def drives(scheduler: Any, holder: Holder) -> bool:
    """Say whether a scheduler changes the learning rate of this very optimizer."""
    return not _bound_ids(scheduler).isdisjoint({id(holder.value), id(holder.inner)})


def check_scheduler(scheduler: Named, holder: Holder | None, namespace: Mapping[str, Any]) -> None:
    """Refuse a scheduler the person named when it drives another optimizer than the one chosen.

    Raises:
        UsageError: with the line that makes it again.
    """
    if holder is not None and _bound_ids(scheduler.value) and not drives(scheduler.value, holder):
        raise stale_scheduler(scheduler, holder, namespace)


def stale_scheduler(scheduler: Named, holder: Holder, namespace: Mapping[str, Any]) -> UsageError:
    """A scheduler that would change the learning rate of an optimizer nobody trains with."""
    return UsageError(
        f"`{scheduler.name}` ({type(scheduler.value).__name__}) drives another optimizer than"
        f" `{holder.name}`: `{holder.name}` was made again after it, and its learning rate would never"
        " change.",
        suggestion=(
            f"Make it again: {scheduler_line(scheduler, holder.name, namespace)} - or train without it: "
            f"del {scheduler.name.split('.')[0].split('[')[0]}"
        ),
        scheduler=scheduler.name,
        optimizer=holder.name,
        fix=scheduler_line(scheduler, holder.name, namespace),
    )


def _bound_ids(scheduler: Any) -> set[int]:
    """Identities of what a scheduler drives: `.optimizer`, what that wraps, Accelerate's `.optimizers`."""
    bound = [attribute(scheduler, "optimizer")]
    several = attribute(scheduler, "optimizers")
    bound += several if isinstance(several, (list, tuple)) else []
    bound += [attribute(one, "optimizer") for one in bound]
    return {id(one) for one in bound if one is not None}


def _outermost(schedulers: list[Named]) -> list[Named]:
    """Leave out schedulers that another one runs: parts of SequentialLR, ChainedScheduler, a wrapper."""
    parts: set[int] = set()
    for one in schedulers:
        inner = attribute(one.value, "_schedulers")
        parts |= {id(part) for part in inner} if isinstance(inner, (list, tuple)) else set()
        parts |= {id(attribute(one.value, name)) for name in ("scheduler", "after_scheduler", "lr_scheduler")}
    return [one for one in schedulers if id(one.value) not in parts]


def _several(schedulers: list[Named], holder: Holder) -> UsageError:
    items = [(one.name, type(one.value).__name__) for one in schedulers]
    return UsageError(
        f"{len(items)} schedulers drive `{holder.name}`: {listed(items)}.",
        suggestion=(
            f"Say which: {either(f'--scheduler {name}' for name, _ in items)};"
            " torch.optim.lr_scheduler.SequentialLR or ChainedScheduler makes one of several."
        ),
        candidates=candidates(items),
    )
