"""Facts read from live objects: optimizer settings, loader sizes, kinds of layers.

Runs no code of the person's classes.

torch is looked up in `sys.modules` only: when nobody has imported it there is nothing to see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.facts import LoaderFact, OptimizerFact, Quantity

LIVE = "live value"
# torch.nn layers, by class name along the class's ancestry.
RECURRENT = frozenset({"RNNBase", "RNNCellBase"})
ATTENTION = frozenset({"MultiheadAttention", "Transformer", "TransformerEncoder", "TransformerDecoder"})
WEIGHTED = frozenset({"Linear", "_ConvNd", "Bilinear"})
NORMS = frozenset({"_NormBase", "LayerNorm", "GroupNorm", "RMSNorm"})
MAX_MODULES = 200_000
EVALUATION_WORDS = ("val", "test", "eval", "dev", "infer", "predict")


@dataclass(frozen=True)
class LiveModel:
    """What a live module is made of.

    `depth`: its weight layers; `frozen`: some of its parameters do not train.
    """

    name: str
    attention: str = ""
    recurrent: str = ""
    depth: int = 0
    norms: int = 0
    frozen: bool = False


@dataclass(frozen=True)
class LiveSchedule:
    """A live scheduler: its class, the identity of its optimizer, and whether it starts low or rises."""

    name: str
    cls: str
    optimizer: int
    warms_up: bool
    top: float | None = None


@dataclass(frozen=True)
class LiveFacts:
    """Everything of training that a namespace holds."""

    models: tuple[LiveModel, ...] = ()
    optimizers: tuple[OptimizerFact, ...] = ()
    schedules: tuple[LiveSchedule, ...] = ()
    loaders: tuple[LoaderFact, ...] = ()


def read_live(namespace: Mapping[str, Any]) -> LiveFacts:
    """Return the facts of the models, optimizers, schedulers and loaders in `namespace`; each object once."""
    models, optimizers, schedules, loaders = [], [], [], []
    seen: set[int] = set()
    for name, obj in list(namespace.items()):
        if name.startswith("_") or id(obj) in seen:
            continue
        seen.add(id(obj))
        if found := model_facts(name, obj):
            models.append(found)
        elif optimizer := optimizer_facts(name, obj):
            optimizers.append(optimizer)
        elif loader := loader_facts(name, obj):
            loaders.append(loader)
        elif schedule := schedule_facts(name, obj):
            schedules.append(schedule)
    return LiveFacts(tuple(models), tuple(optimizers), tuple(schedules), tuple(loaders))


def _torch_class(path: str) -> Any:
    """Return a class of torch without importing it, or None."""
    module, _, name = path.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


def is_a(obj: Any, path: str) -> bool:
    """Whether an object's class, or an ancestor of it, is the torch class of this path."""
    kind = _torch_class(path)
    return isinstance(kind, type) and kind in type(obj).__mro__


def _ancestry(obj: Any) -> set[str]:
    return {kind.__name__ for kind in type(obj).__mro__}


def modules_of(model: Any) -> Iterator[Any]:
    """Yield every module below and including `model`, each once, through plain `_modules` dicts."""
    waiting, seen = [model], {id(model)}
    while waiting and len(seen) < MAX_MODULES:
        one = waiting.pop()
        yield one
        for child in (vars(one).get("_modules") or {}).values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def model_facts(name: str, obj: Any) -> LiveModel | None:
    """Return what a live module is made of; None for anything else, and for criteria without parameters."""
    if not is_a(obj, "torch.nn.Module") or type(obj).__name__.endswith("Loss"):
        return None
    attention = recurrent = ""
    depth = norms = 0
    frozen = False
    for module in modules_of(obj):
        ancestry = _ancestry(module)
        label = f"`{name}` holds `{type(module).__name__}`"
        if not attention and (ancestry & ATTENTION or "attention" in type(module).__name__.lower()):
            attention = label
        if not recurrent and ancestry & RECURRENT:
            recurrent = label
        depth += bool(ancestry & WEIGHTED)
        norms += bool(ancestry & NORMS)
        frozen = frozen or any(
            one is not None and not one.requires_grad
            for one in (vars(module).get("_parameters") or {}).values()
        )
    return LiveModel(name, attention, recurrent, depth, norms, frozen)


def _quantity(value: Any) -> Quantity:
    try:
        return Quantity((float(value),), LIVE)
    except (TypeError, ValueError, RuntimeError):
        return Quantity()


def optimizer_facts(name: str, obj: Any) -> OptimizerFact | None:
    """Return the settings that a live optimizer holds in its groups now."""
    if not is_a(obj, "torch.optim.Optimizer"):
        return None
    groups = [group for group in vars(obj).get("param_groups", ()) if isinstance(group, dict)]
    cls = type(obj).__name__
    library = (type(obj).__module__ or "").partition(".")[0] in (
        "torch",
        "bitsandbytes",
        "apex",
        "transformers",
        "deepspeed",
    )
    family = "adam" if "Adam" in cls and cls != "Adafactor" else "sgd" if cls == "SGD" else "other"
    decays = [float(group.get("weight_decay") or 0.0) for group in groups]
    decoupled = cls not in ("Adam", "NAdam", "RAdam", "Adamax") or any(
        group.get("decoupled_weight_decay") for group in groups
    )
    return OptimizerFact(
        name=name,
        cls=cls,
        family=family if library else "other",
        live=True,
        key=id(obj),
        decoupled=decoupled,
        lrs=tuple(_quantity(group.get("initial_lr", group.get("lr"))) for group in groups) or (Quantity(),),
        weight_decay=Quantity((max(decays, default=0.0),), LIVE),
        momentum=_quantity(groups[0].get("momentum", 0.0) if groups else 0.0),
    )


def loader_facts(name: str, obj: Any) -> LoaderFact | None:
    """Return the batch size of a live DataLoader.

    Unknown where a batch sampler or the data set makes batches.
    """
    if not is_a(obj, "torch.utils.data.DataLoader"):
        return None
    held = vars(obj)
    size = held.get("batch_size")
    word = name.lower()
    role = (
        "evaluation" if any(one in word for one in EVALUATION_WORDS) else "train" if "train" in word else ""
    )
    data = held.get("dataset")
    samples = (
        len(data)
        if type(data).__module__.startswith("torch.utils.data") and hasattr(type(data), "__len__")
        else None
    )
    return LoaderFact(
        name, _quantity(size) if size is not None else Quantity(), live=True, role=role, samples=samples
    )


def schedule_facts(name: str, obj: Any) -> LiveSchedule | None:
    """Return what a live scheduler is; warm-up when its class ramps or its lambda starts low."""
    ancestry = _ancestry(obj)
    if not ({"LRScheduler", "_LRScheduler", "ReduceLROnPlateau"} & ancestry):
        return None
    held = vars(obj)
    cls = type(obj).__name__
    optimizer = held.get("optimizer")
    inner = [schedule_facts(name, one) for one in held.get("_schedulers", ())]
    warm = (
        cls in ("OneCycleLR", "CyclicLR", "LambdaLR", "MultiplicativeLR", "LinearLR") or "warm" in cls.lower()
    )
    groups = vars(optimizer).get("param_groups", ()) if optimizer is not None else ()
    tops = [group["max_lr"] for group in groups if isinstance(group, dict) and "max_lr" in group]
    if cls == "CosineAnnealingWarmRestarts":
        warm = False
    return LiveSchedule(
        name, cls, id(optimizer), warm or any(one and one.warms_up for one in inner), max(tops, default=None)
    )
