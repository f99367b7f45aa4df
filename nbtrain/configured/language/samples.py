"""A file of texts -> samples of token ids, by `datasets`: tokenized once, kept on disk, read from there.

`datasets` holds the samples as an Arrow file in its own cache: memory-mapped, so that a corpus may be larger
than memory, and found again by a hash of the file, the tokenizer and the settings, so that a second run
begins at once. The rows of JSON are read here and not by its reader, which guesses one schema for all rows
(messages get the keys of others) and does not say in which line something is wrong. A sample is asked for by
its number, which is what an exact resume rests on.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from nbtrain.config.resolved import Configuration
from nbtrain.configured.language.encoding import Tally, encoded, one_each, packed
from nbtrain.configured.language.layouts import Document, Layout, Question, layout_of, refused
from nbtrain.configured.language.loss import IGNORED
from nbtrain.configured.language.pretrained import MOST_LENGTH, Base, quiet
from nbtrain.configured.readers.samples import bad_data
from nbtrain.configured.readers.text import json_rows
from nbtrain.errors import NbtrainError, UsageError
from nbtrain.extras import require
from nbtrain.runs.hashes import sha256_of

FORMAT = 1  # of the samples in the cache; another number makes them anew
SUFFIXES = (".jsonl", ".ndjson", ".txt")
MOST_QUESTIONS = 8  # questions kept of a file for the sample completions


@dataclass(frozen=True)
class Way:
    """How a file becomes samples.

    Attributes:
        length: tokens in a sample, at most. packs: texts are laid one after the other.
        answers_only: the loss is on completions and on what the assistant says.
    """

    length: int
    packs: bool
    answers_only: bool


class Texts(Dataset):
    """Samples of token ids.

    Shapes: a sample is {"input_ids": (tokens,), "labels": (tokens,)}, int64, labels -100 where nothing is
    asked; the model shifts them by one itself. A batch is filled up on the right where samples differ in
    length, and then has an "attention_mask".

    Attributes:
        tally: what became of the texts. layout: of the rows, in words. way: how they were made.
        questions: beginnings for sample completions, with what stands in the data there.
        usual_batch: samples in a batch where nothing is said.
    """

    usual_batch = 8

    def __init__(
        self, rows: Any, base: Base, way: Way, *, tally: Tally, layout: str, questions: list[Question]
    ) -> None:
        self._rows = rows.with_format("numpy")
        self._filling, self._tokenizer = base.filling, base.tokenizer
        self.way, self.tally, self.layout, self.questions = way, tally, layout, questions

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        row = self._rows[index]
        ids = np.asarray(row["input_ids"], dtype=np.int64)
        labels = np.where(np.asarray(row["asked"], dtype=bool), ids, IGNORED)
        return {"input_ids": torch.from_numpy(ids.copy()), "labels": torch.from_numpy(labels)}

    def collate(self, samples: list[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Return samples as a batch, filled up on the right."""
        longest = max(len(sample["input_ids"]) for sample in samples)
        ids = torch.full((len(samples), longest), self._filling)
        labels = torch.full((len(samples), longest), IGNORED)
        mask = torch.zeros(len(samples), longest, dtype=torch.int64)
        for row, sample in enumerate(samples):
            n = len(sample["input_ids"])
            ids[row, :n], labels[row, :n], mask[row, :n] = sample["input_ids"], sample["labels"], 1
        batch = {"input_ids": ids, "labels": labels}
        # windows that are all full need no mask, and attention is faster without
        return batch if self.way.packs else {**batch, "attention_mask": mask}

    def text_of(self, ids: list[int]) -> str:
        """Return the text behind ids, special tokens included."""
        return self._tokenizer.decode(ids)


def way_of(configuration: Configuration, base: Base, layout: Layout, path: Path) -> Way:
    """Decide length and packing where the configuration leaves them open.

    Raises:
        InvalidConfig: more tokens than the model can read, or completions of plain texts.
    """
    asked = configuration.get("max_seq_length")
    if asked and base.window and asked > base.window:
        raise bad_data(
            f"max_seq_length {asked}", f"at most {base.window}, the window of {base.name}",
            f"Write {base.window}.",
        )  # fmt: skip
    only = bool(configuration.get("completions_only"))
    if only and not layout.has_answers:
        raise bad_data(
            str(path), "prompts with completions, or chats, since the loss is asked for on completions only",
            "These are plain texts: leave completions_only out.",
        )  # fmt: skip
    packs = configuration.get("packing", not layout.has_answers)
    return Way(asked or min(MOST_LENGTH, base.window or MOST_LENGTH), bool(packs), only)


