"""Where torch is listened to: the few places that every loop passes, and the follower of the context is told.

Open while a loop is followed, closed after the last one; what is called outside of a followed loop goes
straight through. Each seam gives torch back exactly what it took. A seam that this torch does not have is
left out and named in `missing`.

    backward        torch.autograd's way into its engine: Tensor.backward, torch.autograd.backward, aliases
    step            torch.optim's own global hooks
    scaling         GradScaler.scale, step, unscale_, update
    batches         DataLoader.__iter__ and its iterators' __next__
    clipping        the helper behind clip_grad_norm_, which aliases of it reach too
    judging         the kernels behind torch.nn.functional's losses (nbtrain.watch.judging)
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from torch.amp import GradScaler
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from nbtrain.running.workers import deaf_to_interrupts
from nbtrain.watch import judging
from nbtrain.watch.following import current, listener

_lock = threading.Lock()
_open: list[ExitStack] = []  # at most one
_users = 0
missing: list[str] = []
_told: list[Any] = []  # torch._dynamo's rules, once they know of us


@contextmanager
def opened() -> Iterator[None]:
    """Listen in the block."""
    global _users
    keep_from_compiling()
    with _lock:
        if _users == 0:
            _open.append(_listening())
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _open.pop().close()


def keep_from_compiling() -> None:
    """Have torch.compile pass our functions by: they are called between its graphs, never part of one.

    Without it a compiled `optimizer.step` would trace through the follower. Nothing is imported for it.
    """
    rules = sys.modules.get("torch._dynamo.trace_rules")
    if rules is not None and rules not in _told:
        _told.append(rules)
        with suppress(AttributeError):  # another torch
            rules.add("nbtrain")


def is_open() -> bool:
    """Say whether torch is listened to."""
    return bool(_open)


def _listening() -> ExitStack:
    stack = ExitStack()
    missing.clear()
    for name, seam in SEAMS.items():
        part = ExitStack()
        try:
            seam(part)
        except (AttributeError, ImportError):  # another torch: that part of the loop stays unseen
            part.close()
            missing.append(name)
        else:
            stack.push(part)
    return stack


def replaced(stack: ExitStack, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` in the place of `owner.name` until the stack is closed."""
    original = vars(owner)[name] if name in vars(owner) else getattr(owner, name)
    wrapper = functools.wraps(original)(make(original))
    setattr(owner, name, wrapper)

    def put_back() -> None:
        if vars(owner).get(name) is wrapper:  # else somebody has wrapped ours, and passes through it
            setattr(owner, name, original)

    stack.callback(put_back)


def _backward(stack: ExitStack) -> None:
    def make(original: Any) -> Any:
        def run_backward(outputs: Any, *args: Any, **keywords: Any) -> Any:
            follower = listener()
            # autograd.grad accumulates nothing
            if follower is None or follower.deaf or not keywords.get("accumulate_grad"):
                return original(outputs, *args, **keywords)
            return follower.backward(original, outputs, args, keywords)

        return run_backward

    replaced(stack, torch.autograd, "_engine_run_backward", make)


def _step(stack: ExitStack) -> None:
    def before(optimizer: Any, args: Any, keywords: Any) -> None:
        follower = listener()
        if follower is not None and not follower.deaf:
            follower.before_step(optimizer, args, keywords)

    def after(optimizer: Any, args: Any, keywords: Any) -> None:
        follower = listener()
        if follower is not None and not follower.deaf:
            follower.after_step(optimizer)

    stack.callback(register_optimizer_step_pre_hook(before).remove)
    stack.callback(register_optimizer_step_post_hook(after).remove)


