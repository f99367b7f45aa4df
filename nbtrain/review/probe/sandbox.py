"""What surrounds a cell while it is probed: it is silent, writes no files, and the process is as before
after it.

Prevented are the ways that Python offers: `open` for writing gives a scratch file, folders are not made,
nothing is removed or renamed, `torch.save` saves nothing, wandb and mlflow log nothing, `input` is refused.
What a library in another language writes, what a subprocess does and what goes over the network cannot be
prevented.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from nbtrain.notebook.rng import preserved_rng

_WRITES = frozenset("wax+")
_LOGGING = {
    "wandb": ("log",),
    "mlflow": ("log_metric", "log_metrics", "log_param", "log_params", "log_artifact"),
}
_LEFT_OUT = (
    "remove",
    "unlink",
    "rename",
    "replace",
    "rmdir",
    "mkdir",
    "makedirs",
    "symlink",
    "link",
    "truncate",
)


class NoInput(Exception):
    """The cell asks for input, which a probe cannot give."""


@contextmanager
def kept_apart(note: Callable[[str], Any]) -> Iterator[None]:
    """Run the block silently, without files and without consequences for the process.

    Args:
        note: told, once each, what was prevented.
    """
    with ExitStack() as stack:
        stack.enter_context(preserved_rng())
        stack.enter_context(_settings_put_back())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(redirect_stderr(io.StringIO()))
        stack.enter_context(_nothing_written(note))
        stack.enter_context(_nothing_compiled())
        yield


@contextmanager
def _nothing_compiled() -> Iterator[None]:
    """Compiling takes longer than two steps, and writes files."""

    def as_it_is(model: Any = None, **keywords: Any) -> Any:
        return model if model is not None else lambda function: function

    with ExitStack() as stack:
        put(stack, torch, "compile", as_it_is)
        put(stack, torch.nn.Module, "compile", lambda module, *args, **keywords: None)
        if (
            "torch._dynamo" in sys.modules
        ):  # else nothing compiled can be at hand, and its import takes seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextmanager
def _settings_put_back() -> Iterator[None]:
    environment, folder, path = dict(os.environ), Path.cwd(), list(sys.path)
    cudnn = torch.backends.cudnn
    flags = cudnn.benchmark, cudnn.deterministic
    grad, anomaly = torch.is_grad_enabled(), torch.is_anomaly_enabled()
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    precision = torch.get_float32_matmul_precision()
    device = torch.get_default_device()
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.path[:] = path
        cudnn.benchmark, cudnn.deterministic = flags
        torch.set_grad_enabled(grad)
        torch.autograd.set_detect_anomaly(anomaly)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        now = (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        if now != (deterministic, warn_only):  # it imports the compiler, which takes seconds
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.set_float32_matmul_precision(precision)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        if not cuda and torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(torch.initial_seed())  # as the person's own first use would find it


@contextmanager
def _nothing_written(note: Callable[[str], Any]) -> Iterator[None]:
    others = set(threading.enumerate()) - {
        threading.current_thread()
    }  # threads of the process go on as they do
    real_open, real_os_open, told = io.open, os.open, set()

    def exempt() -> bool:
        return threading.current_thread() in others

    def said(what: str) -> None:
        if what not in told:
            told.add(what)
            note(what)

    def opened(file: Any, mode: str = "r", *args: Any, **keywords: Any) -> Any:
        if exempt() or not _WRITES & set(mode) or isinstance(file, int) or os.fspath(file) == os.devnull:
            return real_open(file, mode, *args, **keywords)
        said(f"`{os.fspath(file)!s}` was not written.")
        return io.BytesIO() if "b" in mode else io.StringIO()

    def os_opened(path: Any, flags: int, *args: Any, **keywords: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if exempt() or not writes or os.fspath(path) == os.devnull:
            return real_os_open(path, flags, *args, **keywords)
        said(f"`{os.fspath(path)!s}` was not written.")
        return real_os_open(os.devnull, flags & ~(os.O_CREAT | os.O_EXCL))

    def nothing(real: Any, name: str) -> Any:
        def left_out(*args: Any, **keywords: Any) -> Any:
            if exempt():
                return real(*args, **keywords)
            said(f"os.{name}({args[0]!r}) was left out.")
            return None

        return left_out

    def not_saved(value: Any, f: Any, *args: Any, **keywords: Any) -> None:
        if not isinstance(f, str | os.PathLike):
            return real_save(value, f, *args, **keywords)
        return said(f"`{os.fspath(f)}` was not saved.")

    def refused(prompt: Any = "") -> str:
        raise NoInput("the cell asks for input")

    real_save = torch.save
    with ExitStack() as stack:
        put(stack, builtins, "open", opened)
        put(stack, io, "open", opened)
        put(stack, os, "open", os_opened)
        for name in _LEFT_OUT:
            put(stack, os, name, nothing(getattr(os, name), name))
        put(stack, torch, "save", not_saved)
        put(stack, builtins, "input", refused)
        for module, calls in _LOGGING.items():
            for name in calls if module in sys.modules else ():
                put(stack, sys.modules[module], name, lambda *args, **keywords: None)
        yield


def put(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Put a value in the place of `owner.name` until the stack is closed."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    stack.callback(setattr, owner, name, before)
