"""What the rules may look at: source and live facts in one frozen bundle.

A live fact beats a source fact wherever the source only names an object. What the reviewed source itself
makes is
judged as the source makes it: that is what the next execution will give, whatever an earlier one left behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from nbtrain.notebook.facts import (
    YES,
    Answer,
    Architecture,
    LoaderFact,
    OptimizerFact,
    Quantity,
    TrainingFact,
)
from nbtrain.notebook.held import Held, read_held
from nbtrain.notebook.live import LiveFacts, LiveModel, LiveSchedule, read_live
from nbtrain.notebook.situation import Situation, situations_of
from nbtrain.notebook.source import SourceFacts, read_source
from nbtrain.notebook.story import Cycle, Story
from nbtrain.review.probe.seen import ProbeFacts


@dataclass(frozen=True)
class ReviewFacts:
    """Everything known of the set-up under review.

    Attributes:
        source: facts of the text, or None when only live objects are reviewed.
        live: facts of the notebook's objects that matter here.
        optimizers, loaders: of both kinds, each once.
        trainings: the training steps of the source.
        architecture: the network, live where it is live.
        story: what happens in the source, in order; empty without one.
        objects: the notebook's objects under review by name: those the source names, or all without one.
        everything: all that the notebook holds, under review or not.
        configured: the configuration file that is reviewed, or "". told: situations known without a source.
        probe: what two steps on copies showed; None where no probe was asked for.
    """

    source: SourceFacts | None
    live: LiveFacts = field(default_factory=LiveFacts)
    optimizers: tuple[OptimizerFact, ...] = ()
    loaders: tuple[LoaderFact, ...] = ()
    trainings: tuple[TrainingFact, ...] = ()
    architecture: Architecture = field(default_factory=Architecture)
    objects: Mapping[str, Any] = field(default_factory=dict)
    everything: Mapping[str, Any] = field(default_factory=dict)
    probe: ProbeFacts | None = None
    configured: str = ""
    told: tuple[Situation, ...] = ()

    @cached_property
    def situations(self) -> tuple[Situation, ...]:
        """The situations in which other numbers are usual, as far as something shows them."""
        if self.source is None:
            return self.told
        return situations_of(self.story, self.architecture, self.optimizers, self.words)

    def is_situation(self, *ids: str) -> bool:
        """Whether one of these situations was seen."""
        return any(one.id in ids for one in self.situations)

    @cached_property
    def held(self) -> Held:
        """The live objects under review, for questions of identity."""
        return read_held(self.objects)

    @cached_property
    def held_anywhere(self) -> Held:
        """All live training objects of the notebook."""
        return self.held if self.everything is self.objects else read_held(self.everything)

    @property
    def story(self) -> Story:
        return self.source.story if self.source is not None else Story()

    @property
    def cycles(self) -> tuple[Cycle, ...]:
        """The training steps that the source takes itself; none for a framework's trainer."""
        return self.story.cycles

    @cached_property
    def words(self) -> str:
        """The source without its comments, for questions about the words in it."""
        return re.sub(r"#[^\n]*", "", self.source.text) if self.source is not None else ""

    @property
    def only_live(self) -> bool:
        return self.source is None and not self.configured


def gather(text: str | None, namespace: Mapping[str, Any] | None) -> ReviewFacts:
    """Return the facts of a source, of a namespace, or of both. Nothing is executed."""
    if text is None:
        whole = dict(namespace or {})
        return replace(_live_only(read_live(whole)), objects=whole, everything=whole)
    source = read_source(text, namespace)
    held = namespace or {}
    objects = {name: held[name] for name in source.names if name in held}
    named = read_live(objects)
    everything = read_live(held) if held else LiveFacts()
    trainings = tuple(_with_live_schedules(one, everything.schedules) for one in source.trainings)
    optimizers = [_filled(one, everything.optimizers) for one in source.optimizers]
    optimizers += [_scheduled(one, everything.schedules) for one in named.optimizers]
    loaders = (*source.loaders, *named.loaders)
    return ReviewFacts(
        source, named, tuple(optimizers), loaders, trainings, source.architecture, objects, held
    )


def _live_only(live: LiveFacts) -> ReviewFacts:
    deepest = max(live.models, key=lambda one: one.depth, default=LiveModel(""))
    architecture = Architecture(
        attention=next((one.attention for one in live.models if one.attention), ""),
        recurrent=next((one.recurrent for one in live.models if one.recurrent), ""),
        depth=deepest.depth,
        norms=deepest.norms,
        frozen=any(one.frozen for one in live.models),
        live=bool(live.models),
    )
    optimizers = tuple(_scheduled(one, live.schedules) for one in live.optimizers)
    return ReviewFacts(None, live, optimizers, live.loaders, (), architecture)


def _scheduled(optimizer: OptimizerFact, schedules: tuple[LiveSchedule, ...]) -> OptimizerFact:
    """A live optimizer with what its live scheduler makes of its rate."""
    own = [one for one in schedules if one.optimizer == optimizer.key]
    top = next((one.top for one in own if one.top is not None), None)
    if top is not None:
        return replace(optimizer, peak=Quantity((top,), "live value"))
    shaped = next((one.cls for one in own if one.cls in ("LambdaLR", "MultiplicativeLR")), "")
    return replace(optimizer, reshaped=shaped) if shaped else optimizer


def _filled(optimizer: OptimizerFact, live: tuple[OptimizerFact, ...]) -> OptimizerFact:
    """What the source leaves open is read from the live object of the same name and class."""
    twin = next((one for one in live if one.name == optimizer.name and one.cls == optimizer.cls), None)
    if twin is None:
        return optimizer
    lrs = optimizer.lrs if all(one.known for one in optimizer.lrs) else twin.lrs
    decay = optimizer.weight_decay if optimizer.weight_decay.known else twin.weight_decay
    return replace(optimizer, lrs=lrs, weight_decay=decay)


def _with_live_schedules(training: TrainingFact, schedules: tuple[LiveSchedule, ...]) -> TrainingFact:
    key = training.optimizer.key if training.optimizer is not None and training.optimizer.live else 0
    own = [one for one in schedules if one.optimizer == key]
    if not own:
        return training
    warm = next((one for one in own if one.warms_up), None)
    changed = replace(training, changes_lr=Answer(YES, f"`{own[0].name}` is a {own[0].cls}"))
    return replace(changed, warmed_up=Answer(YES, f"`{warm.name}` is a {warm.cls}")) if warm else changed
