"""Training that a framework owns.

Transformers' Trainer and Lightning's Trainer, with their defaults read as code.

Defaults: transformers clips at 1.0, warms up for 0 steps, decays linearly, takes 8 samples a device, AdamW
    at 5e-5,
3 epochs. Lightning zeroes, steps and scales by itself and clips only when told.
"""

# ruff: noqa: SIM905 - long tables of names read best as words
from __future__ import annotations

import ast
from typing import Any

from nbtrain.notebook.facts import (
    NO,
    UNKNOWN,
    YES,
    Accumulation,
    Answer,
    LoaderFact,
    OptimizerFact,
    Quantity,
    TrainingFact,
)
from nbtrain.notebook.rates import hand_set, schedules_for
from nbtrain.notebook.source_values import family_of, quantity
from nbtrain.notebook.symbolic.library import category
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.values import Const, Made, Obj, Seq, Term, Value, options
from nbtrain.notebook.trace import Trace
from nbtrain.notebook.training import loader_of, optimizer_of

# Callbacks that leave the learning rate alone.
QUIET_CALLBACKS = frozenset(
    "EarlyStopping ModelCheckpoint LearningRateMonitor RichProgressBar TQDMProgressBar DeviceStatsMonitor "
    "Timer "
    "ModelSummary RichModelSummary GradientAccumulationScheduler".split()
)


# Methods by which a Trainer of one's own can change how the rate moves.
SCHEDULING = (
    "create_scheduler", "create_optimizer_and_scheduler", "create_optimizer", "training_step",
    "inner_training_loop", "_inner_training_loop", "train",
)  # fmt: skip


def framework_trainings(trace: Trace) -> list[TrainingFact]:
    """Return the trainings that a framework's trainer runs."""
    found = [_transformers(trace, arguments) for arguments in _arguments(trace)]
    manual = bool(trace.of("manual-optimization"))
    for event in trace.of("made"):
        if event.data["category"] == "lightning-trainer" and not manual:
            found.append(_lightning(trace, event))
    return found


def _arguments(trace: Trace) -> list[Event]:
    return trace.made("hf-arguments")


def _default(made: Made, name: str, value: float) -> Quantity:
    held = made.kwargs.get(name)
    if held is None:
        return Quantity((value,), "the default of TrainingArguments") if made.complete else Quantity()
    return quantity(held)


def hf_optimizer(trace: Trace, event: Event) -> OptimizerFact:
    """Return the optimizer that TrainingArguments describe: AdamW unless `optim` says otherwise."""
    made = event.subject
    assert isinstance(made, Made)
    named = made.kwargs.get("optim")
    text = str(named.value) if isinstance(named, Const) else "adamw_torch"
    cls = "AdamW" if "adam" in text.lower() else "SGD" if text == "sgd" else text
    _, name, statement = trace.machine.named.get(id(made), (made, "", None))
    return OptimizerFact(
        name=name,
        cls=cls,
        family=family_of(cls),
        lrs=(_default(made, "learning_rate", 5e-5),),
        decoupled=True,
        weight_decay=_default(made, "weight_decay", 0.0),
        momentum=Quantity((0.0,)),
        line=event.line,
        key=id(made),
        call=made.node,
        statement=statement,
    )


def _trainer_of(trace: Trace, made: Made) -> dict[str, Value] | None:
    """The keyword arguments of the Trainer that got these arguments."""
    for event in trace.of("made"):
        if event.data["category"] == "hf-trainer" and isinstance(event.subject, Made):
            trainer = event.subject
            held = {**dict(zip(("model", "args"), trainer.args, strict=False)), **trainer.kwargs}
            if any(one is made for one in options(held.get("args", Term()))):
                return held
    for event in trace.of("instance"):
        cls = event.subject.cls if isinstance(event.subject, Obj) else None
        if cls is not None and any(category(path) == "hf-trainer" for path in cls.library_bases()):
            return {
                **dict(zip(("model", "args"), event.data["args"], strict=False)),
                **event.data["kwargs"],
                "__class": event.subject,
            }
    return None


