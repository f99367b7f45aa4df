"""From the trace of a source to its hand-written training steps.

Accumulation, clipping, precision, schedule, epochs.
"""

from __future__ import annotations

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
)  # fmt: skip
from nbtrain.notebook.live import loader_facts, model_facts, optimizer_facts
from nbtrain.notebook.rates import changes, warmed_up
from nbtrain.notebook.source_values import argument, quantity
from nbtrain.notebook.symbolic.library import AVERAGES, SELF_CLIPPING, category
from nbtrain.notebook.symbolic.machine import Event, Guard, Machine
from nbtrain.notebook.symbolic.roles import kind_of
from nbtrain.notebook.symbolic.values import Const, Live, Made, Obj, Term, Value, name_of, options
from nbtrain.notebook.trace import Trace

DIVIDES = frozenset({"div_", "mul_", "Div", "Mult", "assign"})
STEP_WORDS = ("clip", "grad", "hook", "optim", "step", "train", "update", "backward", "wrap", "engine", "fit")
MICRO_WORDS = ("micro", "accum", "chunk", "split")


def hand_written(trace: Trace) -> list[tuple[TrainingFact, Event, Event]]:
    """Return each hand-written training step, with its backward pass, once per optimizer and outermost
    loop."""
    found: list[tuple[TrainingFact, Event, Event]] = []
    seen: set[tuple[int, int]] = set()
    for step in trace.of("optim-step"):
        place = id(step.loops[0].node) if step.loops else hash(step.entry)
        key = (id(step.node), place)
        backwards = trace.near("backward", step)
        if key in seen or not backwards:
            continue
        seen.add(key)
        backward = _nearest(step, backwards)
        found.append((_training(trace, step, backward), step, backward))
    return found


def _training(trace: Trace, step: Event, backward: Event) -> TrainingFact:
    optimizer = optimizer_of(trace, step.subject)
    loss = backward.subject
    tags = loss.tags
    owner = backward.data["owner"]
    by_hand = owner in ("person", "autograd", "lightning", "fabric")
    by_hand = by_hand or (owner == "accelerate" and not _counts_itself(trace) and not trace.of("accumulate"))
    accumulation = _accumulation(trace, step, backward) if by_hand else None
    steps = {
        id(event.subject) if isinstance(event.subject, Made) else name_of(event.subject)
        for event in trace.near("optim-step", step)
    }
    epochs, loop = _epochs(step)
    precision = "fp16" if "fp16" in tags else "mixed" if "mixed" in tags else ""
    regions = [event for event in trace.of("autocast") if event.data["tags"] & {"fp16", "mixed"}]
    if not precision and any("fp16" in event.data["tags"] for event in trace.of("autocast-decorator")):
        precision = "fp16"
    return TrainingFact(
        owner="person" if owner == "autograd" else owner,
        line=step.line,
        looped=bool(step.loops) or step.entry != "<module>",
        optimizer=optimizer,
        name=optimizer.name if optimizer else name_of(step.subject),
        epochs=epochs,
        batch=_batch(trace, step, backward),
        accumulation=accumulation,
        accumulates=accumulation is not None
        or bool(trace.of("accumulate"))
        or _counts_itself(trace)
        or len(backward.loops) > len(step.loops)
        or bool(_waits(step, backward)),
        clipped=_clipped(trace, step, optimizer, owner),
        warmed_up=warmed_up(trace, step, optimizer, owner),
        changes_lr=changes(trace, step, optimizer, owner),
        precision=precision,
        scaled=_scaled(step, tags),
        several_optimizers=len(steps) > 1,
        plain=_is_plain(step.subject),
        distributed=bool(trace.made("distributed")),
        node=step.node,
        backward=backward.node,
        autocast=regions[0].subject.node if regions else None,
        epoch_loop=loop,
    )


def _nearest(step: Event, backwards: list[Event]) -> Event:
    """The backward pass that shares most loops with the step and comes last before it."""
    return max(
        backwards,
        key=lambda event: (len(set(event.loops) & set(step.loops)), event.line <= step.line, event.line),
    )


