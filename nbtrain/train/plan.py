"""The plan: everything a run will do, resolved and shown before it starts.

Nothing is on disk yet, nothing is changed.

`make_plan` looks, rehearses one batch and decides; `Plan.report` says it. What a person set is marked
against what is a default, and what nbtrain assumed is said in words.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from nbtrain import units
from nbtrain.errors import UsageError, UserError
from nbtrain.notebook.listing import either
from nbtrain.notebook.namespace import Setup
from nbtrain.notebook.sample import CannotLook, sample_batch
from nbtrain.report.model import Cell, KeyValues, Note, Report, Section
from nbtrain.running import active, ledger
from nbtrain.running.backends import refuse_without
from nbtrain.runs.writable import refuse_unwritable
from nbtrain.train.data import batches_of, split_loader
from nbtrain.train.estimate import Estimate, amounts, estimate
from nbtrain.train.fast.planned import made_faster
from nbtrain.train.fast.table import Trials
from nbtrain.train.feed import choose_data_seed
from nbtrain.train.first_batch import Explain, failed_data, reads_every_sample
from nbtrain.train.line import ORIGINS, Line
from nbtrain.train.options import DEFAULT_EPOCHS, TrainOptions
from nbtrain.train.planconfig import plan_config
from nbtrain.train.planlines import data_seed_line, plan_lines
from nbtrain.train.precision import Precision, choose_precision
from nbtrain.train.rehearsal import Rehearsal, in_one_line, rehearse, unrehearsed
from nbtrain.train.schedule import choose_schedule
from nbtrain.train.validation_rehearsal import ValidationRehearsal, rehearse_validation
from nbtrain.train.work import Work

DEFAULT_LR, DEFAULT_WEIGHT_DECAY = 1e-3, 0.01  # torch.optim.AdamW's own defaults
LONG_S = 7 * 86_400.0  # of an estimate; few kernels live longer
NO_VALIDATION = (
    "No validation data: overfitting cannot be seen. Three ways on: --val NAME (a loader), --split 0.2 (put "
    "a part of the training data aside), --no-val (train without, knowingly)."
)


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes:
        work: the objects, resolved. rehearsal: what one batch showed.
        name: the run's name. total_epochs, total_steps, steps_per_epoch: lengths, None where unknown.
        estimate: how long it will take, or why that is not known. lines: what is shown. warnings: said before
            the start.
        config: plain values for config.yaml. config_text: what config.yaml holds instead, where the run is
        from
            a configuration; "" elsewhere. data_seed: see `nbtrain.train.feed`.
        resume: the ResumePoint it goes on from, or None. trials: what came of `--fast`, or None.
    """

    work: Work
    rehearsal: Rehearsal
    name: str
    total_epochs: int | None
    total_steps: int | None
    steps_per_epoch: int | None
    estimate: Estimate | str
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]
    config: dict[str, Any] = field(default_factory=dict)
    data_seed: int | None = None
    resume: Any = None
    trials: Trials | None = None
    config_text: str = ""

    @property
    def eta_s(self) -> float | None:
        """Estimated seconds, None where unknown."""
        return self.estimate.seconds if isinstance(self.estimate, Estimate) else None

    def report(self) -> Report:
        """Return the plan as a report: what, with what, how long, and what to know before starting."""
        sections = []
        for title in dict.fromkeys(line.section for line in self.lines):
            rows = tuple(
                (
                    line.label,
                    Cell(line.value, code=line.code, mark=line.marked),
                    Cell(ORIGINS[line.origin], tone="muted"),
                )
                for line in self.lines
                if line.section == title
            )
            sections.append(Section(title, (KeyValues(rows),)))
        if self.trials is not None:
            sections.append(self.trials.section())
        if self.warnings:
            notes = tuple(Note(warning, tone="warning") for warning in self.warnings)
            sections.insert(0, Section("Before you start", notes))
        if self.rehearsal.failed is not None:
            sections.insert(0, self.rehearsal.failed.section())
        steps = units.counted(self.total_steps, "step") if self.total_steps else "Until the data ends"
        about = f", {self.estimate}" if self.eta_s else ""
        return Report(
            f"Plan: {self.name}",
            tuple(sections),
            headline=f"{steps}{about}. Marked values differ from the defaults.",
            data=self.to_dict(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-ready values."""
        return {
            "name": self.name, "total_epochs": self.total_epochs, "total_steps": self.total_steps,
            "steps_per_epoch": self.steps_per_epoch, "eta_s": self.eta_s,
            "estimate": self.estimate if isinstance(self.estimate, str) else asdict(self.estimate),
            "warnings": list(self.warnings), "config": self.config,
        }  # fmt: skip


def make_plan(setup: Setup, options: TrainOptions, *, explain: Explain | None = None) -> Plan:
    """Resolve a set-up into a plan.

    Args:
        explain: an exception of the person's code -> what is known of it.

    Raises:
        UsageError: something cannot work; names what was passed, what is allowed, what to do.
        RunFolderError: nothing can be written where the runs go.
    """
    refuse_without(options.log)
    refuse_unwritable(options.dir)
    model = setup.model.value
    check_model(model, setup.model.name)
    active.refuse_if_training(model.parameters())  # a rehearsal would disturb it
    train, val, made = _data(setup, options)
    device = _device(options.device, model)
    precision = choose_precision(options.precision, device)
    home = next(model.parameters()).device
    rehearsal_precision = precision if home == device else choose_precision("32", home)
    rehearsal = _rehearsal(setup, train, precision=rehearsal_precision, device=home, explain=explain)
    if rehearsal.failed is not None and (home != device or not reads_every_sample(train)):
        rehearsal = replace(rehearsal, failed=replace(rehearsal.failed, certain=False))
    validation = ValidationRehearsal()
    if val is not None and not rehearsal.failure:
        validation = rehearse_validation(
            model, val, rehearsal.task, metrics=options.metrics, precision=rehearsal_precision, device=home
        )
        rehearsal = replace(rehearsal, warnings=(*rehearsal.warnings, *validation.said))
    optimizer, made_optimizer = optimizer_for(setup, model)
    _check_together(optimizer, precision, rehearsal, options)
    length = _length(train, options)
    schedule = choose_schedule(
        setup.scheduler.value if setup.scheduler else None,
        epochs=length[0],
        total_steps=length[1],
        asked=options.scheduler_step,
    )
    if not options.resume:  # else the checkpoint's state of it counts
        _check_schedule(setup, schedule.scheduler, schedule.every, length[1])
    work = Work(
        model, optimizer, schedule, train, val, rehearsal.task, precision, device, options,
        rehearsal.criterion, rehearsal.hits if options.finds_accuracy else None, names=_names(setup),
        made=(*made, *(("optimizer",) if made_optimizer else ())), output_shapes=rehearsal.output_shapes,
    )  # fmt: skip
    expected = estimate(work, rehearsal, validation.times_s, amounts(work, length))
    trials = None
    if options.fast is not False:
        trials, expected = made_faster(work, rehearsal, expected, length[1])
    return _assemble(work, setup, rehearsal, (length, trials), expected)


def _data(setup: Setup, options: TrainOptions) -> tuple[Any, Any, tuple[str, ...]]:
    """(training data, validation data or None, which of the two are made here)."""
    train, val = setup.train.value, setup.val.value if setup.val else None
    made: tuple[str, ...] = ()
    if options.no_val:
        val = None
    elif options.split is not None:
        if val is not None:
            raise UsageError(
                f"There is validation data already (`{setup.val.name or type(val).__name__}`), and `split` "
                "asks to put some of the training data aside.",
                suggestion="Leave split out, or say --val none (val=False) to split.",
            )
        train, val = split_loader(train, options.split, options.seed)
        made = ("train_loader", "val_loader")
    if isinstance(val, nn.Module):
        raise UsageError(
            f"The validation data `{setup.val.name or 'val'}` is a model ({type(val).__name__}).",
            suggestion="Give a loader: a DataLoader, or a list of batches.",
        )
    for role, loader, named in (("training", train, setup.train), ("validation", val, setup.val)):
        if loader is not None and batches_of(loader) == 0:
            name = named.name if named else ""
            raise UsageError(
                f"The {role} loader `{name or role}` is empty: it gives no batch.",
                suggestion="Check its data set, batch size and drop_last.",
            )
    return train, val, made


def check_model(model: nn.Module, name: str) -> None:
    """Refuse a model in which there is nothing to train."""
    called = f"`{name}`" if name else f"The {type(model).__name__}"
    parameters = list(model.parameters())
    if not parameters:
        raise UsageError(
            f"{called} has no parameters, so there is nothing to train.",
            suggestion="Are its layers in plain lists? Use nn.ModuleList.",
        )
    if any(isinstance(p, UninitializedParameter) for p in parameters):
        raise UsageError(
            f"{called} has lazy layers whose sizes are not known yet.",
            suggestion="Run one batch through it first, e.g. model(next(iter(loader))[0]).",
        )
    if not any(p.requires_grad for p in parameters):
        raise UsageError(
            f"{called} has {len(parameters)} parameter tensors, none trainable (requires_grad=False).",
            suggestion="Unfreeze what should learn, e.g. for p in model.parameters(): p.requires_grad_(True)",
        )


def _check_together(
    optimizer: Any, precision: Precision, rehearsal: Rehearsal, options: TrainOptions
) -> None:
    if precision.scaled and isinstance(optimizer, torch.optim.LBFGS):
        raise UsageError(
            "LBFGS evaluates the loss several times a step, which torch's GradScaler for precision 16 does "
            "not allow.",
            suggestion="Use precision bf16 or 32, or another optimizer.",
        )
    if rehearsal.task.whole is not None and options.metrics:
        raise UsageError(
            f"The metrics ({', '.join(options.metrics)}) need the model's output, and a loss (model, batch) "
            "keeps it to itself.",
            suggestion="Leave the metrics out, or give a loss (output, target).",
        )


def _check_schedule(setup: Setup, scheduler: Any, every: str, steps: int | None) -> None:
    """Refuse a OneCycleLR that the run would outlive: it raises in the middle of the training."""
    if not isinstance(scheduler, torch.optim.lr_scheduler.OneCycleLR) or steps is None or every != "step":
        return
    left = scheduler.total_steps - scheduler.last_epoch
    if left < steps:
        name, fewer = setup.scheduler.name or "scheduler", ", or train fewer steps" if left > 0 else ""
        raise UsageError(
            f"`{name}` (OneCycleLR) has {max(left, 0):,} of its {scheduler.total_steps:,} steps left, and "
            f"this run takes {steps:,}; it would end there with an error.",
            suggestion=f"Make it again with total_steps={steps}{fewer}.",
        )


def _device(asked: str | None, model: nn.Module) -> torch.device:
    if asked is None or asked == "auto":
        return next(model.parameters()).device
    try:
        # the device of a tensor has its number: "cuda" becomes "cuda:0", the current one
        return torch.empty(0, device=asked).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        # torch's list of device words holds kinds that nobody has; ours stands in the suggestion
        why = "" if "Expected one of" in str(error) else f" ({in_one_line(error)})"
        raise UsageError(
            f"device is {asked!r}, which cannot be used here{why}.",
            suggestion="Allowed are cpu, cuda, cuda:N and mps, where torch sees such a device.",
        ) from None


def _rehearsal(
    setup: Setup, train: Any, *, precision: Precision, device: torch.device, explain: Explain | None
) -> Rehearsal:
    model, criterion = setup.model.value, setup.loss.value if setup.loss else None
    try:
        batch = sample_batch(train)
    except CannotLook:
        return unrehearsed(model, criterion)
    except UserError:
        raise
    except Exception as error:  # the person's data set
        return unrehearsed(model, criterion, failed=failed_data(error, train, explain))
    name = setup.loss.name if setup.loss else ""
    try:
        rehearsal = rehearse(
            model, criterion, batch, name=name, precision=precision, device=device, explain=explain
        )
    except UsageError as error:
        if setup.loss is None and setup.overlooked_losses:
            meant = either(f"--loss {one}" for one in setup.overlooked_losses)
            error.suggestion = f"If a function of the notebook is the loss, say {meant}. {error.suggestion}"
        raise
    return replace(rehearsal, batch=batch)


def optimizer_for(setup: Setup, model: nn.Module) -> tuple[Any, bool]:
    """Return the notebook's optimizer, else a new one, and whether it is new."""
    if setup.optimizer is not None:
        return setup.optimizer.value, False
    trainable = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(trainable, lr=DEFAULT_LR, weight_decay=DEFAULT_WEIGHT_DECAY), True


def _length(train: Any, options: TrainOptions) -> tuple[int | None, int | None, int | None]:
    """(epochs, optimizer steps, optimizer steps an epoch)."""
    batches = batches_of(train)
    per_epoch = -(-batches // options.accumulate) if batches else None
    epochs = options.epochs if options.epochs or options.max_steps else DEFAULT_EPOCHS
    steps = epochs * per_epoch if epochs and per_epoch else None
    if options.max_steps:
        steps = min(steps, options.max_steps) if steps else options.max_steps
        if epochs is None and per_epoch:
            epochs = -(-steps // per_epoch)
    return epochs, steps, per_epoch


def _names(setup: Setup) -> dict[str, str]:
    roles = ("model", "optimizer", "loss", "train", "val", "scheduler")
    return {role: part.name for role in roles if (part := getattr(setup, role)) is not None}


def _assemble(
    work: Work,
    setup: Setup,
    rehearsal: Rehearsal,
    found: tuple[tuple[int | None, int | None, int | None], Trials | None],
    expected: Estimate | str,
) -> Plan:
    length, trials = found
    epochs, steps, per_epoch = length
    name = work.options.name or work.names.get("model") or type(work.model).__name__
    data_seed = choose_data_seed(work.train_loader, work.options.seed)
    seed_line = data_seed_line(data_seed, work.options.seed)
    lines = (*plan_lines(work, rehearsal, length, expected), *seed_line)
    warnings = (*_warnings(work, setup, rehearsal), *_too_long(expected))
    config = plan_config(work, epochs=epochs, steps=steps, name=name, data_seed=data_seed)
    if trials is not None:
        config["fast"] = trials.to_dict()
    return Plan(
        work, rehearsal, name, epochs, steps, per_epoch, expected, lines, warnings, config, data_seed,
        trials=trials,
    )  # fmt: skip


def _too_long(expected: Estimate | str) -> list[str]:
    if isinstance(expected, str) or expected.seconds <= LONG_S:
        return []
    return [
        f"By the timed steps this takes {expected.seconds / 86_400:,.0f} days. If that is not meant, say "
        "fewer --epochs, or set a budget: --max-time 8h."
    ]


def _warnings(work: Work, setup: Setup, rehearsal: Rehearsal) -> list[str]:
    options = work.options
    said = list(setup.remarks)
    if work.val_loader is None and not options.no_val:
        said.append(NO_VALIDATION)
    if options.patience and work.val_loader is None:
        said.append("patience is set, but without validation data nothing can stop early.")
    if options.metrics and work.val_loader is None:
        said.append(f"Without validation data nothing measures the metric {', '.join(options.metrics)}.")
    said += rehearsal.warnings
    if getattr(work.scheduler, "last_epoch", 0) > 0 and not options.resume:
        name = work.names.get("scheduler") or type(work.scheduler).__name__
        said.append(
            f"`{name}` has been stepped {work.scheduler.last_epoch:,} times before; it goes on from there "
            f"(lr={work.optimizer.param_groups[0]['lr']:g} now). For a fresh schedule make optimizer and "
            "scheduler again."
        )
    if work.schedule.unsure:
        name = work.names.get("scheduler") or type(work.scheduler).__name__
        other = "step" if work.schedule.every == "epoch" else "epoch"
        said.append(
            f"`{name}` is stepped each {work.schedule.every} ({work.schedule.why}). If it counts {other}s, "
            f"say --scheduler-step {other} (scheduler_step={other!r})."
        )
    if work.schedule.watches_best and work.hits is None and not options.metrics:
        said.append(
            "The ReduceLROnPlateau waits for a metric to rise (mode='max'), and there is neither accuracy "
            "nor a metric: it is given the validation loss. Add --metric name=function, or use mode='min'."
        )
    if (trained := ledger.trained(work.model)) is not None and not options.resume:
        said.append(
            f"This model has been trained before in this kernel: {trained}. "
            "The run goes on from those weights."
        )
    if torch.cuda.is_available() and work.device.type == "cpu":
        said.append("The model is on the CPU while a GPU is idle. --device cuda trains there.")
    return said