def _transformers(trace: Trace, event: Event) -> TrainingFact:
    made = event.subject
    assert isinstance(made, Made)
    trainer = _trainer_of(trace, made)
    own = _schedules_itself((trainer or {}).get("__class"))
    given = (trainer or {}).get("optimizers")
    passed = optimizer_of(trace, given.items[0]) if isinstance(given, Seq) and given.items else None
    optimizer = passed or hf_optimizer(trace, event)
    steps = _default(made, "gradient_accumulation_steps", 1)
    size = _default(made, "per_device_train_batch_size", 8)
    if "auto_find_batch_size" in made.kwargs or "train_batch_size" in made.kwargs:
        size = Quantity()
    limited = "max_steps" in made.kwargs
    clip = _default(made, "max_grad_norm", 1.0)
    return TrainingFact(
        owner="transformers",
        line=event.line,
        looped=True,
        optimizer=optimizer,
        name=optimizer.name,
        epochs=None if limited else _default(made, "num_train_epochs", 3),
        batch=LoaderFact(optimizer.name, size, event.line, role="train", call=made.node),
        accumulation=Accumulation(steps, Answer(YES, "transformers divides the loss"))
        if steps.known and steps.high > 1
        else None,
        accumulates=not steps.known or steps.high > 1,
        clipped=Answer(YES, "transformers clips at max_grad_norm")
        if not clip.known or clip.high > 0
        else Answer(NO, "max_grad_norm=0"),
        warmed_up=Answer(UNKNOWN, "the Trainer's own class may schedule") if own else _hf_warmup(made, given),
        changes_lr=Answer(UNKNOWN, "the Trainer's own class may schedule")
        if own
        else _hf_schedule(made, given),
        node=made.node,
    )


def _schedules_itself(trainer: Value | None) -> bool:
    """Whether a Trainer's own class, or one it is made from that is elsewhere, may decide on the rate."""
    cls = trainer.cls if isinstance(trainer, Obj) else None
    if cls is None:
        return trainer is not None
    unknown = [base for one in cls.lineage() for base in one.bases if isinstance(base, Term)]
    return bool(unknown) or any(name in one.attrs for one in cls.lineage() for name in SCHEDULING)


def _hf_warmup(made: Made, given: Value | None) -> Answer:
    if (
        isinstance(given, Seq)
        and len(given.items) > 1
        and not (isinstance(given.items[1], Const) and given.items[1].value is None)
    ):
        return Answer(UNKNOWN, "a scheduler of its own is passed to the Trainer")
    held = [made.kwargs[name] for name in ("warmup_steps", "warmup_ratio") if name in made.kwargs]
    if not made.complete:
        return Answer(UNKNOWN, "TrainingArguments get keywords that could not be read")
    numbers = [quantity(one) for one in held]
    warm = any(not one.known or one.high > 0 for one in numbers)
    return (
        Answer(YES, "warmup is set")
        if warm
        else Answer(NO, "TrainingArguments warm up for 0 steps unless told")
    )


def _hf_schedule(made: Made, given: Value | None) -> Answer:
    kind = made.kwargs.get("lr_scheduler_type")
    if isinstance(given, Seq) or not made.complete:
        return Answer(UNKNOWN, "a scheduler of its own may be passed")
    constant = isinstance(kind, Const) and kind.value in ("constant", "constant_with_warmup")
    return (
        Answer(NO, f'lr_scheduler_type="{kind.value}"')
        if constant
        else Answer(YES, "transformers decays the rate")
    )  # type: ignore[union-attr]


