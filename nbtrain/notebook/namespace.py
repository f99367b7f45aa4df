"""Find the set-up of a training among a notebook's variables: model, optimizer, loss, data, scheduler.

    collect what is there  ->  take what the person named  ->  model and the optimizer that really holds its parameters
      ->  scheduler bound to it  ->  loss  ->  training data  ->  validation data

Each step either settles or raises a UsageError that lists what there is; nothing is guessed, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.candidates import Named, collect
from nbtrain.notebook.given import resolve
from nbtrain.notebook.loaders import check_data, choose_train, choose_val, shared_samples
from nbtrain.notebook.losses import choose_loss
from nbtrain.notebook.names import counts
from nbtrain.notebook.pairing import choose_pair
from nbtrain.notebook.schedulers import check_scheduler, choose_scheduler

__all__ = ["Named", "Setup", "find_setup"]


@dataclass(frozen=True)
class Setup:
    """What will be trained with what, each with the name it has in the notebook.

    Attributes:
        optimizer: None only when there is no optimizer at all.
        loss: None when none was found: the model's own, or one that fits the target, is then the loop's to decide.
        val: None when nothing is surely validation data. scheduler: None when none drives the optimizer.
        remarks: sentences about what was seen and is worth saying before anything starts.
    """

    model: Named
    optimizer: Named | None
    loss: Named | None
    train: Named
    val: Named | None
    scheduler: Named | None
    remarks: tuple[str, ...] = ()


def find_setup(
    namespace: Mapping[str, Any],
    *,
    model: Any = None,
    data: Any = None,
    val: Any = None,
    optimizer: Any = None,
    loss: Any = None,
    scheduler: Any = None,
) -> Setup:
    """Find the model, its optimizer, loss, data and scheduler; take as given what the person names.

    Args:
        namespace: the notebook's variables. IPython's history (`_`, `Out`, ...) is left out.
        model, data, val, optimizer, loss, scheduler: names, ways (`trainer.model`, `loaders["train"]`) or objects;
            None to find one. `False`, or the word "none", for val, loss and scheduler: do without.

    Raises:
        UsageError: an unknown name, the wrong kind of object, several candidates, an optimizer or scheduler that
            belongs to an object that is gone, nothing to train, no data.
    """
    namespace = {name: value for name, value in namespace.items() if counts(name)}
    found = collect(namespace)
    without = {role for role, given in (("val", val), ("loss", loss), ("scheduler", scheduler)) if _none(given, namespace)}
    val, loss, scheduler = (
        None if role in without else given for role, given in (("val", val), ("loss", loss), ("scheduler", scheduler))
    )
    given_train = resolve(data, "data", namespace, found)
    pair = choose_pair(
        found,
        namespace,
        model=resolve(model, "model", namespace, found),
        optimizer=resolve(optimizer, "optimizer", namespace, found),
    )
    remarks = list(pair.remarks)

    chosen_scheduler = resolve(scheduler, "scheduler", namespace, found)
    if chosen_scheduler is not None:
        check_scheduler(chosen_scheduler, pair.holder, namespace)
    elif "scheduler" not in without:
        chosen_scheduler, more = choose_scheduler(found, pair.holder, namespace)
        remarks += more

    chosen_loss = resolve(loss, "loss", namespace, found)
    if chosen_loss is None and "loss" not in without:
        chosen_loss, more = choose_loss(found, pair.model)
        remarks += more

    chosen_val = resolve(val, "val", namespace, found)
    train = given_train or choose_train(found, pair.model.name, taken=None if chosen_val is None else chosen_val.value)
    check_data(train, role="training")
    if chosen_val is not None:
        remarks += shared_samples(train, chosen_val)
    elif "val" not in without:
        chosen_val, more = choose_val(found, train)
        remarks += more
    if chosen_val is not None:
        check_data(chosen_val, role="validation")
    return Setup(
        model=Named(pair.model.name, pair.model.value),
        optimizer=None if pair.holder is None else Named(pair.holder.name, pair.holder.value),
        loss=chosen_loss,
        train=train,
        val=chosen_val,
        scheduler=chosen_scheduler,
        remarks=tuple(remarks),
    )


def _none(given: Any, namespace: Mapping[str, Any]) -> bool:
    """Say whether the person wants none: `False`, or the word none where no variable bears that name."""
    if given is False:
        return True
    return isinstance(given, str) and given.lower() == "none" and given not in namespace
