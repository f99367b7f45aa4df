"""Choose the model and the optimizer that holds its parameters; where two would do, ask.

Judges by the identity of parameters. Names break no tie, but they tell copies (`ema_model`) from models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from nbtrain.notebook import pairing_messages as messages
from nbtrain.notebook.candidates import Candidates, Named
from nbtrain.notebook.modules import children, own_buffers, parameters_of
from nbtrain.notebook.names import speaks_of_copy
from nbtrain.notebook.ownership import Holder, Model, holder_of, model_of, owners, roots


@dataclass(frozen=True)
class Pair:
    """The model, the optimizer that holds its parameters (None: there is none at all), and remarks."""

    model: Model
    holder: Holder | None
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """What is there to choose from. `living`: ids of every tensor that a model or a variable still holds."""

    models: tuple[Model, ...]
    holders: tuple[Holder, ...]
    living: frozenset[int]
    found: Candidates
    namespace: Mapping[str, Any]

    def stale(self) -> list[Holder]:
        """Return the optimizers none of whose tensors is alive."""
        return [h for h in self.holders if h.tensors and h.strangers(self.living) == len(h.tensors)]


def choose_pair(
    found: Candidates, namespace: Mapping[str, Any], *, model: Named | None, optimizer: Named | None
) -> Pair:
    """Choose what is trained and by which optimizer.

    Args:
        model, optimizer: what the person named, or None to find it.

    Raises:
        UsageError: nothing to train, several candidates, an optimizer of a model that is gone, all frozen.
    """
    scene = _scene(found, namespace, model=model)
    chosen_holder = None if optimizer is None else holder_of(optimizer)
    if model is not None:
        chosen = model_of(model)
        _check_trainable(chosen, scene)
        holder = _holder_for(chosen, chosen_holder, scene)
    else:
        chosen, holder = _find_both(chosen_holder, scene)
        _check_trainable(chosen, scene)
    return Pair(chosen, holder, tuple(_remarks(chosen, holder, scene, given=model is not None)))


def _scene(found: Candidates, namespace: Mapping[str, Any], *, model: Named | None) -> Scene:
    nested = found.nested or Candidates()
    models = [model_of(one) for one in found.models if parameters_of(one.value) or _has_parts(one.value)]
    inner = [model_of(one) for one in nested.models if parameters_of(one.value)]
    holders = _distinct([holder_of(one) for one in found.optimizers])
    reached = _distinct([*holders, *(holder_of(one) for one in nested.optimizers)])
    living = {key for one in (*models, *inner) for key in one.parameters}
    living |= {id(one.value) for group in (found, nested) for one in group.tensors}
    holding = (*found.criteria, *found.containers, *nested.criteria, *nested.containers)
    for one in (*holding, *([] if model is None else [model])):
        if issubclass(type(one.value), nn.Module):
            living |= parameters_of(one.value).keys()
    if model is not None or not any(owners(holder, models) for holder in holders):
        # what other objects keep counts only where the variables themselves do not fit together
        models, holders = [*models, *inner], reached
    return Scene(tuple(models), tuple(holders), frozenset(living), found, namespace)


def _has_parts(module: nn.Module) -> bool:
    """Say whether a model without parameters is worth naming in a message: it has parts of its own."""
    return bool(children(module)) or bool(own_buffers(module))


def _distinct(holders: list[Holder]) -> list[Holder]:
    """A wrapper and the optimizer inside it are one: the wrapper is kept where it is a full optimizer."""
    by_inner: dict[int, Holder] = {}
    for holder in holders:
        before = by_inner.get(id(holder.inner))
        if before is None or before.value is before.inner:
            by_inner[id(holder.inner)] = holder
    return list(by_inner.values())


def _check_trainable(model: Model, scene: Scene) -> None:
    if not model.trainable:
        raise messages.nothing_trainable(model, scene.found)
    if any(tensor.is_meta for _, tensor in model.parameters.values()):
        raise messages.on_meta(model)


def _holder_for(model: Model, given: Holder | None, scene: Scene) -> Holder | None:
    """Find the optimizer of a model that is settled."""
    if given is not None:
        if given.held(model):
            return given
        others = owners(given, [one for one in scene.models if one.value is not model.value])
        if others and given.strangers(scene.living) < len(given.tensors):
            raise messages.holds_another(given, model, others, scene.namespace)
        raise messages.stale([given], model, scene.found, scene.namespace)
    holding = [holder for holder in scene.holders if holder.held(model)]
    if len(holding) > 1:
        raise messages.several_optimizers(model, holding)
    if holding:
        return holding[0]
    stale = scene.stale()
    if stale:
        raise messages.stale(stale, model, scene.found, scene.namespace)
    for holder in scene.holders:
        others = owners(holder, scene.models)
        if others:
            raise messages.holds_another(holder, model, others, scene.namespace)
    return None


def _find_both(given: Holder | None, scene: Scene) -> tuple[Model, Holder | None]:
    candidates = roots(scene.models)
    holders = [given] if given is not None else [h for h in scene.holders if owners(h, candidates)]
    if not holders or not owners(holders[0], candidates):
        return _model_alone(given, candidates, scene)
    if len(holders) > 1:
        everyone = {id(m.value): m for holder in holders for m in owners(holder, candidates)}
        if len(everyone) == 1:
            raise messages.several_optimizers(next(iter(everyone.values())), holders)
        raise messages.several_pairs(holders, candidates)
    holder = holders[0]
    mine = owners(holder, candidates)
    if len(mine) > 1:
        raise messages.several_models_one_optimizer(holder, mine)
    _refuse_bare_stack(mine[0], scene)
    others = [one for one in candidates if one is not mine[0] and _is_rival(one)]
    if others and (speaks_of_copy(mine[0].name) or not mine[0].name.isidentifier()):
        raise messages.holds_a_copy(holder, mine[0], others, scene.namespace)
    return mine[0], holder


def _model_alone(given: Holder | None, candidates: list[Model], scene: Scene) -> tuple[Model, None]:
    """No optimizer holds any model: either it is stale, or there is none."""
    stale = [given] if given is not None else scene.stale()
    if not candidates:
        raise messages.no_model(scene.found, scene.namespace, stale or list(scene.holders))
    model = _only_model(candidates, scene, named=bool(stale))
    if stale and model.trainable:
        raise messages.stale(stale, model, scene.found, scene.namespace)
    return model, None


def _only_model(candidates: list[Model], scene: Scene, *, named: bool) -> Model:
    if len(candidates) == 1:
        _refuse_bare_stack(candidates[0], scene)
        return candidates[0]
    # without an optimizer a name alone tells no copy from the model
    rivals = [one for one in candidates if one.trainable and not is_copy(one, by_name=False)]
    if len(rivals) > 1:  # a single layer of torch.nn made to try something out is no model beside a real one
        rivals = [one for one in rivals if children(one.value)] or rivals
    if len(rivals) == 1:
        _refuse_bare_stack(rivals[0], scene)
        return rivals[0]
    if not rivals and not any(one.trainable for one in candidates):
        raise messages.nothing_trainable(candidates[0], scene.found)
    if named:
        raise messages.stale_among_several(scene.stale(), rivals or candidates, scene.namespace)
    raise messages.several_models(rivals or candidates)


def _is_rival(model: Model) -> bool:
    """Say whether a model in no optimizer could be the one meant: trainable, and no copy by class or name."""
    return bool(model.trainable) and not is_copy(model)


def is_copy(model: Model, *, by_name: bool = True) -> bool:
    """Say whether a model is an average or a helper: AveragedModel, or named ema, teacher, best...

    Args:
        by_name: a name is evidence, beside an optimizer that holds another model.
    """
    kinds = {base.__name__ for base in type(model.value).__mro__}
    return bool(kinds & {"AveragedModel", "ModelEma", "ModelEmaV2", "ModelEmaV3", "EMA"}) or (
        by_name and speaks_of_copy(model.name)
    )


def _refuse_bare_stack(root: Model, scene: Scene) -> None:
    """`nn.Sequential(model, nn.Softmax(1))`, made to predict, has the parameters of `model`: ask which."""
    if type(root.value) is not nn.Sequential:
        return
    for one in scene.models:
        inside = one.value is not root.value and any(part is one.value for _, part in children(root.value))
        if inside and one.parameters.keys() == root.parameters.keys():
            raise messages.stack_or_model(root, one)


def _remarks(model: Model, holder: Holder | None, scene: Scene, *, given: bool) -> list[str]:
    remarks = [] if given else _wrapper_remarks(model, scene)
    if holder is None:
        return remarks
    missed, held = holder.missed(model), holder.held(model)
    if not any(tensor.requires_grad for _, tensor in held.values()):
        raise messages.holds_frozen_only(holder, model, scene.namespace)
    if missed:
        elsewhere = [
            h for h in scene.holders if h.inner is not holder.inner and missed.keys() & h.tensors.keys()
        ]
        remarks.append(messages.part_only(holder, model, missed, elsewhere, scene.namespace))
    strangers = holder.strangers(scene.living | model.parameters.keys())
    if strangers:
        remarks.append(messages.strangers(holder, model, strangers, scene.namespace))
    remarks += [
        messages.stale_left_over(one, holder) for one in scene.stale() if one.inner is not holder.inner
    ]
    if not given:
        others = [one for one in roots(scene.models) if one.value is not model.value and _is_rival(one)]
        beside = [one for one in others if not one.parameters.keys() & holder.tensors.keys()]
        beside = [one for one in beside if one.name.isidentifier()]
        if beside:
            remarks.append(messages.not_trained(beside, holder))
    return remarks


def _wrapper_remarks(model: Model, scene: Scene) -> list[str]:
    """Say so when what is trained is a wrapper, and the model inside is a variable too."""
    inner = wrapped(model.value)
    for one in scene.models:
        if one.value is inner:
            return [messages.wrapper_chosen(model, one.name)]
    for one in scene.models:
        inside = id(one.value) in model.parts and one.value is not model.value
        if inside and one.parameters.keys() == model.parameters.keys():
            return [messages.outer_chosen(model, one.name)]
    return []


def wrapped(module: nn.Module) -> nn.Module | None:
    """Return the model inside torch.compile's wrapper or a parallel one, None for any other module."""
    name = type(module).__name__
    parts = dict(children(module))
    if name == "OptimizedModule":
        return parts.get("_orig_mod")
    if name in ("DataParallel", "DistributedDataParallel", "FullyShardedDataParallel"):
        return parts.get("module") or parts.get("_fsdp_wrapped_module")
    return None
