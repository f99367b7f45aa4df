"""A resumed run under way: the objects put back, the earlier numbers taken along, the replay compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nbtrain.findings import Finding, Severity
from nbtrain.running.activity import Desk
from nbtrain.running.results import write_config
from nbtrain.runs.environment import environment
from nbtrain.runs.fingerprint import Difference, reason
from nbtrain.runs.manifest import utc_now
from nbtrain.runs.plain import for_json
from nbtrain.runs.status import RunStatus
from nbtrain.runs.store import RunFolder
from nbtrain.runs.stored import StoredRun
from nbtrain.runs.tracker import RunInfo, open_trackers
from nbtrain.train.replay import Replay, read_digests
from nbtrain.train.resume import ResumePoint
from nbtrain.train.savepoint import Parts, put_back, rewind


@contextmanager
def reopened_folder(plan: Any) -> Iterator[tuple[RunFolder, list[Any]]]:
    """Take over the run's folder and open the trackers again; when that or the block fails, it is as it was.

    Raises:
        RunFolderError: a living process owns it (details: pid), or it cannot be written.
    """
    point: ResumePoint = plan.resume
    folder = RunFolder.open(point.folder)
    trackers: list[Any] = []
    try:
        tags = tuple(point.manifest.tags or ())
        info = RunInfo(folder, plan.name, plan.config, tags, after_step=point.info.step)
        trackers = open_trackers(plan.work.options.log, info)
        write_config(folder, plan.config, plan.config_text)
        folder.write_text("plan.md", plan.report().to_markdown())
        folder.write_manifest(
            status=RunStatus.RUNNING, stop_reason="", error=None, hyperparameters=plan.config,
            environment=environment(), resume_from=str(point.info.path.relative_to(folder.path)),
        )  # fmt: skip
        yield folder, trackers
    except BaseException:
        for tracker in trackers:
            with suppress(Exception):  # the first error is the one to tell
                tracker.finish(RunStatus.FAILED)
        with suppress(Exception):
            point.manifest.write(folder.path)
        folder.close()
        raise


class Resumption:
    """What a resumed run does beside what every run does.

    Args:
        point: where it goes on. parts: the run's, made and nothing begun. desk: what the run lays out.
    """

    def __init__(self, point: ResumePoint, parts: Parts, desk: Desk) -> None:
        self._point, self._parts, self._desk = point, parts, desk
        self.reasons: list[Difference] = [one for one in point.differences if not one.exact]
        self._step = step = point.info.step
        self._replay = Replay(read_digests(point.folder, after=step), step)
        self._said = False
        self._afterwards = _changes_after(point, step)
        put_back(parts, point.model_state, point.state)
        self._take_along(step)

    def _take_along(self, step: int) -> None:
        """Give the run its earlier numbers, up to the checkpoint, and its earlier events."""
        desk, point = self._desk, self._point
        stored = StoredRun(point.folder)
        history, epochs = stored.history, stored.epochs
        rows = [
            _known(row)
            for row in epochs.to_dict("records")
            if row.get("step") is not None and row["step"] <= step
        ]
        judged = stored.evaluations
        judged = judged[judged.index <= step].reset_index().to_dict("records")
        desk.record.take_along(history[history.index <= step], rows, [_known(row) for row in judged])
        state = self._parts.state
        if state.best_val_step:
            best = {"best_val_loss": state.best_val_loss, "best_val_step": state.best_val_step}
            desk.record.latest.update(best)
        event = {"at": utc_now(), "kind": "resumed", "step": step, "checkpoint": point.info.path.name,
                 "status_before": str(point.manifest.status), "trusted": point.trusted,
                 "different": [one.text for one in point.differences]}  # fmt: skip
        desk.events[:] = [*map(dict, point.manifest.events), for_json(event)]

    def rewind(self) -> None:
        """Find the position in the data and put the generators back, in the training thread."""
        desk = self._desk
        missing = rewind(self._parts, self._point.state, lambda: not desk.control.stopping)
        if desk.control.stopping:  # perhaps in the middle of reading again: no step from a wrong position
            desk.control.at_boundary(self._parts.state)
        self.reasons += [reason("position", text) for text in missing]
        self._point.let_go()
        step = self._step
        for text in missing:
            desk.record.note_alert(Finding("not-exact", Severity.WARNING, text, step=step))
        if remark := self._parts.feed.remark:
            desk.record.note_alert(Finding("read-again", Severity.INFO, remark, step=step))

    def compare(self, rows: Any, *, last: bool) -> None:
        """Compare what the pump brought with the first time; say what came of it, once."""
        if rows is not None:
            self._replay.take(rows.steps.tolist(), rows.train_loss.tolist())
        if self._said or not (self._replay.is_done or last):
            return
        self._said = True
        if not (verdict := self._replay.verdict()):
            return
        differs = self._replay.differs_from
        reasons = [one.text for one in (*self.reasons, *self._afterwards)] if differs is not None else []
        event = {
            "kind": "replayed", "step": self._step, "steps": self._replay.compared,
            "identical": differs is None, "differs_from": differs, "verdict": verdict, "reasons": reasons,
        }  # fmt: skip
        self._desk.events.append({"at": utc_now(), **event})
        self._desk.log(". ".join([verdict, *reasons]))
        if differs is not None:
            self._desk.record.note_alert(_not_exact(verdict, reasons, differs))


def _changes_after(point: ResumePoint, step: int) -> list[Difference]:
    """Return what was changed the first time after the checkpoint, and is not changed again."""
    kinds = {
        str(event.get("kind"))
        for event in point.manifest.events
        if isinstance(event.get("step"), int) and event["step"] > step
    } - {"resumed", "replayed"}
    by_cells = sorted(kind for kind in kinds if kind.startswith("cell"))
    by_hand = sorted(kinds - set(by_cells))
    found = [reason("cells", f"In the first time: {', '.join(by_cells)}.")] if by_cells else []
    return found + ([reason("hand", f"In the first time: {', '.join(by_hand)}.")] if by_hand else [])


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a table has for want of a value."""
    return {key: value for key, value in row.items() if value is not None and value == value}


def _not_exact(verdict: str, reasons: list[str], step: int) -> Finding:
    return Finding(
        "not-exact",
        Severity.WARNING,
        f"The resumed run is not the same to the bit: it {verdict}.",
        evidence=" ".join(reasons)
        or "no known reason applies: did a cell draw random numbers while it trained?",
        step=step,
    )