def _scaling(stack: ExitStack) -> None:
    def scale(original: Any) -> Any:
        def scaled(scaler: Any, outputs: Any) -> Any:
            result = original(scaler, outputs)
            follower = current()
            if follower is not None:
                follower.scaler.scaled(scaler, outputs, result)
            return result

        return scaled

    def step(original: Any) -> Any:
        def stepped(scaler: Any, optimizer: Any, *args: Any, **keywords: Any) -> Any:
            follower = current()
            if follower is None or not scaler.is_enabled():
                return original(scaler, optimizer, *args, **keywords)
            with follower.scaler.steps(optimizer):
                return original(scaler, optimizer, *args, **keywords)

        return stepped

    def unscale(original: Any) -> Any:
        def unscaled(scaler: Any, optimizer: Any) -> Any:
            follower = current()
            if follower is None or not scaler.is_enabled():
                return original(scaler, optimizer)
            follower.scaler.before_unscaling(optimizer)
            result = original(scaler, optimizer)
            follower.gradients_written()
            return result

        return unscaled

    def update(original: Any) -> Any:
        def updated(scaler: Any, *args: Any, **keywords: Any) -> Any:
            result = original(scaler, *args, **keywords)
            follower = current()
            if follower is not None:
                follower.scaler.updated()
            return result

        return updated

    replaced(stack, GradScaler, "scale", scale)
    replaced(stack, GradScaler, "step", step)
    replaced(stack, GradScaler, "unscale_", unscale)
    replaced(stack, GradScaler, "update", update)


def _batches(stack: ExitStack) -> None:
    def begin(original: Any) -> Any:
        def iterate(loader: Any) -> Any:
            follower = current()
            if follower is None:
                return original(loader)
            follower.before_iterating(loader)
            with deaf_to_interrupts(loader):
                iterator = original(loader)
            follower.iterating(loader, iterator)
            return iterator

        return iterate

    def draw(original: Any) -> Any:
        def draw_next(iterator: Any) -> Any:
            follower = listener()
            if follower is None or follower.deaf:
                return original(iterator)
            try:
                batch = original(iterator)
            except StopIteration:
                follower.exhausted(iterator)
                raise
            follower.drawn(iterator, batch)
            return batch

        return draw_next

    replaced(stack, DataLoader, "__iter__", begin)
    replaced(stack, _BaseDataLoaderIter, "__next__", draw)


def _clipping(stack: ExitStack) -> None:
    home = torch.nn.utils.clip_grad

    def make(original: Any) -> Any:
        def clip(parameters: Any, max_norm: Any, total_norm: Any, *args: Any, **keywords: Any) -> Any:
            follower = current()
            if follower is not None and not isinstance(parameters, torch.Tensor):
                parameters = list(parameters)
                follower.clipping(parameters, total_norm, max_norm)
            result = original(parameters, max_norm, total_norm, *args, **keywords)
            if follower is not None:
                follower.gradients_written()
            return result

        return clip

    def whole(original: Any) -> Any:
        def clip(parameters: Any, max_norm: Any, *args: Any, **keywords: Any) -> Any:
            follower = current()
            if follower is None or isinstance(parameters, torch.Tensor):
                return original(parameters, max_norm, *args, **keywords)
            parameters = list(parameters)
            norm = original(parameters, max_norm, *args, **keywords)
            follower.clipping(parameters, norm, max_norm)
            return norm

        return clip

    if hasattr(home, "_clip_grads_with_norm_"):
        replaced(stack, home, "_clip_grads_with_norm_", make)
    else:  # torch before 2.6: names that were imported from there earlier stay unseen
        replaced(stack, torch.nn.utils, "clip_grad_norm_", whole)


def _judging(stack: ExitStack) -> None:
    for owner, name, reduction in judging.KERNELS:
        if hasattr(owner, name):
            wrapper = judging.listening(getattr(owner, name), name, reduction)
            replaced(stack, owner, name, lambda original, wrapper=wrapper: wrapper)
            stack.enter_context(judging.scriptable(wrapper))


SEAMS: dict[str, Callable[[ExitStack], None]] = {
    "backward": _backward,
    "step": _step,
    "scaling": _scaling,
    "batches": _batches,
    "clipping": _clipping,
    "judging": _judging,
}
