"""In which mode a model runs, and which passes of a source are evaluations."""

from __future__ import annotations

import ast
import re

from nbtrain.notebook.live import modules_of
from nbtrain.notebook.story import Cycle, Pass, Story, may_be_same
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import (
    Choice,
    Func,
    Live,
    Made,
    Map,
    Obj,
    Seq,
    Term,
    Value,
    name_of,
    options,
)
from nbtrain.notebook.training_models import holds

MODE_LAYERS = re.compile(r"(BatchNorm|Dropout|InstanceNorm|SyncBatchNorm|AlphaDropout|DropPath)")
# Library modules that hold dropout unless told otherwise.
WITH_DROPOUT = ("TransformerEncoderLayer", "TransformerDecoderLayer", "torch.nn.Transformer")
EVALUATION_WORDS = ("val", "test", "eval", "dev_", "valid", "infer", "predict", "holdout")
YES, NO, UNKNOWN = "yes", "no", "unknown"


def mode_matters(model: Value) -> str:
    """Say whether a model behaves otherwise in eval mode: yes, no, or unknown for one made elsewhere."""
    seen: set[int] = set()
    found = {_one(option, seen) for option in options(model)}
    return YES if YES in found else UNKNOWN if UNKNOWN in found else NO


def _one(model: Value, seen: set[int]) -> str:
    if id(model) in seen:
        return NO  # answered where it was met first
    seen.add(id(model))
    if isinstance(model, Live):
        layers = (
            [type(one).__name__ for one in modules_of(model.obj)] if "_modules" in vars(model.obj) else []
        )
        return YES if any(MODE_LAYERS.search(name) for name in layers) else NO if layers else UNKNOWN
    if isinstance(model, Made):
        inner = [_one(one, seen) for one in model.args if isinstance(one, Made | Obj | Seq)]
        if MODE_LAYERS.search(model.path) or model.path.endswith(WITH_DROPOUT) or YES in inner:
            return YES
        held = model.kwargs.get("dropout")
        if held is not None and getattr(held, "value", 1) != 0:
            return YES
        library = model.path.startswith("torch.nn.")
        return NO if library and UNKNOWN not in inner and model.complete else UNKNOWN if not library else NO
    if isinstance(model, Obj):
        inner = [
            _one(one, seen)
            for one in model.attrs.values()
            if isinstance(one, Made | Obj | Seq | Map | Choice)
        ]
        if _names_mode_layers(model):
            return YES
        reads_mode = any(isinstance(one, Func) for one in model.attrs.values())
        return YES if YES in inner else UNKNOWN if UNKNOWN in inner or reads_mode or _asks_mode(model) else NO
    if isinstance(model, Seq | Map | Choice):
        parts = (
            model.items.values()
            if isinstance(model, Map)
            else model.items
            if isinstance(model, Seq)
            else model.options
        )
        inner = [_one(one, seen) for one in parts if isinstance(one, Made | Obj | Seq | Map)]
        return YES if YES in inner else UNKNOWN if UNKNOWN in inner else NO
    return UNKNOWN if isinstance(model, Term) else NO


def _names_mode_layers(model: Obj) -> bool:
    """A class that hands its layers to nn.Sequential's constructor, and names such layers."""
    if model.cls is None or not any(path.endswith("nn.Sequential") for path in model.cls.library_bases()):
        return False
    named = [one.attr for one in ast.walk(model.cls.node) if isinstance(one, ast.Attribute)]
    return any(MODE_LAYERS.search(name) for name in named)


def _asks_mode(model: Obj) -> bool:
    """The class uses `self.training` or functional dropout."""
    if model.cls is None:
        return False
    for node in ast.walk(model.cls.node):
        if isinstance(node, ast.Attribute) and node.attr in (
            "training",
            "dropout",
            "batch_norm",
            "dropout2d",
        ):
            return True
    return False


def mode_events(story: Story, model: Value) -> list[Event]:
    """Where the mode of a model, or of one that holds it, is set."""
    return [
        event
        for event in story.of("mode")
        if may_be_same(event.subject, model) or holds(event.subject, model)
    ]


def last_mode(story: Story, forward: Event) -> Event | None:
    """The last setting of its mode before a model runs, as the source is read; None when there is none."""
    before = [
        event
        for event in mode_events(story, forward.subject)
        if event.at < forward.at and event.entry in ("<module>", forward.entry)
    ]
    # A function that nothing in the source calls may be called in either mode.
    own = [event for event in before if event.entry == forward.entry]
    return own[-1] if own else None


def mode_in_training(story: Story, cycle: Cycle, forward: Event) -> Event | None:
    """The setting that leaves a training run in eval mode, in its first turn or in a later one; else None.

    Goes through the loops from the inside: what is set in a turn before the run decides; what is set last in
    a turn holds at the start of the next.
    """
    events = mode_events(story, forward.subject)
    for loop in reversed(forward.loops):
        inside = [event for event in events if loop in event.loops]
        before = [event for event in inside if event.at < forward.at]
        if before:
            return (
                before[-1] if before[-1].data["train"] is False and not _one_of_two(before, forward) else None
            )
        if inside and inside[-1].data["train"] is False:
            return inside[-1]
    before = [event for event in events if event.at < forward.at]
    return before[-1] if before and before[-1].data["train"] is False else None


def _one_of_two(events: list[Event], forward: Event) -> bool:
    """The last setting stands in one branch of a choice whose other branch sets train mode."""
    own = {(guard.node, guard.holds) for guard in events[-1].guards}
    own -= {(guard.node, guard.holds) for guard in forward.guards}
    others = [event for event in events[:-1] if event.data["train"] is not False]
    return any((guard.node, not guard.holds) in own for event in others for guard in event.guards)


def is_evaluation(story: Story, one: Pass, *, text: str = "") -> bool:
    """Whether a pass judges the model: it keeps no graph, or the names around it say so."""
    if one.quiet is True or any(event.data["train"] is False for event in one.of("mode")):
        return True
    last = last_mode(story, one.forward)
    if last is not None and last.data["train"] is False:
        return True
    return names_evaluation(loader_words(story, one), one.entry)


def loader_words(story: Story, one: Pass) -> str:
    """How the loader of a pass is called."""
    if one.loop is None or one.loop.iterable is None:
        return ""
    return f"{story.name_of(one.loop.iterable) or name_of(one.loop.iterable)} {one.loop.text}".lower()


def names_evaluation(*words: str) -> bool:
    return any(part in word.lower() for word in words for part in EVALUATION_WORDS)
