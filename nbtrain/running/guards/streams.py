"""Random streams kept apart by thread: from which generators a thread draws.

torch has one default generator a device for the whole process. A marked thread draws from a Stream instead:
`nbtrain.running.guards.draws` sees to the draws themselves; seeding and reading (`torch.manual_seed`, `seed`,
`get_rng_state`, `fork_rng` and their like for CUDA) all reach for `torch.random.default_generator` and
`torch.cuda.default_generators` when they are called, and find here the generator of their thread.

The mark is a dispatch key in the thread's own set of keys: an op that draws nothing pays nothing for it. (A
TorchDispatchMode, the obvious way, costs 8 us an op, and while one is entered in any thread torch.compile is
off in all of them, the training thread too.)
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

MARK = "DeferredInit"  # a dispatch key that torch names and does not use itself
_key = torch._C._dispatch_key_parse(MARK)
_included = torch._C._dispatch_tls_is_dispatch_key_included
_include = torch._C._dispatch_tls_set_dispatch_key_included
CPU = ("cpu", 0)
Device = tuple[str, int]


class Stream:
    """Generators, one a device, that stand in for torch's default ones.

    Args:
        first: gives the state of a device's generator when it is first used.
    """

    def __init__(self, first: Callable[[Device], Any]) -> None:
        self.lock = threading.RLock()  # held while a draw is under way
        self.over = False  # its states were given to torch's own generators, which stand in for it
        self._first = first
        self._generators: dict[Device, torch.Generator] = {}
        self._begun: dict[Device, torch.Tensor] = {}

    def generator(self, device: Device) -> torch.Generator:
        """Return the generator of a device; while `lock` is held it is the right one."""
        if self.over:
            return default_of(device)
        found = self._generators.get(device)
        if found is None:
            with self.lock:
                found = self._generators.get(device)
                if found is None:
                    found = new_generator(device)
                    self._begin(found, device)
                    self._generators[device] = found
        return found

    def untouched(self) -> bool:
        """Say whether nothing was drawn or seeded since it began (anew)."""
        with self.lock:
            return all(torch.equal(one.get_state(), self._begun[at]) for at, one in self._generators.items())

    def states(self) -> dict[Device, Any]:
        """Return the state of each generator in use."""
        with self.lock:
            return {device: one.get_state() for device, one in self._generators.items()}

    def begin_anew(self, first: Callable[[Device], Any]) -> None:
        """Put every generator in use where `first` says, and those to come."""
        with self.lock:
            self._first = first
            for device, one in self._generators.items():
                self._begin(one, device)

    def _begin(self, generator: torch.Generator, device: Device) -> None:
        self._begun[device] = self._first(device)
        generator.set_state(self._begun[device])


class _Routes:
    """What is lent, and to whom. One for the process."""

    def __init__(self) -> None:
        self.notebook: Stream | None = None  # what marked threads draw from that have no stream of their own
        self.onlookers: list[Callable[[str], None]] = []  # told of each draw and seeding of a marked thread
        self.own = threading.local()  # .stream: of a training thread that runs beside another
        self.cuda: Any = None  # torch's tuple of generators, while it is routed


_now = _Routes()
_real_cpu = torch.default_generator


# --- threads ----------------------------------------------------------------------------------------------


def in_use() -> bool:
    """Say whether marked threads are treated apart now."""
    return _now.notebook is not None or bool(_now.onlookers)


def mark_thread() -> None:
    """Have this thread draw from the notebook's stream, as long as there is one."""
    if in_use() and not _included(_key):
        _include(_key, True)
    route()


def unmark_thread() -> None:
    """Have this thread draw from torch's own generators again."""
    if _included(_key):
        _include(_key, False)


@contextmanager
def drawing_from(stream: Stream | None) -> Iterator[None]:
    """Have this thread draw from `stream` in the block; None leaves it with torch's own generators."""
    if stream is None:
        yield
        return
    _now.own.stream = stream
    _include(_key, True)
    route()
    try:
        yield
    finally:
        _now.own.stream = None
        _include(_key, False)


def lent() -> Stream | None:
    """Return the stream this thread draws from; None where that is torch's own generators.

    Backward passes on a GPU run in threads of torch's that carry the mark of the thread that called.
    """
    if not _included(_key):
        return None
    return getattr(_now.own, "stream", None) or _now.notebook


def watched() -> list[Callable[[str], None]]:
    """Return who is told what this thread draws: nobody where it draws from a stream of its own."""
    return _now.onlookers if _included(_key) and lent() is None else []


# --- generators -------------------------------------------------------------------------------------------


def default_of(device: Device) -> torch.Generator:
    """Return torch's own default generator of a device."""
    return _real_cpu if device == CPU else _real_cuda()[device[1]]


def is_default(generator: torch.Generator) -> bool:
    """Say whether it is one of torch's own, handed over by name. An op sees it as another Python object."""
    one = generator._cdata
    return one == _real_cpu._cdata or (
        generator.device.type == "cuda" and any(one == known._cdata for known in _real_cuda())
    )


def here(device: Device) -> torch.Generator:
    """Return the generator of a device that this thread draws from."""
    stream = lent()
    return default_of(device) if stream is None else stream.generator(device)


def states_here() -> dict[Device, Any]:
    """Return the state of every generator that exists, as this thread sees them."""
    devices = [CPU, *(("cuda", index) for index in range(len(_real_cuda())))]
    return {device: here(device).get_state() for device in devices}


def new_generator(device: Device) -> torch.Generator:
    """Return a generator of a device that belongs to nobody yet."""
    return torch.Generator("cpu" if device == CPU else f"{device[0]}:{device[1]}")


def split(device: Device, state: torch.Tensor) -> torch.Tensor:
    """Return a state for another stream: the same for the same state, and unlike it."""
    digest = hashlib.blake2b(state.numpy().tobytes(), digest_size=8, person=b"nbtrain").digest()
    return new_generator(device).manual_seed(int.from_bytes(digest, "little") >> 1).get_state()


def _real_cuda() -> Any:
    now = torch.cuda.default_generators  # torch puts its own there when CUDA is first used
    return now.real if isinstance(now, _RoutedTuple) else now


class _RoutedDefault:
    """Stands where torch's functions look for the default CPU generator: the thread's, each time."""

    def __getattr__(self, name: str) -> Any:
        if name in ("manual_seed", "seed", "set_state"):
            for tell in watched():
                tell(name)
        return getattr(here(CPU), name)


class _RoutedTuple(tuple):
    """Stands for `torch.cuda.default_generators`."""

    real: Any

    def __getitem__(self, index: Any) -> Any:
        return here(("cuda", index)) if isinstance(index, int) else super().__getitem__(index)


def route() -> None:
    """Have torch's functions for seeding and reading find the generator of their thread."""
    if not in_use():
        return
    if not isinstance(torch.random.default_generator, _RoutedDefault):
        torch.random.default_generator = _RoutedDefault()
    real = _real_cuda()
    if real and not isinstance(torch.cuda.default_generators, _RoutedTuple):
        routed = _RoutedTuple(real)
        routed.real = real
        torch.cuda.default_generators = routed


def unroute() -> None:
    """Put torch's own generators back where its functions look for them."""
    torch.random.default_generator = _real_cpu
    torch.cuda.default_generators = _real_cuda()
