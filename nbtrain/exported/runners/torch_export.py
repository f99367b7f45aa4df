"""Runs a program of torch.export."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nbtrain.errors import CheckpointCorrupted, UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.outputs import named_outputs
from nbtrain.exported.quiet import quiet
from nbtrain.exported.runners.runner import Facts, Port, fetched, moved, torch_device


class ExportedRunner:
    """The module of a loaded program."""

    kind = "torch.export"

    def __init__(self, program: Any, device: torch.device) -> None:
        self._module, self._device = program.module(), device
        self.facts = Facts(_inputs(program))

    def run(self, feed: Feed) -> list[Tensor]:
        """Return the outputs of one batch."""
        args, kwargs = moved(feed, self._device)
        try:
            with torch.no_grad():
                output = self._module(*args, **kwargs)
        except (RuntimeError, TypeError, ValueError, AssertionError) as error:
            raise UsageError(
                f"The model does not take these inputs: {' '.join(str(error).split())[:250]}",
                suggestion="Give the data it was exported with.",
            ) from None
        return fetched(list(named_outputs(output).values()), self._device)


def load(path: Path, *, device: str) -> ExportedRunner:
    """Return what runs a .pt2 file; see `load_runner`. Its pickles are run by torch: look at them before."""
    place = torch_device(device)
    try:
        with quiet():
            program = torch.export.load(str(path))
            if place.type == "cuda":
                from torch.export.passes import move_to_device_pass

                program = move_to_device_pass(program, place)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ExportedRunner(program, place)
    except Exception as error:  # torch has many errors for bytes that are no program
        raise CheckpointCorrupted(
            f"{path} cannot be loaded by torch.export: {' '.join(str(error).split())[:200]}",
            suggestion="Export it again, with a torch that is not newer than this one.", path=str(path),
        ) from None  # fmt: skip


def _inputs(program: Any) -> tuple[Port, ...]:
    wanted = set(program.graph_signature.user_inputs)
    found = []
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if node.op == "placeholder" and node.name in wanted and isinstance(value, Tensor):
            shape = tuple(one if isinstance(one, int) else str(one) for one in value.shape)
            found.append(Port(node.name, shape, str(value.dtype).removeprefix("torch.")))
    return tuple(found)
