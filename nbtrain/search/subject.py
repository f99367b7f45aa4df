"""What is searched: values of the parameters -> the plan of a training with them, on copies or made anew."""

from __future__ import annotations

import copy
import functools
import inspect
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from nbtrain.errors import UsageError, UserError
from nbtrain.notebook.namespace import Named, Setup, find_setup
from nbtrain.notebook.rng import preserved_rng
from nbtrain.running import active
from nbtrain.search.settings import DROPOUT, apply, batched, settable
from nbtrain.search.space import Space
from nbtrain.train.options import ALIASES, TrainOptions
from nbtrain.train.plan import Plan
from nbtrain.train.resume import plan_of
from nbtrain.train.seeds import seed_everything

# options of a run that a space may vary beside what the objects have
TRAINING = ("accumulate", "clip", "epochs", "max_steps", "patience", "precision")
BATCH = "batch_size"
ROLES = ("model", "optimizer", "loss", "scheduler", "data", "val")


class Subject(ABC):
    """Makes trainings of values. It can be pickled, so that another process makes the same.

    Attributes:
        of: what is searched, in words that are the same whenever the same is searched again.
    """

    of: str

    @abstractmethod
    def refuse(self, space: Space) -> None:
        """Raise UsageError when the space names something that cannot be set."""

    @abstractmethod
    def plan(self, values: Mapping[str, Any], words: Mapping[str, Any]) -> Plan:
        """Return the plan of a training with these values.

        Args:
            words: options of the run (name, dir, resume, ...) that count for more than any other.

        Raises:
            UserError: it cannot be trained like this. BaseException: the person's own.
        """

    @abstractmethod
    def objects(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return model, optimizer and loader with these values, by name, to be looked at."""

    @abstractmethod
    def configuration(self, values: Mapping[str, Any]) -> str:
        """Return the YAML of a training with these values."""


@dataclass
class OfObjects(Subject):
    """Objects of the notebook: each trial has copies, with the values set on them.

    Args:
        setup: as found; the models, optimizers and schedulers in it are copied at once.
        words: options of each run. of: see Subject.
    """

    setup: Setup
    words: Mapping[str, Any]
    of: str = "objects"
    _parts: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self._parts:
            active.refuse_if_training(self.setup.model.value.parameters())
            named = {role: getattr(self.setup, role) for role in ("model", "optimizer", "scheduler", "loss")}
            self._parts = _copied({role: one.value for role, one in named.items() if one is not None})

    def refuse(self, space: Space) -> None:
        """Raise UsageError when the space names something that cannot be set."""
        known = settable(self._parts["model"], self._parts.get("optimizer"))
        for name in space.names:
            if name not in known and ALIASES.get(name, name) not in TRAINING and name != BATCH:
                _unknown(name, self._parts["model"], known)

    def plan(self, values: Mapping[str, Any], words: Mapping[str, Any]) -> Plan:
        """Return the plan of a training with these values."""
        setup, options = self._made(values)
        return plan_of(lambda said, known: setup, TrainOptions.from_words({**options, **words}))

    def _made(self, values: Mapping[str, Any]) -> tuple[Setup, dict[str, Any]]:
        parts = _copied(self._parts)
        options, own = _parted(values)
        own.pop(BATCH, None)
        apply(own, parts["model"], parts.get("optimizer"), parts.get("scheduler"))
        train = self.setup.train
        if BATCH in values:
            train = Named(train.name, batched(train.value, values[BATCH]))
        put = {role: replace(getattr(self.setup, role), value=value) for role, value in parts.items()}
        return replace(self.setup, train=train, **put), {**self.words, **options}

    def objects(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return model, optimizer and loader with these values, by name, to be looked at."""
        setup, _ = self._made(values)
        roles = {"model": setup.model, "optimizer": setup.optimizer, "train_loader": setup.train}
        return {one.name or role: one.value for role, one in roles.items() if one is not None}

    def configuration(self, values: Mapping[str, Any]) -> str:
        """Return the YAML of a training with these values."""
        from nbtrain.search.best import configuration_of

        setup, options = self._made(values)
        return configuration_of(setup, options, values)


@dataclass
class OfFactory(Subject):
    """A function of the person's that makes model, optimizer and so on from the values.

    Args:
        factory: takes the parameters it names, or all of them as one mapping; returns a model, or several of
            model, optimizer, loss, scheduler, data, val as a tuple or by these names.
        given: role -> object, for what the factory does not return. words: options of each run.
        names: role -> what the person calls that object.
    """

    factory: Callable[..., Any]
    given: Mapping[str, Any]
    words: Mapping[str, Any]
    of: str = "a factory"
    names: Mapping[str, str] = field(default_factory=dict)

    def _names(self, values: Iterable[str]) -> set[str] | None:
        """Return the parameters the factory names; None where it takes one mapping: it names none of the
        values, and needs one parameter, or has one that may be None or a mapping.
        """
        try:
            taken = list(inspect.signature(self.factory).parameters.values())
        except (TypeError, ValueError):
            return None
        if any(one.kind is one.VAR_KEYWORD for one in taken):
            return {"*"}
        names = {one.name for one in taken}
        needed = [one for one in taken if one.default is one.empty and one.kind is not one.VAR_POSITIONAL]
        open_to_all = len(taken) == 1 and (taken[0].default is None or isinstance(taken[0].default, Mapping))
        return None if not names & set(values) and (len(needed) == 1 or open_to_all) else names

    def _split(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Return what the factory is given, what is an option of the run, and what is set on what it made."""
        names = self._names(values)
        if names is None or names == {"*"}:
            return dict(values), {}, {}
        mine = {name: value for name, value in values.items() if name in names}
        options, own = _parted({name: value for name, value in values.items() if name not in names})
        return mine, options, own

    def _called(self, values: Mapping[str, Any]) -> Any:
        return self.factory(dict(values)) if self._names(values) is None else self.factory(**values)

    def refuse(self, space: Space) -> None:
        """Raise UsageError when the space names something that cannot be set."""
        _, _, own = self._split(dict.fromkeys(space.names))
        if own:
            parts = self._made(space.first())[0]
            optimizer = parts.optimizer.value if parts.optimizer is not None else None
            known = settable(parts.model.value, optimizer)
            for name in own:
                if name not in known and name != BATCH:
                    _unknown(name, parts.model.value, known, self._names(space.names))

    def plan(self, values: Mapping[str, Any], words: Mapping[str, Any]) -> Plan:
        """Return the plan of a training with these values."""
        setup, options = self._made(values)
        return plan_of(lambda said, known: setup, TrainOptions.from_words({**options, **words}))

    def _made(self, values: Mapping[str, Any]) -> tuple[Setup, dict[str, Any]]:
        mine, options, own = self._split(values)
        with preserved_rng():
            seed_everything(self.words.get("seed", 0))
            parts = {**self.given, **_by_role(self._called(mine), self.factory)}
        size = own.pop(BATCH, None)
        if "model" not in parts:
            raise UsageError(
                "The factory returned no model.",
                suggestion="Return a torch.nn.Module, or (model, optimizer).",
            )
        if size is not None:
            parts["data"] = batched(parts.get("data"), size)
        apply(own, parts["model"], parts.get("optimizer"), parts.get("scheduler"))
        roles = {role: parts.get(role) for role in ROLES}
        for role in ("val", "scheduler"):
            roles[role] = False if roles[role] is None else roles[role]
        found = find_setup({}, **roles)
        loss = self.names.get("loss") or (type(found.loss.value).__name__ if found.loss else "")
        called = {"train": self.names.get("data", "train_loader"), "val": self.names.get("val", "val_loader"),
                  "loss": loss}  # fmt: skip
        named = {role: Named(name, getattr(found, role).value) for role, name in called.items()
                 if getattr(found, role) is not None}  # fmt: skip
        return replace(found, **named), {**self.words, **options}

    def objects(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return model, optimizer and loader with these values, by name, to be looked at."""
        setup, _ = self._made(values)
        roles = {"model": setup.model, "optimizer": setup.optimizer, "train_loader": setup.train}
        return {role: one.value for role, one in roles.items() if one is not None}

    def configuration(self, values: Mapping[str, Any]) -> str:
        """Return the YAML of a training with these values."""
        from nbtrain.search.best import configuration_of

        setup, options = self._made(values)
        mine, _, _ = self._split(values)
        name = getattr(self.factory, "__name__", type(self.factory).__name__)  # a partial has no name
        return configuration_of(setup, options, values, factory=name, arguments=mine)


def _parted(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a run among the values, and the others."""
    options = {ALIASES.get(name, name): value for name, value in values.items()}
    options = {name: value for name, value in options.items() if name in TRAINING}
    return options, {n: value for n, value in values.items() if ALIASES.get(n, n) not in TRAINING}


def checked_plan(subject: Subject, space: Space, words: Mapping[str, Any]) -> Plan:
    """Return the plan of the first values, to be shown; that of the last where those cannot be trained.

    Raises:
        UserError: neither can be trained; says why.
    """
    try:
        return subject.plan(space.first(), words)
    except Exception as error:
        first = error
    try:
        return subject.plan(space.first(last=True), words)
    except Exception:
        if isinstance(first, UserError):
            raise first from None
        raise UsageError(
            f"A training with {_said(space.first())} cannot be made: {type(first).__name__}: {first}",
            suggestion="Try the factory by hand with these values.",
        ) from first


def _said(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def _copied(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies that belong to each other as the originals do: one memo, so that parameters are one."""
    try:
        twins = copy.deepcopy(dict(parts))
        if isinstance(twins.get("scheduler"), LRScheduler):
            _stepped_under_a_scheduler(twins["optimizer"])
        return twins
    except Exception as error:
        raise UsageError(
            f"The objects cannot be copied, and each trial needs copies: {type(error).__name__}: {error}",
            suggestion="Give a function that makes them instead: --factory NAME, factory=function.",
        ) from None


def _stepped_under_a_scheduler(optimizer: Optimizer) -> None:
    """Mark a copied optimizer as torch's schedulers mark theirs, or they warn of steps they do not see."""
    held, step = weakref.ref(optimizer), type(optimizer).step

    @functools.wraps(step)
    def stepped(*args: Any, **kwargs: Any) -> Any:
        mine: Any = held()
        mine._opt_called = True
        return step(mine, *args, **kwargs)

    stepped._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = stepped  # type: ignore[method-assign]


def _by_role(made: Any, factory: Callable[..., Any]) -> dict[str, Any]:
    """Return role -> object of what a factory returned."""
    if isinstance(made, Mapping):
        renamed = {"train": "data", "train_loader": "data", "loader": "data", "criterion": "loss",
                   "val_loader": "val"}  # fmt: skip
        parts = {renamed.get(str(name), str(name)): value for name, value in made.items()}
        unknown = [name for name in parts if name not in ROLES]
        if unknown:
            raise UsageError(
                f"The factory returned `{unknown[0]}`, which is unknown.",
                suggestion=f"Known are {', '.join(ROLES)}.",
            )
        return parts
    listed = made if isinstance(made, (tuple, list)) and not isinstance(made, nn.Module) else (made,)
    parts = {}
    for thing in listed:
        role = _role_of(thing, parts)
        if role in parts:
            raise UsageError(
                f"The factory returned two objects that could be the {role}.",
                suggestion='Return them by name: {"model": model, "optimizer": optimizer, ...}.',
            )
        parts[role] = thing
    return parts


def _role_of(thing: Any, known: Mapping[str, Any]) -> str:
    if isinstance(thing, nn.modules.loss._Loss):
        return "loss"
    if isinstance(thing, nn.Module):
        return "model"
    if isinstance(thing, Optimizer):
        return "optimizer"
    if isinstance(getattr(thing, "optimizer", None), Optimizer):
        return "scheduler"
    if isinstance(thing, DataLoader):
        return "val" if "data" in known else "data"
    raise UsageError(
        f"The factory returned a {type(thing).__name__}, and what it is for cannot be told.",
        suggestion='Return the objects by name: {"model": model, "optimizer": optimizer, "data": loader}.',
    )


def _unknown(name: str, model: Any, known: set[str], more: set[str] | None = None) -> None:
    if name == DROPOUT:
        raise UsageError(
            f"`{DROPOUT}` is in the space, and {type(model).__name__} has no dropout to set.",
            suggestion="Take it out, or make the model by a function that takes it: --factory NAME.",
        )
    words = [*(sorted(more - {"*"}) if more else ()), *sorted(known), BATCH, *TRAINING]
    raise UsageError(
        f"`{name}` is in the space, and it is nothing that can be set here.",
        suggestion=f"Known are {', '.join(dict.fromkeys(words))}.",
    )
