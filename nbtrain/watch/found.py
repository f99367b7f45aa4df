"""What takes part in a followed loop: optimizers, the models they train, schedulers, loaders; their names.

Looked for among the notebook's names and, since loops live in functions and classes too, among the variables
of the person's frames around a step; one level into objects, lists and dicts. Everything is held weakly.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data import DataLoader

from nbtrain.notebook.names import counts
from nbtrain.watch.loops import variables_around
from nbtrain.watch.people import frames, locals_of

KINDS = (Optimizer, nn.Module, LRScheduler, ReduceLROnPlateau, DataLoader)
MOST_INSIDE = 64  # attributes or items of one object looked at


class Found:
    """What was found, as views read it: `model`, `optimizer`, ..., `names`; None where there is nothing.

    Args:
        namespace: the notebook's variables, or a function's that follows its own loop.
    """

    output_shapes: Mapping[str, str] = {}  # no batch is rehearsed

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._named: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._stepping: dict[str, weakref.ref[Any]] = {}
        self._feeding: list[weakref.ref[Any]] = []
        self._judging: list[weakref.ref[Any]] = []
        self._model: weakref.ref[nn.Module] | None = None

    def look(self) -> list[Any]:
        """Look at the names around the caller; return the optimizers among what they hold."""
        self._named = {key: held for key, held in self._named.items() if held[0]() is not None}
        for name, value in _around(self._namespace):
            if id(value) not in self._named or self._named[id(value)][0]() is not value:
                self._named[id(value)] = weakref.ref(value), name
        return self._alive(Optimizer)

    def name_of(self, thing: Any) -> str:
        """Return what the person calls a thing, "" where that was not found."""
        known = self._named.get(id(thing))
        return known[1] if known is not None and known[0]() is thing else ""

    def steps(self, optimizer: Any) -> str:
        """Take note of an optimizer that steps; return what it is called, unlike any other."""
        self.look()
        name = called = self.name_of(optimizer) or type(optimizer).__name__
        number = 1
        while (other := self._optimizer(called)) is not None and not _share(other, optimizer):
            number += 1
            called = f"{name} {number}"
        self._stepping[called] = weakref.ref(optimizer)
        model = self.model
        self._model = None if model is None else weakref.ref(model)
        return called

    def _optimizer(self, name: str) -> Any:
        held = self._stepping.get(name)
        return held() if held is not None else None

    def feeds(self, loader: Any) -> None:
        """Take note of a loader that feeds the training."""
        self._feeding.append(weakref.ref(loader))

    def judges(self, loader: Any) -> None:
        """Take note of a loader whose data was validated on."""
        self._judging.append(weakref.ref(loader))

    @property
    def optimizers(self) -> dict[str, Any]:
        """The optimizers that have stepped, by name, in the order of their first steps."""
        return {name: value for name, held in self._stepping.items() if (value := held()) is not None}

    @property
    def models(self) -> dict[str, nn.Module]:
        """The outermost modules whose parameters the optimizers hold, by name; the largest first."""
        trained = {id(p) for p in self.parameters}
        weights: dict[str, int] = {}
        held: dict[str, nn.Module] = {}
        for module in self._alive(nn.Module):
            weight = sum(p.numel() for p in module.parameters() if id(p) in trained)
            if weight:
                name = self.name_of(module)
                held[name], weights[name] = module, weight
        outer = {
            name: module
            for name, module in held.items()
            if not any(module is not other and module in _modules(other) for other in held.values())
        }
        return dict(sorted(outer.items(), key=lambda item: -weights[item[0]]))

    @property
    def schedulers(self) -> dict[str, Any]:
        """The schedulers of these optimizers, by name; not those that another one drives."""
        stepping = [id(optimizer) for optimizer in self.optimizers.values()]
        known = self._alive((LRScheduler, ReduceLROnPlateau))
        mine = [one for one in known if id(getattr(one, "optimizer", None)) in stepping]
        driven = {id(inner) for one in mine for inner in getattr(one, "_schedulers", ())}
        return {self.name_of(one): one for one in mine if id(one) not in driven}

    @property
    def parameters(self) -> list[Tensor]:
        """What the optimizers that have stepped hold."""
        return [p for one in self.optimizers.values() for group in one.param_groups for p in group["params"]]

    @property
    def model(self) -> nn.Module | None:
        """The model, the largest of several."""
        return next(iter(self.models.values()), None)

    @property
    def model_now(self) -> nn.Module | None:
        """The model as it was last found; asking costs a step nothing."""
        return self._model() if self._model is not None else None

    @property
    def optimizer(self) -> Any:
        """The optimizer that stepped first."""
        return next(iter(self.optimizers.values()), None)

    @property
    def scheduler(self) -> Any:
        """The first scheduler."""
        return next(iter(self.schedulers.values()), None)

    @property
    def train_loader(self) -> Any:
        """The loader that feeds the training."""
        return next((loader for held in self._feeding if (loader := held()) is not None), None)

    @property
    def val_loader(self) -> Any:
        """The loader that was validated on."""
        return next((loader for held in self._judging if (loader := held()) is not None), None)

    @property
    def names(self) -> dict[str, str]:
        """Role -> what the person calls it."""
        roles = {
            "model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler,
            "train": self.train_loader, "val": self.val_loader,
        }  # fmt: skip
        return {role: self.name_of(thing) for role, thing in roles.items() if thing is not None}

    def look_no_more(self) -> None:
        """The loop is over: let go of the names; what was found stays as long as it lives."""
        self._namespace = {}

    def _alive(self, kind: Any) -> list[Any]:
        alive = [held() for held, _ in list(self._named.values())]
        return [thing for thing in alive if isinstance(thing, kind)]


def _modules(module: nn.Module) -> set[nn.Module]:
    return set(module.modules())


def _around(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values, the nearest to the notebook first: its own, then those of frames, then inside.

    Of frames the outermost come first: a helper's `opt` is called `opt_d` where it was made. Variables of the
    loops come last: `for opt in opts.values()` names one after the other so.
    """
    inside: list[tuple[str, Any]] = []
    passing: list[tuple[str, Any]] = []
    models: list[nn.Module] = []
    around = list(frames())
    of_loops = variables_around([(frame.f_code, frame.f_lineno) for frame in around])
    for name, value in _variables(namespace, reversed(around)):
        for found in _if_wanted(name, value, inside):
            if isinstance(value, nn.Module):
                models.append(value)
            if name in of_loops:
                passing.append(found)
            else:
                yield found
    for name, value in inside:
        yield from _inside(name, value, models)
    yield from passing