def optimizer_of(trace: Trace, value: Value) -> OptimizerFact | None:
    """Return the facts of the optimizer that a value stands for."""
    for one in options(value):
        if isinstance(one, Made) and id(one) in trace.optimizers:
            return trace.optimizers[id(one)]
        if isinstance(one, Live):
            return optimizer_facts(one.name, one.obj)
    return None


def _is_plain(optimizer: Value) -> bool:
    """Whether the optimizer's parameters are those of a model surely without attention and recurrence."""
    for one in options(optimizer):
        given = argument(one, "params", 0) if isinstance(one, Made) else None
        model = given.source if isinstance(given, Term) else None
        if isinstance(model, Live):
            seen = model_facts(model.name, model.obj)
            return seen is not None and not seen.attention and not seen.recurrent
        return isinstance(model, Made) and category(model.path) in ("weighted", "norm")
    return False


def _epochs(step: Event) -> tuple[Quantity | None, object]:
    """The loop over epochs is one that holds a loop over batches."""
    feeding = next((at for at, loop in enumerate(step.loops) if loop.kind == "loader"), 0)
    outer = [loop for loop in step.loops[:-1] if loop.kind in ("range", "while")]
    named = [loop for loop in outer if "epoch" in f"{loop.target} {loop.text}".lower()]
    around = [loop for loop in step.loops[:feeding] if loop in outer]  # of folds or rounds, then of epochs
    chosen = named[0] if named else around[-1] if around else None
    return (quantity(chosen.count, chosen.text), chosen.node) if chosen is not None else (None, None)


def _batch(trace: Trace, step: Event, backward: Event) -> LoaderFact | None:
    for loop in reversed([*step.loops, *backward.loops]):
        for one in options(loop.iterable) if loop.kind == "loader" and loop.iterable is not None else ():
            if isinstance(one, Live):
                return loader_facts(one.name, one.obj)
            if isinstance(one, Made) and kind_of(one) == "loader":
                return loader_of(trace.machine, one)
    return None


def loader_of(machine: Machine, made: Made) -> LoaderFact:
    """Return the facts of a DataLoader that the source makes; PyTorch's default batch size is 1."""
    _, name, _ = machine.named.get(id(made), (made, "", None))
    size = argument(made, "batch_size", 1)
    if any(part in made.kwargs for part in ("batch_sampler", "collate_fn_batches")) or (
        size is None and not made.complete
    ):
        return LoaderFact(name, Quantity(), made.node.lineno, call=made.node)
    known = Quantity((1.0,), "the default of DataLoader") if size is None else quantity(size)
    return LoaderFact(name, known, made.node.lineno, role="train", call=made.node)


def _accumulation(trace: Trace, step: Event, backward: Event) -> Accumulation | None:
    k = _guarded_every(trace, step, backward)
    if k is None:
        k = _inner_loop_count(trace, step, backward)
    if k is None or (k.known and k.high <= 1):
        return None
    return Accumulation(k, _divided(trace, step, backward), backward.line)


def _waits(step: Event, backward: Event) -> list[Guard]:
    """The conditions on a count under which the step happens and the backward pass does not."""
    shared = {(guard.node, guard.holds) for guard in backward.guards}
    return [guard for guard in step.guards if guard.mods and (guard.node, guard.holds) not in shared]


def _guarded_every(trace: Trace, step: Event, backward: Event) -> Quantity | None:
    """`if (i + 1) % k == 0: optimizer.step(); optimizer.zero_grad()` with the backward pass outside of it."""
    own = _waits(step, backward)
    clears = trace.near("zero-grad", step)
    inside = [event for event in clears if len(event.loops) >= len(step.loops)]
    if not own or not inside or not all(_under(event, own) for event in inside):
        return None
    return quantity(own[0].mods[0], name_of(own[0].mods[0]))


def _under(event: Event, guards: list[Guard]) -> bool:
    held = {(guard.node, guard.holds) for guard in event.guards}
    mods = {name_of(mod) or getattr(mod, "value", None) for guard in event.guards for mod in guard.mods}
    return any(
        (g.node, g.holds) in held or (name_of(g.mods[0]) or getattr(g.mods[0], "value", None)) in mods
        for g in guards
    )


