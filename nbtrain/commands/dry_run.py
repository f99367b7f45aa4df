"""plan --dry-run: the plan, with what its first batch and steps look like; afterwards everything is as
before.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbtrain import units
from nbtrain.commands.spec import Context
from nbtrain.errors import NbtrainError
from nbtrain.report.model import Block, Cell, Items, KeyValues, Note, Report, Section, Table

FAR_OFF = 0.5  # share by which a first loss differs from the one expected before it is worth a warning
SHOWN_TOKENS, SHOWN_SAMPLES = 24, 3


def rehearsed(plan: Any, steps: int, context: Context) -> Report:
    """Return the plan's report with the dry run before everything else."""
    from nbtrain.train.dry_run import dry_run

    progress = context.progress or (lambda text: None)
    found = dry_run(plan, steps, lambda number, loss: progress(f"step {number} of {steps}, loss {loss:.4g}"))
    batch = plan.rehearsal.batch
    sections = (
        Section("Dry run", _steps(plan, found)),
        Section("First batch", _batch(plan, batch)),
        Section("Memory", _memory(plan, batch)),
        Section("Logging", _logging(plan)),
    )
    report = plan.report()
    data = {
        **report.data,
        "dry_run": {
            "losses": list(found.losses), "rates": list(found.rates), "step_time_s": found.step_time_s,
            "changed": list(found.changed), "ended": found.ended,
        },
    }  # fmt: skip
    return replace(report, sections=(*sections, *report.sections), data=data)


def _steps(plan: Any, found: Any) -> tuple[Block, ...]:
    from nbtrain.train.dry_run import expected_loss

    blocks: list[Block] = []
    rows = [("Steps taken", str(len(found.losses)))]
    if found.losses:
        rows.append(
            ("Loss", f"{units.number(found.losses[0])} at first, {units.number(found.losses[-1])} at the end")
        )
    known = expected_loss(plan)
    if known is not None and found.losses:
        value, why = known
        rows.append(("Expected at first", f"about {units.number(value)} ({why})"))
        if value and abs(found.losses[0] / value - 1) > FAR_OFF:
            blocks.append(Note(
                f"The first loss is {units.number(found.losses[0])}, and an untrained model should be near "
                f"{units.number(value)}: are the weights trained already, the targets right, the inputs "
                f"scaled?",
                tone="warning",
            ))  # fmt: skip
    if found.rates:
        rows.append(
            (
                "Learning rate",
                f"{found.rates[0]:.3g} at first, {found.rates[-1]:.3g} at step {len(found.rates)}",
            )
        )
    if found.step_time_s is not None:
        rows.append(("A step", f"{units.seconds(found.step_time_s)}, where the model is now"))
    if found.ended:
        blocks.append(Note(f"It ended early: {found.ended}.", tone="critical"))
    if found.changed:
        blocks.append(Note(f"Not as before: {', '.join(found.changed)}.", tone="critical"))
    else:
        rows.append(("Afterwards", f"{', '.join(found.checked)}: all as before, hashes compared"))
    return (KeyValues(tuple(rows)), *blocks)


def _batch(plan: Any, batch: Any) -> tuple[Block, ...]:
    import torch

    from nbtrain.train.batch import describe

    rows: list[tuple[Cell | str, ...]] = [
        ("Shapes", describe(batch) if batch is not None else "not looked at")
    ]
    if plan.rehearsal.output:
        rows.append(("Model's answer", plan.rehearsal.output))
    first = batch[0] if isinstance(batch, (list, tuple)) and batch else batch
    if isinstance(batch, Mapping):
        first = batch.get("input_ids")
    if not isinstance(first, torch.Tensor):
        return (KeyValues(tuple(rows)),)
    if first.is_floating_point():
        low, high, mean = float(first.min()), float(first.max()), float(first.mean())
        rows.append(("Inputs", f"from {low:.3g} to {high:.3g}, mean {mean:.3g}"))
        return (KeyValues(tuple(rows)), *_picture(first))
    tokens = [
        row[:SHOWN_TOKENS].tolist()
        for row in first[:SHOWN_SAMPLES].reshape(min(len(first), SHOWN_SAMPLES), -1)
    ]
    texts = tuple(f"{row} {_as_text(row, plan)}".strip() for row in tokens)
    return KeyValues(tuple(rows)), Items(texts)


