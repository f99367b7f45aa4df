"""What happens after a step that was not taken because it was not finite: stop, skip or recover."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from nbtrain import units
from nbtrain.findings import Finding, Severity
from nbtrain.running.control import Control
from nbtrain.running.learning_rate import set_learning_rate
from nbtrain.telemetry.recorder import Numbers
from nbtrain.train.autopsy.replay import Scene, examine
from nbtrain.train.autopsy.tensors import bad_places, kind_of_bad, named_tensors
from nbtrain.train.autopsy.verdict import Autopsy, Course
from nbtrain.train.events import Callback
from nbtrain.train.last_good import LastGood
from nbtrain.train.moment import Moment
from nbtrain.train.notes import Notes
from nbtrain.train.step import Stepper

POLICIES = ("stop", "skip", "recover")
# Bad samples come one at a time: if a tenth of the batches held one, five in a row would come once in 100,000
# steps. Five in a row mean that the run itself is lost.
IN_A_ROW = 5
LOST_IN_A_ROW = 5  # losses that are not finite though their gradients are: a loss that has overflowed
SCALED_IN_A_ROW = 30  # a GradScaler halves its scale at each: 30 times take it from 65,536 to nothing
RECOVERIES = 2  # a third time the cause is still there
CUT, CLIP = 10.0, 1.0  # the learning rate is divided by, gradient norms are bounded by
EXAMINED = 3  # replays in a run; each takes some steps' time
LOSSES = 50  # of the last steps, to see whether they had run away


@dataclass(frozen=True)
class Incident:
    """A step that was not taken.

    Attributes:
        step, epoch: which. group: its batches, None when they are no longer at hand. moment: its generators.
        first_batch: place of its first batch in the epoch, from 1; None where unknown.
        taken: it was taken all the same: its loss is not finite, its gradients are.
    """

    step: int
    epoch: int
    group: Sequence[Any] | None
    moment: Moment | None
    first_batch: int | None
    taken: bool = False


class OnNaN(Callback):
    """Say what happened and where it began, and do what was asked for such a case.

    stop: end the run as diverged; the weights are those before the step. The default.
    skip: go on with the next batch; at most 5 in a row, then stop.
    recover: back to the last good state, a tenth of the learning rate, gradient norms at most 1; twice at
        most, then stop.

    Args:
        policy: one of POLICIES. control: the run's mailbox. stepper: takes the steps.
        good: the way back. notes: where alerts and events go.
    """

    def __init__(
        self, policy: str, *, control: Control, stepper: Stepper, good: LastGood, notes: Notes
    ) -> None:
        self._policy, self._control, self._stepper = policy, control, stepper
        self._good, self._notes = good, notes
        self._losses: deque[float] = deque(maxlen=LOSSES)
        self._weights_before: float | None = None
        self._known = 0  # steps up to this one are dealt with
        self._last, self._in_a_row, self._count, self._lost = -1, 0, 0, 0
        self._examined = self._recovered = 0
        stepper.guard.hold = policy != "skip"

    def on_start(self, work: Any, state: Any) -> None:
        """Measure the weights; see that there is a way back."""
        self._weights_before = _size(self._stepper.parameters)
        self._known = state.step

    def on_skipped(self, work: Any, state: Any, group: Sequence[Any]) -> None:
        """Deal with a step at once, on the CPU."""
        if state.step <= self._known:
            return
        first = state.batch - len(group) + 1
        self._happened(work, state, Incident(state.step, state.epoch, group, self._stepper.moment, first))

    def on_numbers(self, work: Any, state: Any, numbers: Numbers) -> None:
        """Remember the losses; deal with steps that only the device knew of."""
        stepper, scaled = self._stepper, self._stepper.scaler is not None
        told = stepper.guard.on_host and not scaled  # by `on_skipped`
        for step, loss, skipped in zip(numbers.steps, numbers.losses.tolist(), numbers.skipped, strict=True):
            finite = loss - loss == 0.0
            if finite:
                self._losses.append(loss)
            self._lost = 0 if finite or skipped else self._lost + 1
            if step <= self._known:
                continue
            if self._lost >= LOST_IN_A_ROW:
                self._lost = 0
                lost = Incident(step, state.epoch, stepper.newest, stepper.moment, None, taken=True)
                self._happened(work, state, lost)
            if not skipped or told:
                continue
            if scaled and finite and not self._scale_is_lost(step):  # a GradScaler's daily work
                continue
            held = stepper.recent.of(step)
            group, moment = held if held is not None else (None, None)
            self._happened(work, state, Incident(step, state.epoch, group, moment, None))
        stepper.recent.sound_until(numbers.steps[-1])

    def _scale_is_lost(self, step: int) -> bool:
        self._in_a_row = self._in_a_row + 1 if step == self._last + 1 else 1
        self._last = step
        return self._in_a_row >= SCALED_IN_A_ROW

    def _happened(self, work: Any, state: Any, incident: Incident) -> None:
        self._known = max(self._known, incident.step)
        if self._control.stopping:
            return
        self._count += 1
        self._in_a_row = self._in_a_row + 1 if incident.step == self._last + 1 else 1
        self._last = incident.step
        found = self._examine(work, incident)
        if self._policy == "skip" and self._in_a_row < IN_A_ROW and not incident.taken:
            self._skip(incident, found)
        elif self._policy == "recover" and self._recovered < RECOVERIES:
            self._recover(work, state, incident, found)
        else:
            self._stop(incident, found)
        if self._stepper.guard.hold:  # what was under way meanwhile was held, or came of the same
            self._known = max(self._known, state.step)

    def state_dict(self) -> dict[str, Any]:
        """Return how often it was recovered, and the bound on gradients since."""
        return {"recovered": self._recovered, "clip": self._stepper.clip}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting from there."""
        self._recovered = state["recovered"]
        if self._recovered:
            self._stepper.bound_gradients(CLIP)

    # --- the three ways -----------------------------------------------------------------------------------

    def _stop(self, incident: Incident, found: Autopsy | None) -> None:
        why = {
            "skip": f"{IN_A_ROW} steps in a row were not finite",
            "recover": f"it happened again after {RECOVERIES} recoveries",
        }.get(self._policy, "")
        if incident.taken:
            why = f"{LOST_IN_A_ROW} losses in a row were not finite"
        reason = f"step {incident.step:,} was not finite" + ("" if incident.taken else " and was not taken")
        if why:
            reason += f": {why}"
        if found is not None and found.cause != "not-examined":
            reason += f". {found.what.rstrip('.')}"
        self._control.stop("step", reason=reason, kind="diverged")
        if why:
            self._say("nan-loss", Severity.CRITICAL, f"The run ends: {why}.", incident)

    def _skip(self, incident: Incident, found: Autopsy | None) -> None:
        self._stepper.guard.release()
        self._notes.event("step-skipped", step=incident.step, batch=incident.first_batch, **_details(found))
        if self._count == 1:
            self._say(
                "step-skipped", Severity.WARNING,
                f"Step {incident.step:,} was left out: a number in it was not finite. The run goes on; up to "
                f"{IN_A_ROW - 1} in a row are let pass.",
                incident,
            )  # fmt: skip
        else:
            self._notes.log(f"step {incident.step} was left out, {self._count} in all")

    def _recover(self, work: Any, state: Any, incident: Incident, found: Autopsy | None) -> None:
        back_to = self._good.restore(work)
        if not back_to:
            self._stop(incident, found)
            return
        self._recovered += 1
        before = float(work.optimizer.param_groups[0]["lr"])  # device sync where it is a tensor: rare
        set_learning_rate(work.optimizer, work.scheduler, before / CUT)
        clip = self._stepper.clip
        self._stepper.bound_gradients(CLIP)
        self._stepper.guard.release()
        bad = _bad_data(incident.group)
        self._notes.event(
            "recovery", step=incident.step, batch=incident.first_batch, back_to=back_to,
            number=self._recovered, lr={"from": before, "to": before / CUT},
            clip={"from": clip, "to": self._stepper.clip}, data=bad or "finite", **_details(found),
        )  # fmt: skip
        data = f"the batch holds {bad}" if bad else "the batch itself is finite"
        if incident.group is None:
            data = "the batch is no longer at hand"
        self._say(
            "nan-recovered", Severity.WARNING,
            f"Step {incident.step:,} was not finite. The weights went back to {back_to}; the learning rate "
            f"is now {units.number(before / CUT)} (it was {units.number(before)}), gradient norms at most "
            f"{units.number(self._stepper.clip)}. Recovery {self._recovered} of {RECOVERIES}.",
            incident, more=data,
            recommended="--on-nan skip leaves single bad batches out" if bad else "%train explain nan-loss",
        )  # fmt: skip

    # --- what is said -------------------------------------------------------------------------------------

    def _examine(self, work: Any, incident: Incident) -> Autopsy | None:
        """Replay the step and say where it began; None where nothing can be known or enough was said."""
        if incident.group is None or self._examined >= EXAMINED:
            return None
        self._examined += 1
        stepper = self._stepper
        scene = Scene(
            work.model, work.task, work.criterion, work.device, incident.group,
            first_batch=incident.first_batch or 0, epoch=incident.epoch,
            autocast=work.precision.autocast if work.precision.dtype is not None else None,
            scaler=stepper.scaler, rewind=incident.moment.rewind if incident.moment is not None else None,
        )  # fmt: skip
        lr = float(work.optimizer.param_groups[0]["lr"])  # device sync where it is a tensor: rare
        course = Course(list(self._losses), lr, self._weights_before, _size(stepper.parameters))
        found = examine(scene, course)
        self._notes.alert(
            Finding(
                "nan-origin",
                Severity.CRITICAL if self._policy == "stop" else Severity.WARNING,
                found.what,
                current=found.place,
                recommended=found.recommended,
                evidence=f"step {incident.step:,}{_of_batch(incident)}, replayed; {found.evidence}".rstrip(
                    "; "
                ),
                step=incident.step,
                details=found.details(),
            )
        )
        return found

    def _say(
        self, rule: str, severity: Severity, issue: str, incident: Incident, *, more: str = "",
        recommended: str = "",
    ) -> None:  # fmt: skip
        evidence = f"step {incident.step:,}{_of_batch(incident)}"
        self._notes.alert(
            Finding(
                rule, severity, issue, recommended=recommended,
                evidence=f"{evidence}; {more}" if more else evidence, step=incident.step,
            )
        )  # fmt: skip


