"""What a report says of a run that was resumed, or that can be."""

from __future__ import annotations

from typing import Any

from nbtrain.report.model import Note
from nbtrain.units import count, number

_WORTH_SAYING = ("interrupted", "failed", "stopped")


def resumed_notes(run: Any) -> list[Note]:
    """Return a note for each time the run was resumed, with what the replay showed."""
    manifest = run.manifest
    notes: list[Note] = []
    for event in manifest.events if manifest is not None else ():
        if event.get("kind") == "resumed":
            why = f" (it was {event['status_before']})" if event.get("status_before") else ""
            different = [str(text) for text in event.get("different") or ()]
            said = f"Resumed from step {count(event.get('step'))}{why}."
            notes.append(Note(" ".join([said, *different])))
        elif event.get("kind") == "replayed":
            verdict = str(event.get("verdict", ""))
            reasons = [str(text) for text in event.get("reasons") or ()]
            text = " ".join([f"{verdict[:1].upper()}{verdict[1:]}.", *reasons])
            notes.append(Note(text, "good" if event.get("identical") else "warning"))
    return notes


def way_on(run: Any) -> str:
    """Return how to go on with a run that did not come to its end; empty where there is no way."""
    store = getattr(run, "checkpoints", None)
    if (
        str(run.status) not in _WORTH_SAYING
        or store is None
        or not (folder := run.dir)
        or not folder.is_dir()
    ):
        return ""
    info = store.latest()
    if info is None:
        return ""
    worth = ", ".join(f"{name} {number(value)}" for name, value in info.metrics.items() if value == value)
    from_step = f"from step {count(info.step)}{f' ({worth})' if worth else ''}"
    if run.manifest.is_followed:
        return f"Go on {from_step} by loading model.pt and state.pt of {info.path} in your loop"
    return f"Go on {from_step}: %train resume {run.id}"


def after_failure(run: Any) -> tuple[str, ...]:
    """Return what to do after an exception in the person's code: mend it, and only then go on; empty where
    not one step was taken, for there the error says all.
    """
    way, last = way_on(run), (run.error or "").strip().split("\n")[-1].strip()
    if not way and not run.progress.step:
        return ()
    error = f" (`{last}`)" if last else ""
    then = "go on from the checkpoint" if way else "train again, for no checkpoint was kept to go on from"
    mend = f"Mend the error first{error}: a run goes on into the same one. Then {then}."
    return (mend, way) if way else (mend,)
