"""Values as plain data."""

from __future__ import annotations

import enum
import io
import json
import math
from collections import Counter, OrderedDict, defaultdict, namedtuple
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from nbtrain.errors import UserError
from nbtrain.runs.plain import for_json, for_torch, from_json_number, tensor_bytes


class Color(enum.Enum):
    RED = "red"


class Level(int, enum.Enum):
    HIGH = 3


VALUES = [
    None, True, 3, 2**80, 0.5, "é", [1, (2,)], {"a": {1: 2}}, math.nan, math.inf, np.float64(1), np.int8(1),
    np.bool_(True), np.arange(4).reshape(2, 2), np.array(["a"]), {1, 2}, frozenset("a"), Path("a/b"),
    datetime(2026, 1, 1), Level.HIGH, Counter("aab"), defaultdict(list, a=[1]), OrderedDict(a=1),
    namedtuple("Point", "x y")(1, 2),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_pass_through_a_weights_only_load(value: object) -> None:
    """What for_torch returns is read back by torch with weights_only and means the same."""
    plain = for_torch(value)
    buffer = io.BytesIO()
    torch.save(plain, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=True)

    assert repr(loaded) == repr(plain)
    assert json.dumps(for_json(loaded)) == json.dumps(for_json(value))


@pytest.mark.parametrize("value", [*VALUES, Color.RED, object(), b"x", lambda: 0, 1j, torch.ones(2)])
def test_everything_has_a_json_form(value: object) -> None:
    """Whatever is given becomes strict JSON."""
    json.dumps(for_json(value), allow_nan=False)


def test_non_finite_numbers_have_names() -> None:
    """NaN and the infinities become three strings and come back."""
    names = [for_json(value) for value in (math.nan, math.inf, -math.inf, np.float32("nan"))]

    assert names == ["NaN", "Infinity", "-Infinity", "NaN"]
    assert math.isnan(from_json_number("NaN"))
    assert from_json_number("-Infinity") == -math.inf
    assert from_json_number("nan") == "nan"


@pytest.mark.parametrize("value", [object(), lambda: 0, Color.RED, slice(1), io.BytesIO()])
def test_what_is_no_data_is_refused_with_its_place(value: object) -> None:
    """An object deep in the state is named by its place and type."""
    with pytest.raises(UserError, match=r"state\['a'\]\[1\] is "):
        for_torch({"a": [0, value]}, "state")


def test_tensors_are_kept_detached_and_tied() -> None:
    """Tensors stay the same memory, without a graph; module versions survive."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    state = for_torch(model.state_dict())
    assert state["0.weight"].data_ptr() == model[0].weight.data_ptr()
    assert state._metadata == model.state_dict()._metadata
    grown = for_torch([model[0].weight * 2])[0]
    assert not grown.requires_grad


def test_bytes_of_tensors_are_counted_once() -> None:
    """Shared memory counts once, wherever it is in the state."""
    tensor = torch.zeros(1000)
    assert tensor_bytes({"a": tensor, "b": [tensor.view(10, 100), {"c": torch.zeros(10)}], "d": "x"}) == 4040
