"""Output shapes of a model that no run has shown: one forward with one batch, that leaves no trace.

The forward is that of a stand-in with fake tensors: nothing is computed, nothing allocated, and all it writes
lands in the stand-in. Where that cannot be (a value decides the way, a call into C++), the model itself is
called once without gradients, and everything is put back. Neither takes longer than it is given.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.parameter import is_lazy

from nbtrain.notebook.describe_model import model_signature
from nbtrain.notebook.modules import has_forward, own_parameters, walk
from nbtrain.notebook.rng import preserved_rng
from nbtrain.notebook.sample import CannotLook, sample_batch
from nbtrain.notebook.seen_shapes import SeenShapes
from nbtrain.notebook.stand_in import StandIns, is_of_torch
from nbtrain.running import active
from nbtrain.train.batch import make_task, to_device
from nbtrain.train.rehearsal import in_one_line
from nbtrain.train.untouched import TimeIsUp, is_of_torch_nn, output_shapes, untouched

BUDGET_S = 0.5  # for either forward; what was seen until then is kept
TENSOR_S, MODULE_S = (
    1.0e-4,
    2.0e-4,
)  # a stand-in's cost for each tensor and each module, measured with torch 2.13
MOST_LOADERS = 3  # loaders tried until a batch of one fits

_seen: WeakKeyDictionary[nn.Module, tuple[Any, list[Any], SeenShapes]] = WeakKeyDictionary()
Named = tuple[tuple[str, Any], ...]


def find_shapes(model: nn.Module, data: Named) -> SeenShapes:
    """Return a model's output shapes, found with a batch of the first loader that fits.

    The same model looked at again with the same loaders is not called again. While any run trains nothing is
    looked at, because drawing a batch sets random generators back, which the run shares; the shapes of a
    model that a run trains are those the run has seen.

    Args:
        data: (name, loader or batch) each, likeliest first. A loader that can be read only once is left
            alone.
    """
    living = active.alive()
    for run in living:
        if run.objects.model is model and run.objects.output_shapes:
            return SeenShapes.of(
                model, run.objects.output_shapes, "Output shapes are those the run has seen."
            )
    if living:
        return SeenShapes(said="Output shapes are not looked for while a run trains.")
    modules = [module for _, module in walk(model)]
    if (reason := _no_look(model, modules)) or not data:
        return SeenShapes(
            said=f"No output shapes: {reason or 'no loader is known. nbtrain.inspect(model, data=loader)'}."
        )
    data, mark = data[:MOST_LOADERS], model_signature(model)
    before = _seen.get(model)
    if before is not None and before[0] == mark and _same_objects(before[1], data):
        return before[2]
    found = _look(model, modules, data)
    with contextlib.suppress(TypeError):  # a list of batches knows no weak references: it is looked at again
        _seen[model] = mark, [weakref.ref(value) for _, value in data], found
    return found


def _same_objects(before: list[Any], data: Named) -> bool:
    return len(before) == len(data) and all(
        ref() is value for ref, (_, value) in zip(before, data, strict=True)
    )


def _no_look(model: nn.Module, modules: list[nn.Module]) -> str:
    """Say why a model cannot be called just to look."""
    if not has_forward(model):
        return f"a {type(model).__name__} has no forward"
    if any(is_lazy(parameter) for module in modules for parameter in module._parameters.values()):
        return "its lazy layers get their sizes from the first batch"
    ours = (torch_module._global_forward_hooks, torch_module._global_forward_pre_hooks)
    if any(not is_of_torch(hook) for hooks in ours for hook in hooks.values()):
        return "a global forward hook is set, which would see the look"
    return ""


def _look(model: nn.Module, modules: list[nn.Module], data: Named) -> SeenShapes:
    quick = sum(MODULE_S + TENSOR_S * len(module._parameters) for module in modules) < BUDGET_S
    first: tuple[str, Any] | None = None
    failure = ""
    for name, value in data:
        try:
            batch = value if _is_batch(value) else sample_batch(value)
        except CannotLook:
            failure = failure or f"`{name}` can be read only once"
            continue
        except Exception as error:  # the person's data set: the training will show it in full
            failure = failure or f"`{name}` gave no batch ({in_one_line(error)})"
            continue
        first = first or (name, batch)
        if quick and (shapes := _with_stand_in(model, batch)):
            return SeenShapes.of(model, shapes, _where(name))
    if first is not None:
        shapes, said = _with_itself(model, modules, first[1])
        if shapes and (not said or said == _CUT):
            return SeenShapes.of(model, shapes, _where(first[0], said))
        failure = f"a batch of `{first[0]}` does not go through ({said})"
    return SeenShapes(said=f"No output shapes: {failure}.")


_CUT = "the look ended after half a second"


def _where(name: str, partial: str = "") -> str:
    more = f"; {partial}, the rest is left out" if partial else ""
    return f"Output shapes are those of one batch of `{name}`{more}."


def _is_batch(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(map(_is_part, value))
    return isinstance(value, (torch.Tensor, dict)) or (hasattr(value, "to") and not hasattr(value, "dataset"))


def _is_part(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, dict, str, int, float)) or value is None


def _ways(model: nn.Module, batch: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """How a model may be called with a batch: without its target, then with it (models that make their own
    loss).
    """
    ways: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    for criterion in (nn.MSELoss(), None):
        inputs, keywords, _ = make_task(model, criterion, batch).splits(batch)
        if not ways or (len(ways[0][0]), sorted(ways[0][1])) != (len(inputs), sorted(keywords)):
            ways.append((inputs, keywords))
    return ways


def _with_stand_in(model: nn.Module, batch: Any) -> dict[str, str]:
    """Return the shapes; none where it cannot be, or takes too long."""
    prefix, inner = ("_orig_mod.", model._orig_mod) if hasattr(model, "_orig_mod") else ("", model)
    from torch._subclasses.fake_tensor import FakeTensorMode

    until = time.perf_counter() + BUDGET_S
    device = _device(inner)
    for inputs, keywords in _ways(inner, batch):
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        stand_ins = StandIns(mode, until)
        try:
            made = stand_ins.of(inner)
            inputs, keywords = stand_ins.of(tuple(inputs)), stand_ins.of(dict(keywords))
            with output_shapes(made, until=until) as shapes, _quiet(*stand_ins.generators), mode:
                made(*to_device(inputs, device), **to_device(keywords, device))
        except Exception:  # anything may stand in the way; the model itself is asked next
            continue
        except TimeIsUp:
            return {}
        if shapes:
            return {(prefix + path).rstrip("."): shape for path, shape in shapes.items()}
    return {}


def _with_itself(model: nn.Module, modules: list[nn.Module], batch: Any) -> tuple[dict[str, str], str]:
    """(shapes, what kept it from seeing all of them) from the model itself."""
    if any(
        vars(module).get("_compiled_call_impl") is not None or "_orig_mod" in module._modules
        for module in modules
    ):
        return {}, "it is compiled"
    drawing = [module for module in modules if not is_of_torch_nn(module)]
    said = ""
    until = time.perf_counter() + BUDGET_S
    device = _device(model)
    for inputs, keywords in _ways(model, batch):
        with (
            _unhooked(modules), _quiet(*drawing), untouched(model),
            output_shapes(model, until=until) as shapes,
        ):  # fmt: skip
            try:
                model(*to_device(inputs, device), **to_device(keywords, device))
                return shapes, ""
            except TimeIsUp:
                return shapes, _CUT
            except Exception as error:
                said = said or in_one_line(error)
    return {}, said


def _device(model: nn.Module) -> torch.device:
    tensors = (p for _, module in walk(model) for _, p in own_parameters(module))
    return next((p.device for p in tensors), torch.device("cpu"))


@contextlib.contextmanager
def _quiet(*owners: Any) -> Iterator[None]:
    """Without gradients, prints and warnings; random generators as they were."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(preserved_rng(*owners))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        if (
            hasattr(torch.compiler, "set_stance") and "torch._dynamo" in sys.modules
        ):  # a compiled part: as it is
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


_LOOKING = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextlib.contextmanager
def _unhooked(modules: list[nn.Module]) -> Iterator[None]:
    """Take the person's hooks off for the block: one that keeps outputs would keep ours."""
    before = [
        (module, name, vars(module)[name])
        for module in modules
        for name in _LOOKING
        if vars(module).get(name)
    ]
    for module, name, hooks in before:
        vars(module)[name] = OrderedDict((key, hook) for key, hook in hooks.items() if is_of_torch(hook))
    try:
        yield
    finally:
        for module, name, hooks in before:
            vars(module)[name] = hooks
