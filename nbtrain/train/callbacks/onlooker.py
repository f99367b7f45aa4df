"""See what cells do to a model, its optimizer and torch's settings while it trains; tell it, put modes back.

Whether the model was switched to eval mode and whether a rate was set is looked at in each step (1 us); the
rest a few times a second, so that a change is told at most LOOK_S, or a step, after it was made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nbtrain.findings import Severity
from nbtrain.running.guards.flags import Flags
from nbtrain.train.events import Callback
from nbtrain.train.guards.modes import Modes
from nbtrain.train.guards.rates import Rates
from nbtrain.train.guards.structure import Structure, said
from nbtrain.train.guards.writes import Writes

LOOK_S = 0.25
LOOK_SHARE = 0.005  # of the time: of a model with thousands of parameters a look takes milliseconds


class Onlooker(Callback):
    """Look at what a run works on, in the training thread, at its step boundaries.

    Args:
        work: the objects. tell: see `nbtrain.running.guards.guards.Guards.tell`.
        put_back: put switched modes back; else they are only told.
    """

    def __init__(self, work: Any, tell: Callable[..., None], *, put_back: bool) -> None:
        self._work, self._tell, self._put_back = work, tell, put_back
        self.rates = Rates(work.optimizer, self._rate_set)
        self._first, self._anew = True, False
        self._due = 0.0
        self._with_gradients: list[Any] = []

    def begin_anew(self) -> None:
        """Take everything as it will be at the next step: the training itself has changed something."""
        self._anew = True

    def on_start(self, work: Any, state: Any) -> None:
        """Take everything as it is now."""
        self._modes = Modes(work.model, put_back=self._put_back)
        self._flags = Flags()
        self._note(work, state)

    def _note(self, work: Any, state: Any) -> None:
        parameters = dict(work.model.named_parameters())
        self._names = {id(p): name for name, p in parameters.items()}
        self._writes = Writes(list(parameters.values()))
        self._writes.begin(state.step)
        self._structure = Structure(work.model, work.optimizer)
        self.rates.note()
        self._anew = False

    def on_step(self, work: Any, state: Any) -> None:
        """Look at what shows at once; at the rest when it is due."""
        if self._anew:
            self._note(work, state)
        if self._modes.switched:
            self._look_at_modes()
        elif self._first:
            self._modes.adopt()  # what forward itself has switched in the first step
        if self._first:
            self._first = False
            with_gradients = [p for p in work.model.parameters() if p.grad is not None]
            self._with_gradients = with_gradients[:2] + with_gradients[-1:]
        elif (seen := self._with_gradients) and seen[0].grad is None and all(p.grad is None for p in seen):
            self._gradients_gone()
        self.rates.look()
        now = time.perf_counter()
        if now >= self._due:
            self.look(state)
            self._due = now + max(LOOK_S, (time.perf_counter() - now) / LOOK_SHARE)

    def look(self, state: Any) -> None:
        """Look at everything; also called when the training has failed, to say what may have caused it."""
        self._look_at_modes()
        self.rates.look(everywhere=True)
        for change in self._structure.look():
            self._tell(
                change.kind,
                f"A cell changed what is trained: {change.words}. {change.harm}".strip(),
                severity=Severity.WARNING if change.harm else Severity.INFO, what=change.words,
            )  # fmt: skip
        written = self._writes.look(state.step)
        if written:
            names = [self._names.get(id(p), "?") for p in written]
            self._tell(
                "weights-written",
                "A cell wrote weights while they train (another step, load_state_dict, an in-place change).",
                evidence=f"{said(names)}, seen at step {state.step:,}",
                recommended="train a copy (copy.deepcopy), or stop the run first",
                severity=Severity.WARNING, what=said(names), parameters=len(names),
            )  # fmt: skip
        for name, before, now in self._flags.look():
            self._tell(
                "setting", f"A cell set torch's {name} to {now}, which holds for the whole process.",
                evidence=f"{before} before", severity=Severity.INFO, what=name, **{"from": before, "to": now},
            )  # fmt: skip

    def _look_at_modes(self) -> None:
        switched = self._modes.look()
        if not switched:
            return
        was_put = switched[0].training
        to = "train" if was_put is not self._put_back else "eval"
        whole = self._work.model in switched
        names = {id(module): name for name, module in self._work.model.named_modules()}
        what = "the model" if whole else said(names.get(id(module), "?") for module in switched)
        then = "put back" if self._put_back else f"it trains in {to} mode from here on"
        effect = "dropout off, batch norm on its running statistics" if to == "eval" else "dropout on again"
        self._tell(
            "mode", f"A cell switched {what} to {to} mode ({effect}); {then}.",
            recommended="look at run.snapshot(), a copy in eval mode",
            severity=Severity.WARNING, what=what, to=to, put_back=self._put_back,
        )  # fmt: skip

    def _rate_set(self, group: int, before: float, now: float) -> None:
        """Setting a rate by hand is legal: an event, no alert."""
        details = {"group": group} if group else {}
        self._tell("lr", "", severity=None, by="cell", **{"from": before, "to": now}, **details)

    def _gradients_gone(self) -> None:
        self._tell(
            "gradients-zeroed",
            "The gradients of a step were gone before its update: a cell called zero_grad().",
            recommended="leave the optimizer of a run alone, or stop the run first",
            severity=Severity.WARNING,
        )  # fmt: skip

