"""What a probe has seen, as plain frozen values: rules read it as `facts.probe`. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Happening:
    """One thing that happened while the cell ran.

    Attributes:
        kind: batch, zero-grad, forward, loss, backward, unscale, clip, optim-step, sched-step, save.
        line: 1-based in the reviewed source; None where no line of it was at work.
        name: of the optimizer, scheduler or model in the notebook, else its class.
        step: optimizer steps taken before it.
        data: what was seen with it; see `nbtrain.review.probe.ears`.
    """

    kind: str
    line: int | None
    name: str = ""
    step: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerSeen:
    """A layer in the first training forward and after the first backward.

    Attributes:
        path: within the model. cls: its class.
        dead: share of units that are zero for every sample; None where that says nothing.
        saturated: share of values where tanh or sigmoid is flat; None elsewhere.
    """

    path: str
    cls: str
    dead: float | None = None
    saturated: float | None = None


@dataclass(frozen=True)
class GradientsSeen:
    """Gradients of an optimizer's parameters just before its first step.

    Attributes:
        norm: over all. none, zero: names of trainable parameters without a gradient, or with nothing but
            zeros. count: trainable parameters.
        elsewhere: parameters of the models that ran which had a gradient after the last step and are in no
            optimizer that is known.
        ratio: ||update|| / ||weights|| of that step; None where it was not measured.
    """

    name: str
    norm: float
    count: int
    none: tuple[str, ...] = ()
    zero: tuple[str, ...] = ()
    ratio: float | None = None
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSeen:
    """What experiments on a copy of a model in eval mode showed; None where one could not be done.

    Attributes:
        name: of the model. line: where the cell calls it.
        repeats: two passes over one batch agree. random_op: what drew random numbers: dropout, or another.
        independent: the output for a sample stays when the other samples change.
        mixing: class of the layer, or "softmax", that mixes samples; "" when none was found.
        sees_input: outputs differ between samples that differ.
        causal: outputs of earlier positions stay when the last token changes.
        shift: the targets are the inputs moved by so many positions; None where they are not.
    """

    name: str
    line: int | None
    repeats: bool | None = None
    random_op: str = ""
    independent: bool | None = None
    mixing: str = ""
    sees_input: bool | None = None
    causal: bool | None = None
    shift: int | None = None


@dataclass(frozen=True)
class LearnedSeen:
    """What an experiment of many steps on copies showed.

    Attributes:
        steps: taken. first, last: the loss at the start and at the end; None where none was seen.
        shuffled: the loss at the end with labels that belong to other samples. spread: of the loss from batch
            to batch at the end.
        how: why it says nothing; "" when it does.
    """

    steps: int
    first: float | None = None
    last: float | None = None
    shuffled: float | None = None
    spread: float | None = None
    how: str = ""


@dataclass(frozen=True)
class ProbeFacts:
    """Two steps of the cell on copies, and the proof that nothing else was touched.

    Attributes:
        ended: "steps" (two were taken), "cell" (it came to its end), "time", or "error".
        error, error_line: what the cell raised, in a line, and where in the reviewed source.
        steps: optimizer steps taken.
        events: what happened, in order.
        layers, gradients, models: see their classes.
        batch_s, total_s: seconds spent waiting for batches, and in all.
        peak_bytes: most device memory of the steps; None without a CUDA device.
        verified: what was hashed before and after, and is as it was. changed: what is not.
        one_batch, labels: the sanity experiments; None where they were not asked for.
        notes: what was left out, prevented or could not be copied, in sentences.
    """

    ended: str
    error: str = ""
    error_line: int | None = None
    steps: int = 0
    events: tuple[Happening, ...] = ()
    layers: tuple[LayerSeen, ...] = ()
    gradients: tuple[GradientsSeen, ...] = ()
    models: tuple[ModelSeen, ...] = ()
    batch_s: float = 0.0
    total_s: float = 0.0
    peak_bytes: int | None = None
    verified: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    one_batch: LearnedSeen | None = None
    labels: LearnedSeen | None = None

    def of(self, *kinds: str) -> tuple[Happening, ...]:
        """Return the events of these kinds, in order."""
        return tuple(one for one in self.events if one.kind in kinds)

    @property
    def first_loss(self) -> Happening | None:
        """The first loss that a gradient can flow from."""
        return next((one for one in self.of("loss") if one.data.get("trains")), None)
