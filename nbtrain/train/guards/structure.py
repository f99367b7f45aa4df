"""What a model and its optimizer are made of, and what a cell changes of it while they train.

Layers replaced, added or taken out; parameters frozen, moved, given other storage; an optimizer that loses
or gains parameters, or whose settings are set by hand. Told in words; a change that leaves weights untrained
says so. Nothing is put back: what a person builds is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nbtrain.running.guards.habits import Habits

NAMED = 4  # names said of many
_SET_BY_SCHEDULERS = {
    "params", "lr", "initial_lr", "max_lr", "min_lr", "momentum", "betas", "base_momentum", "max_momentum",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One thing that is another than before.

    Attributes:
        kind: layers, frozen, moved, storage, optimizer or setting. words: what happened, a clause.
        harm: what becomes of it for the training; "" where that is plain.
    """

    kind: str
    words: str
    harm: str = ""


class Structure:
    """The parts of a model and its optimizer as they were at the last look.

    Args:
        model, optimizer: what is trained.
    """

    def __init__(self, model: nn.Module, optimizer: Any) -> None:
        self._model, self._optimizer = model, optimizer
        self._habits = Habits()
        self._now = self._read()

    def look(self) -> list[Change]:
        """Return what has changed since the last look; about 1 us for each module and parameter."""
        before, now = self._now, self._read()
        if now == before:
            self._habits.news(set())
            return []
        self._now = now
        found = [*_layers(before, now), *_parameters(before, now), *_optimizer(before, now)]
        news = self._habits.news({(change.kind, change.words.split(" ")[0]) for change in found})
        return [change for change in found if (change.kind, change.words.split(" ")[0]) in news]

    def _read(self) -> _Parts:
        modules = dict(self._model.named_modules(remove_duplicate=False))
        parameters = dict(self._model.named_parameters(remove_duplicate=False))
        groups = self._optimizer.param_groups
        return _Parts(
            modules, {name: (p, *_facts(p)) for name, p in parameters.items()},
            [p for group in groups for p in group["params"]],
            [dict(_settings(group)) for group in groups],
        )  # fmt: skip


class _Parts:
    """One reading. Holds the objects themselves, so that no new one can bear an old one's id."""

    def __init__(
        self, modules: dict[str, nn.Module], parameters: dict[str, tuple[Any, ...]],
        held: list[Tensor], settings: list[dict[str, Any]],
    ) -> None:  # fmt: skip
        self.modules, self.parameters, self.held, self.settings = modules, parameters, held, settings
        self._signature = (
            [(name, id(module)) for name, module in modules.items()],
            [(name, id(p), *facts) for name, (p, *facts) in parameters.items()],
            [id(p) for p in held],
            settings,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Parts) and self._signature == other._signature

    __hash__ = None  # type: ignore[assignment]


def _facts(parameter: Tensor) -> tuple[Any, ...]:
    try:
        place = parameter.data_ptr()
    except RuntimeError:  # a tensor without storage of its own: sharded, fake, a subclass
        place = 0
    return parameter.requires_grad, str(parameter.dtype).removeprefix("torch."), str(parameter.device), place


