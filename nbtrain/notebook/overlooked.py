"""What a notebook holds that could have been meant and was not taken: functions that may be a loss, models
that classes keep. Nothing of it is called.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from torch import nn

from nbtrain.notebook.candidates import argument_names, is_accessory, is_criterion
from nbtrain.notebook.losses import DOING_WORDS, OTHER_ARGUMENTS
from nbtrain.notebook.modules import has_forward, parameters_of
from nbtrain.notebook.names import counts, data_role, speaks_of_loss, words

MOST_NAMED = 3
# First or last words of functions of two values that measure or prepare rather than train.
_NO_LOSS_WORDS = frozenset(
    ["accuracy", "acc", "f1", "precision", "recall", "auc", "score", "metric", "metrics", "collate",
     "transform", "augment", "preprocess", "step", "init", "worker", "seed", "add", "load", "sample"]
)  # fmt: skip


def functions_that_may_be_a_loss(namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the notebook's own functions of two values that nothing else speaks against."""
    return tuple(name for name, value in namespace.items() if _may_be_loss(name, value))


def remark_on(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return a remark that names functions that may be the loss; empty where there are none."""
    if not names:
        return ()
    shown = ", ".join(f"`{name}`" for name in names[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    verb = "takes" if len(names) == 1 else "take"
    used = "is not used" if len(names) == 1 else "are not used"
    return (
        "No loss of the notebook was found, so nbtrain chooses one. "
        f"{shown}{more} {verb} two values and {used}:"
        f" if that is the loss, say --loss {names[0]}.",
    )


def _may_be_loss(name: str, value: Any) -> bool:
    # a notebook's cells are the module __main__; what was imported has another
    if not counts(name) or type(value) is not types.FunctionType or value.__module__ != "__main__":
        return False
    said = words(name)
    if not said or speaks_of_loss(name) or data_role(name) or said[0] in DOING_WORDS:
        return False
    if not _NO_LOSS_WORDS.isdisjoint(said):
        return False
    names = argument_names(value)
    return (
        names is not None
        and len(names) == 2
        and OTHER_ARGUMENTS.isdisjoint(one.lower() for one in names)
        and not {"self", "cls"} & set(names)
    )


def models_of_classes(namespace: Mapping[str, Any]) -> list[str]:
    """Return the ways to models that a class, not its instance, keeps: `exp.model`, `Config.net`.

    An instance's own attributes are searched with the other variables; what its class holds is not.
    """
    found: dict[int, str] = {}
    for name, value in namespace.items():
        kind = value if isinstance(value, type) else type(value)
        if not counts(name) or kind.__module__ != "__main__" or nn.Module in kind.__mro__:
            continue
        for attribute, part in vars(kind).items():
            if not isinstance(part, nn.Module) or not has_forward(part) or not parameters_of(part):
                continue
            if not is_criterion(attribute, part) and not is_accessory(part):
                found.setdefault(id(part), f"{name}.{attribute}")
    return list(found.values())
