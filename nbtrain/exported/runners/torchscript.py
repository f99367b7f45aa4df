"""Runs TorchScript."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nbtrain.errors import CheckpointCorrupted, UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.outputs import named_outputs
from nbtrain.exported.runners.runner import Facts, Port, fetched, moved, torch_device


class ScriptRunner:
    """A loaded TorchScript module in eval mode."""

    kind = "TorchScript"

    def __init__(self, module: Any, device: torch.device) -> None:
        self._module, self._device = module, device
        schema = getattr(getattr(module, "forward", None), "schema", None)
        names = [one.name for one in schema.arguments if one.name != "self"] if schema is not None else []
        self.facts = Facts(tuple(Port(name, (), "") for name in names))

    def run(self, feed: Feed) -> list[Tensor]:
        """Return the outputs of one batch."""
        args, kwargs = moved(feed, self._device)
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = self._module(*args, **kwargs)
        except RuntimeError as error:
            last = [line for line in str(error).splitlines() if line.strip()][-1:]
            raise UsageError(
                f"The model does not take these inputs: {' '.join(last)[:250]}",
                suggestion="Give the data it was exported with.",
            ) from None
        return fetched(list(named_outputs(output).values()), self._device)


def load(path: Path, *, device: str) -> ScriptRunner:
    """Return what runs a TorchScript file; see `load_runner`."""
    place = torch_device(device)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls TorchScript deprecated; the report says so
            module = torch.jit.load(str(path), map_location=place)
    except (RuntimeError, ValueError) as error:
        raise CheckpointCorrupted(
            f"{path} cannot be loaded as TorchScript: {' '.join(str(error).split())[:200]}",
            suggestion="Export it again.", path=str(path),
        ) from None  # fmt: skip
    module.eval()
    return ScriptRunner(module, place)