def _as_text(ids: list[int], plan: Any) -> str:
    """Return the text behind ids, as the readers of texts make them; "" for other ids."""
    dataset = getattr(plan.work.train_loader, "dataset", None)
    while hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    if not type(dataset).__module__.startswith("nbtrain.configured"):
        return ""
    if (text_of := getattr(dataset, "text_of", None)) is not None:
        return repr(text_of(ids))
    return repr(bytes(max(0, one - 1) for one in ids if one).decode("utf-8", "replace"))


def _picture(inputs: Any) -> tuple[Block, ...]:
    """Return the first images in characters: dark to bright, as a terminal and every saved notebook show
    them.
    """
    if (
        inputs.dim() not in (3, 4)
        or inputs.shape[-1] < 4
        or (inputs.dim() == 4 and inputs.shape[1] not in (1, 3))
    ):
        return ()
    from nbtrain.report.model import Code

    grey = inputs if inputs.dim() == 3 else inputs.float().mean(1)
    shades = " .:-=+*#%@"
    pictures = []
    for image in grey[:SHOWN_SAMPLES].float():
        step = max(1, -(-image.shape[1] // 28))
        image = image[:: 2 * step, ::step]  # a character is twice as high as wide
        spread = float(image.max() - image.min()) or 1.0
        levels = ((image - image.min()) / spread * (len(shades) - 1)).round().long()
        pictures.append(["".join(shades[one] for one in row) for row in levels.tolist()])
    lines = ["   ".join(parts) for parts in zip(*pictures, strict=True)]
    return (Code("\n".join(lines), language="text", caption=f"The first {len(pictures)} images"),)


def _memory(plan: Any, batch: Any) -> tuple[Block, ...]:
    from nbtrain.memory.estimate import estimate_memory

    work = plan.work
    if batch is None:
        return (Note("Not estimated: no batch was looked at.", tone="info"),)
    try:
        found = estimate_memory(
            work.model, batch, optimizer=work.optimizer, loss=work.criterion, device=str(work.device),
            precision=work.precision.name, accumulate=work.options.accumulate,
        )  # fmt: skip
    except NbtrainError as error:
        return (Note(f"Not estimated: {error}", tone="info"),)
    rows = tuple((str(kind), units.size(size)) for kind, size in found.breakdown.items() if size)
    fits = {True: "it fits", False: "it does not fit"}.get(found.fits, "")
    return (
        KeyValues(
            (("A step needs about", f"{units.size(found.peak_bytes)} {f'({fits})' if fits else ''}".strip()),)
        ),
        Table(("Part", "Bytes"), rows, numeric=(1,)),
    )


def _logging(plan: Any) -> tuple[Block, ...]:
    """Open and close the trackers in a folder that goes again, and see whether the run's own can be made."""
    from nbtrain.runs.status import RunStatus
    from nbtrain.runs.store import RunFolder
    from nbtrain.runs.tracker import RunInfo, open_trackers

    options = plan.work.options
    tried = [name for name in options.log if name != "wandb"]  # it would make a run on a server
    blocks: list[Block] = []
    rows = []
    with tempfile.TemporaryDirectory(prefix="nbtrain-dry-run-") as place:
        folder = RunFolder.create(place, "dry-run")
        try:
            for tracker in open_trackers(tried, RunInfo(folder, "dry-run", plan.config)):
                tracker.finish(RunStatus.STOPPED)
            rows.append(("Backends", f"{', '.join(tried) or 'none'}: opened and closed"))
        except NbtrainError as error:
            blocks.append(Note(str(error), tone="critical"))
        finally:
            folder.close()
    if "wandb" in options.log:
        rows.append(("wandb", "installed, not tried out: it would make a run"))
    root = Path(options.dir).expanduser().absolute()
    there = next(one for one in (root, *root.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        rows.append(("Folder", f"{root} can be written to"))
    else:
        blocks.append(Note(f"{root} cannot be written to.", tone="critical"))
    return (KeyValues(tuple(rows)), *blocks)
