"""A training loss that somebody wrote: which function returns it, and what it returns on other data.

Losses that are one of torch's kernels are heard there (`nbtrain.watch.judging`). For others Python itself is
asked (`sys.setprofile`, in the loop's thread): during some of the first steps for every function that returns
what backward is called on, and later, only where validation may go on, for those functions. A profiler of the
person's is never displaced; what torch has compiled runs compiled all the same.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor

from nbtrain.watch.people import is_machinery

MOST_HELD = 6  # losses returned since the last backward; each keeps its graph until the next
STEPS = 3  # backwards in a row whose losses the same functions return
MOST_TRIES = 12  # backwards
MOST_NODES = 32  # of a graph looked at, from its end
MOST_IN_VAIN = 3  # times in a row of listening within an epoch without a loss


class OwnLoss:
    """Learn which functions return the training loss; hear what they return without gradients.

    Args:
        take: called with a loss that was returned, 0-d.
    """

    def __init__(self, take: Callable[[Tensor], Any]) -> None:
        self._take = take
        self.codes: frozenset[CodeType] = frozenset()
        self._common: frozenset[CodeType] | None = None
        self._returned: deque[tuple[Any, CodeType]] = deque(maxlen=MOST_HELD)  # node, who returned its value
        self._agreed = self._tries = self._in_vain = 0
        self._learn, self._hear = self._learning, self._hearing  # one object each, to be known again
        self._last: Any = None
        self.is_heard = False  # functions are listened to

    # --- learning -----------------------------------------------------------------------------------------

    @property
    def is_learning(self) -> bool:
        """True while backwards are looked at."""
        return self._tries < MOST_TRIES and not self.codes

    def backward(self, node: Any) -> None:
        """A backward is about to be called on a value that is no kernel's, or not alone; `node`: its own."""
        self._tries += 1
        codes = self._that_returned(node)
        self._returned.clear()
        if codes:
            self._common = codes if self._common is None else self._common & codes
            self._agreed = self._agreed + 1 if self._common else 0
            if not self._common:
                self._common = None
            elif self._agreed == STEPS:
                self.codes = self._common
        if self.is_learning:
            _listen(self._learn)
        else:
            _stop(self._learn)

    def _that_returned(self, node: Any) -> frozenset[CodeType]:
        """Return the functions that returned the values nearest to the end of a graph, where all did."""
        known: dict[Any, set[CodeType]] = {}
        for one, code in self._returned:
            known.setdefault(one, set()).add(code)
        found: frozenset[CodeType] = frozenset()
        seen, waiting = {node}, deque([node])
        for _ in range(MOST_NODES if known else 0):
            node = waiting.popleft() if waiting else None
            if node is None:
                break
            codes = known.get(node)
            if codes is not None:
                found = found & codes if found else frozenset(codes)
                continue
            before = [part for part, _ in node.next_functions if part is not None and part not in seen]
            seen.update(before)
            waiting.extend(before)
        return found

    def _learning(self, frame: FrameType, event: str, result: Any) -> None:
        if event != "return" or is_machinery(frame.f_code.co_filename):
            return
        try:
            loss = _loss_in(result)
            if loss is not None and loss.grad_fn is not None:
                self._returned.append((loss.grad_fn, frame.f_code))
        except Exception:  # an object with odd ideas of its attributes: it is no loss
            return

    # --- listening ----------------------------------------------------------------------------------------

    def listen(self, *, within_epoch: bool = False) -> None:
        """Validation may begin."""
        if self.codes and not self.is_heard and not (within_epoch and self._in_vain >= MOST_IN_VAIN):
            self.is_heard = _listen(self._hear)
            self._in_vain += within_epoch

    def stop(self) -> None:
        """Training goes on, or the loop is over."""
        _stop(self._hear)
        self.is_heard, self._last = False, None

    def end(self) -> None:
        """The loop is over, however it ended."""
        _stop(self._learn)
        self._returned.clear()
        self.stop()

    def _hearing(self, frame: FrameType, event: str, result: Any) -> None:
        if event != "return" or frame.f_code not in self.codes or torch.is_grad_enabled():
            return
        try:
            loss = _loss_in(result)
            if loss is not None and loss is not self._last:  # a function may return another's
                self._last, self._in_vain = loss, 0
                self._take(loss)
        except Exception:
            return


def _loss_in(result: Any) -> Tensor | None:
    """Return the loss in what a function returned: itself, the first of several, `loss` by name."""
    if isinstance(result, (tuple, list)):
        result = next((part for part in result[:4] if type(part) is Tensor and part.dim() == 0), None)
    elif isinstance(result, dict):
        result = result.get("loss")
    elif type(result) is not Tensor:
        result = getattr(result, "__dict__", {}).get("loss")
    is_one = type(result) is Tensor and result.dim() == 0 and result.is_floating_point()
    return result if is_one else None


def _listen(callback: Any) -> bool:
    """Have Python tell `callback`, unless it tells somebody else; say whether it does."""
    if sys.getprofile() is None:
        sys.setprofile(callback)
    return sys.getprofile() is callback


def _stop(callback: Any) -> None:
    if sys.getprofile() is callback:
        sys.setprofile(None)
