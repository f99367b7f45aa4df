"""Two optimizer steps under a tracker: what is alive when, by kind, by module, by phase.

    parameters, buffers, batches           there from the start
    for each of two steps:
        gradients cleared
        for each micro-batch: forward under autocast, loss / k, backward
        optimizer step
        kinds told by what became of each storage

Two, because the optimizer's state is made in the first and beside it everything else is alive in the
second. With stand-ins the first has gradients made up instead of forward and backward, which saves a third
of the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from nbtrain.memory.storages import UPDATE, Storage, StorageTracker, alive_at, highest
from nbtrain.train.batch import Task

PARAMETERS, GRADIENTS, OPTIMIZER = "parameters", "gradients", "optimizer"
ACTIVATIONS, TEMPORARIES, BATCH = "activations", "temporaries", "batch"
KINDS = (PARAMETERS, GRADIENTS, OPTIMIZER, ACTIVATIONS, TEMPORARIES, BATCH)
PHASES = ("forward", "backward", UPDATE)


@dataclass(frozen=True)
class Traced:
    """What two steps came to, in bytes.

    Attributes:
        phases: phase -> kind -> bytes at the highest moment of that phase.
        modules: module path -> kind -> bytes at the highest moment of all; "" for what belongs to none.
        saved: module path -> bytes that its forward leaves for backward.
        storages: the lives all this was read from.
        measured: samples of the batches that were run for it; () where stand-ins were traced.
    """

    phases: dict[str, dict[str, int]]
    modules: dict[str, dict[str, int]] = field(repr=False, default_factory=dict)
    saved: dict[str, int] = field(repr=False, default_factory=dict)
    storages: Sequence[Storage] = field(repr=False, default=())
    measured: tuple[int, ...] = ()

    def of(self, phase: str) -> int:
        """Return the peak of a phase."""
        return sum(self.phases[phase].values())

    @property
    def phase(self) -> str:
        """The phase in which the most is alive."""
        return max(self.phases, key=self.of)

    @property
    def peak(self) -> int:
        """The most that is alive."""
        return self.of(self.phase)

    @property
    def kinds(self) -> dict[str, int]:
        """kind -> bytes at the peak."""
        return self.phases[self.phase]


@dataclass(frozen=True)
class How:
    """How the steps are taken.

    Attributes:
        autocast: gives the context of a forward. around: a context below the tracker, such as a
            FakeTensorMode. made_up: the first step has gradients that no backward has made.
    """

    autocast: Callable[[], Any] | None = None
    around: Any = None
    made_up: bool = False


def trace_steps(
    model: nn.Module, optimizer: Any, micro_batches: Sequence[Any], *, task: Task, tracker: StorageTracker,
    how: How | None = None,
) -> list[Storage]:  # fmt: skip
    """Take two steps and return every allocation with its life; `told` says what they come to.

    Args:
        model, optimizer, micro_batches: fake or real; they are trained. Real ones are changed.
        tracker: new. how: None for plain steps.

    Raises:
        Unused: some of the gradients made up have no counterpart in the second step.
    """
    owners = {id(parameter): path for path, parameter in model.named_parameters()}
    how = how or How()
    tracker.phase = "start"
    tracker.adopt((p, PARAMETERS, owners[id(p)].rpartition(".")[0]) for p in model.parameters())
    tracker.adopt((b, PARAMETERS, path.rpartition(".")[0]) for path, b in model.named_buffers())
    tracker.adopt((one, BATCH, "") for one in tree_leaves(list(micro_batches)) if isinstance(one, Tensor))
    with how.around or nullcontext(), tracker, _modules_noted(model, tracker):
        if how.made_up:
            _update_alone(optimizer, tracker, owners)
        else:
            _step(model, optimizer, micro_batches, task, tracker, how.autocast, owners)
        _step(model, optimizer, micro_batches, task, tracker, how.autocast, owners)
        if how.made_up and any(p.grad is None for p in _trained(optimizer)):
            raise Unused
    tracker.close()
    return tracker.storages


class Unused(Exception):
    """Parameters that the optimizer holds and the loss does not depend on."""


def _trained(optimizer: Any) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


def _update_alone(optimizer: Any, tracker: StorageTracker, owners: dict[int, str]) -> None:
    """Have the optimizer make its state."""
    for parameter in _trained(optimizer):
        parameter.grad = torch.empty_like(parameter)
    tracker.label(_gradients_of(_trained(optimizer), owners))
    tracker.phase = UPDATE
    optimizer.step()
    tracker.label(_state_of(optimizer, owners))
    for parameter in _trained(optimizer):
        parameter.grad = None


def _step(
    model: nn.Module, optimizer: Any, micro_batches: Sequence[Any], task: Task, tracker: StorageTracker,
    autocast: Callable[[], Any] | None, owners: dict[int, str],
) -> None:  # fmt: skip
    """Take one step."""
    optimizer.zero_grad(set_to_none=True)

    def gradients() -> Any:
        for one in tracker.storages:
            one.kept = False
        for batch in micro_batches:
            tracker.phase, first = "forward", len(tracker.storages)
            with autocast() if autocast is not None else nullcontext():
                loss, output, target = task.loss(model, batch)
            loss = loss / len(micro_batches) if len(micro_batches) > 1 else loss
            left = [one for one in tracker.storages[first:] if one.died is None]
            for one in left:
                one.kind, one.kept = one.kind or ACTIVATIONS, True
            tracker.phase = "backward"
            loss.backward()
            del output, target
            tracker.label(_gradients_of(model.parameters(), owners))
        tracker.phase = UPDATE
        return loss.detach()

    if isinstance(optimizer, torch.optim.LBFGS):
        optimizer.step(gradients)
    else:
        gradients()
        optimizer.step()
    tracker.label(_state_of(optimizer, owners))
    tracker.phase = "rest"


def _gradients_of(parameters: Iterable[Tensor], owners: dict[int, str]) -> Iterator[tuple[Tensor, str, str]]:
    for one in parameters:
        if one.grad is not None:
            yield one.grad, GRADIENTS, owners.get(id(one), "").rpartition(".")[0]


def _state_of(optimizer: Any, owners: dict[int, str]) -> Iterator[tuple[Tensor, str, str]]:
    for parameter, state in optimizer.state.items():
        path = owners.get(id(parameter), "").rpartition(".")[0]
        for one in tree_leaves(state):
            if isinstance(one, Tensor):
                yield one, OPTIMIZER, path


@contextmanager
def _modules_noted(model: nn.Module, tracker: StorageTracker) -> Iterator[None]:
    """Have the tracker know which module is at work in forward."""
    stack: list[str] = []
    handles = []

    def enter(path: str) -> Any:
        def hook(module: nn.Module, args: Any) -> None:
            stack.append(path)
            tracker.module = path

        return hook

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if stack:
            stack.pop()
        tracker.module = stack[-1] if stack else ""

    try:
        for path, module in model.named_modules():
            handles += [
                module.register_forward_pre_hook(enter(path)),
                module.register_forward_hook(leave, always_call=True),
            ]
        yield
    finally:
        for handle in handles:
            handle.remove()


def told(storages: Sequence[Storage]) -> Traced:
    """Return what the lives of these storages come to."""
    phases, alive, times = {}, {}, highest(storages)
    for phase in PHASES:
        if phase in times:
            alive[phase] = alive_at(storages, times[phase])
            phases[phase] = dict.fromkeys(KINDS, 0)
            for one in alive[phase]:
                phases[phase][one.kind or TEMPORARIES] += one.size
    modules: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    saved: dict[str, int] = defaultdict(int)
    found = Traced(phases)
    for one in alive[found.phase]:
        modules[one.module][one.kind or TEMPORARIES] += one.size
    for one in storages:
        if one.kept:
            saved[one.module] += one.size
    return Traced(phases, {path: dict(held) for path, held in modules.items()}, dict(saved), storages)
