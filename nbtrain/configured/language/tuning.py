"""A fine-tuning put together: what the plan says of the texts, who listens, what is left at the end."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrain.config.resolved import Configuration
from nbtrain.configured.data import Loaders
from nbtrain.configured.language.completions import QUESTIONS, Completions
from nbtrain.configured.language.layouts import Question
from nbtrain.configured.language.pretrained import Base, quiet
from nbtrain.configured.language.samples import Texts
from nbtrain.runs.completions import FILE, written
from nbtrain.units import count

MODEL_FOLDER = "model"  # in the run's folder: as save_pretrained writes it


@dataclass(frozen=True)
class Tuning:
    """A fine-tuning of a language model.

    Attributes:
        base: what is fine-tuned. listener: has it write before the first step. saves: the model is left as a
            folder that `from_pretrained` reads.
    """

    base: Base
    listener: Completions
    saves: bool


def tuning_of(configuration: Configuration, base: Base, loaders: Loaders) -> Tuning:
    """Return what a run of this fine-tuning needs beside its plan."""
    asked = [Question(text, "") for text in configuration.get("sample_prompts", [])]
    held = next((texts for texts in map(_texts, (loaders.val, loaders.train)) if texts is not None), None)
    if not asked and held is not None:
        asked = held.questions[:QUESTIONS]
    return Tuning(base, Completions(base, asked), bool(configuration.get("save_model", True)))


def text_lines(loaders: Loaders) -> list[tuple[str, str]]:
    """Return what the plan says of the texts."""
    lines = []
    for label, named in (
        ("Training texts", loaders.train), ("Validation texts", loaders.val), ("Test texts", loaders.test),
    ):  # fmt: skip
        if (texts := _texts(named)) is None:
            continue
        tally, way = texts.tally, texts.way
        how = "packed into windows" if way.packs else "a sample each, at most"
        amount = f"{count(tally.texts)} {texts.layout}, {count(tally.tokens)} tokens"
        said = f"{amount}, {how} of {way.length} tokens"
        if way.answers_only:
            said += "; the loss is on completions only"
        lines.append((label, said))
    return lines


def text_warnings(loaders: Loaders) -> list[str]:
    """Return sentences about texts that were cut or left out."""
    said = []
    for named in (loaders.train, loaders.val, loaders.test):
        texts = _texts(named)
        if texts is None:
            continue
        if texts.tally.cut:
            said.append(
                f"{texts.tally.cut:,} of {texts.tally.texts:,} texts of {named.name} are longer than "
                f"{texts.way.length} tokens and are cut there; max_seq_length says how long they may be."
            )
        if texts.tally.left_out:
            said.append(
                f"{texts.tally.left_out:,} texts of {named.name} have nothing to predict within "
                f"{texts.way.length} tokens and are left out."
            )
    return said


def _texts(named: Any) -> Texts | None:
    dataset = getattr(named.value, "dataset", None) if named is not None else None
    return dataset if isinstance(dataset, Texts) else None


def leave_language(run: Any, tuning: Tuning) -> None:
    """Write completions.json, and the model with its tokenizer as a folder that `from_pretrained` reads.

    The folder is complete or absent.
    """
    work, folder = run.objects, run.folder
    folder.write_text(FILE, written(tuning.listener.compared(work)))
    if tuning.saves:
        _save(getattr(work.model, "_orig_mod", work.model), tuning.base, folder.path / MODEL_FOLDER)


def _save(model: Any, base: Base, place: Path) -> None:
    being = place.with_name(f".tmp-{place.name}-{os.getpid()}")
    cached, model.config.use_cache = model.config.use_cache, True  # a choice of the training alone
    try:
        with quiet():
            model.save_pretrained(str(being))
            base.tokenizer.save_pretrained(str(being))
        if place.exists():
            shutil.rmtree(place)
        being.rename(place)
    finally:
        model.config.use_cache = cached
        shutil.rmtree(being, ignore_errors=True)
