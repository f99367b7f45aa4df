"""Random generators that objects carry (a sampler's, a data set's, a transform's): found, kept as plain data,
put back, seeded. The generators of the process itself are `rng`'s.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from nbtrain.runs.rng import from_plain, to_plain

MAX_OBJECTS = 500  # looked at; a loader with samplers, nested data sets and transforms has about thirty
MAX_DEPTH = 7  # loader > data set > Subset > data set > Compose > list > transform > its generator
MAX_ITEMS = 64  # of a container; longer ones hold data
_LEAVES = (
    str, bytes, bytearray, int, float, complex, bool, type(None), type, ModuleType, FunctionType,
    BuiltinFunctionType, torch.Tensor, np.ndarray, np.generic, torch.dtype, torch.device,
)  # fmt: skip
_KINDS = (random.Random, torch.Generator, np.random.RandomState, np.random.Generator)


def find_generators(root: Any) -> dict[str, Any]:
    """Return the generators that `root` holds, each once, under the way that leads to it.

    The ways are the same in another process that made the same objects: attribute names, keys, places.
    """
    found: dict[str, Any] = {}
    seen = {id(torch.default_generator), id(np.random.mtrand._rand), id(random._inst)}  # the process's own
    level: list[tuple[str, Any]] = [("", root)]
    for _ in range(MAX_DEPTH):
        below: list[tuple[str, Any]] = []
        for way, thing in level:
            if isinstance(thing, _LEAVES) or id(thing) in seen or len(seen) > MAX_OBJECTS:
                continue
            seen.add(id(thing))
            if isinstance(thing, _KINDS):
                found[way] = thing
            else:
                below += [(f"{way}.{name}" if way else name, part) for name, part in _parts(thing)]
        level = below
    return found


def states_of(generators: Mapping[str, Any]) -> dict[str, Any]:
    """Return the states of generators as plain data, loadable with `weights_only=True`."""
    return {way: _state(generator) for way, generator in generators.items()}


def put_states(generators: Mapping[str, Any], states: Mapping[str, Any]) -> list[str]:
    """Put generators where `states_of` found them; return the ways for which there is none of that kind."""
    missing = []
    for way, state in states.items():
        generator = generators.get(way)
        if generator is None or not _put(generator, state):
            missing.append(way)
    return missing


def seed_generator(generator: Any, seed: int) -> None:
    """Start a generator anew from `seed`, 0 <= seed < 2**63."""
    if isinstance(generator, torch.Generator):
        generator.manual_seed(seed)
    elif isinstance(generator, random.Random):
        generator.seed(seed)
    elif isinstance(generator, np.random.RandomState):
        generator.seed(seed % 2**32)
    else:
        bits = generator.bit_generator
        bits.state = type(bits)(seed).state


def _parts(thing: Any) -> list[tuple[str, Any]]:
    """What an object holds, without running code of its class: somebody's list may count its passes."""
    inside: list[tuple[str, Any]] = []
    if isinstance(thing, dict) and dict.__len__(thing) <= MAX_ITEMS:
        inside = [(str(key), part) for key, part in dict.items(thing) if isinstance(key, (str, int))]
    for kind in (list, tuple):
        if isinstance(thing, kind) and kind.__len__(thing) <= MAX_ITEMS:
            inside = [(str(at), part) for at, part in enumerate(kind.__iter__(thing))]
    try:
        return inside + list(object.__getattribute__(thing, "__dict__").items())
    except AttributeError:
        return inside


def _state(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return to_plain(generator.get_state(legacy=False))
    return to_plain(generator.bit_generator.state)


def _put(generator: Any, state: Any) -> bool:
    try:
        if isinstance(generator, torch.Generator):
            generator.set_state(state.cpu())
        elif isinstance(generator, random.Random):
            version, internal, gauss = state
            generator.setstate((version, tuple(internal), gauss))
        elif isinstance(generator, np.random.RandomState):
            generator.set_state(from_plain(state))
        else:
            generator.bit_generator.state = from_plain(state)
    except (AttributeError, TypeError, ValueError, RuntimeError):  # another kind of generator than it was
        return False
    return True
