"""One checkpoint file: torch's zip or older form, a plain pickle, safetensors. Looked at, then loaded safely.

Loading is torch.load with weights_only: what would run code is refused, and what it would have run is said.
"""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from nbtrain import units
from nbtrain.checkpoints import safetensors_file
from nbtrain.checkpoints.contents import Contents, laid_open
from nbtrain.checkpoints.pickles import NESTED, Scan, full_name, is_known, merged, scan, scan_all
from nbtrain.errors import UntrustedCheckpoint
from nbtrain.train.rehearsal import in_one_line

TORCH_ZIP, TORCH_OLD, SAFETENSORS, PICKLE = "torch file", "torch file (before 1.6)", "safetensors", "pickle"
LIGHTNING = "Lightning checkpoint"
TRUST = (
    "If you know who made it: --trust (trust=True). Better: have it saved as a state_dict or as safetensors."
)
# A zip that claims more than this is no checkpoint but a bomb: times its own size, and bytes.
MOST_UNPACKED, LEAST_UNPACKED = 20, 1 << 28
TORCH = tuple(int(part) for part in torch.__version__.split(".")[:2])
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
    with path.open("rb") as file:
        found = merged(scan_all(file) if kind == TORCH_OLD else [scan(file)])
    return ("" if found.whole else "Its pickle breaks off or is damaged: the file was cut or changed."), found


def _examined_zip(path: Path) -> tuple[str, Scan]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            why = _misleading(members, path.stat().st_size)
            if why:
                return why, Scan(whole=False)
            pickles = [one.filename for one in members if one.filename.endswith(".pkl")]
            why, found = _unreadable(archive, members), Scan(whole=False)
            if not why:
                found = merged(scan(archive.read(name)) for name in pickles)
    except Exception as error:  # of damaged archives zipfile raises whatever it stumbles over
        return f"The zip archive of the file is damaged or cut ({in_one_line(error)}).", Scan(whole=False)
    if not why and any("/code/" in one.filename for one in members):
        why = (
            "It is a program of TorchScript, no checkpoint: loading would run it. bench takes it as a model."
        )
    if not why and not any(name.endswith("data.pkl") for name in pickles):
        why = "It is a zip archive without `data.pkl`, so no torch file."
    return why or ("" if found.whole else "A pickle in the file breaks off or is damaged."), found


def _misleading(members: list[zipfile.ZipInfo], size: int) -> str:
    """Say what an archive claims that no program writes; "" for nothing. torch compresses no member."""
    names = [one.filename for one in members]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return f"The file has `{twice}` more than once: which one counts depends on who reads it."
    claimed = sum(one.file_size for one in members)
    if claimed > max(MOST_UNPACKED * size, LEAST_UNPACKED):
        return f"Its {units.size(size)} would unpack to {units.size(claimed)}. It was not unpacked."
    return ""


def _unreadable(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> str:
    """Read members against their checksums; torch.load itself takes flipped bits without a word."""
    for one in members:
        try:
            with archive.open(one) as member:
                while member.read(1 << 22):
                    pass
        except Exception as error:
            said = f"its bytes are not those that were written ({in_one_line(error)})"
            if "CRC" in str(error):
                said += (
                    "; or it was saved after torch.serialization.set_crc32_options(False), which leaves "
                    "checksums out"
                )
            return f"`{one.filename}` in the file is damaged: {said}."
    return ""


def _loaded(path: Path, kind: str, found: Scan, *, trust: bool) -> Contents:
    more: dict[str, Any] = {"scan": found, "safe": found.safe, "size_bytes": path.stat().st_size}
    try:
        payload = load(path, trust=trust)
    except UntrustedCheckpoint as error:
        return Contents(str(path), kind, loadable=False, problems=(error.message,), **{**more, "safe": False})
    except Exception as error:
        said = "It" if kind == PICKLE else "As a file of torch it"
        said = f"{said} cannot be read ({in_one_line(error)})."
        return Contents(str(path), kind, loadable=False, problems=(said,), **more)
    more["safe"] = not trust or found.safe  # what was loaded without trust has run nothing
    if kind == TORCH_ZIP and isinstance(payload, dict):  # the older form has no checksums, and says so
        kind = LIGHTNING if any("lightning" in str(key).lower() for key in payload) else kind
    try:
        return laid_open(str(path), kind, payload, **more)
    except Exception as error:  # objects that are not what their class says
        said = f"It was loaded, and what it holds cannot be told ({in_one_line(error)})."
        return Contents(str(path), kind, problems=(said,), **more)


def load(path: Path, *, trust: bool = False) -> Any:
    """Load a torch file or a pickle of tensors; code in it is not run unless it is trusted.

    Raises:
        UntrustedCheckpoint: it would run code; says which.
    """
    if not trust and kind_of(path) == PICKLE:
        if not _examined(path, PICKLE)[1].safe:
            raise UntrustedCheckpoint(refusal(path), suggestion=TRUST, path=str(path))
        with path.open("rb") as file:
            return _KnownOnly(file, path).load()
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_harmless()):
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
        if not is_known(full_name(module, name)):
            raise UntrustedCheckpoint(refusal(self._path), suggestion=TRUST, path=str(self._path))
        if f"{module}.{name}" == NESTED:  # torch's own loads in full: code runs
            return _load_nested
        return super().find_class(module, name)


def _load_nested(content: bytes) -> Any:
    """Load a storage that stands in a pickle as a torch file of its own."""
    with torch.serialization.safe_globals(_harmless()):
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


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


def _harmless() -> list[Any]:
    """What numbers and arrays of numpy need, and plain containers: safe, and refused by torch by default."""
    import numpy as np

    multiarray = getattr(np, "_core", None) or np.core
    kinds = (
        [getattr(np.dtypes, name) for name in dir(np.dtypes) if name.endswith("DType")]
        if hasattr(np, "dtypes")
        else []
    )
    makers = [multiarray.multiarray.scalar, multiarray.multiarray._reconstruct]
    packages = ("numpy.core", "numpy._core")  # of the numpy that wrote it; torch takes names since 2.7
    renamed = [(one, f"{package}.multiarray.{one.__name__}") for one in makers for package in packages]
    made = renamed if TORCH >= (2, 7) else makers
    return [*made, np.ndarray, np.dtype, *kinds, defaultdict, dict, list, tuple, frozenset]


def _broken(path: Path, kind: str, why: str, found: Scan | None) -> Contents:
    return Contents(
        str(path), kind, loadable=False, safe=None if found is None else found.safe, problems=(why,),
        scan=found, size_bytes=path.stat().st_size,
    )  # fmt: skip


def _safetensors(path: Path) -> Contents:
    try:
        weights, about = safetensors_file.read(path)
    except (safetensors_file.Damaged, safetensors_file.NotKnown) as error:
        return _broken(path, SAFETENSORS, str(error), None)
    other = {f"metadata: {key}": repr(value) for key, value in about.items()}
    return Contents(str(path), SAFETENSORS, weights=weights, other=other, size_bytes=path.stat().st_size)
