"""A bench as a report: the verdict on the limit, all sides in one table, the histogram of the calls."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from nbtrain import units
from nbtrain.latency.bench import Bench, Side
from nbtrain.latency.timing import Timed
from nbtrain.report.model import (
    Axes,
    Cell,
    Figure,
    KeyValues,
    Mark,
    Note,
    Report,
    Section,
    Series,
    Table,
)

PERCENTILES = (50, 95, 99)
BINS = 40
BUSY = 1.5  # processes a core that run or wait, from which other work is likely to be in the times
ROLES = ("train", "valid", "", "", "")
FEW_FOR_P99 = 100  # calls; below it the 99th percentile is the slowest call


def bench_report(found: Bench, *, data: str) -> Report:
    """Return the report. `data`: what the inputs are from, in words."""
    headline, tone = _headline(found)
    sections = [
        Section("Latency", (*_notes(found), _latency(found), *_histograms(found))),
        Section("Sides", (_sides(found),)),
        Section("How this was measured", (_how(found, data),)),
    ]
    return Report("Bench", tuple(sections), headline, tone, _data(found, data))


def _headline(found: Bench) -> tuple[str, str]:
    side = found.sides[0]
    judged = side.timed[0]
    p99 = judged.percentile_ms(99)
    said = (
        f"{side.name}: {_ms(judged.percentile_ms(50))} median, {_ms(p99)} at the 99th percentile with "
        f"batches of {judged.batch_size} on {found.device_said}"
    )
    limit = f"the limit of {found.asked.limit_ms:g} ms"
    faster = _faster(found)
    if p99 <= found.asked.limit_ms:
        return f"{said}: within {limit}.{faster}", "good"
    return f"{said}: over {limit}.{faster}", "critical"


def _faster(found: Bench) -> str:
    if len(found.sides) < 2:
        return ""
    first = found.sides[0]
    second = next((one for one in found.sides[1:] if one.kind == "PyTorch"), found.sides[1])
    ratio = second.timed[0].percentile_ms(50) / max(first.timed[0].percentile_ms(50), 1e-9)
    if 0.95 <= ratio <= 1.05:
        return f" As fast as {second.name}."
    word, times = ("faster", ratio) if ratio > 1 else ("slower", 1 / ratio)
    return f" {times:.{0 if times >= 10 else 1}f} times {word} than {second.name}."


def _ms(value: float) -> str:
    return f"{value:.3g} ms"


def _notes(found: Bench) -> list[Note]:
    notes = []
    judged = found.sides[0].timed[0]
    if len(judged.seconds) < FEW_FOR_P99:
        notes.append(Note(
            f"There were {len(judged.seconds)} calls: the 99th percentile is the slowest of them.", "info"
        ))  # fmt: skip
    cores = os.cpu_count() or 1
    if found.load is not None and found.load > BUSY * cores:
        said = f"The machine was busy (load {found.load:.1f} on {cores} cores)"
        notes.append(Note(f"{said}: the upper percentiles carry it.", "warning"))
    if found.drawn:
        notes.append(Note("Inputs are random numbers: times hold, accuracy is not known.", "info"))
    lost = [
        (side, found.sides[-1]) for side in found.sides[:1] if side.judged and len(found.sides) > 1
        and side.right < found.sides[-1].right
    ]  # fmt: skip
    for side, reference in lost:
        points = 100 * (reference.right - side.right) / side.judged
        notes.append(Note(
            f"{side.name} is {points:.2f} points less accurate than {reference.name}.",
            "warning" if points >= 1 else "info",
        ))  # fmt: skip
    return notes


def _latency(found: Bench) -> Table:
    rows = []
    sizes = found.asked.batch_sizes
    for place, size in enumerate(sizes):
        for side in found.sides:
            one = side.timed[place]
            over = one.percentile_ms(99) > found.asked.limit_ms
            rows.append((
                str(size) if side is found.sides[0] else "", Cell(side.name),
                *(f"{one.percentile_ms(p):.3g}" for p in PERCENTILES[:2]),
                Cell(f"{one.percentile_ms(99):.3g}", "critical" if over else "good"),
                units.count(one.samples_per_s), units.count(len(one.seconds)),
            ))  # fmt: skip
    columns = ("Batch", "Side", "p50, ms", "p95, ms", "p99, ms", "Samples/s", "Calls")
    return Table(columns, tuple(rows), numeric=(0, 2, 3, 4, 5, 6))


def _sides(found: Bench) -> Table:
    rows = []
    for side in found.sides:
        accuracy = units.percent(side.right / side.judged, 2) if side.judged else "–"
        same = units.percent(found.agree[side.name], 2) if side.name in found.agree else "–"
        rows.append((
            Cell(side.name), side.kind, accuracy, same, units.size(side.file_bytes),
            units.size(side.memory_bytes),
        ))  # fmt: skip
    same = f"Same class as {found.sides[0].name}"
    return Table(("Side", "Format", "Accuracy", same, "File", "Memory"), tuple(rows), numeric=(2, 3, 4, 5))


def _histograms(found: Bench) -> list[Figure]:
    figures = []
    for place, size in enumerate(found.asked.batch_sizes):
        timed = {side.name: side.timed[place] for side in found.sides}
        figures.append(_histogram(timed, size, found.asked.limit_ms))
    if not figures:
        return []
    axes = tuple(one.axes[0] for one in figures)
    alt = " ".join(one.alt for one in figures)
    return [Figure(axes, alt, columns=min(2, len(axes)), name="latency")]


def _histogram(timed: dict[str, Timed], size: int, limit_ms: float) -> Figure:
    """Draw how many calls took how long; what is slower than the 99.5th percentile is in the last step."""
    every = np.concatenate([one.seconds for one in timed.values()]) * 1e3
    low = max(float(every.min()), 1e-6)
    high = max(float(np.percentile(one.seconds, 99.5) * 1e3) for one in timed.values())
    high = max(high, low * 1.02 + 1e-6)
    edges = np.geomspace(low, high, BINS + 1)  # tails are long: on a linear axis all else would be one bin
    series = []
    for place, (name, one) in enumerate(timed.items()):
        counts, _ = np.histogram(np.clip(one.seconds * 1e3, low, high), edges)
        share = 100 * counts / max(counts.sum(), 1)
        x = np.repeat(edges, 2)
        y = np.concatenate([[0.0], np.repeat(share, 2), [0.0]])
        series.append(Series(name, tuple(x.tolist()), tuple(y.tolist()), role=ROLES[min(place, 4)]))
    first = next(iter(timed.values()))
    marks = [Mark(first.percentile_ms(99), f"p99 {first.percentile_ms(99):.3g}", "info")]
    if low <= limit_ms <= high:
        marks.append(Mark(limit_ms, f"limit {limit_ms:g}", "critical"))
    said = "; ".join(
        f"{name} median {_ms(one.percentile_ms(50))}, 99th percentile {_ms(one.percentile_ms(99))}"
        for name, one in timed.items()
    )
    title = f"Calls with batches of {size}"
    axes = Axes(
        title, tuple(series), x_label="ms", y_label="% of calls", marks=tuple(marks), log_x=True,
        last_values=False,
    )  # fmt: skip
    return Figure((axes,), f"Histogram of the latency with batches of {size}: {said}.", columns=1)


def _how(found: Bench, data: str) -> KeyValues:
    gpu = not found.device_said.startswith("CPU")
    memory = (
        "by how much the GPU's memory in use grew while a side was loaded and ran once"
        if gpu
        else "by how much the process grew while a side was loaded and ran once; – where it took memory that "
        "was free in the process"
    )
    return KeyValues((
        ("Device", found.device_said), ("Inputs", data),
        ("A call", "inputs and outputs in host memory"
         + (", both copies and a synchronisation of the device included" if gpu else "")),
        ("Order", "warmed up, then in blocks that take turns, so that no side has the quieter machine"),
        ("Judged", f"the 99th percentile of {found.sides[0].name} at the first batch size, as MLPerf "
         f"Inference does, against {found.asked.limit_ms:g} ms"),
        ("Accuracy", f"{units.count(found.sides[0].judged)} targets" if found.sides[0].judged else "–"),
        ("Memory", memory),
    ))  # fmt: skip


def _figures(one: Timed) -> dict[str, Any]:
    return {
        "batch_size": one.batch_size, **{f"p{p}_ms": one.percentile_ms(p) for p in PERCENTILES},
        "mean_ms": float(one.seconds.mean() * 1e3), "samples_per_s": one.samples_per_s,
        "calls": len(one.seconds),
    }  # fmt: skip


def _side_data(side: Side, found: Bench) -> dict[str, Any]:
    return {
        "name": side.name, "kind": side.kind, "accuracy": side.right / side.judged if side.judged else None,
        "same_class": found.agree.get(side.name), "file_bytes": side.file_bytes,
        "memory_bytes": side.memory_bytes, "batches": [_figures(one) for one in side.timed],
    }  # fmt: skip


def _data(found: Bench, data: str) -> dict[str, Any]:
    side = found.sides[0]
    first = _figures(side.timed[0])
    return {
        **first, "accuracy": side.right / side.judged if side.judged else None, "device": found.asked.device,
        "device_name": found.device_said, "threads": found.threads, "limit_ms": found.asked.limit_ms,
        "within_limit": first["p99_ms"] <= found.asked.limit_ms, "memory_bytes": side.memory_bytes,
        "file_bytes": side.file_bytes, "data": data, "random_inputs": found.drawn,
        "sides": [_side_data(one, found) for one in found.sides],
    }  # fmt: skip
