"""Whether a step's gradients are finite, and how a step is left out where they are not.

On a CPU the host looks and does not step: looking there waits for nothing. On an accelerator nobody looks:
the verdict stays a number on the device. Fused optimizers take it as torch's GradScaler hands it to them
(`found_inf`) and leave weights and state as they are. Other optimizers get gradients that are all zero:
their weights stay finite, though momentum and weight decay still move them.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

# Integers as wide as a number: NaN times zero is NaN, the bits of NaN times zero are those of 0.0
_EXACT = (torch.float32, torch.float64)
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Guard:
    """Decides for each step whether it is taken.

    Args:
        optimizer: whose steps. parameters: what it trains.
        hold: once a step was left out, leave out all that follow (the run is about to end, and the host does
            not know yet), until `release`.

    Attributes:
        on_host: verdicts are Python's True or False; else 0-d tensors on the device, 1.0 for a step left out.
    """

    def __init__(self, optimizer: Any, parameters: Sequence[Tensor], *, hold: bool) -> None:
        self.optimizer, self.hold = optimizer, hold
        devices = {parameter.device for parameter in parameters}
        self.on_host = all(device.type == "cpu" for device in devices)
        self._home = next((d for d in devices if d.type != "cpu"), torch.device("cpu"))
        self._found = torch.zeros((), device=self._home)
        self._one = torch.ones((), device=self._home)
        self._seen = self._found.numpy() if self.on_host else None

    def release(self) -> None:
        """Take steps again after one was held."""
        self._found.zero_()

    def look(self, gradients: Sequence[Tensor], total: float | Tensor | None = None) -> bool | Tensor:
        """Return whether this step has to be left out.

        Args:
            gradients: of the step, as `values_of` gives them. total: their norm, where it is known already.
        """
        if not self.on_host:
            return self._look_on_device(gradients)
        # No device sync: all of it lies in the host's memory, and numpy looks there without torch.
        if isinstance(total, Tensor):
            total = total.float().numpy().item()
        if total is None or not is_finite(total):
            _check(gradients, self._found, self._one)  # a norm may overflow where no gradient does
        if not self._seen.item():
            return False
        if not self.hold:
            self._found.zero_()
        return True

    def _look_on_device(self, gradients: Sequence[Tensor]) -> Tensor:
        if not self.hold:
            self._found.zero_()
        by_kind: dict[Any, list[Tensor]] = defaultdict(list)
        for gradient in gradients:
            by_kind[gradient.device, gradient.dtype].append(gradient)
        for (device, _), alike in by_kind.items():
            if device == self._home:
                _check(alike, self._found, self._one)
            else:
                found = torch.zeros((), device=device)
                _check(alike, found, torch.ones((), device=device))
                torch.maximum(self._found, found.to(self._home, non_blocking=True), out=self._found)
        return self._found.clone()

    def update(self, left_out: bool | Tensor) -> None:
        """Step the optimizer, unless this step has to be left out."""
        if not isinstance(left_out, Tensor):
            if not left_out:
                self.optimizer.step()
        elif skips_on_device(self.optimizer):
            self.optimizer.grad_scale, self.optimizer.found_inf = None, left_out
            try:
                self.optimizer.step()
            finally:
                del self.optimizer.grad_scale, self.optimizer.found_inf
        else:
            # Zero gradients change plain SGD's weights by nothing. With momentum (also Adam's) the weights
            # go on for some steps where they were going, and weight decay shrinks them: a copy of weights
            # and state to go back to would cost three times the model's memory in each step.
            held = (p.grad for group in self.optimizer.param_groups for p in group["params"])
            blend(values_of(held, coalesce=False), None, left_out)
            self.optimizer.step()


def host_norm(gradients: Sequence[Tensor]) -> float | None:
    """Return the norm of dense gradients that lie in the host's memory, as one vector; read without torch.

    For small models the look whether it is finite and the norm for the record cost one pass together.

    Returns:
        The norm; None where it has to be taken otherwise: no gradient, another precision than float32 and
        float64, or squares that overflow.
    """
    if not gradients:
        return None
    flat = torch._utils._flatten_dense_tensors(gradients)
    if flat.dtype not in _EXACT or flat.requires_grad:
        return None
    squares = torch.dot(flat, flat).numpy().item()
    return squares**0.5 if is_finite(squares) else None


def skips_on_device(optimizer: Any) -> bool:
    """Say whether an optimizer leaves a step out itself when it is told so on the device."""
    if not getattr(optimizer, "_step_supports_amp_scaling", False):
        return False
    if not all(group.get("fused", True) for group in optimizer.param_groups):
        return False
    if "grad_scaler" in inspect.signature(optimizer.step).parameters:  # an older agreement with GradScaler
        return False
    # torch's fused SGD makes its momentum buffers in the first step without filling them when it is left out
    momentum = isinstance(optimizer, torch.optim.SGD) and any(g["momentum"] for g in optimizer.param_groups)
    return not momentum or bool(optimizer.state)


def leaves_weights_alone(optimizer: Any, device: torch.device) -> bool:
    """Say whether a step that is left out on `device` leaves the weights exactly as they are."""
    return device.type == "cpu" or bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def found_by(scaler: torch.amp.GradScaler, optimizer: Any, device: torch.device) -> Tensor:
    """Return what a GradScaler found when it unscaled: 1.0, on `device`, where it will skip the step."""
    found = scaler._found_inf_per_device(optimizer).values()
    return sum((one.to(device, non_blocking=True) for one in found), torch.zeros((), device=device))


def values_of(gradients: Iterable[Tensor | None], *, coalesce: bool = True) -> list[Tensor]:
    """Return the gradients there are as real numbers: values of a sparse one, both parts of a complex one.

    Args:
        coalesce: add up the values of rows that occur twice, as a norm needs it.
    """
    found = [gradient for gradient in gradients if gradient is not None]
    if any([g.is_sparse or g.is_complex() for g in found]):  # noqa: C419 - a generator takes twice the time
        return [_plain(gradient, coalesce) for gradient in found]
    return found


def _plain(gradient: Tensor, coalesce: bool) -> Tensor:
    if gradient.is_sparse:  # device sync where it is coalesced, as SparseAdam does too
        gradient = gradient.coalesce().values() if coalesce else gradient._values()
    return torch.view_as_real(gradient) if gradient.is_complex() else gradient


def _check(gradients: Sequence[Tensor], found: Tensor, one: Tensor) -> None:
    """Set `found` to 1.0 where a gradient is not finite: GradScaler's own kernel, with a scale of one."""
    if gradients:
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, found, one)


