"""lr-find: a learning-rate range test that leaves no trace, and its suggestion set on request."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.commands.start import OBJECTS
from nbtrain.errors import UsageError


class LrFind:
    """What a learning-rate range test found. Its value in a notebook is the report, with a button beside it.

    Attributes:
        test: the measurements, see `nbtrain.train.lr_range.RangeTest`.
        suggestion: the rate to use, None when the curve shows none. valley, steepest: see the report.
        lrs, losses: one a step. verified: everything was compared and is as before the test.
    """

    def __init__(self, test: Any, subjects: Any, *, name: str, now: float) -> None:
        self.test = test
        self.optimizer_name = name
        # weakly: the button beside the report lives as long as the kernel, the model need not
        self._model, self._optimizer = weakref.ref(subjects.model), weakref.ref(subjects.optimizer)
        self._scheduler = weakref.ref(subjects.scheduler) if subjects.scheduler is not None else lambda: None
        self._ours = subjects.optimizer_is_ours
        self._now, self._groups = now, len(subjects.optimizer.param_groups)
        self._applied = ""

    @property
    def suggestion(self) -> float | None:
        """The suggested rate of the first group; None when none can be told."""
        return self.test.suggestion.lr

    @property
    def valley(self) -> float | None:
        """The middle, in powers of ten, of the stretch over which the loss falls."""
        return self.test.suggestion.valley

    @property
    def steepest(self) -> float | None:
        """Where the loss falls fastest."""
        return self.test.suggestion.steepest

    @property
    def reason(self) -> str:
        """Why this rate, or why none."""
        return self.test.suggestion.reason

    @property
    def lrs(self) -> list[float]:
        """The rates tried, one a step."""
        return list(self.test.rates)

    @property
    def losses(self) -> list[float]:
        """The loss at each of them."""
        return list(self.test.losses)

    @property
    def verified(self) -> bool:
        """Whether everything was compared, by hash, and is as it was before the test."""
        return self.test.verified

    @property
    def applied(self) -> str:
        """What `apply` did, in a sentence; empty when it was not called."""
        return self._applied

    @property
    def can_apply(self) -> bool:
        """Whether there is a rate and an optimizer of the notebook to set it on."""
        return self.suggestion is not None and not self._ours and self._optimizer() is not None

    def apply(self, lr: float | None = None) -> str:
        """Set a rate on the optimizer's groups in their ratio, under its scheduler too; return what was done.

        Args:
            lr: the first group's rate; None takes the suggestion.

        Raises:
            UsageError: there is no suggestion, the optimizer is gone, or a run trains the model now.
        """
        from nbtrain.running import active
        from nbtrain.running.learning_rate import check_learning_rate, set_learning_rate

        if lr is None and self.suggestion is None:
            raise UsageError(
                f"There is no suggestion to apply: {self.reason}.",
                suggestion="found.apply(1e-3) sets a rate.",
            )
        wanted = check_learning_rate(self.suggestion if lr is None else lr)
        model, optimizer = self._model(), self._optimizer()
        if self._ours:
            raise UsageError(
                "The notebook has no optimizer: the test made one of its own, as %train would.",
                suggestion=f"Make one: optimizer = torch.optim.AdamW(model.parameters(), lr={wanted:g})",
            )
        if model is None or optimizer is None:
            raise UsageError(
                f"`{self.optimizer_name}` of this test is gone: a cell has made another.",
                suggestion="Run %train lr-find again.",
            )
        active.refuse_if_training(model.parameters())
        before = set_learning_rate(optimizer, self._scheduler(), wanted)
        several = f", its {self._groups} groups in their ratio" if self._groups > 1 else ""
        self._applied = f"`{self.optimizer_name}` now has lr = {wanted:g} (was {before:g}){several}."
        return self._applied

    def report(self) -> Any:
        """Return curve, rates and proof as a report."""
        from nbtrain.train.lr_report import lr_report

        return lr_report(
            self.test,
            optimizer=self.optimizer_name,
            now=self._now,
            groups=self._groups,
            applied=self._applied,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return self.report().to_dict()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.report()._repr_mimebundle_()

    def __repr__(self) -> str:
        return self.report().to_text()


def lr_find(
    model: Any,
    data: Any,
    *,
    optimizer: Any = None,
    loss: Any = None,
    scheduler: Any = None,
    apply: bool = False,
    **options: Any,
) -> LrFind:
    """Find a learning rate: train a few steps at ever higher rates, then put everything back and prove it.

    Args:
        model, data, optimizer, loss: as in `nbtrain.train`. Without an optimizer the caller's one that holds
            the model's parameters is taken, else the one that training would make.
        scheduler: told of the new height by `apply`; None takes the caller's that drives the optimizer.
        apply: set the suggestion on the optimizer, if there is one.
        **options: start (1e-7), end (10), steps (100), accumulate (1), clip (None), precision ("32").

    Returns:
        the curve with its suggestion; nothing is on disk.

    Raises:
        UsageError: something cannot work, e.g. a run is training this model. Nothing has changed then.
    """
    from nbtrain.notebook.namespace import find_setup

    known = sys._getframe(1).f_globals
    if optimizer is None:
        optimizer = _only(_holders(model, known), "optimizer")
    if scheduler is None and optimizer is not None:
        scheduler = _only(_drivers(optimizer, known), "scheduler")
    setup = find_setup(
        {}, model=model, data=data, val=False, optimizer=optimizer, loss=loss,
        scheduler=False if scheduler is None else scheduler,
    )  # fmt: skip
    found = _find(setup, options)
    if apply and found.suggestion is not None:
        found.apply()
    return found


def _holders(model: Any, known: Mapping[str, Any]) -> list[Any]:
    import torch

    mine = {id(p) for p in model.parameters()} if isinstance(model, torch.nn.Module) else set()
    return [
        value
        for value in _each_once(known)
        if isinstance(value, torch.optim.Optimizer)
        and mine & {id(p) for group in value.param_groups for p in group["params"]}
    ]


def _drivers(optimizer: Any, known: Mapping[str, Any]) -> list[Any]:
    driven = (value for value in _each_once(known) if getattr(value, "optimizer", None) is optimizer)
    return [value for value in driven if callable(getattr(value, "step", None))]


def _each_once(known: Mapping[str, Any]) -> list[Any]:
    return list({id(value): value for name, value in known.items() if not name.startswith("_")}.values())


def _only(found: list[Any], role: str) -> Any:
    if len(found) > 1:
        raise UsageError(f"{len(found)} {role}s of yours could be meant.", suggestion=f"Pass one: {role}=...")
    return found[0] if found else None


def _find(setup: Any, options: Mapping[str, Any], on_step: Any = None) -> LrFind:
    """Do the test on what was found."""
    from nbtrain.running.learning_rate import current_learning_rate
    from nbtrain.train.lr_range import range_test
    from nbtrain.train.lr_setup import range_settings, range_subjects

    settings, precision = range_settings(options)
    subjects = range_subjects(setup, precision)
    name = setup.optimizer.name if setup.optimizer is not None else ""
    now = current_learning_rate(subjects.optimizer)
    test = range_test(subjects, settings, on_step)
    return LrFind(test, subjects, name=name or type(subjects.optimizer).__name__, now=now)


def _told(progress: Any, steps: int) -> Any:
    if progress is None:
        return None
    return lambda number, lr, loss: progress(f"Step {number} of {steps}: lr {lr:.2g}, loss {loss:.4g}")


def _run(args: SimpleNamespace, context: Context) -> LrFind:
    from nbtrain.notebook.namespace import find_setup

    if context.namespace is None:
        raise UsageError(
            "A learning-rate range test works on the objects of a notebook, and a terminal has none.",
            suggestion="Use %train lr-find in a notebook, or nbtrain.lr_find(model, data) in a script.",
        )
    if len(args.objects) > 2:
        raise UsageError(
            f"`{args.objects[2]}` is one name too many: lr-find takes a model and its data.",
            suggestion="For example: %train lr-find model loader",
        )
    model, data = [*args.objects, None, None][:2]
    roles = {role: getattr(args, role) for role in ("optimizer", "loss", "scheduler")}
    setup = find_setup(context.visible(), model=model, data=data, val=False, **roles)
    names = ("start", "end", "steps", "accumulate", "precision", "clip")
    options = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    found = _find(setup, options, _told(context.progress, options.get("steps", 100)))
    if args.apply and found.suggestion is not None:
        found.apply()
    return found


COMMAND = Command(
    "lr-find",
    "find a learning rate by a range test that leaves no trace",
    _run,
    (
        OBJECTS,
        Argument(("--start",), "first learning rate (1e-7)", float),
        Argument(("--end",), "last learning rate (10)", float),
        Argument(("--steps",), "optimizer steps from first to last (100)", int),
        Argument(("--accumulate",), "batches per optimizer step (1)", int),
        Argument(("--clip",), "largest total gradient norm", float),
        Argument(("--precision",), "32 | bf16 | 16 | auto (32)"),
        Argument(("--optimizer",), "optimizer, when the notebook has several", metavar="NAME"),
        Argument(("--loss", "--criterion"), "loss: criterion or function (output, target)", metavar="NAME"),
        Argument(("--scheduler",), "learning-rate scheduler, told of an applied rate", metavar="NAME"),
        Argument(("--apply",), "set the suggestion on the optimizer", bool),
    ),
    examples=("", "model train_loader --start 1e-6 --end 1", "--apply"),
    notebook_only=True,
)
