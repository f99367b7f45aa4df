"""One checkpoint file: torch's zip or older form, a plain pickle, safetensors. Looked at, then loaded safely.

Loading is torch.load with weights_only: what would run code is refused, and what it would have run is said.
"""

from __future__ import annotations

import json
import pickle
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from nbtrain.checkpoints.contents import Contents, laid_open
from nbtrain.checkpoints.pickles import Scan, is_known, scan, scan_all
from nbtrain.errors import UntrustedCheckpoint
from nbtrain.train.rehearsal import in_one_line

TORCH_ZIP, TORCH_OLD, SAFETENSORS, PICKLE = "torch file", "torch file (before 1.6)", "safetensors", "pickle"
LIGHTNING = "Lightning checkpoint"
TRUST = (
    "If you know who made it: --trust (trust=True). Better: have it saved as a state_dict or as safetensors."
)
_OLD_MAGIC = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")  # torch.serialization.MAGIC_NUMBER


def kind_of(path: Path) -> str:
    """Say what a file is by its first bytes; "" for none of these."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:2] == b"PK":
        return TORCH_ZIP
    if len(head) > 9 and head[8:9] == b"{" and 2 <= struct.unpack("<Q", head[:8])[0] <= path.stat().st_size:
        return SAFETENSORS
    if head[:1] == b"\x80" and head[1:2] and head[1] <= 5:
        return TORCH_OLD if _OLD_MAGIC in head else PICKLE
    if head[:1] in (b"(", b"c", b"}", b"]") and path.suffix.lower() in (
        ".pkl",
        ".pickle",
        ".pt",
        ".pth",
        ".bin",
    ):
        return PICKLE
    return ""


def read_file(path: Path, *, trust: bool = False) -> Contents:
    """Return what a file holds. Damage and danger are said in the contents, not raised.

    Args:
        trust: load it in full, running what its pickle asks for; only with a clear yes of the person.
    """
    size = path.stat().st_size
    if size == 0:
        return _broken(path, "empty file", "The file is empty.", None)
    kind = kind_of(path)
    if kind == SAFETENSORS:
        return _safetensors(path)
    if not kind:
        said = "It is no checkpoint: no torch file, no pickle, no safetensors; or it was cut or changed."
        return _broken(path, "unknown", said, None)
    damage, found = _examined(path, kind)
    if damage:
        return _broken(path, kind, damage, found)
    return _loaded(path, kind, found, trust=trust)


def _examined(path: Path, kind: str) -> tuple[str, Scan]:
    """(what is broken, "" for nothing; what its pickles would do)."""
    if kind == TORCH_ZIP:
        return _examined_zip(path)
    found = Scan()
    with path.open("rb") as file:
        for one in scan_all(file) if kind == TORCH_OLD else [scan(file)]:
            found = Scan(found.names + one.names, found.calls + one.calls, found.whole and one.whole)
            if kind == TORCH_OLD and not one.whole:  # the raw storages that follow the pickles
                found = Scan(found.names, found.calls, True)
    return ("" if found.whole else "The pickle ends before its end: the file was cut."), found


def _examined_zip(path: Path) -> tuple[str, Scan]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            inner = next((name for name in names if name.endswith("data.pkl")), None)
            found = scan(archive.read(inner)) if inner is not None else Scan()
            for name in names:
                why = _bad_member(archive, name)
                if why:
                    return why, found
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        return f"The zip archive of the file is damaged or cut ({error}).", Scan(whole=False)
    if inner is None:
        return "It is a zip archive without `data.pkl`, so no torch file.", found
    return ("" if found.whole else f"`{inner}` in the file ends before its end."), found


def _bad_member(archive: zipfile.ZipFile, name: str) -> str:
    """Read a member against its checksum; torch.load itself takes flipped bits without a word."""
    try:
        with archive.open(name) as member:
            while member.read(1 << 22):
                pass
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        return f"`{name}` in the file is damaged: its bytes are not those that were written ({error})."
    return ""


def _loaded(path: Path, kind: str, found: Scan, *, trust: bool) -> Contents:
    more: dict[str, Any] = {"scan": found, "safe": found.safe, "size_bytes": path.stat().st_size}
    try:
        payload = load(path, trust=trust)
    except UntrustedCheckpoint as error:
        return Contents(str(path), kind, loadable=False, problems=(error.message,), **{**more, "safe": False})
    except Exception as error:
        said = f"torch cannot read it ({in_one_line(error)})."
        return Contents(str(path), kind, loadable=False, problems=(said,), **more)
    if isinstance(payload, dict) and any("lightning" in str(key).lower() for key in payload):
        kind = LIGHTNING
    return laid_open(str(path), kind, payload, **more)


def load(path: Path, *, trust: bool = False) -> Any:
    """Load a torch file or a pickle of tensors; code in it is not run unless it is trusted.

    Raises:
        UntrustedCheckpoint: it would run code; says which.
    """
    if not trust and kind_of(path) == PICKLE:
        with path.open("rb") as file:
            return _KnownOnly(file, path).load()
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_numpy_scalars()):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        raise UntrustedCheckpoint(
            refusal(path),
            suggestion=TRUST,
            path=str(path),
        ) from error


class _KnownOnly(pickle.Unpickler):
    """Loads a plain pickle of any protocol as long as it asks for nothing but numbers and containers."""

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if not is_known(f"{module}.{name}"):
            raise UntrustedCheckpoint(refusal(self._path), suggestion=TRUST, path=str(self._path))
        return super().find_class(module, name)


def refusal(path: Path) -> str:
    """Say what a file's pickle would do, as far as it is not known to be harmless."""
    found = _examined(path, kind_of(path))[1]
    if found.dangerous:
        calls = [call for call in found.calls if any(call.startswith(name) for name in found.dangerous)]
        shown = "; ".join(f"`{call}`" for call in (calls or found.dangerous)[:5])
        return f"Loading it would run code: {shown}. It was not loaded."
    if found.unknown:
        shown = ", ".join(f"`{name}`" for name in found.unknown[:5])
        more = f" and {len(found.unknown) - 5} more" if len(found.unknown) > 5 else ""
        return f"It holds objects of classes that only their code can load: {shown}{more}. It was not loaded."
    return "torch refuses to load it without running code. It was not loaded."


