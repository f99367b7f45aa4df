"""What a run has measured so far: step history, epochs, live curves, alerts, the newest values.

The training thread drops evaluations and epoch rows in (`note_*`), the pump takes everything over
(`absorb`), anybody reads. Knows nothing of disk or views.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nbtrain.findings import Finding
from nbtrain.telemetry.curve import LiveCurve
from nbtrain.telemetry.layers import LayerSample
from nbtrain.telemetry.recorder import Rows
from nbtrain.telemetry.series import Series, Smoother
from nbtrain.train.alerts import Watch

STEP_COLUMNS = ("train_loss", "lr", "grad_norm", "samples_per_s")
CURVE_COLUMNS = ("train_loss", "smooth_loss", "grad_norm", "lr", "samples_per_s")
EVAL_COLUMNS = ("train_loss", "val_loss", "train_acc", "val_acc")
PACE_BETA = 0.9  # throughput is smoothed over about ten blocks


@dataclass
class News:
    """What one `absorb` brought: for the disk, the trackers and the views."""

    steps: list[Rows] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)
    alerts: list[Finding] = field(default_factory=list)


class Record:
    """The numbers of one run."""

    def __init__(self) -> None:
        self.history = Series(STEP_COLUMNS)
        self.curves = LiveCurve(CURVE_COLUMNS)
        self.eval_curves = LiveCurve(EVAL_COLUMNS)
        self.epochs: list[dict[str, float]] = []
        self.alerts: list[Finding] = []
        self.latest: dict[str, float] = {}
        self.layers: dict[str, tuple[float, float]] = {}
        self.watch = Watch()
        self._smoother = Smoother()
        self._epochs_in: deque[dict[str, float]] = deque()
        self._evaluations_in: deque[dict[str, float]] = deque()
        self._alerts_in: deque[Finding] = deque()

    def note_epoch(self, row: dict[str, float]) -> None:
        """Take an epoch's row from the training thread."""
        self._epochs_in.append(dict(row))

    def note_evaluation(self, step: int, values: dict[str, float], best: tuple[float, int]) -> None:
        """Take an evaluation from the training thread. `best`: (best validation loss, its step)."""
        self._evaluations_in.append(
            {"step": step, **values, "best_val_loss": best[0], "best_val_step": best[1]}
        )

    def note_alert(self, finding: Finding) -> None:
        """Take an alert from any thread."""
        self._alerts_in.append(finding)

    def absorb(self, blocks: list[Rows], sample: LayerSample | None) -> News:
        """Take over what has arrived. Called by the pump only."""
        news = News(steps=blocks)
        for rows in blocks:
            self._absorb_rows(rows, news)
        if sample is not None:
            self.layers = {
                name: (norm, sample.update_ratios[name]) for name, norm in sample.grad_norms.items()
            }
        evaluations = [self._evaluations_in.popleft() for _ in range(len(self._evaluations_in))]
        for values in evaluations:
            self.latest.update({name: value for name, value in values.items() if name != "step"})
        rows_in = [self._epochs_in.popleft() for _ in range(len(self._epochs_in))]
        for row in rows_in:
            self.epochs.append(row)
            self.latest.update(
                {
                    name: row[name]
                    for name in row
                    if name.startswith(("train_", "val_")) and name != "train_loss"
                }
            )
            news.alerts += self.watch.on_epoch(int(row["step"]), row["train_loss"], row.get("val_loss"))
        self._absorb_judged(evaluations, rows_in)
        news.epochs, news.evaluations = rows_in, evaluations
        news.alerts += [self._alerts_in.popleft() for _ in range(len(self._alerts_in))]
        self.alerts += news.alerts
        return news

    def _absorb_rows(self, rows: Rows, news: News) -> None:
        seconds = float(rows.step_time_s.sum())
        pace = float(rows.samples.sum()) / seconds if seconds > 0 else np.nan
        before = self.latest.get("samples_per_s", pace)
        pace = PACE_BETA * before + (1 - PACE_BETA) * pace if pace == pace else before
        flow = np.full(len(rows.steps), pace)
        smooth = self._smoother.extend(rows.train_loss)
        self.history.extend(
            rows.steps,
            {
                "train_loss": rows.train_loss,
                "lr": rows.lr,
                "grad_norm": rows.grad_norm,
                "samples_per_s": flow,
            },
        )
        self.curves.extend(
            rows.steps,
            {
                "train_loss": rows.train_loss,
                "smooth_loss": smooth,
                "grad_norm": rows.grad_norm,
                "lr": rows.lr,
                "samples_per_s": flow,
            },
        )
        news.alerts += self.watch.on_rows(rows)
        self.latest.update(
            train_loss=float(rows.train_loss[-1]), smooth_loss=float(smooth[-1]), grad_norm=float(rows.grad_norm[-1]),
            lr=float(rows.lr[-1]), samples_per_s=pace,
        )  # fmt: skip

    def _absorb_judged(self, evaluations: list[dict[str, float]], epochs: list[dict[str, float]]) -> None:
        """Points of the evaluation chart:
        an epoch's row with its evaluation, and evaluations within an epoch.
        """
        by_step = {int(values["step"]): values for values in evaluations}
        by_step |= {int(row["step"]): row for row in epochs}
        if not by_step:
            return
        steps = sorted(by_step)
        columns = {
            name: np.array([by_step[s].get(name, np.nan) for s in steps], float) for name in EVAL_COLUMNS
        }
        self.eval_curves.extend(np.array(steps), columns)

    def epochs_frame(self) -> pd.DataFrame:
        """Return the epochs as a DataFrame, one row an epoch;
        a later row of an epoch takes the place of an earlier one.
        """
        rows = {int(row["epoch"]): row for row in list(self.epochs)}
        frame = pd.DataFrame(list(rows.values()), columns=None if rows else ["epoch", "step", "train_loss"])
        return frame.astype({"epoch": int, "step": int})
