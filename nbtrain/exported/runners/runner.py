"""What every runner is: a name, the inputs it takes, and one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from nbtrain.errors import UsageError
from nbtrain.exported.feed import Feed


@dataclass(frozen=True)
class Port:
    """An input or output of a program. `shape`: sizes, or names of sizes that may differ."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str


@dataclass(frozen=True)
class Facts:
    """What a program says of itself. `more`: (name, value) for a report."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    opset: int | None = None
    more: tuple[tuple[str, str], ...] = field(default=())


class Runner(Protocol):
    """Runs a model: `run` takes inputs in host memory and returns the outputs there, in their order.

    On a GPU both ways and a synchronisation belong to the call, since a request has them too.
    """

    kind: str
    facts: Facts

    def run(self, feed: Feed) -> list[Tensor]:
        """Return the outputs of one batch."""
        ...


def torch_device(device: str) -> torch.device:
    """Return a device that is there.

    Raises:
        UsageError: no such device, or it is not here.
    """
    try:
        found = torch.device(device.replace("gpu", "cuda"))
    except RuntimeError:
        raise UsageError(f"`--device {device}`: it must be cpu or cuda.", suggestion="--device cpu") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"`--device {device}`: there is no GPU here.", suggestion="--device cpu")
    if found.type not in ("cpu", "cuda"):
        raise UsageError(f"`--device {device}`: it must be cpu or cuda.", suggestion="--device cpu")
    return found


def moved(feed: Feed, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return args and kwargs on a device."""

    def to(value: Any) -> Any:
        return value.to(device) if isinstance(value, Tensor) else value

    return tuple(map(to, feed.args)), {name: to(value) for name, value in feed.kwargs.items()}


def fetched(outputs: list[Tensor], device: torch.device) -> list[Tensor]:
    """Return the outputs in host memory."""
    found = [one.detach().cpu() for one in outputs]
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # device sync: work that no output waits for belongs to the call
    return found
