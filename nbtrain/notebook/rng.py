"""Random generators put back bit for bit: python, numpy, torch, CUDA, MPS, and those that objects carry.

Knows nothing of loaders or models; it looks one level into the objects it is given, and draws nothing itself.
"""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Restore = Callable[[], None]
# most attributes are of these: a model of 10,000 modules has 200,000
_NEVER = frozenset([bool, int, float, str, type(None), tuple, list, dict, set, OrderedDict])


@contextmanager
def preserved_rng(*owners: Any, everywhere: bool = True) -> Iterator[None]:
    """Leave every random generator exactly as it was found, whatever is drawn inside.

    Args:
        owners: objects that may carry generators of their own (a loader, its sampler, a data set, a
            transform); each is searched one level deep for `random.Random`, numpy and torch generators.
        everywhere: the process's global generators too; False keeps those of the owners alone.

    The global generators belong to the whole process: do not enter while another thread trains, or its draws
    of that time are taken back too. CUDA is saved only where it is already in use: looking never starts it.
    """
    restores = [*(_global_states() if everywhere else ()), *_owned_states(owners)]
    try:
        yield
    finally:
        for restore in restores:
            restore()


def _global_states() -> list[Restore]:
    python_state = random.getstate()
    torch_state = torch.get_rng_state()
    restores: list[Restore] = [
        lambda: random.setstate(python_state),
        lambda: torch.set_rng_state(torch_state),
    ]
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy_state = numpy.random.get_state()
        restores.append(lambda: numpy.random.set_state(numpy_state))
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        cuda_states = torch.cuda.get_rng_state_all()  # device sync: small, before a run, never inside one
        restores.append(lambda: torch.cuda.set_rng_state_all(cuda_states))
    if torch.backends.mps.is_available():
        mps_state = torch.mps.get_rng_state()  # device sync: as above
        restores.append(lambda: torch.mps.set_rng_state(mps_state))
    return restores


def _owned_states(owners: tuple[Any, ...]) -> list[Restore]:
    restores: list[Restore] = []
    seen: set[int] = set()
    for owner in owners:
        for value in (owner, *_attributes(owner)):
            if type(value) in _NEVER or id(value) in seen:
                continue
            seen.add(id(value))
            restore = _restore_of(value)
            if restore is not None:
                restores.append(restore)
    return restores


def _attributes(owner: Any) -> list[Any]:
    try:
        return list(object.__getattribute__(owner, "__dict__").values())
    except AttributeError:
        return []


def _restore_of(value: Any) -> Restore | None:
    kind = type(value)
    if issubclass(kind, random.Random):
        state = value.getstate()
        return lambda: value.setstate(state)
    if issubclass(kind, torch.Generator):
        state = value.get_state()
        return lambda: value.set_state(state)
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if issubclass(kind, numpy.random.RandomState):
        state = value.get_state()
        return lambda: value.set_state(state)
    if issubclass(kind, numpy.random.Generator):
        bits = value.bit_generator
        state = bits.state
        return lambda: setattr(bits, "state", state)
    return None
