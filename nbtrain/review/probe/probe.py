"""Probe a cell: copies in the place of its objects, two steps, experiments, all put back and proven so."""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from nbtrain.notebook.ipython_syntax import to_python
from nbtrain.review.probe import proof
from nbtrain.review.probe.copies import CannotCopy, copied, reached_names, standing_in
from nbtrain.review.probe.ears import Ears
from nbtrain.review.probe.execution import FILENAME, Ending, execute
from nbtrain.review.probe.looks import look_at
from nbtrain.review.probe.sandbox import kept_apart
from nbtrain.review.probe.sanity import learned
from nbtrain.review.probe.seen import ModelSeen, ProbeFacts
from nbtrain.running import active

SECONDS = 60.0


def probe(
    source: str, namespace: Mapping[str, Any] | None = None, *, seconds: float = SECONDS, sanity: bool = False
) -> ProbeFacts:
    """Run a cell for two optimizer steps on copies of what it names, and say what was seen.

    Args:
        source: the cell; IPython syntax in it is left out.
        namespace: the notebook's variables. A dict holds the copies while the cell runs, so that functions of
            the notebook see them, and is as before afterwards.
        seconds: after which it is ended, wherever it is.
        sanity: also try whether one batch can be learned, and whether the labels matter.
    """
    if active.alive():
        return ProbeFacts("refused", error="a training of this notebook is under way")
    held: dict[str, Any] = namespace if isinstance(namespace, dict) else dict(namespace or {})
    names = reached_names(held, _names_of(source))
    before = proof.fingerprints(held, names)
    notes: list[str] = []
    shared: set[str] = set()
    try:
        facts = _probed(source, held, names, seconds, notes, shared)
        if sanity and facts.steps:
            with kept_apart(notes.append):
                one_batch, labels = learned(source, held, names)
            facts = replace(facts, one_batch=one_batch, labels=labels)
    except CannotCopy as error:
        facts = ProbeFacts("refused", error=str(error))
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()  # the copies' memory on the device is needed
    changed = proof.differences(before, proof.fingerprints(held, names))
    verified = tuple(one for one in before if one not in changed and one not in shared)
    return ProbeFacts(
        **{**vars(facts), "verified": verified, "changed": changed, "notes": tuple(dict.fromkeys(notes))}
    )


def _probed(
    source: str, held: dict[str, Any], names: list[str], seconds: float, notes: list[str], shared: set[str]
) -> ProbeFacts:
    with kept_apart(notes.append):
        copies = copied(held, names)
        notes += [f"`{name}` could not be copied and was used itself: not proven." for name in copies.shared]
        shared.update(copies.shared)
        with standing_in(held, copies):
            held.setdefault("__name__", "__main__")
            on_cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
            base = torch.cuda.memory_allocated() if on_cuda else 0
            if on_cuda:
                torch.cuda.reset_peak_memory_stats()
            began = time.perf_counter()
            ears = Ears(FILENAME, held, began + seconds)
            ending = execute(source, held, ears)
            ears.finish()
            took = time.perf_counter() - began
            on_cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
            peak = torch.cuda.max_memory_allocated() - base if on_cuda else None
            models = look_at(ears, notes.append) if ears.steps else ()
        return _facts(ears, ending, models, took, peak)


def _facts(
    ears: Ears, ending: Ending, models: tuple[ModelSeen, ...], took: float, peak: int | None
) -> ProbeFacts:
    return ProbeFacts(
        ending.how, ending.error, ending.line, ears.steps, tuple(ears.events), tuple(ears.layers),
        tuple(ears.gradients), models, ears.batch_s, took, peak,
    )  # fmt: skip


def _names_of(source: str) -> list[str]:
    try:
        tree = ast.parse(to_python(source).text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return list({node.id: None for node in ast.walk(tree) if isinstance(node, ast.Name)})
