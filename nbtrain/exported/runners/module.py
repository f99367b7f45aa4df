"""Runs a torch.nn.Module as it is: what exported models are held against."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.outputs import named_outputs
from nbtrain.exported.runners.runner import Facts, fetched, moved, torch_device

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


class ModuleRunner:
    """A module in eval mode, without gradients."""

    kind = "PyTorch"

    def __init__(self, model: nn.Module, *, device: str = "cpu") -> None:
        self._device = torch_device(device)
        self.model = model.to(self._device)
        self.facts = Facts()

    def output(self, feed: Feed, *, gradients: bool = False) -> Any:
        """Return what the module returns, where it lies."""
        args, kwargs = moved(feed, self._device)
        with torch.set_grad_enabled(gradients):
            return self.model(*args, **kwargs)

    def run(self, feed: Feed) -> list[Tensor]:
        """Return the outputs of one batch."""
        return fetched(list(named_outputs(self.output(feed)).values()), self._device)


def keeps_cache(model: nn.Module) -> bool:
    """Say whether a model of Hugging Face returns its key-value cache, which no file can hold."""
    return getattr(getattr(model, "config", None), "use_cache", None) is True


def evaluation_copy(model: nn.Module, name: str = "model") -> nn.Module:
    """Return a copy on the CPU in eval mode; the model itself is left as it is.

    Raises:
        UsageError: it cannot be copied.
    """
    while isinstance(inner := getattr(model, "_orig_mod", getattr(model, "module", None)), nn.Module) and (
        isinstance(model, WRAPPERS) or hasattr(model, "_orig_mod")
    ):  # torch.compile and the parallel wrappers run a model; what is exported is the model
        model = inner
    try:
        twin = copy.deepcopy(model)
    except Exception as error:  # whatever the person's own attributes raise
        raise UsageError(
            f"`{name}` cannot be copied ({type(error).__name__}: {str(error)[:150]}), and it is not changed.",
            suggestion="Look for attributes that hold a tensor with a graph, a file or a lock.",
        ) from error
    twin = twin.cpu().eval()
    if keeps_cache(twin):
        twin.config.use_cache = False
    for parameter in twin.parameters():  # with gradients torch's own attention takes its plain path,
        if parameter.is_floating_point():  # which exporters know; its fused one they do not
            parameter.requires_grad_(True)
    return twin