@torch.no_grad()
def blend(targets: Sequence[Tensor], olds: Sequence[Tensor] | None, when: Tensor) -> None:
    """Put `olds` (zeros for None) in place of `targets` if `when`, a 0-d tensor, is not zero.

    A few launches for any number of tensors, exact to the bit, and nothing is read.
    """
    groups: dict[Any, list[tuple[Tensor, Tensor | None]]] = defaultdict(list)
    for place, target in enumerate(targets):
        kind = _BITS[target.element_size()] if not target.is_complex() else torch.int32
        old = None if olds is None else _bits(olds[place], kind)
        groups[target.device, kind].append((_bits(target, kind), old))
    for (device, kind), pairs in groups.items():
        replaced = (when != 0).to(device, non_blocking=True).to(kind)
        bits = [target for target, _ in pairs]
        torch._foreach_mul_(bits, 1 - replaced)
        if olds is not None:
            torch._foreach_add_(bits, torch._foreach_mul([old for _, old in pairs], replaced))


def _bits(tensor: Tensor, kind: torch.dtype) -> Tensor:
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).view(kind)


def is_finite(value: float) -> bool:
    """Say whether a number is finite: faster than math.isfinite."""
    return value - value == 0.0


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Say whether all floating tensors hold finite numbers only: one device sync, more where they do not."""
    held = [t.detach() for t in tensors if t.is_floating_point() and t.numel() and not t.is_meta]
    if not held:
        return True
    norms = torch._foreach_norm(held)  # the norm of the largest value takes twenty times as long on a CPU
    if is_finite(float(torch.stack([n.to(norms[0].device, torch.float32) for n in norms]).sum())):
        return True
    return all(bool(torch.isfinite(t).all()) for t in held)
