"""The cross-entropy of the next token: a mean over the tokens that are predicted, however batches are cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nbtrain.train.batch import logits_of

IGNORED = -100  # a target that does not count


class NextTokenLoss:
    """Mean cross-entropy in nats, computed in float32 as the models of transformers do it themselves.

    Shapes: logits (batch, positions, vocabulary), target (batch, positions) with -100 where nothing is asked.

    Args:
        shift: the target is the text itself, so that position i answers for token i + 1; else the data has
            shifted it already. router: weight of the loss by which a mixture of experts balances itself.
        name: what it is called.
    """

    def __init__(self, *, shift: bool, router: float = 0.0, name: str = "next_token_loss") -> None:
        self.shift, self.router, self.__name__ = shift, router, name

    def __call__(self, output: Any, target: Tensor) -> Tensor:
        logits = logits_of(output)
        if self.shift:
            logits, target = logits[:, :-1], target[:, 1:]
        kind = torch.promote_types(logits.dtype, torch.float32)
        loss = functional.cross_entropy(logits.flatten(0, 1).to(kind), target.flatten(), ignore_index=IGNORED)
        balance = getattr(output, "aux_loss", None)
        return loss if balance is None or not self.router else loss + self.router * balance

    def counted(self, batch: Any) -> int:
        """Return how many tokens of a batch are predicted."""
        target = batch["labels"] if isinstance(batch, Mapping) else batch[-1]
        if self.shift:
            target = target[:, 1:]
        return int(torch.count_nonzero(target != IGNORED))

    def tokens(self, batch: Any) -> int:
        """Return how many tokens of a batch the model reads, filling left out."""
        if not isinstance(batch, Mapping):
            return batch[0].numel()
        mask = batch.get("attention_mask")
        return batch["input_ids"].numel() if mask is None else int(mask.sum())
