"""The exported model against PyTorch on the same inputs: errors, predicted classes, accuracy, a verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nbtrain.errors import UserError
from nbtrain.exported.feed import Feed
from nbtrain.exported.judging import Classes, find_classes
from nbtrain.exported.outputs import named_outputs, place_of_logits
from nbtrain.exported.runners.module import ModuleRunner
from nbtrain.exported.runners.runner import Runner

# Source: rtol 1e-3 is that of torch.onnx.verification, 1e-5 the default of Hugging Face Optimum's validation;
# the latter is meant for outputs around 1, and is taken here as a share of the largest output.
RELATIVE, OF_LARGEST = 1e-3, 1e-5
SAID = (
    "each output within 0.1 % of PyTorch's plus 0.001 % of the largest one, as torch.onnx.verification and "
    "Optimum allow"
)
MOST_SECONDS = 60.0  # of a comparison; how many samples it came to is said
# Source: torch.nn.TransformerEncoder, whose fused path (eval mode, no gradients) gives zeros where
# src_key_padding_mask is set.
TWO_ANSWERS = (
    "PyTorch itself gives two answers for these inputs: without gradients its fused attention sets padded "
    "positions to zero, and otherwise, as in the exported file, it does not. Leave padded positions out, for "
    "example by a mean over the others, and both are one."
)
# Source: MLPerf Inference: a quantised model keeps 99 % of the accuracy of its 32-bit reference.
KEPT = 0.99
# Below this it is another model, whatever its accuracy: a choice of nbtrain.
LEAST_AGREEMENT = 0.95
# Of outputs that are no classes: root of the mean square error over that of the outputs. 0.1 is a ratio of
# signal to noise of 20 dB, a choice of nbtrain; half precision rounds by 0.0005 in each operation.
NOISE = {"int8": 0.1, "fp16": 0.01}


@dataclass(frozen=True)
class Tolerance:
    """What may differ.

    Attributes:
        quantize: "", int8 or fp16. share: of the accuracy, the classes, or the noise; None: the defaults.
    """

    quantize: str = ""
    share: float | None = None

    def of_each(self) -> tuple[float, float]:
        """Return (relative, as a share of the largest output) for what is not quantised."""
        return (0.0, self.share) if self.share is not None else (RELATIVE, OF_LARGEST)

    def kept(self) -> float:
        """Return the share of the accuracy that must be kept."""
        return KEPT if self.share is None else 1 - self.share

    def agreement(self, *, with_targets: bool) -> float:
        """Return the share of predicted classes that must be the same."""
        if self.share is not None:
            return 1 - self.share
        return LEAST_AGREEMENT if with_targets else KEPT

    def noise(self) -> float:
        """Return the noise allowed where there are no classes."""
        return NOISE[self.quantize] if self.share is None else self.share


@dataclass
class Difference:
    """How far one output is from PyTorch's, over all batches.

    Attributes:
        largest: absolute error. over: error over what is allowed, the worst; above 1 is too far.
    """

    name: str
    largest: float = 0.0
    over: float = 0.0
    _sum: float = 0.0
    _squares: float = 0.0
    _signal: float = 0.0
    _count: int = 0

    @property
    def mean(self) -> float:
        """Mean absolute error."""
        return self._sum / self._count if self._count else 0.0

    @property
    def noise(self) -> float:
        """Root of the mean square error over that of the outputs."""
        if not self._squares:
            return 0.0
        return math.sqrt(self._squares / self._signal) if self._signal else math.inf

    def add(self, ours: Tensor, theirs: Tensor, tolerance: tuple[float, float]) -> None:
        """Take one batch in. Shapes: equal."""
        if not ours.numel():
            return
        if not ours.is_floating_point() and not ours.is_complex():
            tolerance = (0.0, 0.0)  # ids and counts are the same or not
        wanted, found = ours.double(), theirs.double()
        same = (wanted == found) | (wanted.isnan() & found.isnan())
        error = (wanted - found).abs().masked_fill(same, 0.0).nan_to_num(nan=math.inf, posinf=math.inf)
        finite = wanted[wanted.isfinite()].abs()
        scale = float(finite.max()) if finite.numel() else 0.0
        allowed = tolerance[0] * wanted.abs().nan_to_num(posinf=0.0, neginf=0.0) + tolerance[1] * scale
        ratio = torch.where(error == 0, 0.0, error / allowed)
        self.largest = max(self.largest, float(error.max()))
        self.over = max(self.over, float(ratio.max()))
        self._sum += float(error.sum())
        self._squares += float(error.square().sum())
        self._signal += float(finite.square().sum())
        self._count += error.numel()


@dataclass
class Verification:
    """What the comparison came to.

    Attributes:
        samples: compared. sizes: of the batches that were tried. differences: by output.
        agree, predicted: predictions that are the same, and how many there were.
        right_before, right_after, judged: against the targets. assumed: see `Classes`.
        drawn: inputs are random numbers. problems: why it is not accepted; () where it is.
    """

    tolerance: Tolerance
    samples: int = 0
    sizes: list[int] = field(default_factory=list)
    differences: dict[str, Difference] = field(default_factory=dict)
    agree: int = 0
    predicted: int = 0
    right_before: int = 0
    right_after: int = 0
    judged: int = 0
    assumed: bool = False
    drawn: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """True where nothing speaks against the file."""
        return not self.problems


def verify(
    model: ModuleRunner, exported: Runner, feeds: Sequence[Feed], tolerance: Tolerance, *, loss: Any = None
) -> Verification:
    """Run both on the same inputs and judge what differs.

    Args:
        feeds: real batches, of the sizes that must work. loss: says how predictions are read.
    """
    found = Verification(tolerance, drawn=any(one.drawn for one in feeds))
    classes: Classes | None = None
    began = time.perf_counter()
    for turn, feed in enumerate(feeds):
        if turn >= 2 and time.perf_counter() - began > MOST_SECONDS:
            break
        output = model.output(feed)
        wanted = named_outputs(output)
        try:
            given = exported.run(feed)
        except UserError as error:
            found.problems.append(f"With {feed.size} samples it does not run: {error.message}")
            break
        if not _fits(found, wanted, given, feed):
            break
        place = place_of_logits(output)
        logits = list(wanted.values())[place] if place is not None else None
        if turn == 0:
            classes = find_classes(output, logits, place, loss, feed.target)
        for (name, ours), theirs in zip(wanted.items(), given, strict=True):
            difference = found.differences.setdefault(name, Difference(name))
            difference.add(ours, theirs, tolerance.of_each())
        if feed.size not in found.sizes:
            found.sizes.append(feed.size)
        if feed.repeated:  # its samples are counted where they are from
            continue
        found.samples += feed.size
        if classes is not None:
            _judge(found, classes, logits, given[classes.place], feed)
    _conclude(found)
    if not found.accepted and not tolerance.quantize and _two_answers(model, feeds, tolerance):
        found.problems.append(TWO_ANSWERS)
    return found


def _two_answers(model: ModuleRunner, feeds: Sequence[Feed], tolerance: Tolerance) -> bool:
    """Say whether PyTorch itself gives other outputs with gradients than without."""
    for feed in feeds:
        wanted, other = named_outputs(model.output(feed)), named_outputs(model.output(feed, gradients=True))
        for (name, ours), theirs in zip(wanted.items(), other.values(), strict=True):
            difference = Difference(name)
            difference.add(ours, theirs.detach(), tolerance.of_each())
            if difference.over > 1:
                return True
    return False


def _fits(found: Verification, wanted: dict[str, Tensor], given: list[Tensor], feed: Feed) -> bool:
    if len(wanted) != len(given):
        found.problems.append(f"It gives {len(given)} outputs, and the model {len(wanted)}.")
        return False
    for (name, ours), theirs in zip(wanted.items(), given, strict=True):
        if ours.shape != theirs.shape:
            found.problems.append(
                f"`{name}` is {tuple(theirs.shape)} for {feed.size} samples, and the model's "
                f"{tuple(ours.shape)}."
            )
            return False
    return True


def _judge(found: Verification, classes: Classes, logits: Tensor, theirs: Tensor, feed: Feed) -> None:
    theirs = theirs.to(logits.dtype)
    ours = classes.predict(logits)
    same = ours == classes.predict(theirs)
    found.agree += int(same.sum())
    found.predicted += same.numel()
    found.assumed = classes.assumed
    if classes.hits is not None and isinstance(feed.target, Tensor):
        right, judged = classes.count(logits, feed.target)
        found.right_before += right
        found.judged += judged
        found.right_after += classes.count(theirs, feed.target)[0]


def _conclude(found: Verification) -> None:
    """Say what speaks against the file."""
    tolerance = found.tolerance
    for one in found.differences.values():
        if not math.isfinite(one.largest):
            found.problems.append(f"`{one.name}` is NaN or infinite where the model's is not.")
        elif not tolerance.quantize and one.over > 1:
            found.problems.append(
                f"`{one.name}` is off by up to {one.largest:.3g}, {one.over:,.1f} times what is allowed."
            )
        elif tolerance.quantize and not found.predicted and one.noise > tolerance.noise():
            found.problems.append(
                f"`{one.name}` has {100 * one.noise:.3g} % noise; "
                f"{100 * tolerance.noise():.3g} % are allowed."
            )
    if not tolerance.quantize or not found.predicted:
        return
    # a whole number may be missing: one of a few samples is more than its share
    least = tolerance.agreement(with_targets=bool(found.judged))
    if found.predicted - found.agree > math.ceil((1 - least) * found.predicted):
        found.problems.append(
            f"{100 * found.agree / found.predicted:.2f} % of the predicted classes are the same; "
            f"{100 * least:.3g} % must be."
        )
    if found.judged and found.right_after < math.floor(tolerance.kept() * found.right_before):
        found.problems.append(
            f"The accuracy falls from {100 * found.right_before / found.judged:.2f} % to "
            f"{100 * found.right_after / found.judged:.2f} %; {100 * tolerance.kept():.3g} % of it must be "
            "kept."
        )
