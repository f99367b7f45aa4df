"""Run a cell under the ears until it has taken two steps, has had its time, or is at its end."""

from __future__ import annotations

import ast
import asyncio
import ctypes
import inspect
import linecache
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data.dataloader import _SingleProcessDataLoaderIter

from nbtrain.notebook.ipython_syntax import to_python
from nbtrain.review.probe.ears import Ears
from nbtrain.running.control import Stopped
from nbtrain.train.untouched import TimeIsUp
from nbtrain.watch import seams
from nbtrain.watch.following import followed_by, listener

FILENAME = "<the cell under review>"


@dataclass(frozen=True)
class Ending:
    """How a cell ended: "steps", "cell", "time" or "error", with the error in a line and its line."""

    how: str
    error: str = ""
    line: int | None = None


def execute(source: str, variables: dict[str, Any], ears: Ears) -> Ending:
    """Run a cell in `variables`; nothing that it raises gets out but an interrupt.

    Args:
        source: the cell; magics and shell lines in it are left out.
        ears: hear it, and end it.
    """
    text = to_python(source).text
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        code = compile(text, FILENAME, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return Ending("error", f"{type(error).__name__}: {error}", getattr(error, "lineno", None))
    linecache.cache[FILENAME] = (len(text), None, text.splitlines(keepends=True), FILENAME)
    try:
        with _heard(ears), followed_by(ears), torch.enable_grad(), _time_limit(ears.until):
            _go(code, variables)
        return Ending("cell")
    except Stopped:
        return Ending("steps")
    except TimeIsUp:
        return Ending("time")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if ears.is_done:  # the stop, dressed up by what it went through
            return Ending("steps")
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == FILENAME]
        first = str(error).strip().partition("\n")[0]
        if "__shell_output__" in first:
            first = "the output of a shell command or magic, which a probe leaves out, is needed"
        return Ending("error", f"{type(error).__name__}: {first}", lines[-1] if lines else None)
    finally:
        ears.deaf = True
        linecache.cache.pop(FILENAME, None)


def _go(code: Any, variables: dict[str, Any]) -> None:
    if not code.co_flags & inspect.CO_COROUTINE:
        exec(code, variables)
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(eval(code, variables))
        return
    raise RuntimeError("the cell awaits, and a loop runs here already: it was not run")


@contextmanager
def _heard(ears: Ears) -> Iterator[None]:
    """Listen to modules, zero_grad and schedulers besides what the seams tell, in this context only."""

    def before(module: nn.Module, args: Any) -> None:
        if listener() is ears:
            ears.entering(module)

    def after(module: nn.Module, args: Any, keywords: Any, output: Any) -> None:
        if listener() is ears:
            ears.left(module, args, keywords, output)

    with ExitStack() as stack:
        stack.enter_context(seams.opened())
        stack.callback(register_module_forward_pre_hook(before).remove)
        handle = register_module_forward_hook(after, with_kwargs=True, always_call=True)
        # torch 2.13 leaves this entry behind, and would then warn of hooks at every torch.compile
        stack.callback(torch_module._global_forward_hooks_with_kwargs.pop, handle.id, None)
        stack.callback(handle.remove)
        for owner in (Optimizer, nn.Module):
            seams.replaced(stack, owner, "zero_grad", _clearing)
        for kind in _and_below(LRScheduler) | {ReduceLROnPlateau}:
            if "step" in vars(kind):
                seams.replaced(stack, kind, "step", _scheduling)
        seams.replaced(stack, _SingleProcessDataLoaderIter, "_next_data", _waiting)
        yield


def _waiting(original: Callable[..., Any]) -> Callable[..., Any]:
    def next_data(iterator: Any) -> Any:
        ears = listener()
        if not isinstance(ears, Ears):
            return original(iterator)
        with ears.waiting():
            return original(iterator)

    return next_data


def _clearing(original: Callable[..., Any]) -> Callable[..., Any]:
    def zero_grad(subject: Any, *args: Any, **keywords: Any) -> Any:
        ears = listener()
        if isinstance(ears, Ears) and not ears.deaf:
            ears.cleared(subject)
        return original(subject, *args, **keywords)

    return zero_grad


def _scheduling(original: Callable[..., Any]) -> Callable[..., Any]:
    def step(scheduler: Any, *args: Any, **keywords: Any) -> Any:
        ears = listener()
        began = getattr(scheduler, "_is_initial", False)  # the step that a scheduler takes when it is made
        if not isinstance(ears, Ears) or ears.deaf or began or getattr(scheduler, "_step_count", 1) == 0:
            return original(scheduler, *args, **keywords)
        with ears.scheduling(scheduler):
            return original(scheduler, *args, **keywords)

    return step


def _and_below(kind: type) -> set[type]:
    return {kind}.union(*(_and_below(one) for one in kind.__subclasses__()))


@contextmanager
def _time_limit(until: float) -> Iterator[None]:
    """End the block when its time is up, also where it waits in Python code that no seam hears."""
    thread, over, lock = threading.get_ident(), threading.Event(), threading.Lock()
    raised = False

    def watch() -> None:
        nonlocal raised
        if over.wait(max(until - time.perf_counter(), 0.0) + 1.0):
            return
        with lock:
            if not over.is_set():
                raised = True
                _send_time_is_up(thread)

    guard = threading.Thread(target=watch, name="nbtrain-probe-time", daemon=True)
    guard.start()
    try:
        yield
    finally:
        try:
            with lock:
                over.set()
            if raised:
                _send_time_is_up(thread)
                while True:  # it arrives at once; the first one may have, or not
                    time.sleep(0)
        except TimeIsUp:
            pass
        guard.join()


def _send_time_is_up(thread: int) -> None:
    """Have TimeIsUp raised in a thread, in the place of one that has not arrived yet.

    It cannot be taken back: withdrawn with None it leaves CPython's flag of a waiting exception up for good,
    which slows every thread, and on 3.11 hangs those with a profile function. So each one that is sent must
    arrive.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeIsUp))