def _settings(group: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in group.items():
        if name not in _SET_BY_SCHEDULERS and isinstance(value, (bool, int, float, str, tuple, type(None))):
            plain = not isinstance(value, tuple) or all(isinstance(part, (int, float)) for part in value)
            if plain:
                yield name, value


# --- in words ---------------------------------------------------------------------------------------------


def _layers(before: _Parts, now: _Parts) -> Iterator[Change]:
    """Layers replaced, added, taken out; of nested ones the outermost."""
    held = {id(p) for p in now.held}
    replaced = [n for n, m in now.modules.items() if n in before.modules and before.modules[n] is not m]
    added = [name for name in now.modules if name not in before.modules]
    gone = [name for name in before.modules if name not in now.modules]
    for names, verb in ((replaced, "replaced"), (added, "added"), (gone, "taken out")):
        names = _outermost(names)
        if not names:
            continue
        of = before if verb == "taken out" else now
        kinds = {type(of.modules[name]).__name__ for name in names}
        weights = [p for name in names for p in of.modules[name].parameters() if p.requires_grad]
        idle = verb != "taken out" and any(id(p) not in held for p in weights)
        harm = "Its weights are in no optimizer: they do not learn." if idle else ""
        yield Change("layers", f"{said(names)} ({', '.join(sorted(kinds))}) {verb}", harm)


def _parameters(before: _Parts, now: _Parts) -> Iterator[Change]:
    both = {
        name: (before.parameters[name], now.parameters[name])
        for name in now.parameters
        if name in before.parameters
    }
    other = [name for name, (old, new) in both.items() if old[0] is not new[0]]
    inside = {name for name, module in now.modules.items() if before.modules.get(name) is module}
    swapped = [name for name in other if name.rpartition(".")[0] in inside]  # else its layer was replaced
    if swapped:
        held = {id(p) for p in now.held}
        idle = any(id(now.parameters[name][0]) not in held for name in swapped)
        yield Change(
            "layers", f"{said(swapped)} replaced by another parameter",
            "It is in no optimizer: it does not learn." if idle else "",
        )  # fmt: skip
    same = {name: pair for name, pair in both.items() if name not in other}
    frozen = [name for name, (old, new) in same.items() if old[1] and not new[1]]
    freed = [name for name, (old, new) in same.items() if new[1] and not old[1]]
    if frozen:
        yield Change("frozen", f"{said(frozen)} frozen (requires_grad=False)")
    if freed:
        held = {id(p) for p in now.held}
        idle = any(id(now.parameters[name][0]) not in held for name in freed)
        harm = "It is in no optimizer: it does not learn." if idle else ""
        yield Change("frozen", f"{said(freed)} unfrozen (requires_grad=True)", harm)
    moved = {name: pair for name, pair in same.items() if pair[0][2:4] != pair[1][2:4]}
    if moved:
        to = {" on ".join(new[2:4]) for _, new in moved.values()}
        yield Change(
            "moved", f"{said(list(moved))} moved to {', '.join(sorted(to))}",
            "The optimizer's state stays as it was, and batches go where they went.",
        )  # fmt: skip
    stored = [name for name, (old, new) in same.items() if name not in moved and old[4] != new[4]]
    if stored:
        yield Change("storage", f"{said(stored)} given other values (.data was set)")


def _optimizer(before: _Parts, now: _Parts) -> Iterator[Change]:
    names = {id(p): name for name, (p, *_) in [*before.parameters.items(), *now.parameters.items()]}
    was, held = {id(p): p for p in before.held}, {id(p): p for p in now.held}
    lost = [names.get(one, "a parameter of no layer") for one in was if one not in held]
    won = [names.get(one, "a parameter of no layer") for one in held if one not in was]
    if lost:
        yield Change("optimizer", f"{said(lost)} taken out of the optimizer", "It does not learn any more.")
    if won:
        yield Change("optimizer", f"{said(won)} added to the optimizer")
    if len(before.settings) != len(now.settings):
        return
    for place, (old, new) in enumerate(zip(before.settings, now.settings, strict=True)):
        for name in new:
            if name in old and old[name] != new[name]:
                where = f" (group {place})" if place else ""
                yield Change("setting", f"{name}{where} set from {old[name]} to {new[name]}")


def said(names: Iterable[str]) -> str:
    """Return names as people read them: `0.weight`, `0.bias` and 3 more."""
    names = [name or "the model itself" for name in names]
    text = ", ".join(f"`{name}`" if name != "the model itself" else name for name in names[:NAMED])
    return text + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _outermost(names: list[str]) -> list[str]:
    known = set(names)
    return [
        name
        for name in names
        if not any(".".join(name.split(".")[:depth]) in known for depth in range(1, name.count(".") + 1))
    ]
