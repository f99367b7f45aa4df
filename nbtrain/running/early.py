"""Which early signs a run is watched for."""

from __future__ import annotations

from typing import Any

from nbtrain.running.host_reads import Probe
from nbtrain.running.signs.exploding import Exploding
from nbtrain.running.signs.idle_device import IdleDevice
from nbtrain.running.signs.loader_bound import LoaderBound
from nbtrain.running.signs.lr_exhausted import LrExhausted
from nbtrain.running.signs.sign import Sign
from nbtrain.running.signs.stall import Stall


def early_signs(loader: Any, probe: Probe) -> list[Sign]:
    """Return one of each, new.

    Args:
        loader: the training loader, for advice that fits it. probe: has one step looked into.
    """
    return [Exploding(), Stall(), LrExhausted(), LoaderBound(loader), IdleDevice(loader, probe)]
