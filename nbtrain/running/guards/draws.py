"""The draws themselves: each op of torch that takes random numbers, sent to the generators of its thread.

`install` puts one small function in front of every such op, under the dispatch key that marks threads (see
`nbtrain.running.guards.streams`); threads without the mark never come by here. A draw from a generator that
the person names is passed on as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch.library import Library

from nbtrain.running.guards import streams
from nbtrain.running.guards.streams import CPU, Device

Kernel = Callable[..., Any]
_BELOW = torch._C._dispatch_keyset_full_after(streams._key)
_MARK = torch._C.DispatchKeySet(streams._key)
_PAPER = tuple(
    mode
    for name in ("FAKE", "PROXY", "FUNCTIONAL")
    if (mode := getattr(torch._C._TorchDispatchModeKey, name, None)) is not None
)
_SPARED = ("backward", "choice")  # in names of ops that are tagged as random and draw nothing
_AMOUNTS = ("dropout_p", "dropout", "p")  # what an op's share of dropped values is called; 0 draws nothing
_libraries: list[Library] = []
_installing = threading.Lock()

# Holds the living runs at a step boundary while the block runs; set by `nbtrain.running.guards.randomness`.
hold_runs: Callable[[], AbstractContextManager[Any]] | None = None


def install() -> bool:
    """Put the kernels in place, once a process (0.1 s); return False where this torch does not let us."""
    with _installing:
        if not _libraries:
            if torch._C._dispatch_has_backend_fallback(streams._key):
                return False  # somebody else uses the key
            rest = Library("_", "IMPL", streams.MARK)
            rest.m.fallback_fallthrough(streams.MARK)  # Library.fallback is younger than torch 2.4
            library = Library("aten", "IMPL", streams.MARK)
            for op, kernel in _kernels():
                library.impl(op, kernel, with_keyset=True)
            _libraries.extend((rest, library))
        return True


def _kernels() -> list[tuple[Any, Kernel]]:
    """Every op that draws by itself, with what goes in front of it; ops made of others are left to those."""
    found = []
    for schema in torch._C._jit_get_all_schemas():
        if not schema.name.startswith("aten::"):
            continue
        named = next((at for at, one in enumerate(schema.arguments) if one.name == "generator"), None)
        if named is None and not _may_draw(schema):
            continue
        op = _op(schema)
        if op is None or torch.Tag.nondeterministic_seeded not in op.tags:
            continue
        if op is torch.ops.aten.native_dropout.default:
            kernel = _native_dropout
        elif named is not None:
            kernel = _with_generator(op, named, keyword=schema.arguments[named].kwarg_only)
        elif (twin := _twin(op, schema)) is not None:
            kernel = _by_twin(op, twin)
        elif _is_composite(op):
            continue
        else:
            kernel = _by_exchange(op, schema)
        found.append((op, kernel))
    return found


def _op(schema: Any) -> Any:
    packet = getattr(torch.ops.aten, schema.name.removeprefix("aten::"), None)
    return getattr(packet, schema.overload_name or "default", None)


def _may_draw(schema: Any) -> bool:
    """Ask for the tags of few ops: looking an op up takes 0.1 ms."""
    name = schema.name
    words = ("rand", "dropout", "attention", "rnn", "lstm", "normal", "bernoulli", "uniform")
    return any(word in name for word in words) and not any(word in name for word in _SPARED)


def _is_composite(op: Any) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(op.name(), "CompositeImplicitAutograd")


def _twin(op: Any, schema: Any) -> Any:
    """The overload that takes a generator and is the same otherwise."""
    wanted = [(one.name, str(one.type)) for one in schema.arguments]
    packet = op.overloadpacket
    for overload in packet.overloads():
        other = getattr(packet, overload)
        arguments = other._schema.arguments
        has = [(one.name, str(one.type)) for one in arguments if one.name != "generator"]
        if len(has) < len(arguments) and has == wanted:
            return other
    return None


# --- kernels ----------------------------------------------------------------------------------------------


def _with_generator(op: Any, place: int, *, keyword: bool) -> Kernel:
    """In front of an op that takes a generator: give it the thread's where the person gives none."""
    redispatch, name = op.redispatch, op.overloadpacket.__name__

    def kernel(keys: Any, *args: Any, **options: Any) -> Any:
        given = options.get("generator") if keyword or len(args) <= place else args[place]
        if given is not None and not streams.is_default(given):
            return redispatch(keys & _BELOW, *args, **options)
        stream, device = _asked(name, args, options)
        if stream is None or device is None:
            with torch._C._ExcludeDispatchKeyGuard(_MARK):
                return redispatch(keys & _BELOW, *args, **options)
        if _is_traced():
            return _exchanged(stream, device, lambda: redispatch(keys & _BELOW, *args, **options))
        with stream.lock:
            if keyword or len(args) <= place:
                options["generator"] = stream.generator(device)
            else:
                args = (*args[:place], stream.generator(device), *args[place + 1 :])
            return redispatch(keys & _BELOW, *args, **options)

    return kernel


