"""What goes into a loss and comes out of it: shapes that were broadcast, probabilities, the expected start.

Of a loss: kernel, value, trains, mean, input and target (shapes), made_by (what the input came out of),
    and by kernel: classes and expected (ln of them), probabilities, broadcast (both sides were stretched),
    unlogged (NLLLoss of what is no log-probability).
Of a backward: value, and table: n where the loss reduces n x n values although the model gave n.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

CROSS_ENTROPY, NLL = "cross_entropy_loss", "nll_loss_nd"
COMPARED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
BCE_LOGITS = "binary_cross_entropy_with_logits"
MEAN = 1
MOST = 1 << 22  # elements looked at
SHAPING = (
    "View",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Permute",
    "Transpose",
    "TBackward",
    "Slice",
    "Select",
    "ToCopy",
    "Expand",
    "Alias",
)


def loss_of(name: str, result: Tensor, args: Any, reduction: int) -> dict[str, Any]:
    """Return what a call of a loss kernel shows."""
    data: dict[str, Any] = {
        "kernel": name, "trains": bool(result.requires_grad), "mean": reduction == MEAN,
        "value": float(result.detach()) if result.dim() == 0 else None,
    }  # fmt: skip
    if len(args) < 2 or not all(isinstance(one, Tensor) for one in args[:2]):
        return data
    given, target = args[0].detach(), args[1].detach()
    data.update(input=tuple(given.shape), target=tuple(target.shape), made_by=made_by(args[0]))
    if name in COMPARED:
        data["broadcast"] = _stretched(given, target)
    elif name == CROSS_ENTROPY and given.dim() >= 1 and given.numel() <= MOST:
        data["classes"] = given.size(1) if given.dim() > 1 else given.size(0)
        data["probabilities"] = _are_probabilities(given)
        weighted = (len(args) > 2 and args[2] is not None) or target.is_floating_point()
        if reduction == MEAN and not weighted and data["classes"] > 1:
            data["expected"] = math.log(data["classes"])
    elif name == NLL and given.numel() <= MOST:
        data["unlogged"] = bool((given > 1e-4).any())
    elif name == BCE_LOGITS and given.numel() <= MOST:
        data["probabilities"] = data["made_by"] == "sigmoid"
    return data


def backward_of(value: Any, outputs: Tensor | None) -> dict[str, Any]:
    """Return what the value of a backward shows."""
    if not isinstance(value, Tensor):
        return {}
    lone = value.dim() == 0 or value.numel() == 1
    return {"value": float(value.detach()) if lone else None, "table": _table(value, outputs)}


def made_by(value: Tensor) -> str:
    """ "softmax", "log-softmax" or "sigmoid" where a tensor came out of one, with nothing but views since."""
    node = value.grad_fn
    for _ in range(8):
        if node is None:
            return ""
        name = type(node).__name__
        for kind, said in (("LogSoftmax", "log-softmax"), ("Softmax", "softmax"), ("Sigmoid", "sigmoid")):
            if name.startswith(kind):
                return said
        if not name.removeprefix("Unsafe").removeprefix("_").startswith(SHAPING) or not node.next_functions:
            return ""
        node = node.next_functions[0][0]
    return ""


def _stretched(given: Tensor, target: Tensor) -> bool:
    """Whether both sides were stretched to one shape: every prediction is compared with every target."""
    if given.shape != target.shape:
        return False
    mine = [s for s, step in enumerate(given.stride()) if step == 0 and given.size(s) > 1]
    theirs = [s for s, step in enumerate(target.stride()) if step == 0 and target.size(s) > 1]
    return bool(mine and theirs and set(mine) != set(theirs))


def _are_probabilities(given: Tensor) -> bool:
    at = 1 if given.dim() > 1 else 0
    if given.size(at) < 2 or bool((given < 0).any()) or not bool(torch.isfinite(given).all()):
        return False
    sums = given.float().sum(at)
    return bool(torch.allclose(sums, torch.ones_like(sums), atol=1e-3))


def _table(value: Tensor, outputs: Tensor | None) -> int | None:
    """n where the loss reduces an n x n table while the model gave n values, or n x 1."""
    if outputs is None or outputs.dim() == 0 or outputs.numel() != outputs.size(0):
        return None
    n = outputs.size(0)
    node = value.grad_fn
    for _ in range(6):
        if node is None:
            return None
        sizes = getattr(node, "_saved_self_sym_sizes", None) or getattr(node, "_saved_self_sizes", None)
        if sizes is not None and type(node).__name__.startswith(("Mean", "Sum")):
            return n if tuple(sizes) == (n, n) and n > 1 else None
        node = node.next_functions[0][0] if node.next_functions else None
    return None