def _numpy_scalars() -> list[Any]:
    """What numpy's numbers in a metrics dict need: safe, and refused by torch by default."""
    import numpy as np

    multiarray = getattr(np, "_core", None) or np.core
    kinds = (
        [getattr(np.dtypes, name) for name in dir(np.dtypes) if name.endswith("DType")]
        if hasattr(np, "dtypes")
        else []
    )
    return [multiarray.multiarray.scalar, np.dtype, *kinds]


def _broken(path: Path, kind: str, why: str, found: Scan | None) -> Contents:
    return Contents(
        str(path), kind, loadable=False, safe=None if found is None else found.safe, problems=(why,),
        scan=found, size_bytes=path.stat().st_size,
    )  # fmt: skip


def _safetensors(path: Path) -> Contents:
    """Header and bytes of a safetensors file: 8 bytes length, JSON, the tensors end to end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        try:
            header = json.loads(file.read(length))
        except (ValueError, UnicodeDecodeError):
            return _broken(path, SAFETENSORS, "Its header is damaged: it is no JSON.", None)
    about = header.pop("__metadata__", {}) if isinstance(header, dict) else {}
    try:
        ends = [entry["data_offsets"][1] for entry in header.values()]
        wanted = 8 + length + max(ends, default=0)
    except (AttributeError, KeyError, TypeError, IndexError):
        return _broken(
            path, SAFETENSORS, "Its header is damaged: an entry lacks its place in the file.", None
        )
    if size != wanted:
        said = f"It has {size:,} bytes, its header tells of {wanted:,}: it was cut or changed."
        return _broken(path, SAFETENSORS, said, None)
    weights = {name: _tensor(path, 8 + length, entry) for name, entry in header.items()}
    if any(one is None for one in weights.values()):
        bad = next(name for name, one in weights.items() if one is None)
        return _broken(
            path, SAFETENSORS, f"Its header is damaged: `{bad}` has a shape that its bytes do not.", None
        )
    other = {f"metadata: {key}": repr(value) for key, value in about.items()}
    return Contents(str(path), SAFETENSORS, weights=weights, other=other, size_bytes=size)


_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
    "BOOL": torch.bool, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "C64": torch.complex64,
    "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
}  # fmt: skip


def _tensor(path: Path, start: int, entry: dict[str, Any]) -> Any:
    dtype, shape = _DTYPES.get(entry.get("dtype")), entry.get("shape")
    first, last = entry["data_offsets"]
    if dtype is None or not isinstance(shape, list) or first > last:
        return None
    count = 1
    for side in shape:
        count *= side
    if count * dtype.itemsize != last - first:
        return None
    if not count:
        return torch.empty(shape, dtype=dtype)
    whole = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    return whole[start + first : start + last].clone().view(dtype).view(shape)
