"""What a run has measured so far: step history, epochs, live curves, alerts, the newest values.

The training thread drops evaluations and epoch rows in (`note_*`), the pump takes everything over
(`absorb`), anybody reads. Knows nothing of disk or views.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nbtrain.findings import Finding
from nbtrain.running.alerts import Watch
from nbtrain.running.overhead import share_of_training
from nbtrain.running.signs.sign import Sign
from nbtrain.runs.epochs_table import epochs_table
from nbtrain.runs.table import Table
from nbtrain.telemetry.curve import LiveCurve
from nbtrain.telemetry.layer_history import LayerHistory
from nbtrain.telemetry.layers import LayerSample
from nbtrain.telemetry.logged import Logged
from nbtrain.telemetry.recorder import Rows
from nbtrain.telemetry.series import Series, Smoother

if TYPE_CHECKING:
    import pandas as pd

STEP_COLUMNS = ("train_loss", "lr", "grad_norm", "samples_per_s")
FOLLOWED_COLUMNS = ("optimizer", "backwards")
CURVE_COLUMNS = ("train_loss", "smooth_loss", "grad_norm", "lr", "samples_per_s")
LOSS_COLUMNS = ("loss_1", "loss_2", "loss_3", "loss_4")  # smoothed, of a loop's first four optimizers
EVAL_COLUMNS = ("train_loss", "val_loss", "train_acc", "val_acc")
PACE_BETA = 0.8  # throughput is smoothed over about five readings, a second or so

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Arrived:
    """Numbers that have reached the host.

    Attributes:
        rows: steps, or None. sample: a reading of the layers, or None.
        beside: columns of a followed loop -> one value a row.
        measured: (rows,) bool, False where no loss was seen; None where every row has one.
    """

    rows: Rows | None = None
    sample: LayerSample | None = None
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)
    measured: np.ndarray | None = None


@dataclass
class News:
    """What one `absorb` brought: for the disk and the trackers.

    Attributes:
        steps: "step" and each of STEP_COLUMNS -> values, one a step; empty without new steps.
        logged: what the person's code logged, {"step": 3, name: value}.
        epochs, evaluations: their rows. alerts: new findings.
    """

    steps: dict[str, np.ndarray] = field(default_factory=dict)
    logged: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)
    alerts: list[Finding] = field(default_factory=list)

    def step_rows(self) -> Table:
        """Return the steps as rows, {"step": 1, "train_loss": ..., ...}."""
        return Table(self.steps)


@dataclass(frozen=True)
class Numbers:
    """What a run had measured at one moment: copies that belong together, whatever arrives meanwhile.

    Attributes:
        history: by step. epochs: a row an epoch. evaluations: by step. latest: the newest values.
    """

    history: pd.DataFrame
    epochs: pd.DataFrame
    evaluations: pd.DataFrame
    alerts: list[Finding]
    latest: dict[str, float]


class Record:
    """The numbers of one run.

    Args:
        watch: raises alerts from the numbers.
        followed: it has the columns of a followed loop: whose optimizer stepped, after how many backwards.

    Attributes:
        skipped: how many steps were not taken because a gradient was not finite.
        signs: what else is looked for in the numbers (`nbtrain.running.early`).
    """

    def __init__(self, watch: Watch | None = None, *, followed: bool = False) -> None:
        self._series = Series((*STEP_COLUMNS, *(FOLLOWED_COLUMNS if followed else ())))
        self._logged = Logged()
        self.optimizers: list[str] = []  # names, in the order in which they first stepped
        self.curves = LiveCurve((*CURVE_COLUMNS, *(LOSS_COLUMNS if followed else ())))
        self.eval_curves = LiveCurve(EVAL_COLUMNS)
        self.epochs: list[dict[str, float]] = []
        self.evaluations: list[dict[str, float]] = []
        self.alerts: list[Finding] = []
        self.latest: dict[str, float] = {}
        self.layers: dict[str, tuple[float, float]] = {}
        self.layer_history = LayerHistory()
        self.overhead: float | None = None
        self.skipped = 0
        self.signs: list[Sign] = []
        self._absorbing = threading.RLock()  # held while numbers are taken over: tables agree outside of it
        self._watch = watch or Watch()
        self._others: dict[int, Watch] = {}  # of a loop's other optimizers: their losses are of other kinds
        self._smoothers = [Smoother() for _ in LOSS_COLUMNS]
        self._smoother = self._smoothers[0]
        self._epochs_in: deque[dict[str, float]] = deque()
        self._evaluations_in: deque[dict[str, float]] = deque()
        self._best_in: deque[dict[str, float]] = deque()
        self._alerts_in: deque[Finding] = deque()
        self._logged_in: deque[tuple[int, Mapping[str, Any]]] = deque()

    @property
    def diverged(self) -> str:
        """How the run diverged, in a sentence; empty while it has not."""
        watches = (self._watch, *self._others.values())
        return next((watch.diverged for watch in watches if watch.diverged), "")

    def is_scaled(self) -> None:
        """Note that a GradScaler guards the run: gradients that overflow are its daily work."""
        for watch in (self._watch, *self._others.values()):
            watch.scaled = True

    def note_epoch(self, row: dict[str, float]) -> None:
        """Take an epoch's row from the training thread."""
        self._epochs_in.append(dict(row))

    def note_evaluation(
        self, step: int, epoch: int, values: dict[str, float], best: tuple[float, int]
    ) -> None:
        """Take an evaluation from the training thread. `best`: (best validation loss, its step)."""
        self._evaluations_in.append({"step": step, "epoch": epoch, **values})
        self._best_in.append({"best_val_loss": best[0], "best_val_step": best[1]})

    def note_logged(self, step: int, values: Mapping[str, Any]) -> None:
        """Take what a person's code logged, numbers or 0-d tensors, from the training thread."""
        self._logged_in.append((step, values))

    def note_cost(self, watching_s: float | None, trained_s: float) -> None:
        """Take what watching costs, as it stands; the pump's own time is added. Called by the pump."""
        share = share_of_training(watching_s, trained_s)
        self.overhead = self.overhead if share is None else share

    def note_alert(self, finding: Finding) -> None:
        """Take an alert from any thread."""
        self._alerts_in.append(finding)

    def take_along(
        self, history: pd.DataFrame, epochs: list[dict[str, Any]], evaluations: list[dict[str, Any]]
    ) -> None:
        """Take the numbers of a run that is resumed: what it had measured, without new alerts or news."""
        steps = history.index.to_numpy()
        if len(steps):
            known = {name: history[name].to_numpy(float) for name in STEP_COLUMNS}
            nothing = np.zeros(len(steps))
            rows = Rows(
                steps, known["train_loss"], known["grad_norm"], known["lr"], nothing, nothing,
                skipped=nothing.astype(bool),
            )  # fmt: skip
            self._watch.on_rows(rows)
            self._watch.diverged = ""
            smooth = self._smoother.extend(known["train_loss"])
            self._series.extend(steps, known)
            self.curves.extend(steps, {**known, "smooth_loss": smooth})
            self.latest.update({name: float(column[-1]) for name, column in known.items()})
            self.latest["smooth_loss"] = float(smooth[-1])
        for row in epochs:
            self.epochs.append(row)
            self.latest.update({name: row[name] for name in row if name.startswith("val_")})
            self._watch.on_epoch(int(row["step"]), row.get("train_loss", np.nan), row.get("val_loss"))
        for values in evaluations:
            self.evaluations.append(values)
            self.latest.update({key: value for key, value in values.items() if key not in ("step", "epoch")})
        news = News(epochs=epochs, evaluations=evaluations)
        if len(steps):
            news.steps = {"step": steps, **known}
        for sign in self.signs:
            sign.recall(news)
        self._absorb_judged(news)

    def absorb(self, arrived: Arrived | None = None, state: Any = None) -> News:
        """Take over what has arrived. Called by the pump only.

        Args:
            state: where the run stands, for the signs; None when they have nothing to look at.
        """
        with self._absorbing:
            return self._absorb(arrived or Arrived(), state)

    def _absorb(self, arrived: Arrived, state: Any) -> News:
        news = News(epochs=_emptied(self._epochs_in), evaluations=_emptied(self._evaluations_in))
        if (rows := arrived.rows) is not None:
            news.steps = self._absorb_rows(rows, arrived.beside)
            self.skipped += int(rows.skipped.sum())
            news.alerts += self._judge_rows(arrived)
        news.logged = self._absorb_logged()
        if (sample := arrived.sample) is not None:
            ratios = sample.update_ratios
            self.layers = {name: (norm, ratios[name]) for name, norm in sample.grad_norms.items()}
            self.layer_history.add(sample)
        for values in news.evaluations:
            self.evaluations.append(values)
            self.latest.update({key: value for key, value in values.items() if key not in ("step", "epoch")})
        for best in _emptied(self._best_in):
            self.latest.update(best)
        for row in news.epochs:
            row.update({**self._logged.take_epoch(int(row["step"])), **row})
            self.epochs.append(row)
            measured = {name: row[name] for name in row if name.startswith(("train_", "val_"))}
            measured.pop("train_loss", None)  # the newest step's stands there
            self.latest.update(measured)
            news.alerts += self._watch.on_epoch(
                int(row["step"]), row["train_loss"], row.get("val_loss"), row.get("lr", 0.0)
            )
        self._absorb_judged(news)
        if state is not None:
            for sign in self.signs:
                news.alerts += sign.look(news, state)
        news.alerts += _emptied(self._alerts_in)
        self.alerts += news.alerts
        return news

    def _judge_rows(self, arrived: Arrived) -> list[Finding]:
        """Raise alerts: of rows whose loss was seen, those of each optimizer by themselves."""
        rows, whose, measured = arrived.rows, arrived.beside.get("optimizer"), arrived.measured
        if measured is not None and not measured.all():
            rows, whose = rows.where(measured), whose if whose is None else whose[measured]
        if whose is None:
            return self._watch.on_rows(rows)
        found: list[Finding] = []
        for code in np.unique(whose).astype(int).tolist():
            watch = self._watch
            if code:
                watch = self._others.setdefault(code, Watch(scaled=self._watch.scaled))
            found += watch.on_rows(rows.where(whose == code))
        return found

    def _absorb_logged(self) -> list[dict[str, float]]:
        taken = []
        for step, values in _emptied(self._logged_in):
            read = {name: float(value) for name, value in values.items()}  # device sync, in the pump
            self._logged.add(step, read)
            self.latest.update(read)
            taken.append({"step": step, **read})
        return taken

    def _absorb_rows(self, rows: Rows, beside: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        seconds = float(rows.step_time_s.sum())
        pace = float(rows.samples.sum()) / seconds if seconds > 0 else np.nan
        before = self.latest.get("samples_per_s", pace)
        pace = PACE_BETA * before + (1 - PACE_BETA) * pace if pace == pace else before
        columns = {
            "train_loss": rows.train_loss,
            "lr": rows.lr,
            "grad_norm": rows.grad_norm,
            "samples_per_s": np.full(len(rows.steps), pace),
        }
        self._series.extend(rows.steps, {**columns, **beside})
        drawn = columns | self._losses_drawn(rows.train_loss, beside.get("optimizer"))
        self.curves.extend(rows.steps, drawn)
        self.latest.update({name: float(column[-1]) for name, column in columns.items()})
        for name in ("train_loss", "smooth_loss"):
            if len(known := drawn[name][~np.isnan(drawn[name])]) or name not in self.latest:
                self.latest[name] = float(known[-1]) if len(known) else np.nan
        said = dict(beside)
        if "optimizer" in said:
            said["optimizer"] = np.array([self.optimizers[int(code)] for code in said["optimizer"]])
            said["backwards"] = said["backwards"].astype(int)
        return {"step": rows.steps, **columns, **said}

    def _losses_drawn(self, losses: np.ndarray, whose: np.ndarray | None) -> dict[str, np.ndarray]:
        """The loss and its smoothed curve; of several optimizers those of the first, and a curve for each."""
        if whose is None or len(self.optimizers) < 2:
            return {"train_loss": losses, "smooth_loss": self._smoother.extend(losses)}
        drawn = {}
        for code, (name, smoother) in enumerate(zip(LOSS_COLUMNS, self._smoothers, strict=True)):
            mine = np.where(whose == code, losses, np.nan)
            drawn[name] = np.where(whose == code, smoother.extend(mine), np.nan)
        first = np.where(whose == 0, losses, np.nan)
        return {"train_loss": first, "smooth_loss": drawn[LOSS_COLUMNS[0]], **drawn}

    def _absorb_judged(self, news: News) -> None:
        """Add points to the evaluation chart: epochs with their evaluation, and those within an epoch."""
        by_step = {int(values["step"]): values for values in (*news.evaluations, *news.epochs)}
        if not by_step:
            return
        steps = sorted(by_step)
        columns = {
            name: np.array([by_step[s].get(name, np.nan) for s in steps], float) for name in EVAL_COLUMNS
        }
        self.eval_curves.extend(np.array(steps), columns)

    def numbers(self) -> Numbers:
        """Return all tables, the alerts and the newest values as they stood at one moment."""
        with self._absorbing:
            return Numbers(
                self.history_frame(), self.epochs_frame(), self.evaluations_frame(), list(self.alerts),
                dict(self.latest),
            )  # fmt: skip

    def history_frame(self) -> pd.DataFrame:
        """Return one row a step, with what was logged beside what was measured."""
        import pandas as pd  # a second of work on a cold machine: not before a plan is shown

        with self._absorbing:
            frame = self._series.frame()
            if "optimizer" in frame:
                names = [self.optimizers[code] for code in frame["optimizer"].astype(int)]
                frame["optimizer"] = pd.Categorical(names, categories=list(dict.fromkeys(self.optimizers)))
                frame["backwards"] = frame["backwards"].astype(int)
            return self._logged.joined(frame)

    def evaluations_frame(self) -> pd.DataFrame:
        """Return the validations as a DataFrame indexed by step, a row each, those at epochs' ends too."""
        import pandas as pd  # a second of work on a cold machine: not before a plan is shown

        rows = list(self.evaluations)
        frame = pd.DataFrame(rows, columns=None if rows else ["step", "epoch", "val_loss"])
        return frame.astype({"step": int, "epoch": int}).set_index("step")

    def epochs_frame(self) -> pd.DataFrame:
        """Return the epochs as a DataFrame, a row an epoch; a later row of an epoch replaces the earlier."""
        rows = {int(row["epoch"]): row for row in list(self.epochs)}
        return epochs_table(list(rows.values()))


def _emptied(inbox: deque[Thing]) -> list[Thing]:
    """Take what is there; another thread may be adding."""
    return [inbox.popleft() for _ in range(len(inbox))]


def broken_validations(evaluations: Iterable[Mapping[str, float]]) -> frozenset[int]:
    """Return the steps of validations whose loss was measured and is not finite. In a table such a loss looks
    like one that was not measured.
    """
    losses = ((row["step"], row.get("val_loss")) for row in list(evaluations))
    return frozenset(int(step) for step, loss in losses if loss is not None and not math.isfinite(loss))
