"""What is traced: stand-ins of a model, its optimizer, its loss and its batch, with sizes and no memory."""

from __future__ import annotations

import copy
import inspect
import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.errors import UsageError
from nbtrain.memory.loss import task_of
from nbtrain.notebook.stand_in import StandIns
from nbtrain.train.batch import Task, to_device

MOST_S = 60.0  # for making stand-ins; a billion parameters take a fifth of a second


@dataclass
class Trials:
    """Real steps taken for one estimate, and for what else is asked of it: none is taken twice.

    Attributes:
        spent_s: CPU seconds that they took. runs: what each allocated, by its set-up and samples.
    """

    spent_s: float = 0.0
    runs: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """The set-up in question, with the person's own objects.

    Attributes:
        model: on any device. batch: as a loader gives it. criterion: the loss, or None for the model's own
            or one that fits. optimizer: an optimizer, a class, a function of parameters, or a name of
            torch.optim.
        device: where it would train. dtype: of autocast, None for none. accumulate: micro-batches a step.
        trials: the real steps so far, shared with what `dataclasses.replace` makes of it.
    """

    model: nn.Module
    batch: Any
    criterion: Any
    optimizer: Any
    device: torch.device
    dtype: torch.dtype | None = None
    accumulate: int = 1
    trials: Trials = field(default_factory=Trials, repr=False, compare=False)

    def autocast(self) -> Any:
        """Return the context of one forward: what autocast does to types on a CPU, it does on a GPU."""
        return torch.autocast("cpu", self.dtype)


@dataclass(frozen=True)
class Fake:
    """The same with fake tensors."""

    model: nn.Module
    optimizer: Any
    batch: Any
    task: Task
    mode: Any


def fake_of(asked: Asked, samples: int | None = None) -> Fake:
    """Return the stand-ins.

    Args:
        samples: in a batch; None leaves the batch as it is.

    Raises:
        NoStandIn: a part that cannot be stood in for. UsageError: no optimizer of that name, no loss.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    stand_ins = _StandIns(mode, time.perf_counter() + MOST_S)
    model = stand_ins.of(asked.model)
    home = next((p.device for p in model.parameters()), torch.device("cpu"))
    batch = stand_ins.of(asked.batch if samples is None else resized(asked.batch, samples))
    criterion = stand_ins.of(asked.criterion) if isinstance(asked.criterion, nn.Module) else asked.criterion
    with mode:
        batch = to_device(batch, home)
        task = task_of(model, criterion, batch)
        optimizer = optimizer_of(asked, dict(_pairs(asked.model, model)))
    return Fake(model, optimizer, batch, task, mode)


class _StandIns(StandIns):
    """Also of a model on the meta device, as one is made of which only the size is of interest."""

    def _made(self, value: Any, kind: type) -> Any:
        if not issubclass(kind, Tensor) or value.device.type != "meta":
            return super()._made(value, kind)
        with self._mode:
            made = torch.empty_strided(value.size(), value.stride(), dtype=value.dtype)
        if isinstance(value, nn.Parameter):
            return nn.Parameter(made, requires_grad=value.requires_grad)
        return made


def _pairs(model: nn.Module, fake: nn.Module) -> list[tuple[int, Tensor]]:
    """(id of a parameter, its stand-in) each."""
    there = dict(fake.named_parameters())
    return [(id(parameter), there[name]) for name, parameter in model.named_parameters()]


def optimizer_of(asked: Asked, stand_ins: Mapping[int, Tensor]) -> Any:
    """Return an optimizer like the one asked for, with no state yet, over stand-ins.

    On a GPU torch's optimizers work on all parameters at once where nothing else was said (`foreach`), which
    takes memory of its own; so does this one then.
    """
    made = asked.optimizer
    if isinstance(made, str):
        made = optimizer_class(made)
    if hasattr(made, "param_groups"):
        return _like(made, stand_ins, on_gpu=asked.device.type == "cuda")
    wanted = [one for one in stand_ins.values() if one.requires_grad]
    if not wanted:
        raise UsageError(
            "The model has no trainable parameter, so there is no step to estimate.",
            suggestion="Set requires_grad on what should be trained.",
        )
    options = {}
    if inspect.isclass(made) and "foreach" in inspect.signature(made).parameters:
        options["foreach"] = True if asked.device.type == "cuda" else None
    if made is torch.optim.SGD:
        options["lr"] = 1e-3
    return made(wanted, **options)


def optimizer_class(name: str) -> Any:
    """Return the optimizer of torch.optim with this name, whatever its capitals.

    Raises:
        UsageError: there is none.
    """
    classes = {
        key.lower(): value
        for key, value in vars(torch.optim).items()
        if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer)
        and value is not torch.optim.Optimizer
    }  # fmt: skip
    found = classes.get(name.lower())
    if found is None:
        import difflib

        near = difflib.get_close_matches(name.lower(), classes, n=1)
        guess = f"Did you mean {classes[near[0]].__name__}? " if near else ""
        raise UsageError(
            f"torch.optim has no optimizer `{name}`.",
            suggestion=f"{guess}Known: {', '.join(sorted(one.__name__ for one in classes.values()))}.",
        )
    return found


def _like(optimizer: Any, stand_ins: Mapping[int, Tensor], *, on_gpu: bool) -> Any:
    made = copy.copy(optimizer)
    state = made.__dict__
    for name, value in vars(optimizer).items():
        if isinstance(value, OrderedDict) and name.endswith("_hooks"):
            state[name] = OrderedDict()
    state["state"] = defaultdict(dict)
    groups = []
    for group in optimizer.param_groups:
        held = [stand_ins[id(p)] for p in group["params"] if id(p) in stand_ins]
        open_way = on_gpu and group.get("foreach", 0) is None and not group.get("fused")
        groups.append({**group, "params": held, **({"foreach": True} if open_way else {})})
    state["param_groups"] = groups
    return made


def samples_of(batch: Any) -> int:
    """Return how many samples a batch holds; 0 where that cannot be told."""
    from nbtrain.train.pieces import samples_in

    return samples_in(batch)


def resized(batch: Any, samples: int) -> Any:
    """Return a batch of another size, its numbers repeated; what has no entry for each sample stays."""
    before = samples_of(batch)

    def one(part: Any) -> Any:
        if isinstance(part, Tensor) and part.dim() and part.shape[0] == before:
            return part[torch.arange(samples, device=part.device) % before]
        if isinstance(part, Mapping):
            return {key: one(value) for key, value in part.items()}
        if isinstance(part, tuple) and hasattr(part, "_fields"):
            return type(part)(*map(one, part))
        if isinstance(part, (tuple, list)):
            return type(part)(map(one, part))
        return part

    return one(batch)
