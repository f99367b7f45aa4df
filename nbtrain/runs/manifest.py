"""manifest.json of a run: what it was, on what, and how it ended. Owns its keys, their reading and writing.

Knows nothing of the folder around it but whether its owner still lives, since a manifest that says `running`
is wrong once the process is gone.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nbtrain.errors import RunFolderError
from nbtrain.runs.files import REAL, Files, disk_trouble, replace_file
from nbtrain.runs.lock import owner_lives
from nbtrain.runs.owner import Owner, is_alive
from nbtrain.runs.plain import for_json
from nbtrain.runs.status import RunStatus

MANIFEST_FILE = "manifest.json"
SCHEMA = "nbtrain.run/1"

# section -> its keys; each is there in every manifest, None until it is known
SECTIONS: dict[str, tuple[str, ...]] = {
    "dataset": ("name", "version", "sha256", "train_samples", "valid_samples", "test_samples"),
    "hyperparameters": (),
    "training_results": (
        "final_train_loss", "final_val_loss", "final_val_perplexity", "best_epoch", "total_steps",
        "training_time_hours",
    ),
    "checkpoints": ("best_checkpoint", "final_checkpoint", "all_checkpoints"),
    "metrics": ("train_loss_curve", "val_loss_curve", "tensorboard_logs", "wandb_url"),
    "cost": ("gpu_hours", "price_per_hour", "currency", "cost"),
    "environment": (),
}  # fmt: skip


def utc_now() -> str:
    """Return the time now as UTC, ISO 8601, with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Manifest:
    """One run, described. Sections are plain dicts that hold at least the keys of `SECTIONS`.

    Attributes:
        run_id: name of the folder. name: the name as the person gave it.
        status: as written; `Manifest.read` turns it to `interrupted` where the process is gone.
        stop_reason: why the run ended, one sentence. error: formatted traceback of a failed run;
            explanation: what is known of it.
        owner: process that writes the run. created_at, started_at, completed_at: UTC, ISO 8601.
        events: every change made while it ran, each {"at", "kind", ...}.
        progress: step, total_steps, epoch, total_epochs, elapsed_s at the last state change.
        extra: keys of a newer schema, kept as they were read.
    """

    run_id: str = ""
    name: str = ""
    status: RunStatus = RunStatus.PLANNED
    stop_reason: str = ""
    error: str | None = None
    explanation: dict[str, Any] | None = None
    base_model: str | None = None
    dataset: dict[str, Any] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    training_results: dict[str, Any] = field(default_factory=dict)
    checkpoints: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    progress: dict[str, Any] = field(default_factory=dict)
    baseline_comparison: Any = None
    resume_from: str | None = None
    tags: tuple[str, ...] = ()
    seed: int | None = None
    created_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    owner: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for section, keys in SECTIONS.items():
            given = getattr(self, section) or {}
            object.__setattr__(self, section, {**dict.fromkeys(keys), **given})
        if self.checkpoints["all_checkpoints"] is None:
            self.checkpoints["all_checkpoints"] = []
        object.__setattr__(self, "status", RunStatus(str(self.status)))
        object.__setattr__(self, "events", tuple(self.events))
        object.__setattr__(self, "tags", tuple(self.tags))

    @property
    def is_followed(self) -> bool:
        """True for a loop that the person wrote; our own notes no loop among its hyperparameters."""
        return "loop" in (self.hyperparameters or {})

    def changed(self, **changes: Any) -> Manifest:
        """Return a manifest with the changes in; a dict given for a section is laid over what is there.

        Raises:
            TypeError: a key that a manifest has not.
        """
        for section in (*SECTIONS, "progress"):
            if isinstance(changes.get(section), Mapping):
                changes[section] = {**getattr(self, section), **changes[section]}
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values under the keys of the file."""
        body = {
            f.name: for_json(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "extra"
        }
        return {"schema": SCHEMA, **body, **for_json(self.extra)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Build from what was read or given. Keys that a manifest has not are kept in `extra`.

        Raises:
            ValueError: a value of another kind than the key's; names the key.
        """
        names = {f.name for f in dataclasses.fields(cls)} - {"extra"}
        known = {key: value for key, value in data.items() if key in names}
        for key in (*SECTIONS, "progress"):
            if known.get(key) is not None and not isinstance(known[key], Mapping):
                raise ValueError(f"`{key}` is {known[key]!r:.80}, expected an object")
        for key in ("events", "tags"):
            if not isinstance(known.get(key, ()), (list, tuple)):
                raise ValueError(f"`{key}` is {known[key]!r:.80}, expected a list")
        known = {key: value for key, value in known.items() if value is not None}
        extra = {key: value for key, value in data.items() if key not in names and key != "schema"}
        return cls(**known, extra=extra)

    def write(self, folder: Path, fs: Files = REAL) -> None:
        """Put the manifest in its folder, in one step.

        Raises:
            RunFolderError: the disk refused.
        """
        path = folder / MANIFEST_FILE
        data = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "replace"
        )
        try:
            replace_file(path, data, fs)
        except OSError as error:
            raise disk_trouble(
                error, "write the run's manifest", path, needed_bytes=len(data), fs=fs
            ) from error

    @classmethod
    def read(cls, folder: Path, fs: Files = REAL) -> Manifest:
        """Read a run's manifest. A run whose process is gone reads as `interrupted`.

        Warns:
            UserWarning: the file has a newer schema; what is known of it is read.

        Raises:
            RunFolderError: no manifest there, or none that can be read; says where and why.
        """
        path = folder / MANIFEST_FILE
        try:
            data = json.loads(fs.read(path).decode("utf-8-sig"))
            if not isinstance(data, dict):
                raise ValueError(f"it holds a {type(data).__name__}, expected an object")
            check_schema(data.get("schema", SCHEMA), SCHEMA, path)
            manifest = cls.from_dict(data)
        except OSError as error:
            raise RunFolderError(
                f"{folder} is no run folder: {MANIFEST_FILE} cannot be read ({error.strerror or error}).",
                suggestion="`nbtrain.runs()` lists the runs there are.",
                path=str(path),
            ) from error
        except (ValueError, RecursionError) as error:
            raise RunFolderError(
                f"The manifest {path} is damaged: {error}.",
                suggestion="The run's metrics and checkpoints can still be read; the manifest itself cannot.",
                path=str(path),
            ) from error
        if manifest.status.alive and not manifest.is_owned(folder):
            reason = manifest.stop_reason or "the process that trained is gone"
            return dataclasses.replace(manifest, status=RunStatus.INTERRUPTED, stop_reason=reason)
        return manifest

    def is_owned(self, folder: Path) -> bool:
        """Tell whether the process that wrote this manifest still runs."""
        owner = Owner.from_dict(self.owner)
        if owner is None:
            return False
        alive = is_alive(owner)
        return owner_lives(folder, owner) if alive is None else alive


def check_schema(found: Any, ours: str, path: Path) -> None:
    """Compare a file's `schema` with the one this version writes.

    Warns:
        UserWarning: the file's version is newer.

    Raises:
        ValueError: the file is of another kind.
    """
    kind, _, version = ours.rpartition("/")
    found_kind, _, found_version = str(found).rpartition("/")
    if found_kind != kind or not found_version.isdigit():
        raise ValueError(f"its schema is {str(found)!r:.80}, expected {ours!r}")
    if int(found_version) > int(version):
        warnings.warn(
            f"{path} was written by a newer nbtrain (schema {found}; this version knows {ours}). "
            "What is known is read; the rest is left out.",
            stacklevel=3,
        )
