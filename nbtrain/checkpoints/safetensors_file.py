"""A safetensors file: 8 bytes length, a JSON header, the tensors end to end, held against that format."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

MOST_HEADER = 100_000_000  # bytes; the library's own limit (MAX_HEADER_SIZE in safetensors' tensor.rs)

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "C64": torch.complex64,
    "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
}  # fmt: skip
_NEWER = {"F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"}
_DTYPES |= {kind: getattr(torch, name) for kind, name in _NEWER.items() if hasattr(torch, name)}


class Damaged(Exception):
    """The file is not what it says; the message is a sentence."""


class NotKnown(Exception):
    """The file may be sound, and holds what cannot be read here; the message is a sentence."""


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return name -> tensor, and the metadata.

    Raises:
        Damaged: cut, changed, or with a header that contradicts itself. NotKnown: a type of number that this
            torch does not have.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        if length > min(size - 8, MOST_HEADER):
            raise Damaged(f"It says that its header has {length:,} bytes, and it has {size:,} in all.")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise Damaged("Its header is damaged: it is no JSON.") from None
    if not isinstance(header, dict):
        raise Damaged("Its header is damaged: it is no table of tensors.")
    about = header.pop("__metadata__", {})
    if not isinstance(about, dict):
        raise Damaged("Its header is damaged: its metadata is no table.")
    _in_order(header, size - 8 - length)
    return {name: _tensor(path, 8 + length, name, entry) for name, entry in header.items()}, about


def _in_order(header: Mapping[str, Any], there: int) -> None:
    """Hold the places of all tensors against the bytes that are there: end to end, none twice."""
    places = []
    for name, entry in header.items():
        place = entry.get("data_offsets") if isinstance(entry, dict) else None
        if not (isinstance(place, list) and len(place) == 2 and all(type(one) is int for one in place)):
            raise Damaged(f"Its header is damaged: `{name}` lacks its place in the file.")
        places.append((*place, name))
    end = max((last for _, last, _ in places), default=0)
    if end != there:
        raise Damaged(
            f"It has {there:,} bytes behind its header, which tells of {end:,}: it was cut or changed."
        )
    at = 0
    for first, last, name in sorted(places):
        if first != at or last < first:
            raise Damaged(f"Its header is damaged: `{name}` does not begin where the tensor before it ends.")
        at = last


def _tensor(path: Path, start: int, name: str, entry: Mapping[str, Any]) -> Tensor:
    kind, shape = entry.get("dtype"), entry.get("shape")
    dtype = _DTYPES.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str):
        raise Damaged(f"Its header is damaged: `{name}` is of type {kind!r}.")
    if dtype is None:
        raise NotKnown(f"`{name}` is of type {kind!r}, which is not known here (torch {torch.__version__}).")
    if not (isinstance(shape, list) and all(type(side) is int and 0 <= side < 1 << 63 for side in shape)):
        raise Damaged(f"Its header is damaged: `{name}` has no shape.")
    first, last = entry["data_offsets"]
    count = 1
    for side in shape:
        count *= side
    if count * dtype.itemsize != last - first:
        raise Damaged(f"Its header is damaged: `{name}` has a shape that its bytes do not.")
    if not count:
        return torch.empty(shape, dtype=dtype)
    whole = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    return whole[start + first : start + last].clone().view(dtype).view(shape)
