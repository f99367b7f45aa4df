"""What is said of an exception: what it is, why it happens, how to mend it, where. Holds no frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nbtrain.report.model import Block, Cell, Code, KeyValues, Report, Section, Table, Text
from nbtrain.units import size


@dataclass(frozen=True)
class Value:
    """A value that the failing line works on. `shape`, `dtype`, `device`: "" where it has none."""

    name: str
    shape: str = ""
    dtype: str = ""
    device: str = ""


@dataclass(frozen=True)
class MemoryNeed:
    """Where memory goes, and what would fit.

    Attributes:
        breakdown: (what, bytes), the largest first. available_bytes: of the device; None where unknown.
        fits: (batch size, batches to accumulate) with the same samples in a step, the largest batch first.
        about: what this was found for, one sentence.
    """

    breakdown: tuple[tuple[str, int], ...] = ()
    available_bytes: int | None = None
    fits: tuple[tuple[int, int], ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Explanation:
    """An exception explained.

    Attributes:
        pattern: id of the pattern that knows it; None where none does.
        title: one sentence, or the exception's own line where it is not known.
        what, why, fix: in words; "" where nothing is known. code: the fix as code, with the person's names.
        where: the innermost line of the person's code; None where none is known.
        error: the exception's own line. module: path of the module it was raised in, e.g. `encoder.layers.2`.
        values: what the failing line works on. memory: given where memory was short.
    """

    pattern: str | None
    title: str
    what: str = ""
    why: str = ""
    fix: str = ""
    where: str | None = None
    code: str = ""
    error: str = ""
    module: str = ""
    values: tuple[Value, ...] = ()
    memory: MemoryNeed | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the contract's keys, and beside them those that say something here."""
        data: dict[str, Any] = {
            "pattern": self.pattern, "title": self.title, "what": self.what, "why": self.why,
            "fix": "\n".join(filter(None, (self.fix, self.code))), "where": self.where,
        }  # fmt: skip
        more = {"code": self.code, "error": self.error, "module": self.module}
        data |= {key: value for key, value in more.items() if value}
        if self.values:
            data["values"] = [{f.name: getattr(one, f.name) for f in fields(one)} for one in self.values]
        if self.memory is not None:
            data["memory"] = {
                "breakdown": [{"what": what, "bytes": count} for what, count in self.memory.breakdown],
                "available_bytes": self.memory.available_bytes,
                "about": self.memory.about,
                "fits": [{"batch_size": batch, "accumulate": times} for batch, times in self.memory.fits],
            }
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Explanation:
        """Read what `to_dict` gave, from a manifest; what is damaged there is left out."""
        said = {
            key: str(data.get(key) or "")
            for key in ("title", "what", "why", "fix", "code", "error", "module")
        }
        if said["code"] and said["fix"].endswith(said["code"]):
            said["fix"] = said["fix"].removesuffix(said["code"]).rstrip("\n")
        names = [f.name for f in fields(Value)]
        listed = data.get("values")
        values = tuple(
            Value(**{name: str(one.get(name, "")) for name in names})
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, Mapping)
        )
        pattern, where = data.get("pattern"), data.get("where")
        return cls(
            pattern=str(pattern) if pattern else None,
            where=str(where) if where else None,
            values=values,
            **said,
        )

    def blocks(self) -> tuple[Block, ...]:
        """Return what stands under a heading of its own or under a traceback."""
        rows = (
            ("What it is", self.what), ("Why it happens", self.why), ("How to fix it", self.fix),
            ("In the model", Cell(self.module, code=True)), ("Where", Cell(self.where or "", code=True)),
        )  # fmt: skip
        told = tuple(row for row in rows if (row[1].text if isinstance(row[1], Cell) else row[1]))
        blocks: list[Block] = [KeyValues(told)] if told else []
        if self.code:
            blocks.append(Code(self.code))
        if self.values:
            table = tuple(
                (Cell(one.name, code=True), one.shape, one.dtype, one.device) for one in self.values
            )
            blocks.append(Table(("Value", "Shape", "Type", "Device"), table, caption="What it was given"))
        return (*blocks, *self._memory_blocks())

    def _memory_blocks(self) -> tuple[Block, ...]:
        need = self.memory
        if need is None:
            return ()
        blocks: list[Block] = [Text(need.about)] if need.about else []
        if need.breakdown:
            rows = tuple((what, size(count)) for what, count in need.breakdown)
            blocks.append(Table(("What", "Memory"), rows, caption="Where the memory goes", numeric=(1,)))
        if need.available_bytes is not None:
            blocks.append(Text(f"The device has {size(need.available_bytes)}."))
        if need.fits:
            rows = tuple((str(batch), str(times), str(batch * times)) for batch, times in need.fits)
            names = ("Batch size", "Batches accumulated", "Samples in a step")
            blocks.append(Table(names, rows, caption="What fits", numeric=(0, 1, 2)))
        return tuple(blocks)

    def report(self) -> Report:
        """Return the explanation as a document of its own."""
        tone = "critical" if self.pattern else "warning"
        headline = self.error if self.error and self.error != self.title else ""
        return Report(self.title, (Section("", self.blocks()),), headline, tone, self.to_dict())