def _variables(namespace: Mapping[str, Any], around: Iterable[FrameType]) -> Iterator[tuple[str, Any]]:
    yield from [(name, value) for name, value in list(namespace.items()) if counts(name)]
    for frame in around:
        with locals_of(frame) as variables:
            yield from [(name, value) for name, value in list(variables.items()) if counts(name)]


def _if_wanted(name: str, value: Any, inside: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    try:
        wanted, holds = isinstance(value, KINDS), _may_hold(value)
    except Exception:  # an object with odd ideas of its class or attributes
        return
    if holds:
        inside.append((name, value))
    if wanted:
        yield name, value


def _may_hold(value: Any) -> bool:
    """Say whether what is looked for may be in a thing: a container, an object, a wrapping optimizer."""
    if isinstance(value, (*KINDS, type, Tensor)) or callable(value):
        return isinstance(value, Optimizer)
    if isinstance(value, dict):
        return "__builtins__" not in value  # else it is a namespace itself
    return isinstance(value, (list, tuple)) or hasattr(value, "__dict__")


def _inside(name: str, value: Any, models: Sequence[nn.Module]) -> Iterator[tuple[str, Any]]:
    try:
        if isinstance(value, dict):
            items = list(value.items())[:MOST_INSIDE]
            parts = [
                (f"{name}[{_key(key, place, models)}]", part)
                for place, (key, part) in enumerate(items) if isinstance(part, KINDS)
            ]  # fmt: skip
        elif isinstance(value, (list, tuple)):
            parts = [(f"{name}[{place}]", part) for place, part in enumerate(value[:MOST_INSIDE])]
        else:
            own = list(vars(value).items())[:MOST_INSIDE]
            parts = [(_called(name, value, key, part), part) for key, part in own]
    except Exception:  # an object with odd ideas of its attributes: nothing is found in it
        return
    for called, part in parts:
        if isinstance(part, KINDS):
            yield called, part


def _key(key: Any, place: int, models: Sequence[nn.Module]) -> str:
    """A key as it is typed; of a parameter or a layer its name in a model, else its place."""
    if isinstance(key, (Tensor, nn.Module)):
        kind = "named_modules" if isinstance(key, nn.Module) else "named_parameters"
        parts = (pair for model in models for pair in getattr(model, kind)())
        return next((called for called, part in parts if part is key and called), f"#{place}")
    return repr(key)


def _called(name: str, holder: Any, key: str, part: Any) -> str:
    if isinstance(part, Optimizer) and hasattr(holder, "step") and hasattr(holder, "zero_grad"):
        return name  # an optimizer around another: what the person steps
    return key if name == "self" else f"{name}.{key}"


def _share(one: Any, other: Any) -> bool:
    """Say whether two optimizers hold the same parameters: one is in the other."""
    held = {id(p) for group in one.param_groups for p in group["params"]}
    return any(id(p) in held for group in other.param_groups for p in group["params"])
