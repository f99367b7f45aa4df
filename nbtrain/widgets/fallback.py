"""What stands where the panel cannot be shown, also in a file saved while training: a table, a line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nbtrain import units
from nbtrain.report.model import KeyValues, Note, Report, Section


def summary(run: Any) -> Report:
    """Return the run in a few rows, as it stands now.

    Front ends would build the panel anew with each change of what stands beside it, so a saved file keeps
    what was said when the panel was shown: hence the time.
    """
    progress, latest = run.progress, run.latest
    of_steps = f" of {units.count(progress.total_steps)}" if progress.total_steps else ""
    of_epochs = f" of {units.count(progress.total_epochs)}" if progress.total_epochs else ""
    rows: list[tuple[str, str]] = [
        ("Status", str(run.status)),
        ("Step", f"{units.count(progress.step)}{of_steps}"),
        ("Epoch", f"{units.count(progress.epoch)}{of_epochs}"),
        ("Elapsed", units.seconds(progress.elapsed_s)),
    ]
    for label, name in (
        ("Train loss", "smooth_loss"),
        ("Validation loss", "val_loss"),
        ("Learning rate", "lr"),
    ):
        if name in latest:
            rows.append((label, units.number(latest[name])))
    if run.dir is not None:
        rows.append(("Folder", str(run.dir)))
    blocks: list[Any] = [KeyValues(tuple(rows))]
    if run.error:
        blocks.append(Note(run.error.strip().splitlines()[-1], tone="critical", title="Failed"))
    if run.status.alive:
        blocks.append(
            Note(
                "The live panel is not shown here, and these numbers do not follow the run. `%train status`"
                " in a new cell shows how it stands now, also when the notebook was opened again.",
                tone="info",
            )
        )
    title = f"Where it stood at {datetime.now():%Y-%m-%d %H:%M:%S}"
    return Report(title=f"Run {run.name}", sections=(Section(title, tuple(blocks)),))


def text_line(run: Any) -> str:
    """Return the run in one line."""
    progress, latest = run.progress, run.latest
    total = f"/{units.count(progress.total_steps)}" if progress.total_steps else ""
    said = [f"Run {run.name}: {run.status}", f"step {units.count(progress.step)}{total}"]
    if "train_loss" in latest:
        said.append(f"train loss {units.number(latest['train_loss'])}")
    if "val_loss" in latest:
        said.append(f"validation loss {units.number(latest['val_loss'])}")
    return ", ".join(said)
