"""From what a notebook holds to what a learning-rate range test works on, checked as a training would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbtrain.errors import UsageError, UserError
from nbtrain.notebook.namespace import Setup
from nbtrain.notebook.sample import CannotLook, sample_batch
from nbtrain.running import active
from nbtrain.train.batch import Task
from nbtrain.train.first_batch import failed_data
from nbtrain.train.lr_range import RangeSettings, RangeSubjects
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import check_model, optimizer_for
from nbtrain.train.precision import Precision, choose_precision
from nbtrain.train.rehearsal import rehearse, unrehearsed

_OPTIONS = ("start", "end", "steps", "accumulate", "clip", "precision")


def range_settings(options: Mapping[str, Any]) -> tuple[RangeSettings, str]:
    """Return the settings a person gave, and the precision.

    Raises:
        UsageError: an unknown option, or a value that cannot be.
    """
    for name in options:
        if name not in _OPTIONS:
            raise UsageError(
                f"`{name}` is not an option of lr_find.", suggestion=f"Options are: {', '.join(_OPTIONS)}."
            )
    given = {name: value for name, value in options.items() if value is not None}
    known = TrainOptions.from_words(
        {name: given[name] for name in ("accumulate", "clip", "precision") if name in given}
    )
    own = {name: given[name] for name in ("start", "end", "steps") if name in given}
    return RangeSettings(**own, accumulate=known.accumulate, clip=known.clip).check(), known.precision


def range_subjects(setup: Setup, precision: str) -> RangeSubjects:
    """Resolve a set-up into the objects of a test.

    Raises:
        UsageError: something cannot work, or a run trains this model.
    """
    model = setup.model.value
    check_model(model, setup.model.name)
    active.refuse_if_training(model.parameters())
    chosen = choose_precision(precision, next(model.parameters()).device)
    optimizer, is_ours = optimizer_for(setup, model)
    return RangeSubjects(
        model, optimizer, lambda: _task(setup, chosen), setup.train.value, chosen,
        setup.loss.value if setup.loss else None, setup.scheduler.value if setup.scheduler else None,
        optimizer_is_ours=is_ours,
    )  # fmt: skip


def _task(setup: Setup, precision: Precision) -> Task:
    """Rehearse one batch, as the plan of a training does, so that what does not fit is said in words.

    Raises:
        UsageError: no loss to be had, or one that does not fit.
    """
    model, criterion = setup.model.value, setup.loss.value if setup.loss else None
    try:
        batch = sample_batch(setup.train.value)
    except CannotLook:
        return unrehearsed(model, criterion).task
    except UserError:
        raise
    except Exception as error:  # the person's data set: the test itself raises it, with its traceback
        return unrehearsed(model, criterion, failed=failed_data(error, setup.train.value)).task
    name = setup.loss.name if setup.loss else ""
    device = next(model.parameters()).device
    return rehearse(model, criterion, batch, name=name, precision=precision, device=device).task