def _lightning(trace: Trace, event: Event) -> TrainingFact:
    made = event.subject
    assert isinstance(made, Made)
    fit = next((one for one in trace.of("fit") if any(part is made for part in options(one.subject))), None)
    held = (
        {**dict(zip(("model", "train_dataloaders"), fit.data["args"], strict=False)), **fit.data["kwargs"]}
        if fit
        else {}
    )
    model = held.get("model")
    seen = isinstance(model, Obj) and model.cls is not None
    entry = ".configure_optimizers"
    makers = [one for one in trace.made("optimizer") if one.entry.endswith(entry)]
    optimizer = trace.optimizers.get(id(makers[0].subject)) if makers else None
    steps = made.kwargs.get("accumulate_grad_batches")
    _, name, _ = trace.machine.named.get(id(made), (made, "trainer", None))
    return TrainingFact(
        owner="lightning",
        line=event.line,
        looped=fit is not None,
        optimizer=optimizer,
        name=name,
        epochs=quantity(made.kwargs["max_epochs"]) if "max_epochs" in made.kwargs else None,
        batch=_lightning_loader(trace, held),
        accumulates=steps is not None and not (isinstance(steps, Const) and steps.value == 1),
        clipped=_lightning_clip(trace, made),
        warmed_up=_lightning_schedule(trace, optimizer, made, seen, warm=True),
        changes_lr=_lightning_schedule(trace, optimizer, made, seen, warm=False),
        several_optimizers=len(makers) > 1,
        distributed=_more_devices(made),
        node=made.node,
    )


def _more_devices(made: Made) -> bool:
    devices = made.kwargs.get("devices")
    return (
        devices is not None and not (isinstance(devices, Const) and devices.value == 1)
    ) or "strategy" in made.kwargs


def _lightning_loader(trace: Trace, held: dict[str, Any]) -> LoaderFact | None:
    given = held.get("train_dataloaders")
    made = [one for one in options(given) if isinstance(one, Made)] if given is not None else []
    if not made:
        makers = [
            e.subject
            for e in trace.of("made")
            if e.data["category"] == "loader" and e.entry.endswith("train_dataloader")
        ]
        made = [one for one in makers if isinstance(one, Made)]
    return loader_of(trace.machine, made[0]) if made and category(made[0].path) == "loader" else None


def _lightning_clip(trace: Trace, made: Made) -> Answer:
    value = made.kwargs.get("gradient_clip_val")
    if value is not None and not (isinstance(value, Const) and not value.value):
        return Answer(YES, "gradient_clip_val is set")
    if trace.of("clip") or trace.of("grad-edit") or trace.of("grad-hook"):
        return Answer(YES, "the module clips by itself")
    if not made.complete:
        return Answer(UNKNOWN, "Trainer gets keywords that could not be read")
    return Answer(NO, "Lightning clips only when gradient_clip_val is given")


def _lightning_schedule(
    trace: Trace, optimizer: OptimizerFact | None, made: Made, seen: bool, *, warm: bool
) -> Answer:
    schedules = schedules_for(trace, optimizer)
    if warm and any(one.warmup.state != NO for one in schedules):
        return max((one.warmup for one in schedules), key=lambda one: one.state)
    if schedules and not warm:
        return Answer(YES, schedules[0].cls)
    if hand_set(trace):
        return Answer(YES, "the rate is set by hand")
    if not seen or optimizer is None:
        return Answer(UNKNOWN, "the LightningModule that is trained could not be read")
    if strange := _strange_callbacks(made):
        return Answer(UNKNOWN, f"the callback `{strange}` may change the rate")
    return Answer(NO, "configure_optimizers returns no such schedule")


def _strange_callbacks(made: Made) -> str:
    held = made.kwargs.get("callbacks")
    if held is None:
        return ""
    source = next((key.value for key in made.node.keywords if key.arg == "callbacks"), None)
    names = (
        [ast.unparse(one.func).rpartition(".")[2] for one in ast.walk(source) if isinstance(one, ast.Call)]
        if source
        else []
    )
    if not names and not isinstance(source, ast.List):
        items = held.items if isinstance(held, Seq) else [held]
        names = [
            one.name.removesuffix("()").rpartition(".")[2] if isinstance(one, Term) else "callback"
            for one in items
        ]
    return next((name for name in names if name not in QUIET_CALLBACKS), "")
