"""What a run does when a step does not fit into memory: smaller pieces of the same batch, from then on.

The step is taken again from its beginning: gradients dropped, random draws and buffers put back, the same
samples in halves whose losses are weighed so that they add up to that of the whole. What it costs is a longer
step; what changes is that a batch norm sees smaller batches. Larger pieces are not tried again: an allocation
that failed once fails again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import OutOfMemory
from nbtrain.train.modes import evaluating
from nbtrain.train.out_of_memory import drop_frames, give_memory_back
from nbtrain.train.pieces import Piece, how_losses_add, pieces_of, samples_in, weighed, whole
from nbtrain.train.untouched import untouched


@dataclass(frozen=True)
class Shortage:
    """An allocation that failed, without the frames that hold the step's tensors.

    Attributes:
        at: "forward", "backward", "update" or "validation". text: what the allocator said, one line.
    """

    at: str
    text: str


@dataclass(frozen=True)
class Change:
    """What was changed because of a shortage.

    Attributes:
        shortage: what had happened. before, after: samples in a piece; equal where something else changed.
        adds: how the losses of pieces add up (`nbtrain.train.pieces.how_losses_add`).
        sees_batch: the model has batch norms, whose statistics are now of fewer samples.
        back_to: what the weights went back to, "" when they stayed. slower: the optimizer now works
            parameter by parameter.
    """

    shortage: Shortage
    before: int
    after: int
    adds: str = "mean"
    sees_batch: bool = False
    back_to: str = ""
    slower: bool = False


class Pieces:
    """How many samples fit, for training or for validation.

    Args:
        what: "a training step" or "a validation batch", for the messages.
        loss_of: batch on its device -> loss; asked once, when a first batch is cut.
    """

    def __init__(self, what: str, model: nn.Module, loss_of: Callable[[Any], Tensor]) -> None:
        self._what, self._model, self._loss_of = what, model, loss_of
        self.arrange: Callable[[Sequence[Any]], Sequence[Any]] | None = None  # before whole batches are taken
        self.most: int | None = None
        self.adds = "mean"
        self.counted: Callable[[Any], int] | None = None  # of a loss that is a mean over what it counts

    def cut(self, group: Sequence[Any]) -> list[Piece]:
        """Return the pieces of some micro-batches."""
        if self.most is not None:
            pieces = pieces_of(group, self.most, adds=self.adds)
        else:
            pieces = whole(group if self.arrange is None else self.arrange(group))
        if self.counted is None or len(pieces) == 1:
            return pieces
        return weighed(pieces, self.counted)

    def halve(self, group: Sequence[Any], shortage: Shortage) -> Change:
        """Make the pieces half as large as the largest of this group was.

        Raises:
            OutOfMemory: they were single samples, or cannot be cut.
        """
        largest = max((samples_in(piece.batch) for piece in self.cut(group)), default=0)
        if largest < 2:
            raise OutOfMemory(
                f"{self._what} does not fit into memory even with "
                f"{'a single sample' if largest else 'a batch that cannot be cut'} ({shortage.text}).",
                suggestion="What helps: a smaller model or shorter sequences, --precision bf16, gradient "
                "checkpointing, an optimizer with less state (SGD), nbtrain.free() after failed cells.",
                at=shortage.at,
            )
        if self.most is None:
            self.adds = "mean" if self.counted is not None else self._how(group[0])
        self.most = -(-largest // 2)
        sees_batch = any(
            isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training
            for module in self._model.modules()
        )
        return Change(shortage, largest, self.most, self.adds, sees_batch)

    def _how(self, batch: Any) -> str:
        """Ask two samples how their losses add up; nothing of the model changes by it."""
        try:
            with untouched(self._model), evaluating(self._model), torch.no_grad():
                return how_losses_add(self._loss_of, batch)
        except Exception:  # a loss of the person's own that takes no batch of one: nothing is known
            return "other"
        finally:
            give_memory_back()


def shortage_of(error: BaseException, at: str) -> Shortage:
    """Return what an error says, and have it hold no frames."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    drop_frames(error)
    return Shortage(at, lines[0])


def update_anew(optimizer: Any, shortage: Shortage, go_back: Callable[[], str], *, again: bool) -> Change:
    """Go back to the last good state, and have the optimizer need less.

    Raises:
        OutOfMemory: there is nothing to go back to, or it was tried just before.
    """
    back_to = "" if again else go_back()
    if not back_to:
        why = "and there is no earlier state to go back to" if not again else "also parameter by parameter"
        raise OutOfMemory(
            f"The update of {type(optimizer).__name__} does not fit into memory, {why} ({shortage.text}).",
            suggestion="What helps: an optimizer with less state (SGD, Adafactor), fewer trainable "
            "parameters, a smaller model, nbtrain.free() after failed cells.",
            at="update",
        )
    slower = False
    for group in getattr(optimizer, "param_groups", ()):
        on_gpu = any(parameter.is_cuda for parameter in group["params"])
        if (
            "foreach" in group
            and not group.get("fused")
            and (group["foreach"] or (on_gpu and group["foreach"] is None))
        ):
            group["foreach"], slower = False, True  # it holds copies of all parameters at once
    return Change(shortage, 0, 0, back_to=back_to, slower=slower)


def in_words(change: Change) -> tuple[str, str]:
    """Return (what happened and what was changed, what it means), for the alert."""
    shortage = change.shortage
    where = {"update": "in the optimizer's step"}.get(shortage.at, f"in the {shortage.at}")
    said = f"There was not enough memory {where}."
    if change.before != change.after:
        said += f" Batches are now taken in pieces of at most {change.after:,} samples, of {change.before:,}."
        means = [
            "the step is the same, with the same samples and the sum of their gradients, and takes longer"
        ]
        if change.sees_batch:
            means.append("batch norms see the smaller pieces, so their statistics are noisier")
        if change.adds == "other":
            means.append(
                "the loss is no plain mean or sum over samples, so that of the pieces is not exactly that of "
                "the batch"
            )
        means.append(f"a batch size of {change.after:,} with --accumulate 2 says the same from the start")
    else:
        said += f" The weights went back to {change.back_to}."
        means = ["the update was half made"]
        if change.slower:
            means.append("the optimizer now works parameter by parameter (foreach=False), which needs less")
    return said, "; ".join(means)
