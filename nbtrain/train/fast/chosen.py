"""What of `--fast` a run trains with: switched on when it begins, and off when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from nbtrain.registry import units_of
from nbtrain.train.fast import candidates as package
from nbtrain.train.fast.candidate import Candidate, Scene, Setting, check


@cache
def candidates() -> tuple[Candidate, ...]:
    """Return every candidate, in the order they are tried."""
    found = units_of(package, "CANDIDATE", check)
    return tuple(sorted(found, key=lambda candidate: candidate.order))


@dataclass(frozen=True)
class Chosen:
    """How a run takes its steps.

    Attributes:
        setting: the run's precision, task and what is done to its batches. kept: what is switched on.
    """

    setting: Setting
    kept: tuple[Candidate, ...] = ()

    @property
    def trouble(self) -> str:
        """What did not go as it was tried, a sentence; "" as a rule."""
        why = (getattr(self.setting.task, "calls", None) or {}).get("why", "")
        return f"torch.compile gave up ({why}): the model is called as it is from there on." if why else ""

    @property
    def marks(self) -> dict[str, Any]:
        """What a resumed run has to have in common with this one."""
        found: dict[str, Any] = {"fast": [one.id for one in self.kept]}
        for candidate in self.kept:
            found |= candidate.marks()
        return found

    def with_one(self, candidate: Candidate, scene: Scene) -> Chosen:
        """Return this with one candidate more."""
        return Chosen(candidate.change(self.setting, scene), (*self.kept, candidate))

    @contextmanager
    def switched_on(self, scene: Scene) -> Iterator[None]:
        """Have in the block switched on what is kept; afterwards everything is as before, but the weights."""
        back: list[Callable[[], None]] = []
        try:
            for candidate in self.kept:
                back.append(candidate.switch_on(scene))
            yield
        finally:
            for put_back in reversed(back):
                put_back()


def chosen_again(setting: Setting, scene: Scene, ids: Iterable[str]) -> tuple[Chosen, dict[str, str]]:
    """Return what was chosen before, as far as it can be used here, and why the rest cannot: id -> clause."""
    chosen, missing = Chosen(setting), {}
    wanted = set(ids)
    for candidate in candidates():
        if candidate.id not in wanted:
            continue
        wanted.discard(candidate.id)
        if why := candidate.unfit(scene):
            missing[candidate.id] = why
        else:
            chosen = chosen.with_one(candidate, scene)
    return chosen, missing | dict.fromkeys(sorted(wanted), "not known here")
