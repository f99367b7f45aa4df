"""Train and eval modes, put back module by module:
a batch norm that a person froze in eval mode stays frozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Hold the model in eval mode; each module's own mode is restored on the way out, also after an error."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def enter_training(model: nn.Module) -> bool:
    """Switch a model that stands in eval mode to train mode; return True when that was needed.

    A model already in train mode is left alone, so that submodules put in eval mode on purpose stay so.
    """
    if model.training:
        return False
    model.train()
    return True
