"""The plan in lines: each object and setting with its value and where it comes from."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from nbtrain import units
from nbtrain.train.callbacks.checkpoint import AUTO
from nbtrain.train.data import batches_of, samples_of
from nbtrain.train.estimate import Estimate
from nbtrain.train.line import Line, kind_of
from nbtrain.train.options import OWN_ACCURACY
from nbtrain.train.own_settings import own_settings
from nbtrain.train.rehearsal import Rehearsal
from nbtrain.train.saving_cost import saving_cost
from nbtrain.train.stops import stop_lines
from nbtrain.train.work import Work

GUARD_WORDS = {
    "on": "on: what cells draw or switch meanwhile does not reach the run",
    "detect": "detect: what cells draw or switch meanwhile reaches the run, and is noted",
    "off": "off: what cells do meanwhile reaches the run unseen",
}
Length = tuple[int | None, int | None, int | None]


def plan_lines(
    work: Work, rehearsal: Rehearsal, length: Length, expected: Estimate | str
) -> tuple[Line, ...]:
    """Return every line of the plan, in reading order."""
    return (
        *_objects(work, rehearsal, "optimizer" in work.made),
        *_length_lines(work, length, expected),
        *_how(work),
        *_keeping(work),
    )


def _named(work: Work, role: str, kind: str) -> str:
    name = work.names.get(role, "")
    return f"{name} ({kind})" if name else kind


def _objects(work: Work, rehearsal: Rehearsal, made_optimizer: bool) -> list[Line]:
    total = sum(p.numel() for p in work.model.parameters())
    trainable = sum(p.numel() for p in work.model.parameters() if p.requires_grad)
    parameters = (
        units.count(trainable)
        if trainable == total
        else f"{units.count(trainable)} trainable of {units.count(total)}"
    )
    lines = [
        Line("What is trained", "Model", _named(work, "model", type(work.model).__name__)),
        Line("What is trained", "Parameters", parameters),
        Line("What is trained", "Optimizer", _optimizer(work), "assumed" if made_optimizer else "notebook"),
    ]
    if work.criterion is None:
        own = "your function (model, batch)" if work.task.whole is not None else "the model's own .loss"
        lines.append(Line("What is trained", "Loss", own))
    else:
        lines.append(
            Line(
                "What is trained",
                "Loss",
                _loss(work),
                "assumed" if rehearsal.assumed else "notebook",
            )
        )
    if work.scheduler is None:
        lines.append(Line("What is trained", "Schedule", "constant learning rate", "default"))
    else:
        kind = _named(work, "scheduler", type(work.scheduler).__name__)
        kind += f", stepped each {work.schedule.every}: {work.schedule.why}"
        lines.append(
            Line("What is trained", "Schedule", kind, "option" if work.options.scheduler_step else "notebook")
        )
    lines.append(Line("What is trained", "Training data", _loader(work, "train", work.train_loader)))
    lines.append(_validation(work))
    if rehearsal.loss is not None:
        flow = f"output {rehearsal.output}, target {rehearsal.target}, " if rehearsal.target else ""
        lines.append(Line("What is trained", "One batch", f"{flow}loss {units.number(rehearsal.loss)}"))
    return lines


def _loss(work: Work) -> str:
    held = vars(work.criterion) if isinstance(work.criterion, nn.Module) else {}
    buffers = held.get("_buffers", {})  # weights of classes
    said = own_settings(type(work.criterion), {**held, **buffers})
    return " ".join([_named(work, "loss", kind_of(work.criterion)), ", ".join(said)]).rstrip()


def _optimizer(work: Work) -> str:
    group = work.optimizer.param_groups[0]
    always = ("lr", "weight_decay", "momentum")
    known = {key: float(group[key]) for key in always if isinstance(group.get(key), (int, float, Tensor))}
    said = [f"{key}={value:g}" for key, value in known.items()]
    peak = group.get("max_lr", group.get("initial_lr"))  # of torch's schedulers, which have moved lr already
    if work.scheduler is not None and peak is not None and "lr" in known and float(peak) != known["lr"]:
        said[0] = f"lr={float(peak):g} (scheduled; {known['lr']:g} now)"
    if isinstance(group.get("betas"), (tuple, list)):
        said.append(f"betas=({', '.join(f'{beta:g}' for beta in group['betas'])})")
    said += own_settings(type(work.optimizer), group, beside=(*always, "betas"))
    groups = len(work.optimizer.param_groups)
    more = f", {groups} groups" if groups > 1 else ""
    return f"{_named(work, 'optimizer', type(work.optimizer).__name__)} {', '.join(said)}{more}"


def _loader(work: Work, role: str, loader: Any) -> str:
    batches, samples, size = batches_of(loader), samples_of(loader), getattr(loader, "batch_size", None)
    said = []
    if samples is not None:
        said.append(units.counted(samples, "sample"))
    said.append(units.counted(batches, "batch", "batches") if batches is not None else "length unknown")
    if size:
        said.append(f"{size} each")
    if workers := getattr(loader, "num_workers", 0):
        said.append(units.counted(workers, "worker"))
    return f"{_named(work, role, type(loader).__name__)}: {', '.join(said)}"


def _validation(work: Work) -> Line:
    if work.val_loader is None:
        return Line(
            "What is trained", "Validation data", "none", "option" if work.options.no_val else "default"
        )
    if work.options.split:
        return Line(
            "What is trained",
            "Validation data",
            f"{units.percent(work.options.split, 0)} of the training data: "
            f"{_loader(work, '', work.val_loader)}",
            "option",
        )
    return Line("What is trained", "Validation data", _loader(work, "val", work.val_loader))


def _length_lines(work: Work, length: Length, expected: Estimate | str) -> list[Line]:
    epochs, steps, per_epoch = length
    options = work.options
    said = {name: "option" if name in options.given else "default" for name in ("epochs", "max_steps")}
    if epochs and "max_steps" not in options.given:
        said["max_steps"] = "notebook"  # they follow from the epochs and the loader
    per = f" ({units.count(per_epoch)} an epoch)" if per_epoch else ""
    lines = [
        Line(
            "How long",
            "Epochs",
            units.count(epochs) if epochs else "until the steps are done",
            said["epochs"],
        ),
        Line(
            "How long",
            "Steps",
            f"{units.count(steps)}{per}" if steps else "unknown: the loader has no length",
            said["max_steps"],
        ),
        Line(
            "How long",
            "Estimated time",
            f"{expected} ({expected.basis})" if isinstance(expected, Estimate) else expected,
            "notebook",
        ),
    ]
    return [*lines, *stop_lines(options, judged=work.val_loader is not None)]


def _how(work: Work) -> list[Line]:
    options = work.options

    def option(name: str) -> str:
        return "option" if name in options.given else "default"

    size = getattr(work.train_loader, "batch_size", None)
    accumulate = (
        "none"
        if options.accumulate == 1
        else f"{options.accumulate} batches a step, the loss divided by {options.accumulate}"
    )
    if options.accumulate > 1 and size:
        accumulate += f" (effective batch {size * options.accumulate})"
    precision = {"32": "float32", "bf16": "bf16 autocast", "16": "fp16 autocast with gradient scaling"}[
        work.precision.name
    ]
    judged = work.val_loader is not None
    metrics = [f"accuracy (train_acc{', val_acc' if judged else ''})"] if work.hits is not None else []
    metrics += [f"{name} (val_{name})" for name in options.metrics if judged]
    if OWN_ACCURACY in options.metrics:
        metrics.append(f"no other accuracy: your `{OWN_ACCURACY}` takes its place")
    return [
        Line("How", "Device", str(work.device), "option" if "device" in options.given else "notebook"),
        Line("How", "Precision", precision, "assumed" if _precision_is_ours(work) else option("precision")),
        Line(
            "How",
            "Gradient clipping",
            f"total norm at most {options.clip:g}" if options.clip else "none",
            option("clip"),
        ),
        Line("How", "Accumulation", accumulate, option("accumulate")),
        Line("How", "Metrics", ", ".join(metrics) or "loss only", option("metrics")),
        Line(
            "How",
            "Validation",
            _when_judged(options.val_every) if judged else "none",
            option("val_every"),
        ),
        Line(
            "How",
            "Seed",
            str(options.seed) if options.seed is not None else "not set: a second run will differ",
            option("seed"),
        ),
        Line("How", "Deterministic", "yes" if options.deterministic else "no", option("deterministic")),
        Line("How", "Guard", GUARD_WORDS[options.guard], option("guard")),
    ]


def _when_judged(every: int | None) -> str:
    return f"every {units.counted(every, 'step')} and at each epoch's end" if every else "at each epoch's end"


def _precision_is_ours(work: Work) -> bool:
    return work.chosen is not None and any(one.id == "bf16" for one in work.chosen.kept)


def data_seed_line(data_seed: int | None, seed: int | None) -> list[Line]:
    """Say where the draws of the training data come from, where that is not as in a loop by hand."""
    if data_seed is None:
        return []
    said = "each batch draws from (seed, epoch, batch), whatever the number of workers"
    if seed is None:
        said = (
            "each batch draws from (a seed of this run, epoch, batch): the workers' own generators could not "
            "be saved for an exact resume"
        )
    return [Line("How", "Data draws", said, "default")]


def _keeping(work: Work) -> list[Line]:
    options = work.options
    every = "at each epoch's end, for at most 3 % of the time; every 10 minutes within one"
    if options.checkpoint_every == AUTO:
        every = str(saving_cost(work))
    elif options.checkpoint_every:
        every = f"every {units.counted(options.checkpoint_every, 'step')}"
    return [
        Line("What is kept", "Logging", ", ".join(options.log), "option"),
        Line(
            "What is kept",
            "Checkpoints",
            f"{every}; best, last, one backup and {options.keep} periodic are kept",
            "option" if {"checkpoint_every", "keep"} & options.given else "default",
        ),
        Line(
            "What is kept",
            "Folder",
            str(options.dir),
            "option" if "dir" in options.given else "default",
            code=True,
        ),
    ]
