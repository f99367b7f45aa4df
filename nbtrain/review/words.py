"""How the rules name objects and numbers, so that all findings read alike."""

from __future__ import annotations

from nbtrain.notebook.facts import LoaderFact, OptimizerFact, Quantity


def described(thing: OptimizerFact | LoaderFact) -> str:
    """`optimizer` in backticks, else what it is: `an Adam on line 12`."""
    if thing.name:
        return f"`{thing.name}`"
    what = thing.cls if isinstance(thing, OptimizerFact) else "DataLoader"
    return f"the {what} on line {thing.line}" if thing.line else f"the {what}"


def shown(number: Quantity) -> str:
    """The number as people write it: `0.1`, `1e-05`, `32`."""
    if not number.known:
        return number.text or "unknown"
    return " or ".join(f"{one:g}" for one in sorted(set(number.values)))
