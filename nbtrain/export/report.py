"""An export as a report: what was written, what was verified, what it came to."""

from __future__ import annotations

from typing import Any

from nbtrain import units
from nbtrain.export.exporting import Exported
from nbtrain.export.verification import SAID, Verification
from nbtrain.exported.formats import KNOWN
from nbtrain.exported.runners.runner import Port
from nbtrain.report.model import Cell, Items, KeyValues, Note, Report, Section, Table, Text

WORDS = {"": "", "int8": " in int8", "fp16": " in half precision"}


def export_report(found: Exported, *, data: str, weights: str = "") -> Report:
    """Return the report.

    Args:
        data: what it was verified on. weights: where they are from, in words.
    """
    verified = found.verification
    sections = [
        Section(
            "Verification", (_verdict(found, data), *_tables(verified), Text(_allowed(verified), "muted"))
        ),
        Section("File", (_file(found, weights), *_ports(found))),
    ]
    if notes := found.written.notes + _own_notes(found):
        sections.append(Section("To know", (Items(notes),)))
    headline, tone = _headline(found)
    return Report("Export", tuple(sections), headline, tone, _data(found, data))


def _headline(found: Exported) -> tuple[str, str]:
    options, verified = found.options, found.verification
    said = f"{KNOWN[options.format].said}{WORDS[options.quantize]}"
    if not verified.accepted:
        kept = " The earlier file stays as it was." if found.replaced else ""
        return (
            f"Not accepted: {verified.problems[0]} No file was written to {options.output}.{kept}",
            "critical",
        )
    saved = f", {found.weights_bytes / found.n_bytes:.1f} times smaller" if _smaller(found) else ""
    return f"{options.output}: {said}, {units.size(found.n_bytes)}{saved}, verified against PyTorch.", "good"


def _smaller(found: Exported) -> bool:
    return found.n_bytes > 0 and found.weights_bytes > 1.2 * found.n_bytes


def _verdict(found: Exported, data: str) -> Note | Text:
    verified = found.verification
    if not verified.accepted:
        return Note(" ".join(verified.problems), "critical", "Not accepted")
    sizes = ", ".join(map(str, sorted(verified.sizes)))
    said = f"Accepted on {units.count(verified.samples)} samples of {data}, in batches of {sizes}."
    if verified.drawn:
        return Note(
            f"{said} They are random numbers: outputs agree, but what that means for real data is not known.",
            "warning", "Accepted on random inputs",
        )  # fmt: skip
    return Text(said, "good")


def _tables(verified: Verification) -> list[Table | KeyValues]:
    quantised = bool(verified.tolerance.quantize)
    rows = tuple(
        (
            Cell(one.name, code=True), units.number(one.largest, 3), units.number(one.mean, 3),
            units.percent(one.noise, 2) if quantised else Cell(
                _used(one.over), "critical" if one.over > 1 else "good"
            ),
        )
        for one in verified.differences.values()
    )  # fmt: skip
    last = "Noise" if quantised else "Of what is allowed"
    blocks: list[Table | KeyValues] = []
    if rows:
        blocks.append(Table(("Output", "Largest error", "Mean error", last), rows, numeric=(1, 2, 3)))
    words = []
    if verified.predicted:
        same = f"{units.percent(verified.agree / verified.predicted, 2)}"
        remark = (
            f"{units.count(verified.predicted - verified.agree)} of {units.count(verified.predicted)} differ"
        )
        words.append(
            (
                "Same predicted class",
                same,
                remark + (", if it is a classification" if verified.assumed else ""),
            )
        )
    if verified.judged:
        before, after = (one / verified.judged for one in (verified.right_before, verified.right_after))
        words.append(
            ("Accuracy, PyTorch", units.percent(before, 2), f"{units.count(verified.judged)} judged")
        )
        words.append(("Accuracy, exported", units.percent(after, 2), _change(before, after)))
    if words:
        blocks.append(KeyValues(tuple(words)))
    return blocks


def _used(over: float) -> str:
    """Return an error as a share of what is allowed."""
    return units.percent(over, 1) if over < 10 else f"{over:,.0f} times"


def _change(before: float, after: float) -> str:
    if after == before:
        return "unchanged"
    return f"{100 * (after - before):+.2f} points"


