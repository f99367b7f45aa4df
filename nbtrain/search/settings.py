"""Settings of live objects: what of an optimizer, a model and a loader a search can set, and how it is
set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from nbtrain.errors import UsageError
from nbtrain.running.learning_rate import set_learning_rate

DROPOUT = "dropout"
RATES = ("lr", "learning_rate")
_NO_SETTINGS = ("params", "param_names", "initial_lr")
_SHARES = (DROPOUT, "dropout_p", "p_dropout", "drop_rate")  # attributes that modules keep the share under


def settable(model: Any, optimizer: Any) -> set[str]:
    """Return the names that can be set on these objects."""
    known = {DROPOUT} if any(True for _ in _shares(model)) else set()
    if optimizer is not None:
        keys = set(optimizer.param_groups[0]) - set(_NO_SETTINGS)
        known |= keys | {f"optimizer.{key}" for key in keys} | set(RATES)
    return known


def apply(values: Mapping[str, Any], model: Any, optimizer: Any, scheduler: Any = None) -> None:
    """Set values on these very objects.

    A learning rate goes to all groups in their ratio, and under the scheduler; a weight decay to those groups
    that have one, unless none has; dropout to every layer that drops.

    Raises:
        UsageError: there is nothing of that name, or the value cannot be its.
    """
    for name, value in values.items():
        key = name.removeprefix("optimizer.")
        if key == DROPOUT:
            _set_dropout(model, value)
        elif optimizer is None:
            raise UsageError(
                f"`{name}` is a setting of an optimizer, and there is none.",
                suggestion="Make one: optimizer = torch.optim.AdamW(model.parameters()).",
            )
        elif key in RATES:
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise UsageError(f"`{name}` is {value!r}; it must be a number, 0 or more.")
            set_learning_rate(optimizer, scheduler, float(value))
        else:
            _set_on_groups(optimizer, key, value)


def _set_on_groups(optimizer: Any, key: str, value: Any) -> None:
    groups = [group for group in optimizer.param_groups if key in group]
    if not groups:
        raise UsageError(
            f"`{key}` is no setting of {type(optimizer).__name__}.",
            suggestion=f"It has {', '.join(sorted(set(optimizer.param_groups[0]) - set(_NO_SETTINGS)))}.",
        )
    decaying = [group for group in groups if group[key]] if key == "weight_decay" else groups
    for group in decaying or groups:
        before = group[key]
        group[key] = tuple(value) if isinstance(before, tuple) and isinstance(value, (list, tuple)) else value


def _set_dropout(model: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UsageError(
            f"`{DROPOUT}` is {value!r}; it must be a share, from 0 to below 1.", suggestion="For example 0.1."
        )
    for module, attribute in _shares(model):
        setattr(module, attribute, float(value))


def _shares(model: Any) -> Iterator[tuple[nn.Module, str]]:
    """Yield the modules that drop, and where each keeps its share."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            yield module, "p"
        else:
            for attribute in _SHARES:
                share = module.__dict__.get(attribute)
                if isinstance(share, float) or (isinstance(share, int) and share == 0 and share is not False):
                    yield module, attribute


def batched(loader: Any, size: Any) -> Any:
    """Return a loader like this one with another batch size.

    Raises:
        UsageError: it is no plain DataLoader, or the size is none.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"`batch_size` is {size!r}; it must be a whole number, at least 1.")
    plain = isinstance(loader, DataLoader) and type(loader.batch_sampler) is BatchSampler
    plain = plain and type(loader.sampler) in (RandomSampler, SequentialSampler)
    if plain and isinstance(loader.sampler, RandomSampler):  # else another number of samples an epoch
        plain = not loader.sampler.replacement and loader.sampler.num_samples == len(loader.dataset)
    if not plain:
        raise UsageError(
            f"`batch_size` is in the space, and a {type(loader).__name__} like this cannot be made anew.",
            suggestion="Take it out, or make the loader in a factory: --factory NAME.",
        )
    return DataLoader(
        loader.dataset, batch_size=size, shuffle=isinstance(loader.sampler, RandomSampler),
        num_workers=loader.num_workers, collate_fn=loader.collate_fn, pin_memory=loader.pin_memory,
        drop_last=loader.drop_last, worker_init_fn=loader.worker_init_fn,
        persistent_workers=loader.persistent_workers, prefetch_factor=loader.prefetch_factor,
    )  # fmt: skip


def plain_number(value: Any) -> Any:
    """Return a setting of a group as a plain value."""
    return value.item() if isinstance(value, Tensor) else value
