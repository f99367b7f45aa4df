"""A model's buffers as they were before a step, put back when the step is left out.

NaN in a batch reaches the statistics of a batch norm in forward, before any gradient is known.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.finite import blend

SMALL = 16_384  # numbers; copied in each step, for batch norms write to theirs without a trace in `_version`
LARGE = 1_000_000  # larger buffers are tables and masks, which do not change, or cost a step too much


class Buffers:
    """Copies of the buffers, made anew before each step where they are small or were written to.

    Args:
        model: whose buffers.
    """

    def __init__(self, model: nn.Module) -> None:
        self._held = [
            _Held(module._buffers, name)
            for module in model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None and buffer.numel() <= LARGE and not buffer.is_meta
        ]

    def __len__(self) -> int:
        return len(self._held)

    def keep(self) -> None:
        """Remember the buffers as they are. Called before each step's first forward."""
        changed = [held for held in self._held if held.has_changed]
        by_kind: dict[Any, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
        for held in changed:
            if held.fits:
                copies, sources = by_kind[held.now.device, held.now.dtype]
                copies.append(held.copy)
                sources.append(held.now.detach())
            else:
                held.copy = held.now.detach().clone()
        for copies, sources in by_kind.values():
            torch._foreach_copy_(copies, sources)
        for held in changed:
            held.note()

    def put_back(self, when: bool | Tensor = True) -> None:
        """Make the buffers what they were at `keep`.

        Args:
            when: False leaves them; a 0-d tensor decides on the device, without being read.
        """
        if when is False:
            return
        changed = [held for held in self._held if held.has_changed]
        if when is True:
            with torch.no_grad():
                for held in changed:
                    held.put_back()
            return
        # one that forward put in another's place, of another size, cannot be chosen on the device
        changed = [held for held in changed if held.fits]
        blend([held.now for held in changed], [held.copy for held in changed], when)


class _Held:
    """One buffer: where it is, the tensor seen there, and its values then."""

    def __init__(self, place: dict[str, Tensor | None], name: str) -> None:
        self._place, self._name = place, name
        self._tensor: Tensor | None = None
        self._version = -1
        self.copy: Tensor | None = None

    @property
    def now(self) -> Tensor:
        return self._place[self._name]

    @property
    def has_changed(self) -> bool:
        now = self._place.get(self._name)
        if now is None:
            return False
        return now.numel() <= SMALL or now is not self._tensor or now._version != self._version

    @property
    def fits(self) -> bool:
        """Say whether the copy can take the buffer's values."""
        copy, now = self.copy, self.now
        return copy is not None and (copy.shape, copy.dtype, copy.device) == (
            now.shape,
            now.dtype,
            now.device,
        )

    def note(self) -> None:
        self._tensor, self._version = self.now, self.now._version

    def put_back(self) -> None:
        """Put the very tensor back, with its former values."""
        self._tensor.copy_(self.copy)
        self._place[self._name] = self._tensor
        self.note()