def _allowed(verified: Verification) -> str:
    tolerance = verified.tolerance
    if not tolerance.quantize:
        if tolerance.share is not None:
            return f"Allowed: an error of {tolerance.share:g} of the largest output, as asked for."
        return f"Allowed: {SAID}."
    if not verified.predicted:
        whose = "as asked for" if tolerance.share is not None else "nbtrain's own limit"
        return (
            f"Allowed: {100 * tolerance.noise():g} % noise, the root of the mean square error over that of "
            f"the outputs ({whose})."
        )
    whose = "as asked for" if tolerance.share is not None else "the limit of MLPerf Inference"
    if not verified.judged:
        return (
            f"Allowed: {100 * tolerance.agreement(with_targets=False):g} % of the classes the same ({whose})."
        )
    least = 100 * tolerance.agreement(with_targets=True)
    return (
        f"Allowed: {100 * tolerance.kept():g} % of PyTorch's accuracy kept ({whose}), and {least:g} % of the "
        "predicted classes the same."
    )


def _file(found: Exported, weights: str) -> KeyValues:
    facts, options = found.written.facts, found.options
    name = str(options.output) if found.verification.accepted else f"{options.output} (not written)"
    rows: list[tuple[Cell | str, ...]] = [
        ("File", Cell(name, code=True)),
        ("Format", f"{KNOWN[options.format].said}{WORDS[options.quantize]}"),
        (
            "Size",
            f"{units.size(found.n_bytes)}; the weights in PyTorch take {units.size(found.weights_bytes)}",
        ),
    ]
    if facts.opset is not None:
        rows.append(("Opset", str(facts.opset)))
    rows += [(name, value) for name, value in facts.more]
    rows.append(("Made by", found.written.how))
    if weights:
        rows.append(("Weights", weights))
    rows.append(("Time", units.seconds(found.seconds)))
    return KeyValues(tuple(rows))


def _ports(found: Exported) -> list[Table]:
    facts = found.written.facts
    rows = [
        (Cell(one.name, code=True), side, _shape(one.shape), one.dtype)
        for side, ports in (("input", facts.inputs), ("output", facts.outputs))
        for one in ports
    ]
    if not rows:
        tensors, free = found.shapes.example.tensors(), found.shapes.free
        for name, tensor in tensors.items():
            shape = tuple(free.get(name, {}).get(i, n) for i, n in enumerate(tensor.shape))
            rows.append(
                (Cell(name, code=True), "input", _shape(shape), str(tensor.dtype).removeprefix("torch."))
            )
    return [Table(("Name", "", "Shape", "Type"), tuple(rows))]


def _shape(shape: tuple[int | str, ...]) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _own_notes(found: Exported) -> tuple[str, ...]:
    notes = []
    if not found.shapes.dynamic_batch:
        notes.append(f"It takes batches of {found.shapes.example.size} alone.")
    free = {one for sizes in found.shapes.free.values() for one in sizes.values()} - {"batch"}
    if free:
        notes.append(f"Sizes that differ in the data may differ in the file too: {', '.join(sorted(free))}.")
    if found.replaced and found.verification.accepted:
        notes.append(f"An earlier {found.options.output.name} was replaced.")
    return tuple(notes)


def _port(one: Port) -> dict[str, Any]:
    return {"name": one.name, "shape": list(one.shape), "dtype": one.dtype}


def _data(found: Exported, data: str) -> dict[str, Any]:
    verified, facts = found.verification, found.written.facts
    errors = list(verified.differences.values())
    judged = verified.judged or None
    return {
        "accepted": verified.accepted, "problems": list(verified.problems),
        "output": str(found.options.output), "format": found.options.format,
        "quantize": found.options.quantize or None, "opset": facts.opset, "size_bytes": found.n_bytes,
        "weights_bytes": found.weights_bytes, "dynamic_batch": found.shapes.dynamic_batch,
        "inputs": [_port(one) for one in facts.inputs], "outputs": [_port(one) for one in facts.outputs],
        "max_error": max((one.largest for one in errors), default=None),
        "mean_error": max((one.mean for one in errors), default=None),
        "agreement": verified.agree / verified.predicted if verified.predicted else None,
        "accuracy_before": verified.right_before / judged if judged else None,
        "accuracy_after": verified.right_after / judged if judged else None,
        "samples": verified.samples, "batch_sizes": sorted(verified.sizes), "data": data,
        "random_inputs": verified.drawn, "tolerance": _allowed(verified), "how": found.written.how,
        "notes": [*found.written.notes, *_own_notes(found)], "seconds": found.seconds,
    }  # fmt: skip
