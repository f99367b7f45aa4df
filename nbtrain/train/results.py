"""The sections of a run's manifest, and its folder at the start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from nbtrain.runs.environment import environment
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.tracker import RunInfo, open_trackers
from nbtrain.train.data import samples_of
from nbtrain.train.plan import Plan


@contextmanager
def opened_folder(plan: Plan) -> Iterator[tuple[RunFolder, list[Any]]]:
    """Make the run folder with its manifest and configuration, and open the trackers asked for.

    When that or the block fails - a tracker that refuses, a full disk, no memory on the device - nothing of
    it stays on disk, not even a `runs` folder that was not there before.
    """
    work = plan.work
    manifest = {
        "base_model": type(work.model).__name__,
        "dataset": {
            "name": work.names.get("train") or None, "train_samples": samples_of(work.train_loader),
            "valid_samples": samples_of(work.val_loader) if work.val_loader is not None else None,
        },
        "hyperparameters": plan.config,
        "environment": environment(),
        "seed": work.options.seed,
    }  # fmt: skip
    folder = RunFolder.create(work.options.dir, plan.name, manifest)
    trackers: list[Any] = []
    try:
        folder.write_config(plan.config)
        folder.write_text("plan.md", plan.report().to_markdown())
        trackers = open_trackers(work.options.log, RunInfo(folder, plan.name, plan.config))
        yield folder, trackers
    except BaseException:
        for tracker in trackers:
            with suppress(Exception):  # the first error is the one to tell
                tracker.finish(RunStatus.FAILED)
        folder.discard()
        raise


def progress_section(progress: Progress) -> dict[str, Any]:
    """Return the manifest's `progress`."""
    names = ("step", "total_steps", "epoch", "total_epochs", "elapsed_s")
    return {name: value for name, value in asdict(progress).items() if name in names}


def final_sections(execution: Any) -> dict[str, Any]:
    """Return training_results, metrics and cost of a run that has ended."""
    state, record = execution.state, execution.record
    elapsed = state.progress().elapsed_s
    last = record.epochs[-1] if record.epochs else {}
    measured = {f"final_{name}": last[name] for name in ("train_acc", "val_acc") if name in last}
    return {
        "training_results": {
            "final_train_loss": last.get("train_loss", record.latest.get("train_loss")),
            "final_val_loss": last.get("val_loss"),
            "best_epoch": state.best_val_epoch or None,
            "best_val_loss": state.best_val_loss if state.best_val_step else None,
            "best_val_step": state.best_val_step or None,
            "total_steps": state.step,
            "total_epochs": state.epoch,
            "training_time_hours": elapsed / 3600,
            **measured,
        },
        "metrics": {"train_loss_curve": "logs/train_loss.csv", "val_loss_curve": "logs/val_loss.csv"},
        "cost": {"gpu_hours": elapsed / 3600 if execution.work.device.type == "cuda" else 0.0},
    }
