"""Find the set-up of a training among a notebook's variables: model, optimizer, loss, data, scheduler.

    collect what is there  ->  take what the person named  ->  model and the optimizer that really holds its
    parameters
      ->  scheduler bound to it  ->  loss  ->  training data  ->  validation data

Each step either settles or raises a UsageError that lists what there is; nothing is guessed, nothing is
changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbtrain.notebook.candidates import Candidates, Named, collect
from nbtrain.notebook.given import resolve
from nbtrain.notebook.loaders import check_data, choose_train, choose_val, shared_samples
from nbtrain.notebook.losses import choose_loss, gives_own_loss
from nbtrain.notebook.names import counts
from nbtrain.notebook.overlooked import functions_that_may_be_a_loss, remark_on
from nbtrain.notebook.ownership import Model
from nbtrain.notebook.pairing import choose_pair
from nbtrain.notebook.schedulers import check_scheduler, choose_scheduler

__all__ = ["Named", "Setup", "find_setup"]


@dataclass(frozen=True)
class Setup:
    """What will be trained with what, each with the name it has in the notebook.

    Attributes:
        optimizer: None only when there is no optimizer at all.
        loss: None when none was found: the model's own, or one that fits the target, is then the loop's to
            decide.
        val: None when nothing is surely validation data. scheduler: None when none drives the optimizer.
        remarks: sentences about what was seen and is worth saying before anything starts.
        overlooked_losses: names of functions that may be the loss, where none was found.
    """

    model: Named
    optimizer: Named | None
    loss: Named | None
    train: Named
    val: Named | None
    scheduler: Named | None
    remarks: tuple[str, ...] = ()
    overlooked_losses: tuple[str, ...] = ()


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
        model, data, val, optimizer, loss, scheduler: names, ways (`trainer.model`, `loaders["train"]`) or
            objects; None to find one. `False`, or the word "none", for val, loss and scheduler: do without.

    Raises:
        UsageError: an unknown name, the wrong kind of object, several candidates, an optimizer or scheduler
            that belongs to an object that is gone, nothing to train, no data.
    """
    namespace = {name: value for name, value in namespace.items() if counts(name)}
    found = collect(namespace)
    asked = {
        "model": model,
        "data": data,
        "val": val,
        "optimizer": optimizer,
        "loss": loss,
        "scheduler": scheduler,
    }
    without = {role for role in ("val", "loss", "scheduler") if _none(asked[role], namespace)}
    given = {
        role: None if role in without else resolve(value, role, namespace, found)
        for role, value in asked.items()
    }
    pair = choose_pair(found, namespace, model=given["model"], optimizer=given["optimizer"])
    chosen_scheduler, scheduler_remarks = given["scheduler"], ()
    if chosen_scheduler is not None:
        check_scheduler(chosen_scheduler, pair.holder, namespace)
    elif "scheduler" not in without:
        chosen_scheduler, scheduler_remarks = choose_scheduler(found, pair.holder, namespace)
    chosen_loss, loss_remarks, overlooked = given["loss"], (), ()
    if chosen_loss is None and "loss" not in without:
        chosen_loss, loss_remarks, overlooked = _loss(found, namespace, pair.model)
    train, chosen_val, data_remarks = _data(
        found, namespace, given, model_name=pair.model.name, want_val="val" not in without
    )
    return Setup(
        model=Named(pair.model.name, pair.model.value),
        optimizer=None if pair.holder is None else Named(pair.holder.name, pair.holder.value),
        loss=chosen_loss,
        train=train,
        val=chosen_val,
        scheduler=chosen_scheduler,
        overlooked_losses=overlooked,
        remarks=(*pair.remarks, *scheduler_remarks, *loss_remarks, *data_remarks),
    )


def _loss(
    found: Candidates, namespace: Mapping[str, Any], model: Model
) -> tuple[Named | None, tuple[str, ...], tuple[str, ...]]:
    """Settle the loss, with remarks and the names of functions that may be it where none was found."""
    chosen, remarks = choose_loss(found, model)
    if chosen is not None or remarks or gives_own_loss(model.value):
        return chosen, remarks, ()
    overlooked = functions_that_may_be_a_loss(namespace)
    return None, remark_on(overlooked), overlooked


def _data(
    found: Candidates, namespace: Mapping[str, Any], given: Mapping[str, Named | None], *, model_name: str,
    want_val: bool,
) -> tuple[Named, Named | None, tuple[str, ...]]:  # fmt: skip
    """Settle training and validation data, with remarks about how they relate."""
    train, val, said = given["data"], given["val"], ()
    if train is None:
        taken = None if val is None else val.value
        train, said = choose_train(found, model_name, taken=taken, namespace=namespace)
    check_data(train, role="training")
    if val is not None:
        remarks = shared_samples(train, val)
    else:
        val, remarks = choose_val(found, train, namespace) if want_val else (None, ())
    if val is not None:
        check_data(val, role="validation")
    return train, val, (*said, *remarks)


def _none(given: Any, namespace: Mapping[str, Any]) -> bool:
    """Say whether the person wants none: `False`, or the word none where no variable bears that name."""
    if given is False:
        return True
    return isinstance(given, str) and given.lower() == "none" and given not in namespace
