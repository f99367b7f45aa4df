"""What the person named: a name or a way to an object (`trainer.model`, `loaders["train"]`) made the object.

Checks that it can play its role, and says what it is and what is allowed when it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from torch import nn
from torch.optim import Optimizer

from nbtrain.errors import UsageError
from nbtrain.notebook.candidates import Candidates, Named
from nbtrain.notebook.listing import either
from nbtrain.notebook.modules import has_forward
from nbtrain.notebook.names import best_name, counts, nearest
from nbtrain.notebook.ownership import inner_optimizer
from nbtrain.notebook.wording import attribute, say, say_kind

_STEP = re.compile(r"\.(?P<attr>[A-Za-z_]\w*)|\[(?P<index>-?\d+)\]|\[(?P<q>[\"']?)(?P<key>[^\]\"']+)(?P=q)\]")
_ALLOWED = {
    "model": ("a torch.nn.Module", ("models",)),
    "data": ("a DataLoader or a list of batches", ("loaders", "lists", "iterables")),
    "val": ("a DataLoader or a list of batches", ("loaders", "lists", "iterables")),
    "optimizer": ("a torch.optim optimizer", ("optimizers",)),
    "loss": ("a torch.nn criterion or a function (output, target) -> loss", ("criteria", "functions")),
    "scheduler": ("a learning-rate scheduler", ("schedulers",)),
}
_FOREIGN = {
    "keras": "Keras", "tensorflow": "TensorFlow", "sklearn": "scikit-learn", "jax": "JAX", "flax": "Flax",
    "xgboost": "XGBoost", "lightgbm": "LightGBM", "paddle": "Paddle",
}  # fmt: skip


def resolve(given: Any, role: str, namespace: Mapping[str, Any], found: Candidates) -> Named | None:
    """Return the object a person gave for a role, by name or as it is; None when they gave none.

    Args:
        given: a name, a way to an object, or the object.
        role: model, data, val, optimizer, loss or scheduler.

    Raises:
        UsageError: no such name (with the nearest one and what it holds), or an object that cannot play the
            role.
    """
    if given is None:
        return None
    if isinstance(given, Named):
        named = given
    elif isinstance(given, str):
        named = Named(given.strip(), _look_up(given.strip(), role, namespace, found))
    else:
        named = Named(_name_of(given, role, namespace, found), given)
    _CHECKS.get(role, lambda one: None)(named)
    return named


def _name_of(given: Any, role: str, namespace: Mapping[str, Any], found: Candidates) -> str:
    """Return the variable that holds an object, the way to it, or the argument's own name."""
    names = [name for name, value in namespace.items() if value is given]
    if names:
        return best_name(names, {"data": "train"}.get(role, role))
    nested = [] if found.nested is None else list(found.nested.everything())
    return next((one.name for one in nested if one.value is given), role)


def _look_up(name: str, role: str, namespace: Mapping[str, Any], found: Candidates) -> Any:
    base = re.match(r"[A-Za-z_]\w*", name)
    if name not in namespace and (base is None or base.group() not in namespace):
        raise unknown_name(name if base is None else base.group(), role, namespace, found)
    return value_at(name, namespace)


def value_at(name: str, namespace: Mapping[str, Any]) -> Any:
    """Return what a variable holds, or where a way to an object leads.

    Raises:
        KeyError: no such variable. UsageError: the way leads nowhere, or is none.
    """
    if name in namespace:
        return namespace[name]
    base = re.match(r"[A-Za-z_]\w*", name)
    if base is None:
        raise KeyError(name)
    value, rest = namespace[base.group()], name[base.end() :]
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise UsageError(
                f"`{name}` is not a name or a way to an object.",
                suggestion="Give a variable, an attribute (trainer.model) or an item (loaders[train]).",
            )
        value = _one_step(value, step, name)
        rest = rest[step.end() :]
    return value


def _one_step(value: Any, step: re.Match[str], name: str) -> Any:
    before = name[: name.rindex(step.group())] if step.group() in name else name
    try:
        if step["attr"]:
            return getattr(value, step["attr"])
        return value[int(step["index"])] if step["index"] else value[step["key"]]
    except Exception as error:  # the person's own object answers as it likes: said, not raised through
        raise UsageError(
            f"`{name}` leads nowhere: `{before}` is {say(value)} and has no {step.group()}"
            f" ({type(error).__name__}).",
            suggestion=f"Look at what `{before}` holds.",
        ) from None


