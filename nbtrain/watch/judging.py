"""The kernels behind torch's losses, listened to: which loss is trained on, what it says of other data.

Every loss of torch.nn and torch.nn.functional ends in one of these. They are listened to instead of the
functions people write, since those are stored in models, compared and pickled; nobody holds a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from nbtrain.watch.following import listener

NONE, MEAN, SUM = 0, 1, 2  # torch's numbers of reductions
_NN = torch._C._nn
# where the kernel is, its name, which argument says how it reduces
KERNELS: tuple[tuple[Any, str, int], ...] = (
    (_NN, "cross_entropy_loss", 3),
    (_NN, "nll_loss_nd", 3),
    (_NN, "mse_loss", 2),
    (_NN, "l1_loss", 2),
    (_NN, "smooth_l1_loss", 2),
    (_NN, "huber_loss", 2),
    (_NN, "binary_cross_entropy", 3),
    (torch, "binary_cross_entropy_with_logits", 4),
    (_NN, "soft_margin_loss", 2),
    (_NN, "multi_margin_loss", 5),
    (_NN, "multilabel_margin_loss", 2),
    (torch, "ctc_loss", 5),
    (torch, "hinge_embedding_loss", 3),
    (torch, "margin_ranking_loss", 4),
    (torch, "cosine_embedding_loss", 4),
    (torch, "triplet_margin_loss", 7),
    (torch, "poisson_nll_loss", 5),
)


def listening(original: Callable[..., Any], name: str, reduction: int) -> Callable[..., Any]:
    """Return the kernel with an ear: a follower in the context is told name, result and reduction."""

    def kernel(*args: Any, **keywords: Any) -> Any:
        if _is_compiling():  # traced as if we were not there
            return original(*args, **keywords)
        result = original(*args, **keywords)
        follower = listener()
        if follower is None or follower.deaf or follower.is_no_news():
            return result
        if type(result) is torch.Tensor and not _is_wrapped(result):
            how = args[reduction] if len(args) > reduction else keywords.get("reduction", MEAN)
            follower.judged(name, result, args, how)
        return result

    return kernel


_is_compiling = torch.compiler.is_compiling
_is_wrapped = getattr(torch._C._functorch, "is_functorch_wrapped_tensor", lambda tensor: False)


@contextmanager
def scriptable(wrapper: Callable[..., Any]) -> Iterator[None]:
    """Let torch.jit.script see the kernel in its wrapper: cells may compile while a loop is followed."""
    table = torch.jit._builtins._get_builtin_table()
    original = wrapper.__wrapped__
    known = table.get(id(original))
    if known is None:
        yield
        return
    table[id(wrapper)] = known
    try:
        yield
    finally:
        table.pop(id(wrapper), None)
