"""Gradient norms by layer, as a history tells them: `layer_grad_norms` in each epoch's row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from nbtrain.diagnose.history import History

NAMES = ("layer_grad_norms", "grad_norms", "layer_gradients")


def layer_norms(history: History) -> list[tuple[float, dict[str, float]]]:
    """Return (epoch, {layer: mean norm}) for each epoch that has them, layers in the order of the file.

    An unknown norm is left out; one that is not finite is kept.
    """
    rows = next((history.nested[name] for name in NAMES if name in history.nested), ())
    found = [(epoch, _numbers(value)) for epoch, value in rows if isinstance(value, Mapping)]
    return [(epoch, norms) for epoch, norms in found if norms]


def weights_only(norms: Mapping[str, float]) -> dict[str, float]:
    """Return the layers without their biases, whose gradients are of another scale; all where there are only
    those.
    """
    kept = {name: norm for name, norm in norms.items() if not name.endswith("bias")}
    return kept or dict(norms)


def _numbers(value: Mapping[Any, Any]) -> dict[str, float]:
    found = {}
    for name, norm in value.items():
        norm = (
            {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(norm, norm)
            if isinstance(norm, str)
            else norm
        )
        if isinstance(norm, (int, float)) and not isinstance(norm, bool):
            found[str(name)] = float(norm)
    return found