def _inner_loop_count(trace: Trace, step: Event, backward: Event) -> Quantity | None:
    """`for micro in range(k): loss.backward()` with the step after the loop."""
    inner = [loop for loop in backward.loops if loop not in step.loops]
    if not inner or not step.loops:
        return None
    loop = inner[0]
    words = f"{loop.target} {loop.text}".lower()
    micro = any(word in words for word in MICRO_WORDS)
    if not (micro or (loop.kind == "range" and "epoch" not in words)):
        return None
    if any(loop in event.loops for event in trace.near("zero-grad", step)):
        return None
    return quantity(loop.count, loop.text)


def _divided(trace: Trace, step: Event, backward: Event) -> Answer:
    tags = backward.subject.tags
    if tags & {"divided", "multiplied", "given-k"}:
        return Answer(YES, "the loss is divided")
    if "sum" in tags:
        return Answer(YES, "the loss is a sum, not a mean")
    if any(event.data["how"] in DIVIDES for event in trace.near("grad-edit", step)):
        return Answer(YES, "the gradients are changed by hand")
    if "opaque" in tags and not _conventional_loss(backward.subject):
        return Answer(
            UNKNOWN, f"the loss comes from `{name_of(backward.subject)}`, which is not in the source"
        )
    return Answer(NO, line=backward.line)


def _conventional_loss(value: Value) -> bool:
    """`criterion(...)` and `model(...)` return means by custom, also where they are made elsewhere."""
    name = name_of(value).lower().removesuffix(".loss").removesuffix("()").rpartition(".")[2]
    return name in (
        "criterion",
        "loss_fn",
        "loss_func",
        "loss_function",
        "model",
        "net",
        "criterion_fn",
        "lossfn",
        "output",
    )


def _counts_itself(trace: Trace) -> bool:
    """An Accelerator or Fabric that is told to accumulate."""
    for event in trace.made("accelerator"):
        if isinstance(event.subject, Made):
            steps = event.subject.kwargs.get("gradient_accumulation_steps")
            if steps is not None and not (isinstance(steps, Const) and steps.value == 1):
                return True
    return False


def _clipped(trace: Trace, step: Event, optimizer: OptimizerFact | None, owner: str) -> Answer:
    clips = trace.near("clip", step) or (trace.of("clip") if step.entry != "<module>" else [])
    if clips or trace.of("grad-hook"):
        return Answer(YES, "gradients are clipped", clips[0].line if clips else None)
    if any(event.data["how"] not in ("div_", "Div") for event in trace.near("grad-edit", step)):
        return Answer(YES, "gradients are limited by hand")
    if optimizer is not None and optimizer.cls in SELF_CLIPPING:
        return Answer(YES, f"`{optimizer.cls}` clips by itself")
    if owner == "deepspeed":
        return Answer(UNKNOWN, "DeepSpeed clips as its own configuration says")
    if hidden := hidden_step(trace, step):
        return Answer(UNKNOWN, f"`{hidden}` gets the model or the optimizer and is not in the source")
    if isinstance(step.subject, Obj):
        return Answer(UNKNOWN, "the optimizer is a class of its own")
    return Answer(NO, line=step.line)


def hidden_step(trace: Trace, step: Event) -> str:
    """An unresolved function that may take part in the step."""
    near = {id(event) for event in trace.near("escape", step)}
    for event in trace.of("escape"):
        name = event.data["name"] or "a function"
        if AVERAGES.search(name):
            continue  # it follows the weights and takes no part in a step
        if id(event) in near and event.loops[-1:] == step.loops[-1:] and not event.data.get("forward"):
            if name.rpartition(".")[2].lower() not in ("criterion", "loss_fn", "loss", "model"):
                return name
        elif any(word in name.lower() for word in STEP_WORDS):
            return name
    return ""


def _scaled(step: Event, tags: frozenset[str]) -> bool:
    scaler = step.data.get("scaler")
    for one in options(scaler) if scaler is not None else ():
        enabled = one.kwargs.get("enabled") if isinstance(one, Made) else None
        if isinstance(enabled, Const) and not enabled.value:
            return False
    return bool(tags & {"scaled", "multiplied"})
