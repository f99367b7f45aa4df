"""One checkpoint: a folder with model.pt, state.pt and a manifest.json that vouches for them.

Owns the bytes of one folder: writing it whole or not at all, reading it only where the hashes agree. Knows
nothing of its neighbours (which is newest, which may go).

The hash is the check: torch.load accepts a file with a flipped bit and returns other numbers without a word.
The manifest carries a hash of itself for the same reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nbtrain.errors import CheckpointCorrupted, UntrustedCheckpoint
from nbtrain.runs.files import REAL, Files, HashingWriter, hash_of, write_file
from nbtrain.runs.manifest import check_schema, utc_now
from nbtrain.runs.plain import for_json, from_json_number

SCHEMA = "nbtrain.checkpoint/1"
MODEL_FILE = "model.pt"
STATE_FILE = "state.pt"
MANIFEST_FILE = "manifest.json"
DIGEST_BYTES = 32


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint says of itself; read from its manifest, without loading it.

    Attributes:
        path: its folder. step: optimizer steps done. epoch: 1-based, the epoch it was taken in or after;
            0 before.
        metrics: values at that step (val_loss, ...). saved_at: UTC, ISO 8601.
        is_best: True for the best of the store by `monitor`, when it was listed or saved.
        sequence: counts the saves of a run from 1; a later save has a higher one, also after a step back.
        monitor, higher_is_better: the metric that decides which is best.
        size_bytes: bytes of its files.
        remarks: what went wrong beside the save itself (an old checkpoint that could not be removed), as
            sentences.
    """

    path: Path
    step: int
    epoch: int = 0
    metrics: dict[str, Any] = field(default_factory=dict, hash=False)
    saved_at: str = ""
    is_best: bool = False
    sequence: int = 0
    monitor: str = "val_loss"
    higher_is_better: bool = False
    size_bytes: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def model_path(self) -> Path:
        """The plain state_dict, loadable by anyone with `torch.load(path, weights_only=True)`."""
        return self.path / MODEL_FILE


def write_checkpoint(
    folder: Path, payload: Mapping[str, Any], about: Mapping[str, Any], fs: Files = REAL
) -> dict[str, Any]:
    """Write a checkpoint's files into a new folder; every byte is on the disk when this returns.

    Args:
        folder: does not exist yet; its parent does.
        payload: file name -> plain data (see `plain.for_torch`), e.g. {"model.pt": state_dict}.
        about: step, epoch, metrics, ...: the manifest's own keys.

    Returns:
        The manifest as written.

    Raises:
        OSError: as the disk said it; the folder may be there in part.
    """
    fs.mkdir(folder)
    files: dict[str, dict[str, Any]] = {}
    for name, data in payload.items():
        digest = _digest()
        handle = fs.create(folder / name)
        try:
            writer = HashingWriter(handle, digest, fs)
            _save_tensors(data, writer)
            writer.flush()
            fs.fsync(handle)
        finally:
            fs.close(handle)
        files[name] = {"bytes": writer.bytes_written, "blake2b": digest.hexdigest()}
    manifest = for_json(
        {"schema": SCHEMA, **about, "saved_at": utc_now(), "torch": str(torch.__version__), "files": files}
    )
    manifest["blake2b"] = _self_hash(manifest)
    write_file(folder / MANIFEST_FILE, json.dumps(manifest, indent=1).encode(), fs)
    fs.fsync_folder(folder)
    return manifest


def read_info(folder: Path, fs: Files = REAL) -> CheckpointInfo:
    """Read what a checkpoint says of itself, and check that its files are there in full length.

    Raises:
        CheckpointCorrupted: the manifest or a file is missing, cut or changed; names step and file.
    """
    manifest = _read_manifest(folder, fs)
    for name, facts in manifest["files"].items():
        try:
            found = fs.size(folder / name)
        except OSError as error:
            raise _damaged(folder, name, f"the file cannot be read ({error.strerror or error})") from error
        if found != facts["bytes"]:
            raise _damaged(folder, name, f"it has {found:,} bytes, {facts['bytes']:,} were written")
    return info_of(folder, manifest)


