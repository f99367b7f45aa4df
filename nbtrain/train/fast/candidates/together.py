"""The micro-batches of a step taken together, in one forward and backward.

What it does: with `--accumulate k` the gradients of k batches are added up before an update. Where there is
memory, one pass over all k is the same step with fewer launches. The effective batch stays what it is; where
nothing is accumulated a larger batch would be another training, and it is not tried. Batch norms would see
other statistics, so models with them are left alone too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.fast.candidate import ROUNDING, Candidate, Scene, Setting
from nbtrain.train.pieces import samples_in

OTHER_TRAINING = "a larger batch would be another training, and nothing is accumulated"


def unfit(scene: Scene) -> str:
    """Only where several batches make a step, and samples do not see each other."""
    if scene.options.accumulate == 1:
        return OTHER_TRAINING
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in scene.model.modules()):
        return "batch norms would see other statistics"
    if len(joined([scene.batch, scene.batch])) != 1:
        return f"batches of {type(scene.batch).__name__} cannot be joined"
    return ""


def change(setting: Setting, scene: Scene) -> Setting:
    """Join the micro-batches before whatever else is done to them."""
    inner = setting.arrange

    def arrange(group: Sequence[Any]) -> Sequence[Any]:
        return joined(group if inner is None else inner(group))

    return replace(setting, arrange=arrange)


def joined(group: Sequence[Any]) -> Sequence[Any]:
    """Return the batches of a step as one; as they are where they differ in size or form."""
    sizes = {samples_in(batch) for batch in group}
    if len(group) < 2 or len(sizes) != 1 or 0 in sizes:
        return group
    try:
        return [_join(group, sizes.pop())]
    except (TypeError, RuntimeError):  # forms that do not go together: sequences of several lengths
        return group


def _join(parts: Sequence[Any], samples: int) -> Any:
    first = parts[0]
    if any(type(part) is not type(first) for part in parts):
        raise TypeError("parts of several kinds")
    if isinstance(first, Tensor):
        if first.dim() and first.shape[0] == samples:
            return torch.cat(list(parts))
        if all(torch.equal(part, first) for part in parts):  # the weights of classes
            return first
    elif isinstance(first, Mapping):
        return {key: _join([part[key] for part in parts], samples) for key in first}
    elif type(first) in (tuple, list) and all(len(part) == len(first) for part in parts):
        return type(first)(_join(column, samples) for column in zip(*parts, strict=True))
    raise TypeError(f"a {type(first).__name__} in a batch")


CANDIDATE = Candidate("together", "larger micro-batches", 50, ROUNDING, unfit, change)
