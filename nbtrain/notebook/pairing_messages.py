"""The texts about models and optimizers: what was seen, in the notebook's own names, what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.notebook.candidates import Candidates
from nbtrain.notebook.listing import candidates, either, listed, tensors
from nbtrain.notebook.modules import total_size, walk
from nbtrain.notebook.overlooked import models_of_classes
from nbtrain.notebook.ownership import (
    Holder,
    Model,
    Parameters,
    optimizer_line,
    owners,
    same_shapes,
    scheduler_line,
)
from nbtrain.notebook.wording import attribute, say, say_kind
from nbtrain.units import short_count

MOST_EXAMPLES = 3
OWN_LOOP = "keep your own training loop: with `%%train` as its cell's first line it runs followed"


def _models(models: Iterable[Model]) -> list[tuple[str, str]]:
    return [(model.name, say_kind(model.value)) for model in models]


def _optimizers(holders: Iterable[Holder], models: Iterable[Model] = ()) -> list[tuple[str, str]]:
    pool, found = list(models), []
    for holder in holders:
        mine = owners(holder, pool)
        of = f" for {' and '.join(f'`{model.name}`' for model in mine)}" if mine else ""
        found.append((holder.name, say_kind(holder.inner) + of))
    return found


# --- several ------------------------------------------------------------------------------------------------


def several_models(models: Sequence[Model]) -> UsageError:
    """More than one model, and no optimizer that tells which is trained."""
    items = _models(models)
    return UsageError(
        f"There are {len(items)} models here and no optimizer tells which one to train: {listed(items)}.",
        suggestion=f"Say which: {either(f'%train {name}' for name, _ in items)}.",
        candidates=candidates(items),
    )


def several_optimizers(model: Model, holders: Sequence[Holder]) -> UsageError:
    """More than one optimizer holds parameters of the one model."""
    total = len(model.parameters)
    items = [(h.name, f"{say_kind(h.inner)}, holds {len(h.held(model))} of {total} tensors") for h in holders]
    return UsageError(
        f"{len(items)} optimizers hold parameters of `{model.name}`: {listed(items)}.",
        suggestion=(
            f"Say which: {either(f'%train {model.name} --optimizer {name}' for name, _ in items)}. "
            f"To use several in turn, {OWN_LOOP}."
        ),
        candidates=candidates(items),
    )


def several_pairs(holders: Sequence[Holder], models: Sequence[Model]) -> UsageError:
    """Several models, each with an optimizer of its own: a GAN, or two experiments in one notebook."""
    paired = [model for model in models if any(model in owners(holder, models) for holder in holders)]
    items = _models(paired)
    optimizers = _optimizers(holders, paired)
    return UsageError(
        f"There are {len(items)} models with {len(optimizers)} optimizers here: {listed(items)}; "
        f"{listed(optimizers)}.",
        suggestion=(
            f"Say which to train: {either(f'%train {name}' for name, _ in items)}. "
            f"To train them in turn (a GAN), {OWN_LOOP}."
        ),
        candidates=candidates(items + optimizers),
    )


def several_models_one_optimizer(holder: Holder, models: Sequence[Model]) -> UsageError:
    """One optimizer holds parameters of several models: encoder and decoder."""
    items = [(m.name, f"{type(m.value).__name__}, {tensors(len(holder.held(m)))} of it held") for m in models]
    return UsageError(
        f"`{holder.name}` ({say_kind(holder.inner)}) holds parameters of {len(items)} models:"
        f" {listed(items)}.",
        suggestion=(
            "Put them into one nn.Module whose `forward` calls them, and train that; or say which one: "
            f"{either(f'%train {name}' for name, _ in items)}."
        ),
        candidates=candidates(items),
    )


def stack_or_model(stack: Model, inside: Model) -> UsageError:
    """`nn.Sequential(model, nn.Softmax(1))` beside `model`: both hold the same parameters."""
    items = _models([inside, stack])
    return UsageError(
        f"`{stack.name}` is an nn.Sequential around `{inside.name}` and adds no parameters, so either could"
        " be meant.",
        suggestion=f"Say which to train: {either(f'%train {name}' for name, _ in items)}.",
        candidates=candidates(items),
    )


# --- stale --------------------------------------------------------------------------------------------------


def stale(
    holders: Sequence[Holder], model: Model, found: Candidates, namespace: Mapping[str, Any]
) -> UsageError:
    """An optimizer whose parameters belong to no living model."""
    holder = holders[0]
    if not holder.tensors:
        return UsageError(
            f"`{holder.name}` ({say_kind(holder.inner)}) holds no parameters at all.",
            suggestion=f"Make it again: {optimizer_line(holder, model.name, namespace)}",
        )
    if same_shapes(holder, model):
        why = (
            f"`{model.name}` was made again after `{holder.name}` (its cell was run again, or its weights"
            " were replaced), and "
        )
    else:
        why = f"`{model.name}` is another model than the one it was made for, and "
    return UsageError(
        f"`{holder.name}` ({say_kind(holder.inner)}) holds {tensors(len(holder.tensors))} that belong to no"
        f" living model: {why}training with it would change nothing in `{model.name}`.",
        suggestion=_make_again(holder, model, found, namespace),
        optimizer=holder.name,
        model=model.name,
        fix=optimizer_line(holder, model.name, namespace),
    )


def _make_again(holder: Holder, model: Model, found: Candidates, namespace: Mapping[str, Any]) -> str:
    lines = [optimizer_line(holder, model.name, namespace)]
    for scheduler in found.schedulers:
        bound = attribute(scheduler.value, "optimizer")
        if bound is holder.value or bound is holder.inner:
            lines.append(scheduler_line(scheduler, holder.name, namespace))
    also = " (and its scheduler)" if len(lines) > 1 else ""
    return f"Make it again{also}: {'; '.join(lines)}"


def stale_among_several(
    holders: Sequence[Holder], models: Sequence[Model], namespace: Mapping[str, Any]
) -> UsageError:
    """A stale optimizer and several models: neither can be paired."""
    items, holder = _models(models), holders[0]
    return UsageError(
        f"`{holder.name}` ({say_kind(holder.inner)}) holds {tensors(len(holder.tensors))} that belong to no"
        f" living model, and there are {len(items)} models here: {listed(items)}.",
        suggestion=(
            "Make the optimizer again for the one to train, for example: "
            f"{optimizer_line(holder, items[0][0], namespace)}"
        ),
        candidates=candidates(items),
    )


def holds_another(
    holder: Holder, model: Model, others: Sequence[Model], namespace: Mapping[str, Any]
) -> UsageError:
    """The optimizer trains another model than the one asked for."""
    theirs = " and ".join(f"`{other.name}`" for other in others)
    return UsageError(
        f"`{holder.name}` ({say_kind(holder.inner)}) holds the parameters of {theirs}, none of"
        f" `{model.name}`.",
        suggestion=(
            f"Train {theirs} with it, or make an optimizer for `{model.name}`: "
            f"{optimizer_line(holder, model.name, namespace)}"
        ),
        optimizer=holder.name,
        model=model.name,
    )


def holds_a_copy(
    holder: Holder, owner: Model, others: Sequence[Model], namespace: Mapping[str, Any]
) -> UsageError:
    """The only optimizer trains what looks like a copy, while the model itself is in no optimizer."""
    other = others[0]
    return UsageError(
        f"`{holder.name}` ({say_kind(holder.inner)}) holds the parameters of `{owner.name}`, none of"
        f" `{other.name}`.",
        suggestion=(
            f"To train `{other.name}`, make the optimizer again:"
            f" {optimizer_line(holder, other.name, namespace)}. To train the other, say so: `%train"
            f" {owner.name}`."
        ),
        candidates=candidates(_models([owner, *others])),
    )


# --- nothing to train ---------------------------------------------------------------------------------------


def nothing_trainable(model: Model, found: Candidates) -> UsageError:
    """A model without parameters, or with all of them frozen."""
    if model.parameters:
        return UsageError(
            f"`{model.name}` ({say_kind(model.value)}) has no trainable parameters: all"
            f" {tensors(len(model.parameters))} are frozen (requires_grad=False).",
            suggestion=f"Unfreeze what should learn, for example: {model.name}.requires_grad_(True)",
        )
    kinds = {base.__module__ for base in type(model.value).__mro__}
    if any("quantized" in kind for kind in kinds) or _is_quantized(model):
        return UsageError(
            f"`{model.name}` ({say_kind(model.value)}) is quantised: its weights are fixed integers.",
            suggestion="Train the model it was made from, and quantise afterwards.",
        )
    return UsageError(
        f"`{model.name}` ({say_kind(model.value)}) has no trainable parameters: it holds no parameters at"
        " all.",
        suggestion=(
            "Layers count only as attributes (self.fc = nn.Linear(...)) or in nn.ModuleList; a plain python"
            " list hides them."
        ),
    )


def _is_quantized(model: Model) -> bool:
    return any("quantized" in type(module).__module__ for _, module in walk(model.value))


def on_meta(model: Model) -> UsageError:
    """A model on the meta device has shapes and no values."""
    return UsageError(
        f"`{model.name}` ({say_kind(model.value)}) is on the meta device: its parameters have shapes but no"
        " values.",
        suggestion=(
            f"Give it memory with {model.name}.to_empty(device='cpu') and load or initialise its weights;"
            " then make the optimizer."
        ),
    )


def no_model(found: Candidates, namespace: Mapping[str, Any], holders: Sequence[Holder]) -> UsageError:
    """No model among the variables; say what there is instead."""
    if found.containers:
        one = found.containers[0]
        return UsageError(
            f"There is no model here that can be called: `{one.name}` is {say(one.value)}, which holds"
            " modules but has no `forward` of its own.",
            suggestion="Put them into a class of yours with a `forward`, or use nn.Sequential.",
        )
    if holders and any(id(tensor) in holders[0].tensors for tensor in (t.value for t in found.tensors)):
        names = [t.name for t in found.tensors if id(t.value) in holders[0].tensors][:MOST_EXAMPLES]
        return UsageError(
            f"`{holders[0].name}` updates plain tensors ({', '.join(f'`{name}`' for name in names)}); %train"
            " needs a torch.nn.Module.",
            suggestion=(
                f"Put them into one as nn.Parameter, or {OWN_LOOP}."
            ),
        )
    if kept := models_of_classes(namespace):
        return UsageError(
            "There is no model among the variables; a class keeps "
            f"{', '.join(f'`{way}`' for way in kept[:MOST_EXAMPLES])}.",
            suggestion=f"Name it: {either(f'%train {way}' for way in kept)}.",
        )
    if found.classes:
        made = found.classes[-1]
        return UsageError(
            f"There is no model among the variables; `{made.name}` is the class of one.",
            suggestion=f"Make the model first: model = {made.name}(...)",
        )
    if holders:
        return UsageError(
            f"There is no model among the variables, though `{holders[0].name}`"
            f" ({say_kind(holders[0].inner)}) holds {tensors(len(holders[0].tensors))} of one.",
            suggestion=(
                "Run the cell that makes the model, then the one that makes the optimizer. A model that an"
                " object keeps can be named: `%train exp.model`."
            ),
        )
    return UsageError(
        "There is no model among the variables.",
        suggestion="Make a torch.nn.Module first (model = ...), or name it: `%train MODEL DATA`, also as"
        " an attribute (`%train exp.model`).",
    )


# --- remarks ------------------------------------------------------------------------------------------------


def examples(parameters: Parameters) -> str:
    """Name a few parameters: `fc.weight`, `fc.bias`, ..."""
    names = [f"`{path}`" for path, _ in list(parameters.values())[:MOST_EXAMPLES]]
    return ", ".join(names) + (", ..." if len(parameters) > len(names) else "")


def part_only(
    holder: Holder,
    model: Model,
    missed: Parameters,
    elsewhere: Sequence[Holder],
    namespace: Mapping[str, Any],
) -> str:
    """Some trainable parameters are not in the optimizer."""
    total = len(model.trainable)
    text = (
        f"`{holder.name}` holds {total - len(missed)} of the {total} trainable tensors of `{model.name}`:"
        f" {short_count(total_size(missed))} parameters in {tensors(len(missed))} ({examples(missed)}) will"
        " not be trained"
    )
    if elsewhere:
        return (
            f"{text}; {', '.join(f'`{other.name}`' for other in elsewhere)} holds some of them, and is not"
            " used."
        )
    return (
        f"{text}. If they were added or unfrozen after it was made, make it again: "
        f"{optimizer_line(holder, model.name, namespace)}"
    )


def holds_frozen_only(holder: Holder, model: Model, namespace: Mapping[str, Any]) -> UsageError:
    """What the optimizer holds is frozen, what could learn is not in it."""
    missed = holder.missed(model)
    return UsageError(
        f"`{holder.name}` ({say_kind(holder.inner)}) holds only frozen tensors of `{model.name}`; the"
        f" trainable ones ({examples(missed)}) are not in it, so nothing would be trained.",
        suggestion=f"Make it again: {optimizer_line(holder, model.name, namespace)}",
    )


def strangers(holder: Holder, model: Model, number: int, namespace: Mapping[str, Any]) -> str:
    """Some tensors of the optimizer belong to nothing that is alive: a layer was replaced."""
    return (
        f"{number} of the {tensors(len(holder.tensors))} in `{holder.name}` belong to no living model: a"
        f" layer of `{model.name}` was replaced after it was made. Make it again:"
        f" {optimizer_line(holder, model.name, namespace)}"
    )


def stale_left_over(holder: Holder, chosen: Holder) -> str:
    """An optimizer of a model that is gone lies beside the right one."""
    return (
        f"`{holder.name}` ({say_kind(holder.inner)}) belongs to no living model and is not used;"
        f" `{chosen.name}` is."
    )


def not_trained(models: Sequence[Model], holder: Holder) -> str:
    """Other models are in no optimizer's hands."""
    verb = "is" if len(models) == 1 else "are"
    return f"{listed(_models(models))} {verb} not trained: `{holder.name}` holds none of the parameters."


def outer_chosen(model: Model, inner: str) -> str:
    """A class of the person's around the model, without parameters of its own, is what is trained."""
    return (
        f"`{model.name}` ({type(model.value).__name__}) contains `{inner}` and is what is trained; "
        f"`%train {inner}` trains `{inner}` directly."
    )


def wrapper_chosen(model: Model, inner: str) -> str:
    """torch.compile's or a parallel wrapper is trained rather than the model inside it."""
    how = "torch.compile" if type(model.value).__name__ == "OptimizedModule" else type(model.value).__name__
    return (
        f"`{model.name}` is `{inner}` wrapped by {how}: training runs through `{model.name}`, the weights are"
        " shared."
    )
