"""From what a replay saw to a cause in words: data, weights, overflow, learning rate, or a formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from nbtrain import units
from nbtrain.train.autopsy.backward import BackwardOrigin
from nbtrain.train.autopsy.calls import BadInput, Call
from nbtrain.train.autopsy.formulas import inputs_of, overflowed, why
from nbtrain.train.autopsy.tensors import bad_places, contents

GROWN = 10.0  # a loss, or the weights, that have grown so much over the last steps: the steps are too large
REMEDIES = {
    "data": "repair or drop these samples; no setting of the run helps while they are there",
    "weights": "look where these weights come from: a file, an initialisation, an update by hand",
    "overflow": "--precision bf16 (the range of float32), or 32 for this module",
    "learning-rate": "a tenth of the learning rate, a warm-up, gradient clipping (--clip 1.0)",
    "formula": "keep the function inside its domain: clamp, add an epsilon, use the loss that takes logits",
    "unknown": "torch.autograd.set_detect_anomaly(True) in a loop of your own may say more",
}


@dataclass(frozen=True)
class Course:
    """What came before the step.

    Attributes:
        losses: of the last steps, oldest first. lr: the learning rate.
        weights_before, weights_now: norm of all weights when the run began, and now; None where unknown.
    """

    losses: Sequence[float] = ()
    lr: float | None = None
    weights_before: float | None = None
    weights_now: float | None = None

    def grown(self) -> str:
        """Say how far loss or weights have run away over the last steps; "" when they have not."""
        finite = [loss for loss in self.losses if loss == loss and abs(loss) != float("inf")]
        if len(finite) >= 2:
            least = min(finite)
            if finite[-1] > GROWN * abs(least) and finite[-1] - least > 1.0:
                return (
                    f"the loss had grown from {units.number(least)} to {units.number(finite[-1])} "
                    f"over the last {len(finite) - finite.index(least) - 1} steps"
                )
        before, now = self.weights_before, self.weights_now
        if before is not None and now is not None and now > GROWN * max(before, 1e-12):
            return f"the weights have grown from a norm of {units.number(before)} to {units.number(now)}"
        return ""


@dataclass(frozen=True)
class Autopsy:
    """What was found out.

    Attributes:
        cause: data, weights, overflow, learning-rate, formula, unknown, or not-examined.
        what: the finding in a sentence. evidence: what was seen, with numbers.
        recommended: what to do. direction: "forward", "backward" or "".
        place: the module, the batch's tensor or the weight it began in.
    """

    cause: str
    what: str
    evidence: str = ""
    recommended: str = ""
    direction: str = ""
    place: str = ""

    def details(self) -> dict[str, Any]:
        """Return it as plain values, for the alert and the manifest."""
        return {"cause": self.cause, "direction": self.direction, "place": self.place, "what": self.what}


@dataclass(frozen=True)
class Known:
    """Tensors that were there before the step.

    Attributes:
        batch: (name, tensor) of the micro-batch. weights: (name, tensor) of parameters and buffers.
        kinds: module path -> class. loss: what the loss function is called.
        batch_name: "batch 37 of epoch 2".
    """

    batch: Sequence[tuple[str, Tensor]]
    weights: Sequence[tuple[str, Tensor]]
    kinds: dict[str, str] = field(default_factory=dict)
    loss: str = ""
    batch_name: str = "the batch"

    def place(self, path: str) -> str:
        """Name the module at a path as people call it."""
        if not path:
            return f"the loss function {self.loss}".rstrip()
        kind, path = self.kinds.get(path, ""), path.replace("_orig_mod.", "").removesuffix("._orig_mod")
        role, _, inner = path.partition(".")
        if inner:
            return f"`{inner}` ({kind})" if role == "model" else f"`{inner}` ({kind}) of the loss"
        return f"the forward of {kind}" if role == "model" else f"the loss {kind}"


def forward_verdict(loss: Tensor, kind: str, maker: Call | None, known: Known, course: Course) -> Autopsy:
    """Walk from a loss that is not finite back to where that began, and say why it did."""
    origin, tensor, consequence = _origin(BadInput(loss, kind, maker))
    if origin is None:
        return _leaf(tensor, known)
    if origin.made == "nan" and not origin.deliberate:
        infinite = next((one for one in origin.bad_inputs if one.kind == "inf"), None)
        if infinite is not None:
            earlier, leaf, _ = _origin(infinite)
            if earlier is None:
                return _leaf(leaf, known)
            if earlier.deliberate:
                return _formula(origin, known, course, aside=f"; the −∞ comes from {_source(earlier)}")
            origin, consequence = earlier, origin
    return _formula(origin, known, course, consequence=consequence)


def _origin(start: BadInput) -> tuple[Call | None, Tensor, Call | None]:
    """Follow bad inputs of one kind to the call that made them of none.

    Returns:
        (the call or None for a tensor that was there before, the last tensor, the call after the origin).
    """
    here, after = start, None
    while here.maker is not None:
        further = next((one for one in here.maker.bad_inputs if one.kind == here.kind), None)
        if further is None:
            return here.maker, here.tensor, after
        here, after = further, here.maker
    return None, here.tensor, after


def _leaf(tensor: Tensor, known: Known) -> Autopsy:
    for name, part in known.batch:
        if part is tensor or _shares(part, tensor):
            where = bad_places(part)
            return Autopsy(
                "data", f"The {name} of {known.batch_name} is not finite: {where}.",
                f"{name} {contents(part).text()}", REMEDIES["data"], "forward", name,
            )  # fmt: skip
    for name, part in known.weights:
        if part is tensor or _shares(part, tensor):
            return Autopsy(
                "weights", f"The weights `{name}` are not finite: {_rows(part)}.",
                f"`{name}` {contents(part).text()}", REMEDIES["weights"], "forward", name,
            )  # fmt: skip
    return Autopsy(
        "unknown", "A tensor that was there before the step is not finite; it is neither batch nor weight.",
        contents(tensor).text(), "look at constants that forward or the loss use, e.g. class weights",
        "forward",
    )  # fmt: skip


def _rows(weights: Tensor) -> str:
    places = bad_places(weights)
    return places.replace("feature", "column").replace("sample", "row")


def _shares(one: Tensor, other: Tensor) -> bool:
    try:
        return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr() != 0
    except (RuntimeError, NotImplementedError):  # sparse and meta tensors have no storage
        return False


def _formula(
    call: Call, known: Known, course: Course, *, consequence: Call | None = None, aside: str = ""
) -> Autopsy:
    place, made = known.place(call.place), "NaN" if call.made == "nan" else "an infinite value"
    evidence = f"forward: {_source(call)}; {_inputs(call)}{aside}"
    if call.made == "inf" and consequence is not None and consequence.made == "nan":
        evidence += f"; {_source(consequence)} then made NaN of it"
    kind, magnitude = overflowed(call)
    if kind in ("float16", "bfloat16"):
        what = f"{kind} overflowed in {place}: `{call.name}` comes to {magnitude} there"
        evidence += "; the same call in float32 is finite"
        return Autopsy("overflow", f"{what}.", evidence, REMEDIES["overflow"], "forward", call.place or place)
    if grown := course.grown():
        what = f"The steps are too large: {grown}, until `{call.name}` in {place} overflowed"
        if course.lr is not None:
            evidence += f"; lr={units.number(course.lr)}"
        return Autopsy(
            "learning-rate", f"{what}.", evidence, REMEDIES["learning-rate"], "forward", call.place or place
        )
    reason = why(call)
    if kind:
        reason += f"; float32 ends at 3.4e38, this is {magnitude}"
    return Autopsy(
        "formula", f"`{call.name}` in {place} made {made}: {reason}.", evidence, REMEDIES["formula"],
        "forward", call.place or place,
    )  # fmt: skip


def backward_verdict(origin: BackwardOrigin, known: Known, course: Course, *, in_float32: bool) -> Autopsy:
    """Say why a backward made a gradient that is not finite, though the loss was.

    Args:
        in_float32: the same step in float32 has finite gradients.
    """
    call = origin.call
    made = "NaN" if origin.made == "nan" else "an infinite gradient"
    place = known.place(call.place) if call is not None else "a part that was not seen"
    node = origin.node.removesuffix("0").removesuffix("Backward").lower() or origin.node
    evidence = f"backward: {origin.node}"
    if call is not None:
        evidence += f" of {_source(call)}; {_inputs(call)}"
    if origin.incoming is not None:
        evidence += f"; the gradient that came in: {origin.incoming.text()}"
    where = (call.place or place) if call is not None else origin.node
    if in_float32:
        return Autopsy(
            "overflow", f"The backward of {place} overflows in half precision; in float32 it is finite.",
            evidence, REMEDIES["overflow"], "backward", where,
        )  # fmt: skip
    if grown := course.grown():
        return Autopsy(
            "learning-rate", f"The steps are too large: {grown}, until the backward of {place} overflowed.",
            evidence, REMEDIES["learning-rate"], "backward", where,
        )  # fmt: skip
    reason = why(call, node) if call is not None else "its inputs were not seen"
    what = f"The backward of `{node}` in {place} made {made}, though its forward is finite: {reason}."
    return Autopsy("formula", what, evidence, REMEDIES["formula"], "backward", where)


def _source(call: Call) -> str:
    line = f" in `{call.line}` ({call.where})" if call.line else ""
    return f"`{call.name}`{line}"


def _inputs(call: Call) -> str:
    seen = [one.text() for one in inputs_of(call)[:3]]
    return f"it was given {'; '.join(seen)}" if seen else "what it was given was not seen"
