"""What came of trying: one row a candidate, in the plan and in the manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nbtrain import units
from nbtrain.report.model import Cell, Section, Table, Text

KEPT, NOT_KEPT, NOT_TRIED = "kept", "not kept", "not tried"


@dataclass(frozen=True)
class Trial:
    """What came of one candidate.

    Attributes:
        id, title, effect: of the candidate. verdict: KEPT, NOT_KEPT or NOT_TRIED. why: in a clause.
        before_ms, after_ms: a step without and with it, medians; None where it was not timed.
    """

    id: str
    title: str
    effect: str
    verdict: str
    why: str
    before_ms: float | None = None
    after_ms: float | None = None


@dataclass(frozen=True)
class Trials:
    """All of them.

    Attributes:
        trials: in the order they were tried. seconds: what trying took. budget_s: what it might take.
        before_ms, after_ms: a step at first, and with all that was kept; None where nothing was timed.
        remark: why nothing could be tried, "" where it could.
    """

    trials: tuple[Trial, ...] = ()
    seconds: float = 0.0
    budget_s: float = 0.0
    before_ms: float | None = None
    after_ms: float | None = None
    remark: str = ""

    @property
    def kept(self) -> tuple[str, ...]:
        """The ids of what was kept."""
        return tuple(trial.id for trial in self.trials if trial.verdict == KEPT)

    @property
    def ratio(self) -> float:
        """How long a step takes with what was kept, as a part of what it took before."""
        return self.after_ms / self.before_ms if self.before_ms and self.after_ms else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for config.yaml and the manifest."""
        return {
            "kept": list(self.kept), "before_ms": self.before_ms, "after_ms": self.after_ms,
            "seconds": round(self.seconds, 3), "budget_s": round(self.budget_s, 3), "remark": self.remark,
            "trials": [asdict(trial) for trial in self.trials],
        }  # fmt: skip

    def section(self) -> Section:
        """Return the table of the plan."""
        rows = tuple(
            (
                trial.title,
                _ms(trial.before_ms),
                _ms(trial.after_ms),
                Cell(trial.verdict, tone="good" if trial.verdict == KEPT else "muted"),
                trial.why,
                trial.effect,
            )
            for trial in self.trials
        )
        columns = ("Candidate", "ms a step", "with it", "", "Why", "Numbers")
        table = Table(columns, rows, numeric=(1, 2))
        return Section("Faster (--fast)", (Text(self._in_words()), *([table] if rows else [])))

    def _in_words(self) -> str:
        if self.remark:
            return self.remark
        titles = [trial.title for trial in self.trials if trial.verdict == KEPT]
        said = f"Kept: {', '.join(titles)}" if titles else "Nothing is kept: the run is as without --fast"
        if titles and self.before_ms and self.after_ms:
            said += f". A step takes {_ms(self.after_ms)} ms instead of {_ms(self.before_ms)} ms"
        return f"{said}. Trying took {units.seconds(self.seconds)}; everything tried was put back."


def _ms(value: float | None) -> str:
    return units.number(value, 3) if value is not None else "–"
