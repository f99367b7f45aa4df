"""Read .jsonl and .txt: texts as bytes, with labels or with the next byte as target; or lists of numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from nbtrain.configured.readers.npz import described
from nbtrain.configured.readers.samples import Samples, bad_data, numbered
from nbtrain.configured.shape import DataShape

SUFFIXES = (".jsonl", ".ndjson", ".txt")
# one id for each byte, and 0 for positions that are not there; between two texts stands a 0
TOKENS = 257
DEFAULT_LENGTH = 128
INPUTS = ("x", "inputs", "input", "features")
TARGETS = ("label", "target", "y", "class")


def read(path: Path, *, target: str | None, like: Any = None, length: int | None = None) -> Samples:
    """Return the samples.

    A `text` with a label is (ids, class): bytes,
    cut or filled to `length`. Texts without labels are packed one
    after the other and cut into pieces of `length` ids, each with the next id as target. `x` with numbers
    and a
    label is a row of a table.

    Args:
        target: name of the label. like: the training data, for its classes and length. length: ids in a
        sample.

    Raises:
        InvalidConfig: a line that is no such object; names it.
    """
    length = like.shape.sample[0] if like is not None and like.shape.tokens else length or DEFAULT_LENGTH
    if path.suffix.lower() == ".txt":
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        return _packed([line for line in lines if line.strip()], length, path)
    rows = _rows(path)
    inputs = next((name for name in INPUTS if name in rows[0]), None)
    label = target or next((name for name in TARGETS if name in rows[0]), None)
    if "text" in rows[0]:
        texts = [_field(row, "text", str, number, path) for number, row in rows_of(rows)]
        return (
            _packed(texts, length, path)
            if label is None
            else _labelled(texts, rows, label, length, like, path)
        )
    if inputs is None or label is None:
        raise bad_data(
            f"{path}, line 1", '{"text": ...}, {"text": ..., "label": ...} or {"x": [numbers], "y": ...}',
            f"It has {', '.join(map(str, rows[0])) or 'nothing'}.",
        )  # fmt: skip
    vectors = [_field(row, inputs, list, number, path) for number, row in rows_of(rows)]
    try:
        x = torch.tensor(vectors, dtype=torch.float32)
    except (ValueError, TypeError) as error:
        raise bad_data(str(path), f"`{inputs}` as lists of numbers of one length", str(error)[:120]) from None
    y, labels = _labels(rows, label, like, path)
    return Samples(x, y, described(x, y, like), labels)


def rows_of(rows: list[dict[str, Any]]) -> Any:
    """Return (line number, row) of each row."""
    return enumerate(rows, 1)


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of a file with a JSON object a line; blank lines are passed over.

    Raises:
        InvalidConfig: a line that is none.
    """
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise bad_data(
                    f"{path}, line {number}", "a JSON object", "Each sample is one line.", line=number
                )
            yield number, row


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = [row for _, row in json_rows(path)]
    if not rows:
        raise bad_data(str(path), "at least one sample", "The file is empty.", line_count=0)
    return rows


def _field(row: dict[str, Any], name: str, kind: type, number: int, path: Path) -> Any:
    value = row.get(name)
    if not isinstance(value, kind):
        word = {str: "a text", list: "a list of numbers"}[kind]
        raise bad_data(
            f"{path}, line {number}", f"`{name}` with {word}", f"It is {value!r:.60}.", line=number
        )
    return value


def _labels(
    rows: list[dict[str, Any]], label: str, like: Any, path: Path
) -> tuple[torch.Tensor, tuple[Any, ...]]:
    values = [row.get(label) for row in rows]
    if None in values:
        number = values.index(None) + 1
        raise bad_data(f"{path}, line {number}", f"`{label}`", "Every sample needs one.", line=number)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        if all(isinstance(value, int) and value >= 0 for value in values):
            return torch.tensor(values), ()
        return torch.tensor(values, dtype=torch.float32).unsqueeze(1), ()
    return numbered([str(value) for value in values], like, str(path))


def _ids(text: str) -> list[int]:
    return [byte + 1 for byte in text.encode("utf-8", "replace")]


def _labelled(
    texts: list[str], rows: list[dict[str, Any]], label: str, length: int, like: Any, path: Path
) -> Samples:
    x = torch.zeros(len(texts), length, dtype=torch.int64)
    for row, text in enumerate(texts):
        ids = _ids(text)[:length]
        x[row, : len(ids)] = torch.tensor(ids, dtype=torch.int64)
    y, labels = _labels(rows, label, like, path)
    outputs = described(x.float(), y, like).outputs
    return Samples(x, y, DataShape((length,), True, TOKENS, outputs, not y.is_floating_point()), labels)


def _packed(texts: list[str], length: int, path: Path) -> Samples:
    stream: list[int] = []
    for text in texts:
        stream += [*_ids(text), 0]
    pieces = (len(stream) - 1) // length
    if pieces < 1:
        raise bad_data(
            str(path), f"at least {length + 1} bytes of text, for one sample of {length} tokens",
            f"It holds {max(0, len(stream) - 1)}: add text, or make max_seq_length smaller.",
        )  # fmt: skip
    ids = torch.tensor(stream[: pieces * length + 1])
    x, y = ids[:-1].view(pieces, length), ids[1:].view(pieces, length)
    return Samples(x, y, DataShape((length,), True, TOKENS, TOKENS, True, per_token=True))