def _by_twin(op: Any, twin: Any) -> Kernel:
    """In front of an op without a generator: call the overload that takes one."""
    redispatch, name = op.redispatch, op.overloadpacket.__name__

    def kernel(keys: Any, *args: Any, **options: Any) -> Any:
        stream, device = _asked(name, args, options)
        if stream is None or device is None:
            with torch._C._ExcludeDispatchKeyGuard(_MARK):
                return redispatch(keys & _BELOW, *args, **options)
        if _is_traced():
            return _exchanged(stream, device, lambda: redispatch(keys & _BELOW, *args, **options))
        with stream.lock, torch._C._ExcludeDispatchKeyGuard(_MARK):
            return twin(*args, **options, generator=stream.generator(device))

    return kernel


def _native_dropout(keys: Any, values: torch.Tensor, p: float, train: bool | None) -> Any:
    """Dropout as GPUs do it, made of ops that take a generator."""
    usual = torch.ops.aten.native_dropout.default
    stream, device = _asked("dropout", (values,), {}) if p and train is not False else (None, None)
    if stream is None or device is None or _is_traced():
        return usual.redispatch(keys & _BELOW, values, p, train)
    with stream.lock, torch._C._ExcludeDispatchKeyGuard(_MARK):
        kept = torch.empty_like(values, dtype=torch.bool)
        kept.bernoulli_(1 - p, generator=stream.generator(device))
        return values * kept * (1 / (1 - p) if p < 1 else 0.0), kept


def _by_exchange(op: Any, schema: Any) -> Kernel:
    """In front of a fused op of a GPU that takes no generator; on the CPU such ops are made of others."""
    redispatch, name = op.redispatch, op.overloadpacket.__name__
    amount = next((at for at, one in enumerate(schema.arguments) if one.name in _AMOUNTS), None)

    def kernel(keys: Any, *args: Any, **options: Any) -> Any:
        device = _device(args, options)
        drops = amount is None or (args[amount] if len(args) > amount else True)
        if not drops or device in (None, CPU):
            return redispatch(keys & _BELOW, *args, **options)
        stream, device = _asked(name, args, options)
        if stream is None or device is None:
            with torch._C._ExcludeDispatchKeyGuard(_MARK):
                return redispatch(keys & _BELOW, *args, **options)
        return _exchanged(stream, device, lambda: redispatch(keys & _BELOW, *args, **options))

    return kernel


def _asked(name: str, args: Any, options: Any) -> tuple[Any, Device | None]:
    """The stream and the device of a draw; (None, ...) where it shall go its usual way."""
    if not streams.in_use() and streams.lent() is None:  # the last run is over
        streams.unmark_thread()
        return None, None
    if any(torch._C._get_dispatch_mode(mode) is not None for mode in _PAPER):  # shapes only: nothing is drawn
        return None, None
    stream = streams.lent()
    if stream is None:
        for tell in streams.watched():
            tell(name)
    return stream, _device(args, options)


def _device(args: Any, options: Any) -> Device | None:
    """Where an op draws; None on devices whose generators are not told apart."""
    asked = options.get("device")
    if asked is None:
        tensor = next((one for one in (*args, options.get("out")) if isinstance(one, torch.Tensor)), None)
        asked = tensor.device if tensor is not None else None
    if asked is None or asked.type == "cpu":
        return CPU
    if asked.type != "cuda":
        return None
    return ("cuda", asked.index if asked.index is not None else torch.cuda.current_device())


def _is_traced() -> bool:
    """A trace would keep the generator as a constant."""
    return torch._C._get_tracing_state() is not None


def _exchanged(stream: streams.Stream, device: Device, draw: Callable[[], Any]) -> Any:
    """Draw from torch's own generator while it stands where the stream does, the runs being held."""
    own, mine = streams.default_of(device), stream.generator(device)
    with hold_runs(), stream.lock, torch._C._ExcludeDispatchKeyGuard(_MARK):
        theirs = own.get_state()
        own.set_state(mine.get_state())
        try:
            return draw()
        finally:
            mine.set_state(own.get_state())
            own.set_state(theirs)
