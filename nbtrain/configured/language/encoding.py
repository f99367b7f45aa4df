"""Texts -> token ids: packed one after the other into full windows, or a sample each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nbtrain.configured.language.layouts import Document

AT_ONCE = 256  # texts given to the tokenizer together: it works on several threads


@dataclass
class Tally:
    """What became of the texts: how many, how many tokens, how many were cut or left out."""

    texts: int = 0
    tokens: int = 0
    cut: int = 0
    left_out: int = 0
    samples: int = 0


Encoded = tuple[list[int], list[bool]]  # ids, and which of them are predicted


def encoded(
    documents: Iterable[Document], tokenizer: Any, *, answers_only: bool, tally: Tally
) -> Iterator[Encoded]:
    """Yield each text as ids with the marks of those that are predicted; its end is a token, too.

    Args:
        answers_only: predict the answers alone; else all of the text.
    """
    waiting: list[Document] = []
    for document in documents:
        waiting.append(document)
        if len(waiting) == AT_ONCE:
            yield from _together(waiting, tokenizer, answers_only, tally)
            waiting = []
    if waiting:
        yield from _together(waiting, tokenizer, answers_only, tally)


def _together(
    documents: list[Document], tokenizer: Any, answers_only: bool, tally: Tally
) -> Iterator[Encoded]:
    rendered = documents[0].rendered
    texts = [document.text for document in documents]
    if getattr(tokenizer, "is_fast", False):
        found = tokenizer(
            texts, add_special_tokens=not rendered, return_offsets_mapping=True,
            return_attention_mask=False, return_token_type_ids=False,
        )  # fmt: skip
        pairs = zip(found["input_ids"], found["offset_mapping"], strict=True)
    else:
        pairs = (_in_parts(document, tokenizer) for document in documents)
    for document, (ids, places) in zip(documents, pairs, strict=True):
        ids = list(ids)
        asked = _asked(places, document.asked) if answers_only else [True] * len(ids)
        end = tokenizer.eos_token_id
        if end is not None and not rendered and (not ids or ids[-1] != end):
            ids.append(end)
            asked.append(True)
        tally.texts += 1
        tally.tokens += len(ids)
        yield ids, asked


def _asked(places: Sequence[tuple[int, int]], parts: Sequence[tuple[int, int]]) -> list[bool]:
    """Say of each token whether some of its characters are in one of the parts.

    A token that lies across the border of prompt and completion is predicted: part of it is an answer.
    """
    return [any(b > start and a < end and a < b for start, end in parts) for a, b in places]


def _in_parts(document: Document, tokenizer: Any) -> tuple[list[int], list[tuple[int, int]]]:
    """Encode part by part, with a tokenizer that does not say where its tokens stand in the text."""
    borders = sorted({0, len(document.text), *(place for part in document.asked for place in part)})
    ids: list[int] = []
    places: list[tuple[int, int]] = []
    for start, end in pairwise(borders):
        first = start == 0 and not document.rendered
        part = tokenizer(document.text[start:end], add_special_tokens=first)["input_ids"]
        ids += part
        places += [(start, end)] * len(part)
    return ids, places


def one_each(texts: Iterable[Encoded], length: int, tally: Tally) -> Iterator[Encoded]:
    """Yield a sample a text, cut to `length` tokens. What then has nothing to predict is left out."""
    for ids, asked in texts:
        tally.cut += len(ids) > length
        ids, asked = ids[:length], asked[:length]
        if not any(asked[1:]):
            tally.left_out += 1
            continue
        tally.samples += 1
        yield ids, asked


def packed(texts: Iterable[Encoded], length: int, tally: Tally) -> Iterator[Encoded]:
    """Yield windows of `length` tokens from the texts laid one after the other.

    Each window begins with the last token of the one before, so that every token but the very first is
    predicted once. The last window reaches back to be full; what was predicted before is not asked again.
    """
    ids: list[int] = []
    asked: list[bool] = []
    before: Encoded | None = None
    for more, marks in texts:
        ids += more
        asked += marks
        start = 0
        while len(ids) - start >= length:
            before = ids[start : start + length], asked[start : start + length]
            start += length - 1
            tally.samples += 1
            if any(before[1][1:]):
                yield before
        if start:
            ids, asked = ids[start:], asked[start:]
    if len(ids) > 1 and any(asked[1:]):
        tally.samples += 1
        if before is not None:
            ids, asked = before[0] + ids[1:], [False] * len(before[0]) + asked[1:]
        yield ids[-length:], asked[-length:]
