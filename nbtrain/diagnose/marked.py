"""The curves of a history by epoch, with the evidence of findings marked on them. It judges nothing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nbtrain.diagnose.check import Evidence
from nbtrain.diagnose.engine import Diagnosed
from nbtrain.diagnose.facts import Facts
from nbtrain.findings import Severity
from nbtrain.report.decimate import decimate
from nbtrain.report.model import Axes, Circle, Figure, Mark, Series, Shade
from nbtrain.report.ticks import short
from nbtrain.units import number

_POINTS = 1200  # a curve keeps twice as many at most; no picture shows more
_TONE = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "info"}
_TITLES = {"grad_norm": "Gradient norm", "lr": "Learning rate", "gpu_util": "GPU utilisation (%)"}
_ROLES = {"grad_norm": "gradient", "lr": "lr", "gpu_util": "throughput"}
MOST = 6  # plots


def marked_curves(facts: Facts, findings: Iterable[Diagnosed]) -> Figure | None:
    """Return loss and accuracy, and every other curve that evidence lies on; None without any curve."""
    findings = list(findings)
    wanted = ["loss", "accuracy"]
    wanted += [mark.chart for one in findings for mark in one.said.marks if mark.chart not in wanted]
    axes, told = [], []
    for chart in dict.fromkeys(wanted):
        series = _series(facts, chart)
        if not series:
            continue
        marks, shades, circles = _evidence(facts, chart, findings, told)
        axes.append(
            Axes(
                _title(chart),
                series,
                x_label="epoch",
                marks=marks,
                shades=shades,
                circles=circles,
                log_y=_wide(series) if chart in ("loss", "grad_norm", "lr") else False,
            )
        )
    if not axes:
        return None
    return Figure(tuple(axes[:MOST]), alt=_in_words(facts, told), columns=min(2, len(axes)))


def _title(chart: str) -> str:
    return {"loss": "Loss", "accuracy": "Accuracy (%)"}.get(chart) or _TITLES.get(chart, chart)


def _series(facts: Facts, chart: str) -> tuple[Series, ...]:
    curves = facts.curves
    if chart == "loss":
        found = [("train", curves.train_loss, "train"), ("valid", curves.val_loss, "valid")]
        if not any(np.isfinite(values).any() for _, values, _ in found) and len(curves.step_loss):
            return _drawn("train", curves.step, curves.step_loss, "train")
    elif chart == "accuracy":
        found = [("train", 100 * curves.train_acc, "train"), ("valid", 100 * curves.val_acc, "valid")]
    else:
        found = [("", facts.history.column(chart), _ROLES.get(chart, ""))]
    return tuple(one for name, values, role in found for one in _drawn(name, curves.epoch, values, role))


def _drawn(name: str, x: np.ndarray, y: np.ndarray, role: str) -> tuple[Series, ...]:
    if not np.isfinite(y).any():
        return ()
    x, y = decimate(np.asarray(x, float), np.asarray(y, float), _POINTS)
    return (Series(name, tuple(x.tolist()), tuple(y.tolist()), role=role),)


def _wide(series: tuple[Series, ...]) -> bool:
    """Say whether only a logarithmic axis shows all of a curve."""
    values = np.concatenate([np.asarray(one.y) for one in series])
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() > 50 * np.median(values))


def _evidence(
    facts: Facts, chart: str, findings: list[Diagnosed], told: list[str]
) -> tuple[tuple[Mark, ...], tuple[Shade, ...], tuple[Circle, ...]]:
    """Return what is marked on a chart; each is also put into words, for those who do not see it."""
    marks, shades, circles = [], [], []
    for one in findings:
        tone = _TONE[one.severity]
        for mark in one.said.marks:
            if mark.chart != chart:
                continue
            label = f"{one.check}: {mark.label}" if mark.label else one.check
            told.append(_told(mark, label, _title(chart)))
            if mark.kind == "point":
                height = 100 * mark.value if chart == "accuracy" else mark.value
                circles.append(Circle(mark.start, height, label, tone))
            elif mark.start == mark.end:
                marks.append(Mark(mark.start, label, tone))
            else:
                shades.append(Shade(mark.start, mark.end, label, tone, between=mark.kind == "gap"))
    if chart == "loss" and np.isfinite(facts.curves.val_loss).sum() > 1:
        at = int(np.nanargmin(facts.curves.val_loss))
        best = short(float(facts.curves.val_loss[at]))
        marks.append(
            Mark(float(facts.curves.epoch[at]), f"best {best}, epoch {facts.curves.epoch[at]:.0f}", "good")
        )
    return tuple(marks), tuple(shades), tuple(circles)


def _told(mark: Evidence, label: str, title: str) -> str:
    place = (
        f"epoch {mark.start:.0f}"
        if mark.kind == "point" or mark.start == mark.end
        else f"epochs {mark.start:.0f} to {mark.end:.0f}"
    )
    return f"{label} on {title.lower().removesuffix(' (%)')} at {place}"


def _in_words(facts: Facts, told: list[str]) -> str:
    curves, parts = facts.curves, []
    for name, values in (("train loss", curves.train_loss), ("validation loss", curves.val_loss)):
        seen = values[np.isfinite(values)]
        if len(seen):
            parts.append(f"{name} from {number(float(seen[0]), 3)} to {number(float(seen[-1]), 3)}")
    for name, values in (("train accuracy", curves.train_acc), ("validation accuracy", curves.val_acc)):
        seen = values[np.isfinite(values)]
        if len(seen):
            parts.append(f"{name} {100 * seen[-1]:.1f} % at the end")
    marked = f" Marked: {'; '.join(told)}." if told else ""
    return f"Training curves by epoch: {'; '.join(parts) or 'no loss or accuracy'}.{marked}"
