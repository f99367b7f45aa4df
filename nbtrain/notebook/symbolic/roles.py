"""What role a value plays in training: optimizer, scheduler, model, loader.

By class, else by the name people give it.
"""

from __future__ import annotations

from typing import Any

from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.values import Choice, Live, Made, Member, Obj, Term, Value, name_of, options

# What people call a network that is made elsewhere.
MODEL_WORDS = frozenset(
    {
        "model",
        "net",
        "network",
        "parameters",
        "policy",
        "encoder",
        "decoder",
        "classifier",
        "backbone",
        "gpt",
        "unet",
        "resnet",
        "generator",
        "discriminator",
        "critic",
        "actor",
        "student",
        "teacher",
    }
)
MODEL_ENDINGS = ("_model", "_net", "model", "net_g", "net_d")


def kind_of(value: Value) -> str:
    """Return the category of what a value is: optimizer, scheduler, scaler, accelerator, ... or ""."""
    for one in options(value):
        if isinstance(one, Made) and (kind := category(one.path)):
            return kind
        if isinstance(one, Obj) and one.cls is not None:
            for path in one.cls.library_bases():
                if path.endswith(".Optimizer") or category(path) == "optimizer":
                    return "optimizer"
                if path.endswith(("LRScheduler", "_LRScheduler")) or category(path) == "scheduler":
                    return "scheduler"
        if isinstance(one, Live):
            return _live_kind(one.obj)
    return ""


def _live_kind(obj: Any) -> str:
    names = {f"{one.__module__}.{one.__name__}" for one in type(obj).__mro__}
    if "torch.optim.optimizer.Optimizer" in names:
        return "optimizer"
    if any(name.endswith(("LRScheduler", "ReduceLROnPlateau")) for name in names):
        return "scheduler"
    if any(name.endswith(".GradScaler") for name in names):
        return "scaler"
    if "torch.utils.data.dataloader.DataLoader" in names:
        return "loader"
    if "torch.nn.modules.module.Module" in names:
        return "loss" if type(obj).__name__.endswith("Loss") else "model"
    return "accelerator" if any(name.startswith("accelerate.") for name in names) else ""


def words_of(value: Value) -> str:
    """The last word by which a value goes, in lower case: the name it was first bound to, else how it is
    written."""
    word = (value.alias if isinstance(value, Term) else "") or name_of(value)
    return word.lower().rpartition(".")[2]


def is_optimizer(value: Value) -> bool:
    """Whether a value is an optimizer by its class, or by its name where nothing more is known."""
    kind = kind_of(value)
    if kind:
        return kind == "optimizer"
    name = words_of(value)
    return (
        isinstance(value, Term | Member | Live | Choice)
        and (name.startswith("opt") or "optim" in name)
        and "state" not in name
    )


def is_model(value: Value) -> bool:
    """Whether a value is a network or its parameters, by class or by name."""
    for one in options(value):
        if isinstance(one, Obj) and one.cls is not None:
            return any(path.endswith(("Module", "PreTrainedModel")) for path in one.cls.library_bases())
        if isinstance(one, Made):
            return category(one.path) in (
                "pretrained",
                "attention",
                "recurrent",
                "weighted",
                "torchvision-model",
                "transformer-model",
                "norm",
                "module",
            )
        if isinstance(one, Live):
            return _live_kind(one.obj) == "model"
        if isinstance(one, Term | Member):
            last = words_of(one)
            return last in MODEL_WORDS or "parameters" in last or last.endswith(MODEL_ENDINGS)
    return False


def is_scheduler(value: Value) -> bool:
    kind = kind_of(value)
    if kind:
        return kind == "scheduler"
    name = words_of(value)
    return isinstance(value, Term | Member | Obj | Live) and (
        "sched" in name or "warm" in name or name in ("lr_decay", "lrs")
    )
