"""The sections of a run's manifest, and its folder at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from nbtrain.running.activity import Activity
from nbtrain.running.money import spent
from nbtrain.running.record import Record
from nbtrain.runs.environment import environment
from nbtrain.runs.layout import CELLS_FILE, CONFIG_FILE, PLAN_FILE
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.tracker import RunInfo, open_trackers


@contextmanager
def opened_folder(activity: Activity) -> Iterator[tuple[RunFolder, list[Any]]]:
    """Make the run folder with its manifest and configuration, and open the trackers asked for.

    When that or the block fails - a tracker that refuses, a full disk, no memory on the device - nothing of
    it stays on disk, not even a `runs` folder that was not there before.
    """
    manifest = {"environment": environment(), **activity.described()}
    folder = RunFolder.create(activity.dir, activity.name, manifest)
    trackers: list[Any] = []
    try:
        write_config(folder, activity.config, activity.config_text)
        folder.write_text(PLAN_FILE, activity.report().to_markdown())
        if activity.cells:
            folder.write_text(CELLS_FILE, activity.cells)
        info = RunInfo(folder, activity.name, activity.config, tuple(manifest.get("tags") or ()))
        trackers = open_trackers(activity.backends, info)
        yield folder, trackers
    except BaseException:
        for tracker in trackers:
            with suppress(Exception):  # the first error is the one to tell
                tracker.finish(RunStatus.FAILED)
        folder.discard()
        raise


def write_config(folder: RunFolder, config: Mapping[str, Any], text: str) -> None:
    """Write config.yaml: the text of a run that is from a configuration, else plain values."""
    if text:
        folder.write_text(CONFIG_FILE, text)
    else:
        folder.write_config(config)


def progress_section(progress: Progress) -> dict[str, Any]:
    """Return the manifest's `progress`."""
    names = ("step", "total_steps", "epoch", "total_epochs", "elapsed_s", "samples_per_s", "steps_per_s")
    return {name: value for name, value in asdict(progress).items() if name in names}


def final_sections(activity: Activity, record: Record) -> dict[str, Any]:
    """Return training_results, metrics and cost of a run that has ended."""
    state = activity.state
    elapsed = state.progress().elapsed_s
    last = record.epochs[-1] if record.epochs else {}
    judged = [row for row in (*record.evaluations, *record.epochs) if row.get("val_loss") is not None]
    judged_last = max(judged, key=lambda row: row["step"], default={})  # within the last epoch, perhaps
    names = ("train_acc", "val_acc", "val_perplexity", "tokens_per_s")
    measured = {f"final_{name}": last[name] for name in names if name in last}
    return {
        "training_results": {
            "final_train_loss": last.get("train_loss", record.latest.get("train_loss")),
            "final_val_loss": judged_last.get("val_loss"),
            "best_epoch": state.best_val_epoch or None,
            "best_val_loss": state.best_val_loss if state.best_val_step else None,
            "best_val_step": state.best_val_step or None,
            "total_steps": state.step,
            "total_epochs": len(record.epochs),
            "training_time_hours": elapsed / 3600,
            **measured,
        },
        "metrics": {"train_loss_curve": "logs/train_loss.csv", "val_loss_curve": "logs/val_loss.csv"},
        "cost": _cost(activity, elapsed),
    }


def _cost(activity: Activity, elapsed_s: float) -> dict[str, Any]:
    """What the machine came to: its price is paid for pauses too, and on a CPU as well."""
    said: dict[str, Any] = {"gpu_hours": elapsed_s / 3600 if activity.on_gpu else 0.0}
    if (price := activity.price_per_hour) is not None:
        said |= {"price_per_hour": price, "currency": activity.currency, "cost": spent(elapsed_s, price)}
    return said
