"""What a forward changes in a model's attributes is put back."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbtrain.train.untouched import untouched


class Keeps(nn.Module):
    """Notes what it saw in every container Python has."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self.layer, self.fails = nn.Linear(2, 2), fails
        self.seen: list[Any] = ["start"]
        self.counts: Counter[str] = Counter({"calls": 3})
        self.kinds = {"a"}
        self.last: deque[int] = deque([1, 2], maxlen=2)
        self.nested = {"layer": ([],)}
        self._memory: list[Tensor] = [torch.zeros(2), torch.zeros(2)]
        self.replaced: list[int] = [1]

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.shape)
        self.counts["calls"] += 1
        self.counts["new"] += 1
        self.kinds.discard("a")
        self.kinds.add("b")
        self.last.append(9)
        self.nested["layer"][0].append(x)
        self._memory[0] = x
        self.replaced = [*self.replaced, 2]
        if self.fails:
            raise ValueError("not today")
        return self.layer(x)


@pytest.mark.parametrize("fails", [False, True])
def test_containers_come_back_with_their_content(fails: bool) -> None:
    """Lists, dicts, sets, deques are the same objects with what was in them, nested too; also on failure."""
    model = nn.Sequential(Keeps(fails=fails))
    keeps = model[0]
    names = ("seen", "counts", "kinds", "last", "nested", "_memory", "replaced")
    before, memory = {name: getattr(keeps, name) for name in names}, list(keeps._memory)
    try:
        with untouched(model):
            model(torch.ones(1, 2))
    except ValueError:
        assert fails

    assert [name for name, value in before.items() if getattr(keeps, name) is not value] == []
    assert keeps.seen == ["start"] and keeps.counts == {"calls": 3} and keeps.kinds == {"a"}
    assert keeps.last == deque([1, 2]) and keeps.nested == {"layer": ([],)} and keeps.replaced == [1]
    assert all(one is other for one, other in zip(keeps._memory, memory, strict=True))
