"""Copies that later steps do not touch."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any

import torch

from nbtrain.runs.host_copy import HostCopies

BASE = torch.arange(12.0).reshape(3, 4)


def state() -> dict[str, Any]:
    ordered = OrderedDict(weight=BASE.clone(), view=torch.ones(2))
    ordered._metadata = {"": {"version": 2}}
    return {
        "model": ordered,
        "list": [torch.ones(2, dtype=torch.bfloat16), (1, "two", torch.zeros(()))],
        "odd": [torch.empty(0), torch.eye(3).to_sparse(), torch.ones(2, dtype=torch.complex64).conj()],
        "counted": Counter({3: 2}),
        "none": None,
    }


def tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def test_a_copy_is_equal_and_stays_so() -> None:
    """Every kind of value comes out equal, and what is written into the original does not reach the copy."""
    before, live = state(), state()
    copied = HostCopies().copy(live).data
    for tensor in tensors(live):
        if tensor.numel() and not tensor.is_sparse:
            tensor.zero_().sub_(7)

    pairs = list(zip(tensors(copied), tensors(before), strict=True))
    assert len(pairs) == 7
    for one, other in pairs:
        assert one.dtype == other.dtype and one.shape == other.shape
        assert torch.equal(one.to_dense(), other.to_dense())
    assert copied["model"]._metadata == {"": {"version": 2}}
    assert (copied["counted"], copied["none"], copied["list"][1][1]) == (Counter({3: 2}), None, "two")


def test_tensors_that_share_memory_share_it_in_the_copy() -> None:
    """A tied weight is copied once, views keep their place in it, strides too."""
    weight = BASE.clone()
    copied = HostCopies().copy({"weight": weight, "tied": weight, "part": weight.t()[1:3]}).data

    assert copied["weight"].data_ptr() == copied["tied"].data_ptr() != weight.data_ptr()
    copied["weight"][0, 1] = 99.0
    assert copied["part"][0, 0] == 99.0
    assert copied["part"].stride() == weight.t()[1:3].stride()


def test_the_memory_of_a_copy_is_used_again_and_can_be_let_go() -> None:
    """A second copy lies where the first lay; two at once do not; nothing is kept after `let_go`."""
    copies, live = HostCopies(), {"weight": BASE.clone()}
    first = copies.copy(live)
    second = copies.copy(live)
    place = first.data["weight"].data_ptr()

    assert second.data["weight"].data_ptr() != place
    copies.give_back(first)
    assert copies.kept_bytes == BASE.numel() * 4
    assert copies.copy(live).data["weight"].data_ptr() == place
    copies.give_back(second)
    copies.let_go()
    assert copies.kept_bytes == 0
