"""The batches that a followed loop draws: which loader feeds the training, how many samples a step had."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

MOST_DEEP = 3  # containers in containers


class Draws:
    """Tell the loader that feeds the training from others.

    It is the one whose batches are drawn, with gradients on, before a backward.
    """

    def __init__(self) -> None:
        self._loaders: dict[int, tuple[weakref.ref[Any], weakref.ref[Any]]] = {}  # id: it, its loader
        self.candidates: dict[int, int] = {}  # iterators drawn from since the last backward -> batches
        self._feeding = 0  # id of the iterator that feeds the training, 0 for none
        self._samples: dict[int, int] = {}
        self.last: Any = None  # weak reference to the loader last drawn from
        self.batches = 0  # of the feeding iterator, in this pass
        self.draws = 0  # of it since the last step
        self.ahead = 0  # batches that are drawn before they are used: of the pass that feeds, or has fed
        self.elsewhere = 0  # samples of the newest batch, where it did not feed the training
        self.was_fed = False

    @property
    def is_fed(self) -> bool:
        """True while a pass over a loader feeds the training."""
        return self._feeding != 0

    def begin(self, loader: Any, iterator: Any) -> None:
        """Take note of a pass over a loader that begins."""
        self._loaders[id(iterator)] = weakref.ref(iterator), weakref.ref(loader)
        if self._feeding == id(iterator):  # workers that persist: the same iterator begins anew
            self._feeding = 0

    def drawn(self, iterator: Any, batch: Any) -> None:
        """Take note of a batch."""
        key = id(iterator)
        known = self._loaders.get(key)
        self.last = known[1] if known is not None else None
        is_training = torch.is_grad_enabled()
        feeds = is_training and key == self._feeding
        self.elsewhere = 0 if feeds else samples_of(batch) or 1
        if not is_training:
            return
        if feeds:
            self.batches += 1
            self.draws += 1
        else:
            self.candidates[key] = self.candidates.get(key, 0) + 1
        first = batch[0] if type(batch) in (list, tuple) and batch else batch
        size = first.size(0) if type(first) is Tensor and first.dim() else samples_of(batch)
        self._samples[key] = self._samples.get(key, 0) + size

    def backward(self) -> bool:
        """Say whether a pass over a loader has just been found to feed the training (see `loader`).

        The first of those drawn from since the last backward, unless the one that was feeding is among them.
        """
        candidates = self.candidates
        if not candidates:
            return False
        self.candidates = {}
        if self.draws or self._alive(self._feeding):
            return False
        living = [key for key in candidates if self._alive(key)]
        if not living:
            return False
        self._feeding, self.batches, self.draws, self.was_fed = living[0], 1, 1, True
        self.ahead = candidates[self._feeding] - 1
        return True

    @property
    def loader(self) -> Any:
        """The loader that feeds the training; None where nothing holds it (`for x in DataLoader(...)`)."""
        known = self._loaders.get(self._feeding)
        return known[1]() if known is not None else None

    def exhausted(self, iterator: Any) -> bool:
        """Say whether this iterator's end is the end of an epoch."""
        key = id(iterator)
        self._loaders.pop(key, None)
        self.candidates.pop(key, None)
        if key != self._feeding:
            return False
        self._feeding = self.draws = 0
        self.last, self.elsewhere = None, 0  # what is judged from here on is no batch of it
        return True

    def gave_all(self) -> bool:
        """Say whether the pass that feeds the training gave its last batch and was asked for no more."""
        loader = self.loader
        try:
            return loader is not None and self.batches == len(loader)
        except Exception:  # a stream without a length, or with one that lies
            return False

    def take_samples(self) -> int:
        """Return how many samples the feeding loader gave since the last call, 0 where none was seen."""
        samples = self._samples.get(self._feeding, 0) or max(self._samples.values(), default=0)
        self._samples.clear()
        self.draws = 0
        return samples

    def _alive(self, key: int) -> bool:
        known = self._loaders.get(key)
        return known is not None and known[0]() is not None


def samples_of(batch: Any, depth: int = 0) -> int:
    """Return the length of the first tensor of a batch, 0 where there is none."""
    if isinstance(batch, Tensor):
        return batch.shape[0] if batch.dim() else 1
    if depth >= MOST_DEEP:
        return 0
    if isinstance(batch, Mapping):
        parts: Any = batch.values()
    elif isinstance(batch, (list, tuple)):
        parts = batch
    else:
        graphs = getattr(batch, "num_graphs", None)  # PyTorch Geometric
        return graphs if isinstance(graphs, int) else 0
    return next((size for part in parts if (size := samples_of(part, depth + 1))), 0)
