"""What is said of a followed loop itself, once: what cannot be seen, and how to read what is shown.

Looked at by the pump, from numbers that are on the host.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Container

import numpy as np

from nbtrain.findings import Finding, Severity
from nbtrain.running.record import Arrived, Record
from nbtrain.running.state import State
from nbtrain.watch import seams
from nbtrain.watch.steps import Steps
from nbtrain.watch.values import Values

SURE_AFTER = 3  # rows that say the same
BACKWARDS_WITHOUT_STEP = 25
QUIET_SECONDS = 20.0  # without anything seen
LOG_IT = "nbtrain.log(loss=loss) in the loop adds it"


class Remarks:
    """Say what a person should know about what they see.

    Args:
        record: takes what is said, and knows the optimizers' names. state: the counters.
    """

    def __init__(self, record: Record, state: State) -> None:
        self._record, self._state = record, state
        self._said: set[str] = set()
        self._gathered: Counter[tuple[int, int]] = Counter()  # (optimizer, backwards a step) -> rows
        self._without_loss = 0
        self._began = time.monotonic()

    def look(self, arrived: Arrived, steps: Steps, *, logged: bool, last: bool) -> None:
        """Say what the steps that arrived, and those that did not, give reason to."""
        if seams.missing:
            self._say(
                "not-listened", Severity.WARNING, "Parts of the loop cannot be followed with this torch.",
                evidence=f"not found: {', '.join(seams.missing)}",
            )  # fmt: skip
        if arrived.rows is not None:
            self._look_at_rows(arrived, steps.divided)
        self._look_for_what_is_absent(steps.values, logged=logged, last=last)

    def _look_at_rows(self, arrived: Arrived, divided: Container[int]) -> None:
        codes, backwards = arrived.beside["optimizer"].astype(int), arrived.beside["backwards"].astype(int)
        names = self._record.optimizers
        self._gathered.update(zip(codes.tolist(), backwards.tolist(), strict=True))
        for (code, count), rows in list(self._gathered.items()):
            if count > 1 and rows >= SURE_AFTER and code not in divided:
                self._say(
                    "several-backwards", Severity.INFO,
                    f"A step of `{names[code]}` takes {count} backwards; its loss is the mean of "
                    "their values, as backward was given them.",
                    key=f"several-backwards {code}",
                )  # fmt: skip
        if len({name for name in names if name}) > 1:
            self._say(
                "several-optimizers", Severity.INFO,
                f"{len(names)} optimizers step in this loop; the curve `Loss` and the epochs are of "
                f"`{names[0]}`.",
                evidence=", ".join(f"`{name}`" for name in names),
                recommended="run.history tells them apart by its column `optimizer`",
            )  # fmt: skip
        unmeasured = int(np.count_nonzero(~arrived.measured))
        self._without_loss = self._without_loss + unmeasured if unmeasured == len(codes) else 0
        if self._without_loss >= SURE_AFTER:
            self._say(
                "loss-not-seen", Severity.WARNING,
                "Steps are seen, and no loss: backward is called on no single value, or not at all.",
                evidence="gradients from torch.autograd.grad or torch.func come past it", recommended=LOG_IT,
            )  # fmt: skip

    def _look_for_what_is_absent(self, values: Values, *, logged: bool, last: bool) -> None:
        if self._state.step or logged:
            return
        if values.count >= BACKWARDS_WITHOUT_STEP or (last and values.count):
            self._say(
                "steps-not-seen", Severity.WARNING,
                "Backward is called, and no optimizer of torch steps: steps, rates and stops cannot be seen.",
                evidence=f"{values.count:,} backwards", recommended=LOG_IT + " and counts as a step",
            )  # fmt: skip
        elif not values.count and (last or time.monotonic() - self._began > QUIET_SECONDS):
            until = "in this loop" if last else "so far"
            self._say(
                "nothing-seen", Severity.WARNING if last else Severity.INFO,
                f"No backward and no step of an optimizer was seen {until}.",
                evidence="torch.autograd.grad, torch.func, other threads and processes are not seen",
                recommended=LOG_IT, key=f"nothing-seen {last}",
            )  # fmt: skip

    def _say(self, rule: str, severity: Severity, issue: str, *, key: str = "", **details: str) -> None:
        if (key or rule) not in self._said:
            self._said.add(key or rule)
            self._record.note_alert(Finding(rule, severity, issue, step=self._state.step, **details))
