"""The checkpoints of a run: saved so that a crash at any moment leaves the newest complete one loadable.

Owns order, retention and the falling back to an older one; the bytes of one are `checkpoint_folder`'s.

    save:   write .tmp-step-* beside its place (files fsynced, manifest last, folder fsynced)
            rename it to step-*; fsync the parent          <- from here on it is saved
            then, and only then, remove what need not be kept (renamed to .trash-* first)

Nothing is overwritten in place: a second save of a step gets a folder of its own. Newest means saved last, by
a counter in the manifests: clocks jump, and a run that went back to an earlier step saves lower steps later.
"""

from __future__ import annotations

import contextlib
import math
import os
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbtrain.errors import CheckpointCorrupted, RunFolderError
from nbtrain.runs.checkpoint_folder import (
    MODEL_FILE,
    STATE_FILE,
    CheckpointInfo,
    info_of,
    load_checkpoint,
    read_info,
    step_of,
    write_checkpoint,
)
from nbtrain.runs.files import REAL, TEMPORARY, Files, discard_folder, disk_trouble, remove_leftovers
from nbtrain.runs.plain import for_torch, tensor_bytes
from nbtrain.units import size

__all__ = ["CheckpointInfo", "CheckpointStore", "LoadedCheckpoint"]


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A checkpoint whose bytes were verified, and the damaged newer ones that were passed over.

    Attributes:
        info: what it says of itself. model_state: plain state_dict, on the CPU. state: everything else.
        skipped: one error for each damaged checkpoint that would have come first.
    """

    info: CheckpointInfo
    model_state: Any
    state: Any
    skipped: tuple[CheckpointCorrupted, ...] = ()


class CheckpointStore:
    """The `checkpoints/` folder of one run. Reading needs no rights; saving is for the run's owner alone."""

    def __init__(self, root: str | os.PathLike[str], fs: Files = REAL) -> None:
        self.root = Path(root)
        self._fs = fs

    def save(
        self,
        step: int,
        model_state: Mapping[str, Any],
        state: Mapping[str, Any],
        *,
        epoch: int = 0,
        metrics: Mapping[str, float] | None = None,
        keep: int = 3,
        **monitored: Any,
    ) -> CheckpointInfo:
        """Commit a checkpoint, then remove those that need not be kept. Blocks until it is on the disk.

        Kept are the best, the last, the one before the last as a backup, and `keep` more, the newest ones.

        Args:
            step: optimizer steps done.
            model_state: `model.state_dict()`.
            state: optimizer, scheduler, counters, RNG, ...: tensors and plain values; numpy becomes lists.
            epoch: 1-based epoch it belongs to; 0 before the first.
            metrics: values at this step, e.g. {"val_loss": 0.12}.
            keep: periodic checkpoints kept besides best, last and backup.
            **monitored: `monitor` ("val_loss"), name of the metric that decides which is best;
                `higher_is_better` (False).

        Raises:
            RunFolderError: the disk refused or is full (details: needed_bytes, free_bytes). What was
                saved before is as it was, nothing is left half made; the run may go on and try again.
            UserError: the state holds something that is no plain data; names the place.
        """
        about = {
            "step": int(step),
            "epoch": int(epoch),
            "metrics": dict(metrics or {}),
            **_monitored(**monitored),
        }
        payload = {
            MODEL_FILE: for_torch(model_state, "model_state"),
            STATE_FILE: for_torch(dict(state), "state"),
        }
        needed = tensor_bytes(payload)
        what = f"save the checkpoint of step {step}"
        try:
            self._make_root()
            self._refuse_when_full(what, needed)
            before, _ = self._read_all()
            about["sequence"] = max((info.sequence for info in before), default=0) + 1
            saved = self._commit(about, payload)
        except OSError as error:
            raise disk_trouble(
                error, what, self.root / f"step-{step:08d}", needed_bytes=needed, fs=self._fs
            ) from error
        everything = [saved, *before]
        best = _best(everything)
        remarks = self._retain(everything, best, keep)
        return replace(saved, is_best=best is not None and best.path == saved.path, remarks=remarks)

    def all(self) -> list[CheckpointInfo]:
        """Return the complete checkpoints, newest first; `damaged()` tells which are left out."""
        infos, _ = self._read_all()
        best = _best(infos)
        return [replace(info, is_best=best is not None and info.path == best.path) for info in infos]

    def damaged(self) -> list[CheckpointCorrupted]:
        """Return an error for each checkpoint that is not complete, by manifest and sizes alone."""
        return self._read_all()[1]

    def latest(self) -> CheckpointInfo | None:
        """Return the one saved last, or None."""
        infos = self.all()
        return infos[0] if infos else None

    def best(self) -> CheckpointInfo | None:
        """Return the best by the newest one's `monitor`, or None where none has a finite value."""
        return next((info for info in self.all() if info.is_best), None)

    def load(self, info: CheckpointInfo | str | os.PathLike[str]) -> tuple[Any, Any]:
        """Return (model_state, state) of one checkpoint, on the CPU, after its hashes were verified.

        Raises:
            CheckpointCorrupted: a file is missing, cut or changed; names step and file.
            UntrustedCheckpoint: a file holds pickled code; it was not run.
        """
        files = load_checkpoint(info.path if isinstance(info, CheckpointInfo) else Path(info), self._fs)
        return files.get(MODEL_FILE), files.get(STATE_FILE)

    def load_latest(self) -> LoadedCheckpoint | None:
        """Load the newest checkpoint that verifies; None where there is none at all.

        Warns:
            UserWarning: a newer one is damaged and was passed over; names it.

        Raises:
            CheckpointCorrupted: there are checkpoints and every one is damaged.
        """
        infos, damaged = self._read_all()
        return self._load_first(infos, damaged, newer_only=True)

    def load_best(self) -> LoadedCheckpoint | None:
        """Load the best checkpoint; where it is damaged, the next best, as `load_latest` does."""
        infos, damaged = self._read_all()
        ranked: list[CheckpointInfo] = []
        while (best := _best(infos)) is not None:
            ranked.append(best)
            infos = [info for info in infos if info.path != best.path]
        return self._load_first([*ranked, *infos], damaged, newer_only=False)

    def clean_leftovers(self) -> list[str]:
        """Remove what an interrupted save or removal left; return the names. For the run's owner alone."""
        return remove_leftovers(self.root, self._fs)

    def _load_first(
        self, infos: list[CheckpointInfo], damaged: list[CheckpointCorrupted], *, newer_only: bool
    ) -> LoadedCheckpoint | None:
        skipped = list(damaged)
        for info in infos:
            try:
                model_state, state = self.load(info)
            except CheckpointCorrupted as error:
                skipped.append(error)
                continue
            if newer_only:  # an old damaged one takes nothing from the person
                skipped = [error for error in skipped if error.details["step"] >= info.step]
            for error in skipped:
                warnings.warn(f"{error.message} Loaded step {info.step} in its place.", stacklevel=3)
            return LoadedCheckpoint(info, model_state, state, tuple(skipped))
        if skipped:
            raise CheckpointCorrupted(
                f"None of the {len(skipped)} checkpoints in {self.root} can be loaded. {skipped[0].message}",
                suggestion="Start the run anew, or restore the folder from a backup.",
                damaged=[error.details for error in skipped],
            )
        return None

    def _commit(self, about: Mapping[str, Any], payload: Mapping[str, Any]) -> CheckpointInfo:
        fs, target = self._fs, self._free_name(about["step"])
        beside = self.root / f"{TEMPORARY}{target.name}-{uuid.uuid4().hex[:8]}"
        renamed = False
        try:
            manifest = write_checkpoint(beside, payload, about, fs)
            fs.rename(beside, target)
            renamed = True
            fs.fsync_folder(self.root)
        except BaseException:
            with contextlib.suppress(OSError):  # the first error is told; leftovers go at the next start
                if renamed:  # it was not reported as saved, and may not outlast a power failure: take it back
                    discard_folder(target, fs)
                else:
                    fs.remove_folder(beside)
            raise
        return info_of(target, manifest)

    def _free_name(self, step: int) -> Path:
        taken = set(self._fs.names(self.root))
        name = f"step-{step:08d}"
        attempt = 1
        while name in taken:
            attempt += 1
            name = f"step-{step:08d}-{attempt}"
        return self.root / name

    def _retain(self, infos: list[CheckpointInfo], best: CheckpointInfo | None, keep: int) -> tuple[str, ...]:
        """Remove all but best, last, backup and `keep` more. Never fails: the save is done."""
        newest_of_step: dict[int, CheckpointInfo] = {}
        for info in infos:  # newest first: an older save of the same step is superseded
            newest_of_step.setdefault(info.step, info)
        kept = {info.path for info in list(newest_of_step.values())[: 2 + max(keep, 0)]}
        if best is not None:
            kept.add(best.path)
        remarks: list[str] = []
        for info in infos:
            if info.path not in kept:
                try:
                    discard_folder(info.path, self._fs)
                except OSError as error:
                    remarks.append(f"The old checkpoint {info.path.name} could not be removed: {error}.")
        return tuple(remarks)

    def _read_all(self) -> tuple[list[CheckpointInfo], list[CheckpointCorrupted]]:
        good: list[CheckpointInfo] = []
        bad: list[CheckpointCorrupted] = []
        for name in self._fs.names(self.root):
            if step_of(name) is None:
                continue
            try:
                good.append(read_info(self.root / name, self._fs))
            except CheckpointCorrupted as error:
                bad.append(error)
        good.sort(key=lambda info: (info.sequence, info.step), reverse=True)
        return good, bad

    def _make_root(self) -> None:
        if not self._fs.is_folder(self.root):
            self._fs.mkdir(self.root)
            self._fs.fsync_folder(self.root.parent)

    def _refuse_when_full(self, what: str, needed: int) -> None:
        free = self._fs.free_bytes(self.root)
        if free is not None and free < needed:
            raise RunFolderError(
                f"Could not {what}: {size(needed)} needed, {size(free)} free at {self.root}.",
                suggestion="Free some space; the run goes on, and the next checkpoint is tried again.",
                needed_bytes=needed,
                free_bytes=free,
                path=str(self.root),
            )


def _monitored(monitor: str = "val_loss", higher_is_better: bool = False) -> dict[str, Any]:
    return {"monitor": monitor, "higher_is_better": higher_is_better}


def _best(infos: list[CheckpointInfo]) -> CheckpointInfo | None:
    """The best by the newest one's monitor; of equals the earliest, which was there first."""
    if not infos:
        return None
    monitor, sign = infos[0].monitor, -1.0 if infos[0].higher_is_better else 1.0
    rated = [
        (sign * float(info.metrics[monitor]), info.sequence, info)
        for info in infos
        if isinstance(info.metrics.get(monitor), (int, float)) and math.isfinite(info.metrics[monitor])
    ]
    return min(rated, key=lambda entry: entry[:2])[2] if rated else None