def unknown_name(name: str, role: str, namespace: Mapping[str, Any], found: Candidates) -> UsageError:
    """Say that there is no such variable, which is nearest and what it holds, and what fits the role."""
    allowed, kinds = _ALLOWED[role]
    fitting = [one for kind in kinds for one in getattr(found, kind)]
    close = nearest(name, [one.name for one in fitting]) or nearest(
        name, [key for key, value in namespace.items() if counts(key) and not isinstance(value, ModuleType)]
    )
    if close is not None:
        value = next((one.value for one in fitting if one.name == close), namespace.get(close))
        hint = f"Did you mean `{close}` ({say_kind(value)})?"
    elif fitting:
        hint = f"There is {either(one.name for one in fitting)}."
    else:
        hint = f"There is no {_WORDS[role]} among the variables; allowed is {allowed}."
    return UsageError(
        f"There is no variable `{name}` in this notebook.", suggestion=hint, name=name, role=role
    )


_WORDS = {"model": "model", "data": "loader", "val": "loader", "optimizer": "optimizer", "loss": "loss",
          "scheduler": "scheduler"}  # fmt: skip


def _wrong_type(one: Named, role: str, hint: str) -> UsageError:
    return UsageError(
        f"`{one.name}` is {say(one.value)}, and the {_WORDS[role]} must be {_ALLOWED[role][0]}.",
        suggestion=hint,
        name=one.name,
        role=role,
    )


def _check_model(one: Named) -> None:
    value, kind = one.value, type(one.value)
    if issubclass(kind, nn.Module):
        if not has_forward(value):
            raise UsageError(
                f"`{one.name}` is {say(value)}: it holds modules but has no `forward` of its own.",
                suggestion="Put them into a class of yours with a `forward`, or use nn.Sequential.",
            )
        return
    if issubclass(kind, type) and nn.Module in value.__mro__:
        raise _wrong_type(one, "model", f"Make one of it first: model = {value.__name__}(...)")
    package = kind.__module__.split(".")[0]
    if package in _FOREIGN:
        raise _wrong_type(
            one, "model", f"nbtrain trains PyTorch models; this one comes from {_FOREIGN[package]}."
        )
    if issubclass(type(attribute(value, "model")), nn.Module):
        raise _wrong_type(one, "model", f"It keeps a model: `%train {one.name}.model`.")
    if hasattr(kind, "__iter__") and hasattr(kind, "__len__"):
        raise _wrong_type(one, "model", "The model comes first, then the data: `%train MODEL DATA`.")
    raise _wrong_type(one, "model", "Name the variable that holds the model: `%train MODEL`.")


def _check_optimizer(one: Named) -> None:
    value, kind = one.value, type(one.value)
    if issubclass(type(inner_optimizer(value)), Optimizer) and not hasattr(kind, "get_last_lr"):
        if callable(attribute(value, "step")):
            return
        raise _wrong_type(one, "optimizer", f"It keeps one: --optimizer {one.name}.optimizer")
    if isinstance(attribute(value, "param_groups"), list) and callable(attribute(value, "step")):
        return
    if issubclass(kind, type) and Optimizer in value.__mro__:
        raise _wrong_type(
            one, "optimizer", f"Make one of it: optimizer = {value.__name__}(model.parameters(), lr=...)"
        )
    if hasattr(kind, "get_last_lr"):
        raise _wrong_type(one, "optimizer", f"It is a scheduler: --scheduler {one.name}")
    raise _wrong_type(
        one, "optimizer", "For example: optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)"
    )


def _check_loss(one: Named) -> None:
    value = one.value
    if issubclass(type(value), type):
        raise _wrong_type(one, "loss", f"Make one of it: criterion = {value.__name__}()")
    if hasattr(type(value), "backward"):
        raise _wrong_type(one, "loss", "It is a value already computed; give the criterion that computes it.")
    if not callable(value):
        raise _wrong_type(one, "loss", "For example: criterion = torch.nn.CrossEntropyLoss()")


def _check_scheduler(one: Named) -> None:
    value = one.value
    if issubclass(type(value), type):
        raise _wrong_type(one, "scheduler", f"Make one of it: scheduler = {value.__name__}(optimizer, ...)")
    if not callable(attribute(value, "step")) or hasattr(type(value), "zero_grad"):
        raise _wrong_type(
            one,
            "scheduler",
            "For example: scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100)",
        )


_CHECKS: dict[str, Callable[[Named], None]] = {
    "model": _check_model,
    "optimizer": _check_optimizer,
    "loss": _check_loss,
    "scheduler": _check_scheduler,
}
