"""The rule of thumb, for a configuration alone: rough, and called so."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from nbtrain import units
from nbtrain.errors import UsageError
from nbtrain.memory.device import GIB, LEFT_FREE
from nbtrain.report.model import Report, Section, Table, Text

BYTES = {"32": 4, "bf16": 2, "16": 2}
STATES = {"adam": 2, "adamw": 2, "nadam": 2, "radam": 2, "adamax": 2, "sgd": 1, "rmsprop": 1, "adagrad": 1}
FACTOR = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}
ROUGH = (
    "This is a rule of thumb: parameters x 4 bytes (2 in half precision), as much for gradients, twice as "
    "much for Adam's state, and batch x sequence x width x layers x 4 for activations. Attention, "
    "feed-forward layers, the loss over a large vocabulary and temporaries are left out, so it may be far "
    "too low. With the model at hand %train estimate follows every tensor."
)


def count_of(text: str) -> int:
    """Read a number of parameters: `124M`, `1.5B`, `7e9`, `12,000`.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"\s*([0-9][0-9_,.]*(?:e[0-9]+)?)\s*([kmbg]?)\s*", str(text), re.IGNORECASE)
    try:
        value = (
            float(found[1].replace(",", "").replace("_", "")) * FACTOR[found[2].lower()]
            if found
            else math.nan
        )
    except ValueError:
        value = math.nan
    if not value >= 1:
        raise UsageError(
            f"`{text}` is no number of parameters.", suggestion="Examples: 124M, 1.5B, 350000, 7e9."
        )
    return round(value)


@dataclass(frozen=True)
class Activations:
    """Of a transformer: samples, tokens of each, width, layers; 0 where it is none."""

    batch: int = 1
    seq: int = 1
    d_model: int = 0
    layers: int = 0

    @property
    def n_bytes(self) -> int:
        """One float32 for each number between the layers."""
        return self.batch * self.seq * self.d_model * self.layers * 4


def rough_report(
    parameters: int, activations: Activations, *, precision: str = "32", optimizer: str = "adamw",
    memory_gib: float | None = None,
) -> Report:  # fmt: skip
    """Return the rule of thumb for a configuration.

    Args:
        parameters: trained numbers. activations: what forward keeps.
        precision: "32", "bf16", "16". optimizer: a name. memory_gib: of the device.

    Raises:
        UsageError: a precision or an optimizer that is not known.
    """
    if precision not in BYTES:
        raise UsageError(f"precision is {precision!r}; allowed are {', '.join(BYTES)}.")
    if optimizer.lower() not in STATES:
        raise UsageError(f"optimizer is {optimizer!r}; the rule of thumb knows {', '.join(sorted(STATES))}.")
    each = BYTES[precision]
    parts = {
        "parameters": parameters * each,
        "gradients": parameters * each,
        "optimizer": STATES[optimizer.lower()] * parameters * 4,
        "activations": activations.n_bytes,
    }
    total = sum(parts.values())
    rows = tuple((kind, units.size(n), units.percent(n / total, 0)) for kind, n in parts.items() if n)
    said = f"Roughly {units.size(total)}, by a rule of thumb"
    fits = None if memory_gib is None else total <= (1 - LEFT_FREE) * memory_gib * GIB
    if fits is not None:
        there = units.size(memory_gib * GIB)
        said += f": {'may fit' if fits else 'does not fit'} into {there}, a tenth left free"
    table = Table(("Part", "Bytes", "Share"), rows, numeric=(1, 2))
    data = {"peak_bytes": total, "breakdown": parts, "fits": fits, "basis": "rough"}
    tone = "info" if fits is None else "good" if fits else "critical"
    sections = (Section("Where it is", (table,)), Section("How this was found", (Text(ROUGH),)))
    return Report("Memory estimate (rough)", sections, f"{said}.", tone, data)