def load_checkpoint(folder: Path, fs: Files = REAL) -> dict[str, Any]:
    """Load a checkpoint's files after their hashes were found to agree. Tensors come to the CPU.

    No code in a file is ever run: what `weights_only` refuses is refused.

    Returns:
        File name -> data.

    Raises:
        CheckpointCorrupted: a file is missing, cut or changed; names step and file.
        UntrustedCheckpoint: a file holds pickled code.
    """
    manifest = _read_manifest(folder, fs)
    loaded: dict[str, Any] = {}
    for name, facts in manifest["files"].items():
        path = folder / name
        try:
            found, length = hash_of(path, _digest(), fs)
        except OSError as error:
            raise _damaged(folder, name, f"the file cannot be read ({error.strerror or error})") from error
        if length != facts["bytes"]:
            raise _damaged(folder, name, f"it has {length:,} bytes, {facts['bytes']:,} were written")
        if found != facts["blake2b"]:
            raise _damaged(folder, name, "its bytes are not those that were written (blake2b differs)")
        with fs.open(path) as handle:
            loaded[name] = _load_tensors(handle, folder, name)
    return loaded


def info_of(folder: Path, manifest: Mapping[str, Any], **more: Any) -> CheckpointInfo:
    """Build the info from a manifest that was checked."""
    return CheckpointInfo(
        path=folder,
        step=manifest["step"],
        epoch=manifest.get("epoch", 0),
        metrics={key: from_json_number(value) for key, value in manifest.get("metrics", {}).items()},
        saved_at=manifest.get("saved_at", ""),
        sequence=manifest.get("sequence", 0),
        monitor=manifest.get("monitor", "val_loss"),
        higher_is_better=manifest.get("higher_is_better", False),
        size_bytes=sum(facts["bytes"] for facts in manifest["files"].values()),
        **more,
    )


def _save_tensors(data: Any, writer: HashingWriter) -> None:
    """torch.save, with the disk's own error: torch wraps what `write` raises in a RuntimeError of its own."""
    trouble: list[OSError] = []

    class Telling:
        def write(self, block: Any) -> int:
            try:
                return writer.write(block)
            except OSError as error:
                trouble.append(error)
                raise

        def flush(self) -> None:
            writer.flush()

    try:
        torch.save(data, Telling())
    except RuntimeError as error:
        if trouble:
            raise trouble[0] from error
        raise


def _load_tensors(handle: Any, folder: Path, name: str) -> Any:
    try:
        return torch.load(handle, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UntrustedCheckpoint(
            f"{folder.name}/{name} holds pickled code, which loading would run; it was not loaded.",
            suggestion="nbtrain never writes such a file: find out where this one comes from.",
            path=str(folder / name),
            reason=str(error).splitlines()[0][:200],
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise _damaged(folder, name, f"torch {torch.__version__} cannot read it ({reason})") from error


def _read_manifest(folder: Path, fs: Files) -> dict[str, Any]:
    try:
        manifest = json.loads(fs.read(folder / MANIFEST_FILE))
        if not isinstance(manifest, dict) or manifest.get("blake2b") != _self_hash(manifest):
            raise ValueError("its bytes are not those that were written (blake2b differs)")
        check_schema(manifest.get("schema"), SCHEMA, folder / MANIFEST_FILE)
    except OSError as error:
        raise _damaged(
            folder, MANIFEST_FILE, f"the file cannot be read ({error.strerror or error})"
        ) from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if "blake2b" in str(error) or "schema" in str(error) else "it is no JSON"
        raise _damaged(folder, MANIFEST_FILE, reason) from error
    return manifest


def _damaged(folder: Path, name: str, why: str) -> CheckpointCorrupted:
    step = step_of(folder.name)
    return CheckpointCorrupted(
        f"The checkpoint of step {step} is damaged ({folder.name}/{name}): {why}.",
        suggestion="Load the one before it: `run.checkpoints` lists them.",
        step=step,
        file=name,
        path=str(folder / name),
    )


def step_of(name: str) -> int | None:
    """Return the step in a checkpoint folder's name (`step-00001234` or `step-00001234-2`), or None."""
    words = name.split("-")
    if (
        words[0] == "step"
        and len(words) in (2, 3)
        and all(word.isascii() and word.isdigit() for word in words[1:])
    ):
        with contextlib.suppress(ValueError):  # thousands of digits
            return int(words[1])
    return None


def _digest() -> Any:
    return hashlib.blake2b(digest_size=DIGEST_BYTES)


def _self_hash(manifest: Mapping[str, Any]) -> str:
    body = {key: value for key, value in manifest.items() if key != "blake2b"}
    digest = _digest()
    digest.update(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())
    return digest.hexdigest()