def _of_batch(incident: Incident) -> str:
    if incident.first_batch is None:
        return ""
    count = len(incident.group) if incident.group is not None else 1
    which = (
        f"batch {incident.first_batch:,}"
        if count == 1
        else (f"batches {incident.first_batch:,} to {incident.first_batch + count - 1:,}")
    )
    return f" ({which} of epoch {incident.epoch:,})"


def _details(found: Autopsy | None) -> dict[str, Any]:
    return {} if found is None else {"cause": found.cause, "what": found.what}


def _bad_data(group: Sequence[Any] | None) -> str:
    """Say which tensors of the batches are not finite, and where; "" when all are."""
    said = [
        f"{name}: {bad_places(tensor)}"
        for batch in group or ()
        for name, tensor in named_tensors(batch, "batch")
        if kind_of_bad(tensor)
    ]
    return "; ".join(said)


def _size(parameters: Sequence[torch.Tensor]) -> float | None:
    """Norm of all weights: one device sync, at the start and at an incident."""
    weights = [p.detach() for p in parameters if p.is_floating_point() and p.numel()]
    if not weights:
        return None
    norms = [norm.to(weights[0].device, torch.float32) for norm in torch._foreach_norm(weights)]
    return float(torch.linalg.vector_norm(torch.stack(norms)))
