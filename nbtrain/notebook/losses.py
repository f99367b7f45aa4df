"""Choose the loss: a criterion, or a function named like a loss and called with two values, or none."""

from __future__ import annotations

from typing import Any

from torch import nn

from nbtrain.errors import UsageError
from nbtrain.notebook.candidates import Candidates, Named, argument_names
from nbtrain.notebook.listing import candidates, either, listed
from nbtrain.notebook.modules import own_buffers, parameters_of, walk
from nbtrain.notebook.names import data_role, words
from nbtrain.notebook.ownership import Model
from nbtrain.notebook.wording import say, say_kind

# First words and arguments of functions that are about losses but are none.
DOING_WORDS = frozenset(
    ["plot", "show", "print", "log", "save", "load", "get", "make", "build", "create", "evaluate", "eval",
     "record", "update", "draw", "report", "test", "validate", "train"]
)  # fmt: skip
OTHER_ARGUMENTS = frozenset(
    ["loader", "dataloader", "data_loader", "dataset", "optimizer", "opt", "epoch", "epochs", "history",
     "ax", "axes", "fig", "path", "losses", "name", "values", "steps", "train_loader", "val_loader",
     "dl", "train_dl", "val_dl", "valid_dl", "iterator", "batches", "criterion", "loss_fn", "loss_func"]
)  # fmt: skip
_LIBRARIES = frozenset(
    ["torch", "torchvision", "torchaudio", "torchmetrics", "sklearn", "scipy", "kornia", "monai",
     "transformers"]
)  # fmt: skip


def choose_loss(found: Candidates, model: Model) -> tuple[Named | None, tuple[str, ...]]:
    """Choose the loss, or None where the model gives its own; with remarks.

    Raises:
        UsageError: several different ones; lists them with the way to choose.
    """
    own = gives_own_loss(model.value)
    inside = [one for one in found.criteria if id(one.value) in model.parts]
    outside = [one for one in found.criteria if id(one.value) not in model.parts and not _for_evaluation(one)]
    outside = _distinct(outside)
    functions = [one for one in found.functions if is_loss_function(one) and not _for_evaluation(one)]
    if own and (outside or functions):
        name = (outside or functions)[0].name
        return None, (
            f"`{model.name}` computes its own loss, so `{name}` is not used; `--loss {name}` uses it.",
        )
    if own:
        return None, ()
    if outside:
        chosen, remarks = _criterion_among(outside, functions)
        return chosen, (*remarks, *_left_to_evaluation(found, chosen))
    if inside:
        return None, (f"`{inside[0].name}` is a part of `{model.name}`, so the model's own loss is used; "
                      f"`--loss {inside[0].name}` applies it to the output instead.",)  # fmt: skip
    if len(functions) > 1:
        raise _several(functions)
    if functions:
        return functions[0], ()
    nested = _distinct(found.nested.criteria) if found.nested is not None else []
    return (nested[0], ()) if len(nested) == 1 and id(nested[0].value) not in model.parts else (None, ())


def _criterion_among(criteria: list[Named], functions: list[Named]) -> tuple[Named, tuple[str, ...]]:
    """Return the one criterion, where what else there is stands in its service or was only imported.

    Raises:
        UsageError: several, or a function beside it that could be meant as well.
    """
    one = criteria[0]
    rivals = [f for f in functions if not _imported(f) and not _calls(type(one.value), f.name)]
    if len(criteria) > 1 or rivals:
        raise _several([*criteria, *rivals])
    remarks = []
    for function in functions:
        why = "it is part of" if not _imported(function) else "it was imported, and made here was"
        remarks.append(
            f"`{function.name}` could be a loss too and is not used: {why} `{one.name}`; "
            f"`--loss {function.name}` uses it."
        )
    return one, tuple(remarks)


def _left_to_evaluation(found: Candidates, chosen: Named) -> tuple[str, ...]:
    """Say that a criterion named after validation is not trained with, where it is another one."""
    others = [one for one in found.criteria if _for_evaluation(one) and not _same(one.value, chosen.value)]
    return tuple(
        f"`{one.name}` ({say_kind(one.value)}) is named after validation and not used; `{chosen.name}` is."
        for one in others
    )


def _imported(one: Named) -> bool:
    """Say whether a library's function stands under its own name: a tool that an import brought along."""
    package = (getattr(one.value, "__module__", None) or "").partition(".")[0]
    return package in _LIBRARIES and getattr(one.value, "__name__", None) == one.name


def _calls(kind: type, name: str) -> bool:
    """Say whether the methods of a class mention a name of the notebook."""
    if kind.__module__.partition(".")[0] in _LIBRARIES:
        return False  # its own F.cross_entropy is not the notebook's `cross_entropy`
    methods = (getattr(value, "__code__", None) for value in vars(kind).values())
    return any(name in code.co_names for code in methods if code is not None)


def gives_own_loss(model: nn.Module) -> bool:
    """Say whether a model's output brings its loss: Hugging Face models whose `forward` takes `labels`."""
    if not any(base.__module__.split(".")[0] in ("transformers", "peft") for base in type(model).__mro__):
        return False
    code = getattr(type(model).forward, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return "labels" in names or type(model).__name__.startswith("Peft")


def is_loss_function(one: Named) -> bool:
    """Say whether a function named like a loss can be one: two values in, none of them a loader or a plot."""
    value = one.value
    if getattr(value, "__module__", None) == "torch.nn.functional":
        return True
    function = getattr(value, "func", value)  # functools.partial(F.cross_entropy, label_smoothing=0.1)
    if function is not value and getattr(function, "__module__", None) == "torch.nn.functional":
        return True
    if words(one.name)[0] in DOING_WORDS:
        return False
    names = argument_names(value)
    return (
        names is not None and len(names) == 2 and OTHER_ARGUMENTS.isdisjoint(name.lower() for name in names)
    )


def _for_evaluation(one: Named) -> bool:
    return data_role(one.name) in ("val", "test")


def _distinct(criteria: list[Named]) -> list[Named]:
    """Two criteria of one class with the same settings are the same loss."""
    kept: list[Named] = []
    for one in criteria:
        if not any(_same(one.value, other.value) for other in kept):
            kept.append(one)
    return kept


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other) or not isinstance(one, nn.Module):
        return False
    if (
        parameters_of(one)
        or parameters_of(other)
        or any(own_buffers(m) for _, m in (*walk(one), *walk(other)))
    ):
        return False
    plain = (int, float, str, bool, type(None))
    settings = [
        {k: v for k, v in vars(m).items() if not k.startswith("_") and k != "training"} for m in (one, other)
    ]
    if any(not isinstance(value, plain) for kept in settings for value in kept.values()):
        return False
    return settings[0] == settings[1]


def _several(losses: list[Named]) -> UsageError:
    items = [(one.name, _said(one, losses)) for one in losses]
    return UsageError(
        f"There are {len(items)} losses here: {listed(items)}.",
        suggestion=f"Say which: {either(f'--loss {name}' for name, _ in items)}.",
        candidates=candidates(items),
    )


def _said(one: Named, others: list[Named]) -> str:
    """Say what a loss is, and which of the others it calls."""
    code = getattr(one.value, "__code__", None)
    called = [other.name for other in others if code is not None and other.name in code.co_names]
    return say(one.value) + (f" that calls `{called[0]}`" if called else "")
