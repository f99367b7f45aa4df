"""A memory estimate as a report: does it fit, where the bytes are, what would need less."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from nbtrain import units
from nbtrain.memory.device import LEFT_FREE
from nbtrain.memory.estimate import MemoryEstimate
from nbtrain.memory.steps import ACTIVATIONS, BATCH, GRADIENTS, KINDS, OPTIMIZER, PARAMETERS, TEMPORARIES
from nbtrain.memory.tracing import MEASURED, TRACED
from nbtrain.report.model import (
    Cell,
    Figure,
    KeyValues,
    Report,
    Section,
    Table,
    Text,
    Tile,
    Treemap,
)  # fmt: skip

ROLES = {
    PARAMETERS: "train", GRADIENTS: "gradient", OPTIMIZER: "lr", ACTIVATIONS: "valid",
    TEMPORARIES: "throughput", BATCH: "extra-1",
}  # fmt: skip
WHAT = {
    PARAMETERS: "weights and buffers", GRADIENTS: "one for each trained weight", OPTIMIZER: "its state",
    ACTIVATIONS: "kept by forward for backward", TEMPORARIES: "on the way: backward, optimizer, casts",
    BATCH: "inputs and targets",
}  # fmt: skip
MOST_MODULES = 12  # rows of the table, and tiles of the map; the rest is one
OTHER = "(beside modules)"


def memory_report(estimate: MemoryEstimate) -> Report:
    """Return the report."""
    headline, tone = _verdict(estimate)
    sections = [
        Section("Where it is", (_kinds(estimate), _phases(estimate))),
        Section("By module", (_map(estimate), _modules(estimate))),
    ]
    if estimate.pairs:
        sections.append(Section("The same step in smaller pieces", (_pairs(estimate),)))
    if estimate.savings:
        sections.append(Section("What would need less", (_savings(estimate),)))
    sections.append(Section("How this was found", (Text(_how(estimate)),)))
    return Report("Memory estimate", tuple(sections), headline, tone, _data(estimate))


def _verdict(estimate: MemoryEstimate) -> tuple[str, str]:
    said = f"About {units.size(estimate.total_bytes)} at the peak, in the {estimate.found.phase} phase"
    if estimate.samples:
        said += f", with {units.counted(estimate.samples, 'sample')}"
        if estimate.asked.accumulate > 1:
            said += f" a micro-batch and {estimate.asked.accumulate} of them a step"
    if estimate.capacity is None:
        return f"{said}. How much {estimate.asked.device} has is not known here: --memory GIB.", "info"
    there = f"{units.size(estimate.capacity)} of {estimate.asked.device}"
    largest = estimate.largest_batch
    fits = units.counted(largest, "sample")
    more = "" if largest is None else f" The largest micro-batch that fits has {fits}."
    if largest == 0:
        more = " Not even a single sample fits."
    if estimate.fits:
        return f"{said}: it fits into {there}, a tenth left free.{more}", "good"
    return f"{said}: it does not fit into {there} with a tenth left free.{more}", "critical"


def _kinds(estimate: MemoryEstimate) -> Table:
    whole = max(estimate.total_bytes, 1)
    rows: list[tuple[Cell | str, ...]] = [
        (
            kind,
            units.size(estimate.breakdown[kind]),
            units.percent(estimate.breakdown[kind] / whole, 0),
            WHAT[kind],
        )
        for kind in KINDS
        if estimate.breakdown.get(kind)
    ]
    rows += [
        (term.label, units.size(term.n_bytes), units.percent(term.n_bytes / whole, 0), term.said)
        for term in estimate.beside
    ]
    rows.append((Cell("all"), units.size(estimate.total_bytes), "100 %", ""))
    return Table(("At the peak", "Bytes", "Share", "What it is"), tuple(rows), numeric=(1, 2))


def _phases(estimate: MemoryEstimate) -> KeyValues:
    return KeyValues(
        tuple((f"Highest in {phase}", units.size(peak)) for phase, peak in estimate.phases.items())
    )


def _grouped(estimate: MemoryEstimate) -> list[tuple[str, dict[str, int]]]:
    """(module path, kind -> bytes), largest first; cut to the depth at which there are enough of them."""
    modules = estimate.found.modules
    paths = [path for path in modules if path]
    depth = 1
    while depth < 6:
        cut = {".".join(path.split(".")[:depth]) for path in paths}
        deeper = {".".join(path.split(".")[: depth + 1]) for path in paths}
        if len(cut) >= 4 or len(deeper) > 3 * MOST_MODULES:
            break
        depth += 1
    groups: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for path, kinds in modules.items():
        name = ".".join(path.split(".")[:depth]) if path else OTHER
        for kind, n_bytes in kinds.items():
            groups[name][kind] += n_bytes
    ranked = sorted(groups.items(), key=lambda item: -sum(item[1].values()))
    if len(ranked) <= MOST_MODULES + 1:
        return [(name, dict(kinds)) for name, kinds in ranked]
    rest: dict[str, int] = defaultdict(int)
    for _, kinds in ranked[MOST_MODULES:]:
        for kind, n_bytes in kinds.items():
            rest[kind] += n_bytes
    named = [(name, dict(kinds)) for name, kinds in ranked[:MOST_MODULES]]
    return [*named, (f"{len(ranked) - MOST_MODULES} more", dict(rest))]


def _map(estimate: MemoryEstimate) -> Figure:
    groups = _grouped(estimate)
    tiles = tuple(
        Tile(name, units.size(sum(kinds.values())), tuple((ROLES[kind], n) for kind, n in kinds.items()))
        for name, kinds in groups
    )
    there = [kind for kind in KINDS if estimate.breakdown.get(kind)]
    legend = tuple((ROLES[kind], kind) for kind in there)
    largest = ", ".join(f"{name} {units.size(sum(kinds.values()))}" for name, kinds in groups[:5])
    alt = f"Treemap of the memory at the peak by module. Largest: {largest}."
    return Figure((Treemap("Memory at the peak", tiles, legend),), alt, columns=1)


def _modules(estimate: MemoryEstimate) -> Table:
    there = [kind for kind in KINDS if estimate.breakdown.get(kind)]
    rows = tuple(
        (Cell(name, code=name != OTHER), units.size(sum(kinds.values())),
         *(units.size(kinds[kind]) if kinds.get(kind) else "–" for kind in there))
        for name, kinds in _grouped(estimate)
    )  # fmt: skip
    return Table(("Module", "All", *there), rows, numeric=tuple(range(1, len(there) + 2)))


def _pairs(estimate: MemoryEstimate) -> Table:
    words = {True: Cell("fits", "good"), False: Cell("does not fit", "critical"), None: Cell("–", "muted")}
    rows = tuple(
        (units.count(pair.batch), units.count(pair.accumulate), units.size(pair.peak), words[pair.fits])
        for pair in estimate.pairs
    )
    return Table(("Micro-batch", "Accumulate", "Tensors at the peak", ""), rows, numeric=(0, 1, 2))


def _savings(estimate: MemoryEstimate) -> Table:
    rows = tuple(
        (
            one.title, f"{'' if one.basis == TRACED else 'about '}{units.size(one.peak)}",
            units.percent(1 - one.peak / estimate.peak_bytes, 0),
            Cell(one.how, code=one.how.startswith(("--", "bitsandbytes"))),
        )
        for one in estimate.savings
    )  # fmt: skip
    return Table(("Change", "Tensors at the peak", "Saved", "How"), rows, numeric=(1, 2))


def _how(estimate: MemoryEstimate) -> str:
    if estimate.basis == MEASURED:
        sizes = " and with ".join(units.count(one) for one in estimate.found.measured)
        line = ", and the rest follows from them" if len(estimate.found.measured) > 1 else ""
        said = f"Two steps of a copy of the model with {sizes} samples were measured{line}, "
        said += f"because {estimate.why}."
    else:
        said = (
            "Two steps went through stand-ins of model, optimizer and batch that have sizes and no memory; "
            "every tensor's life was followed."
        )
    if estimate.asked.device.type == "cuda":
        said += (
            " What kernels take and give back within one operation is not seen, and attention may use "
            "another kernel there than here. The lines beside the tensors are typical sizes, not measured."
        )
    return f"{said} `Fits` leaves {100 * LEFT_FREE:.0f} % free."


def _data(estimate: MemoryEstimate) -> dict[str, Any]:
    return {
        "peak_bytes": estimate.peak_bytes,
        "total_bytes": estimate.total_bytes,
        "phase": estimate.found.phase,
        "breakdown": estimate.breakdown,
        "phases": estimate.phases,
        "beside": {term.label: term.n_bytes for term in estimate.beside},
        "device": str(estimate.asked.device),
        "capacity_bytes": estimate.capacity,
        "fits": estimate.fits,
        "samples": estimate.samples or None,
        "accumulate": estimate.asked.accumulate,
        "largest_batch": estimate.largest_batch,
        "pairs": [
            {"batch": one.batch, "accumulate": one.accumulate, "peak_bytes": one.peak, "fits": one.fits}
            for one in estimate.pairs
        ],
        "savings": [
            {"change": one.title, "peak_bytes": one.peak, "basis": one.basis, "how": one.how}
            for one in estimate.savings
        ],
        "modules": {name: dict(kinds) for name, kinds in _grouped(estimate)},
        "basis": estimate.basis,
        "why": estimate.why or None,
    }
