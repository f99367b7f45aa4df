"""Which early signs a run is watched for."""

from __future__ import annotations

from typing import Any

from nbtrain.running.host_reads import Probe
from nbtrain.running.limits import STALL_EPOCHS
from nbtrain.running.signs.exploding import Exploding
from nbtrain.running.signs.idle_device import IdleDevice
from nbtrain.running.signs.loader_bound import LoaderBound
from nbtrain.running.signs.lr_exhausted import LrExhausted
from nbtrain.running.signs.sign import Sign
from nbtrain.running.signs.stall import Stall

LEAST_EPOCHS = 5  # fewer say nothing of a stall


def early_signs(loader: Any, probe: Probe, *, patience: int | None = None) -> list[Sign]:
    """Return one of each, new.

    Args:
        loader: the training loader, for advice that fits it. probe: has one step looked into.
        patience: evaluations after which early stopping ends the run: a stall is said by then.
    """
    stall = Stall(max(LEAST_EPOCHS, min(STALL_EPOCHS, patience or STALL_EPOCHS)))
    return [Exploding(), stall, LrExhausted(), LoaderBound(loader), IdleDevice(loader, probe)]
