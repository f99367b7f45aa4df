"""Which module is at work while a step is replayed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn


class Places:
    """The modules a forward is in just now, from the outermost to the innermost.

    Args:
        roots: name -> module whose parts are followed; a criterion stands beside the model.
        on_output: told of (path, inputs, output) of each module that has finished.
    """

    def __init__(self, roots: dict[str, nn.Module], on_output: Callable[[str, Any, Any], None]) -> None:
        self._roots, self._on_output = roots, on_output
        self._stack: list[str] = []
        self.kinds: dict[str, str] = {}  # path -> class

    @property
    def now(self) -> str:
        """Path of the innermost module; empty outside of all."""
        return self._stack[-1] if self._stack else ""

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the forwards of this thread; the hooks come off at the end."""
        thread = threading.get_ident()  # a cell may call the model meanwhile

        def entering(path: str) -> Any:
            def hook(module: nn.Module, args: Any) -> None:
                if threading.get_ident() == thread:
                    self._stack.append(path)

            return hook

        def leaving(path: str) -> Any:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                if threading.get_ident() == thread:
                    self._on_output(path, args, output)
                    if self._stack and self._stack[-1] == path:
                        self._stack.pop()

            return hook

        with ExitStack() as hooks:
            for name, root in self._roots.items():
                for inner, module in root.named_modules():
                    path = ".".join(part for part in (name, inner) if part)
                    self.kinds[path] = type(module).__name__
                    if not isinstance(module, torch.jit.ScriptModule):  # compiled: takes no Python hooks
                        hooks.callback(module.register_forward_pre_hook(entering(path)).remove)
                        hooks.callback(module.register_forward_hook(leaving(path)).remove)
            yield
