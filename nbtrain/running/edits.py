"""Live edits: what may be changed of a run while it trains, as wishes checked at once and obeyed later.

Nonsense is refused in words when it is asked for. What makes sense is done in the training thread at the next
step boundary and noted there as an event {"at", "kind", "step", "from", "to"}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.findings import Finding, Severity
from nbtrain.running.learning_rate import check_learning_rate
from nbtrain.runs.manifest import utc_now


@dataclass(frozen=True)
class Edit:
    """A wish that can be obeyed.

    Attributes:
        name: lr, epochs, max_steps or patience. said: what will be, in words.
        apply: does it and returns the value before and the value now.
        caution: what to know about it, "" for nothing.
    """

    name: str
    said: str
    apply: Callable[[], tuple[Any, Any]]
    caution: str = ""


def lr_edit(wish: Any, current: Callable[[], float], set_lr: Callable[[float], float]) -> Edit:
    """Return the edit for a learning rate: a number, or a text such as "*0.5" for half of what it is then.

    Args:
        current: returns the rate. set_lr: sets it and returns the one before.

    Raises:
        UsageError: it is no rate.
    """
    factor = factor_of(wish)
    wanted = check_learning_rate(number_of("lr", wish) if factor is None else factor)

    def apply() -> tuple[float, float]:
        lr = wanted if factor is None else wanted * current()
        return set_lr(lr), lr

    return Edit("lr", f"lr {wanted:g}" if factor is None else f"lr times {wanted:g}", apply)


class LiveEdits:
    """What may be changed of a run while it trains. `Run` has these; `_do` is its execution."""

    _do: Any
    _refuse_when_over: Callable[[str], None]

    @property
    def settings(self) -> dict[str, Any]:
        """What can be changed while it trains, as it stands: lr, epochs or max_steps, patience."""
        return self._do.activity.settings() if self._do.status.alive else {}

    def set(self, **wishes: Any) -> None:
        """Change several at once, or none if one of them makes no sense: run.set(lr="*0.5", epochs=30).

        Args:
            wishes: lr, epochs, max_steps, patience; texts are read as in `%train set`.

        Raises:
            UsageError: an unknown name, a value that makes no sense now, or the run is over.
        """
        self.change(wishes)

    def set_lr(self, lr: Any) -> None:
        """Set the first group's learning rate at the next step boundary, the others in their ratio to it.

        Args:
            lr: 0 or more, or a text such as "*0.5" for half of what it is then.
        """
        self.change({"lr": lr if isinstance(lr, str) else check_learning_rate(lr)})

    def set_epochs(self, epochs: int) -> None:
        """Train for so many epochs in all."""
        self.change({"epochs": epochs})

    def set_max_steps(self, max_steps: int) -> None:
        """Train for so many optimizer steps at most."""
        self.change({"max_steps": max_steps})

    def set_patience(self, patience: int | None) -> None:
        """Stop after so many evaluations without a better validation loss; None never stops early."""
        self.change({"patience": patience})

    def change(self, wishes: Mapping[str, Any]) -> list[Edit]:
        """Make the changes at the next step boundary; return them, checked."""
        self._refuse_when_over("changed")
        if not self._do.status.alive:
            raise UsageError("This run has not been started.", suggestion="Change its options in the line.")
        if not wishes:
            raise UsageError("Nothing is to be changed.", suggestion="For example lr=1e-4, or epochs=30.")
        edits = self._do.activity.edits(wishes)
        for edit in edits:
            self._do.errand(lambda edit=edit: self._apply(edit))
        return edits

    def _apply(self, edit: Edit) -> None:
        before, now = edit.apply()
        step = self._do.state.step
        if before == now:
            return
        self._do.events.append({"at": utc_now(), "kind": edit.name, "step": step, "from": before, "to": now})
        if edit.caution:
            self._do.record.note_alert(Finding("schedule-length", Severity.INFO, edit.caution, step=step))


def factor_of(wish: Any) -> float | None:
    """`*0.5` -> 0.5; None for anything else."""
    if not isinstance(wish, str) or not wish.strip().startswith("*"):
        return None
    factor = number_of("lr", wish.strip()[1:])
    if not 0 < factor < float("inf"):
        raise UsageError(f"lr is {wish!r}; a factor must be above 0.", suggestion="For example lr=*0.5")
    return factor


def number_of(name: str, wish: Any) -> Any:
    """A text as a number; anything else as it is."""
    if not isinstance(wish, str):
        return wish
    try:
        return float(wish.strip().replace("_", ""))
    except ValueError:
        raise UsageError(
            f"{name} is {wish!r}, which is no number.",
            suggestion="For example 1e-4, or *0.5 for half of it." if name == "lr" else "For example 20.",
        ) from None


def whole_of(name: str, wish: Any) -> int:
    """A number, or a text, as a whole number of at least 1."""
    value = number_of(name, wish.strip().replace(",", "") if isinstance(wish, str) else wish)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or value != value or value in (float("inf"), -float("inf")) or value != int(value):
        raise UsageError(f"{name} is {wish!r}; it must be a whole number.", suggestion="For example 20.")
    if value < 1:
        raise UsageError(f"{name} is {wish!r}; it must be at least 1.", suggestion="For example 20.")
    return int(value)