def read_texts(path: Path, configuration: Configuration, *, base: Base, like: Any = None) -> Texts:
    """Return the samples of a .jsonl, .ndjson or .txt file; those of the cache where they were made before.

    Args:
        like: unused; the training data decide nothing here.

    Raises:
        UsageError: it is not there, or of another kind.
        InvalidConfig: a row that cannot be used, or nothing to learn from; names the line.
        MissingExtra: `datasets` is absent.
    """
    if not path.is_file():
        raise UsageError(f"There is no file `{path}`.", suggestion="Check the path.", path=str(path))
    if path.suffix.lower() not in SUFFIXES:
        raise bad_data(
            str(path), f"a file of texts ({', '.join(SUFFIXES)}) to fine-tune {base.name} on",
            'One JSON object a line: {"text": ...}.',
        )  # fmt: skip
    datasets = require("datasets", why="to load and pack texts")
    layout = layout_of(_first_row(path), base, path)
    way = way_of(configuration, base, layout, path)
    key = _key(path, base, way)
    cache = Path(os.environ.get("HF_DATASETS_CACHE") or datasets.config.HF_DATASETS_CACHE)
    made = _Making(path, layout, base, way)
    kinds = {"input_ids": datasets.Value("int32"), "asked": datasets.Value("bool")}
    features = datasets.Features({name: [kind] for name, kind in kinds.items()})
    how = {"features": features, "cache_dir": str(cache), "gen_kwargs": {"key": key}}
    if "fingerprint" in inspect.signature(datasets.Dataset.from_generator).parameters:
        how["fingerprint"] = key
    beside = cache / f"nbtrain-{key}.json"
    try:
        with quiet():
            rows = datasets.Dataset.from_generator(made, **how)
    except Exception:  # it wraps what was raised in the making, or cannot make a table of no rows
        if made.failure is not None:
            raise made.failure from None
        if made.ran and not made.tally.samples:
            raise _nothing(path, way, made.tally) from None
        raise
    if not len(rows):
        raise _nothing(path, way, made.tally)
    tally = made.tally if made.ran else _told(beside, len(rows))
    if made.ran:
        beside.write_text(json.dumps(asdict(tally)))
    return Texts(rows, base, way, tally=tally, layout=layout.name, questions=_questions(path, layout))


class _Making:
    """What `datasets` calls for the samples, where it does not have them yet.

    Only the key decides whether it has: so the rest is not looked at when it is pickled for a hash.
    """

    def __init__(self, path: Path, layout: Layout, base: Base, way: Way) -> None:
        self._about = path, layout, base, way
        self.tally, self.ran = Tally(), False
        self.failure: Exception | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ("texts of nbtrain",))

    def __call__(self, key: str) -> Iterator[dict[str, list[Any]]]:
        path, layout, base, way = self._about
        self.tally, self.ran = Tally(), True
        try:
            texts = encoded(
                _documents(path, layout), base.tokenizer, answers_only=way.answers_only, tally=self.tally
            )
            for ids, asked in (packed if way.packs else one_each)(texts, way.length, self.tally):
                yield {"input_ids": ids, "asked": asked}
        except Exception as error:
            self.failure = error
            raise


def _documents(path: Path, layout: Layout) -> Iterator[Document]:
    for number, row in _rows(path):
        try:
            yield layout.document(row)
        except ValueError as error:
            if (problem := refused(error, path, number)) is not None:
                raise problem from None
            raise


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix.lower() == ".txt":
        yield 1, {"text": path.read_bytes().decode("utf-8", "replace")}
    else:
        yield from json_rows(path)


def _first_row(path: Path) -> dict[str, Any]:
    found = next(_rows(path), None)
    if found is None:
        raise bad_data(str(path), "at least one sample", "The file is empty.", line_count=0)
    return found[1]


def _questions(path: Path, layout: Layout) -> list[Question]:
    found = []
    for _, row in _rows(path):
        try:
            found.append(layout.question(row))
        except ValueError:  # a chat that ends with a question: others will do
            continue
        if len(found) == MOST_QUESTIONS:
            break
    return found


def _key(path: Path, base: Base, way: Way) -> str:
    stat = path.stat()
    content = sha256_of(path) or f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(repr((FORMAT, content, base.fingerprint(), way)).encode()).hexdigest()[:32]


def _told(beside: Path, samples: int) -> Tally:
    try:
        return Tally(**json.loads(beside.read_text()))
    except (OSError, ValueError, TypeError):
        return Tally(samples=samples)


def _nothing(path: Path, way: Way, tally: Tally) -> NbtrainError:
    left = f"{tally.left_out} of its {tally.texts} texts have nothing to predict within {way.length} tokens"
    return bad_data(
        str(path), "at least one text with two tokens, of which one is predicted",
        f"{left}: make max_seq_length larger." if tally.left_out else "Is it the right file?",
    )  # fmt: skip
