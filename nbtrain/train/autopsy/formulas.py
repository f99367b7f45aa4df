"""Why a torch function made a number that is not finite of finite ones, in words, from what went in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from nbtrain import units
from nbtrain.train.autopsy.calls import Call
from nbtrain.train.autopsy.tensors import Contents, contents, kind_of_bad, tensors_in

LARGEST = {torch.float16: 65504.0, torch.bfloat16: 3.39e38, torch.float32: 3.4e38}
HALF = (torch.float16, torch.bfloat16)


def inputs_of(call: Call) -> list[Contents]:
    """Return what went into a call, tensor by tensor."""
    return [contents(one) for one in tensors_in((call.args, call.kwargs))]


def why(call: Call, name: str = "") -> str:
    """Return the reason in a few words.

    Args:
        name: the function's, when it is not the call's own (a backward).
    """
    seen = inputs_of(call)
    reason = _REASONS.get(name or call.name)
    said = reason(seen, call) if reason is not None and seen else ""
    return said or _by_size(seen, call)


def _by_size(seen: list[Contents], call: Call) -> str:
    if any(one.inf for one in seen):
        return "an infinite value met 0 or another infinite value"
    largest = max((abs(v) for one in seen for v in (one.low, one.high) if v is not None), default=0.0)
    return f"its inputs reach {units.number(largest)}" if largest else "its inputs are all 0"


def _log(seen: list[Contents], call: Call) -> str:
    first = seen[0]
    if first.low is not None and first.low < 0:
        return f"the logarithm of a negative number ({units.number(first.low)})"
    return f"the logarithm of 0 ({first.zero:,} of {first.size:,} values)" if first.zero else ""


def _division(seen: list[Contents], call: Call) -> str:
    divisor = seen[0] if call.name in ("reciprocal", "rsqrt", "rtruediv", "rdiv") else seen[-1]
    scalars = [one for one in (*call.args, *call.kwargs.values()) if isinstance(one, (int, float))]
    if len(seen) == 1 and call.name in ("div", "truediv", "divide", "true_divide") and 0 in scalars:
        return "a division by 0"
    return f"a division by 0 ({divisor.zero:,} of {divisor.size:,} values)" if divisor.zero else ""


def _exp(seen: list[Contents], call: Call) -> str:
    high = seen[0].high
    return (
        f"the exponential of up to {units.number(high)}; float32 ends at 88.7" if high and high > 11 else ""
    )


def _root(seen: list[Contents], call: Call) -> str:
    low = seen[0].low
    if low is not None and low < 0:
        return f"the root of a negative number ({units.number(low)})"
    return f"the root of 0 ({seen[0].zero:,} of {seen[0].size:,} values)" if seen[0].zero else ""


def _power(seen: list[Contents], call: Call) -> str:
    low = seen[0].low
    if low is not None and low < 0 and call.made == "nan":
        return f"a broken power of a negative number ({units.number(low)})"
    return f"a power of 0 ({seen[0].zero:,} of {seen[0].size:,} values)" if seen[0].zero else ""


def _arc(seen: list[Contents], call: Call) -> str:
    return f"an inverse of sine or cosine at {units.number(seen[0].low)} to {units.number(seen[0].high)}"


def _softmax(seen: list[Contents], call: Call) -> str:
    return "a softmax over a row that is −∞ throughout" if any(one.inf for one in seen) else ""


def _product(seen: list[Contents], call: Call) -> str:
    infinite = call.deliberate or any(one.inf for one in seen)
    if call.made == "nan" and infinite and any(one.zero for one in seen):
        return "0 × ∞"
    return ""


def _difference(seen: list[Contents], call: Call) -> str:
    return "∞ − ∞" if call.made == "nan" and any(one.inf for one in seen) else ""


def _spread(seen: list[Contents], call: Call) -> str:
    first = seen[0]
    if first.low == first.high:
        return "all of its values are equal"
    return "a deviation of a single value" if call.made == "nan" and first.finite else ""


def _mean(seen: list[Contents], call: Call) -> str:
    return "a mean over nothing" if not seen[0].size else ""


def _loss_of_classes(seen: list[Contents], call: Call) -> str:
    targets = [
        one for one in tensors_in((call.args[1:2], call.kwargs.get("target"))) if not one.is_floating_point()
    ]
    if call.made == "nan" and targets and bool((targets[0] < 0).all()):
        return "every target is ignored: a mean over nothing"
    return _log(seen, call) if call.name == "binary_cross_entropy" else ""


def _table(*groups: tuple[Callable[[list[Contents], Call], str], str]) -> dict[str, Any]:
    return {name: reason for reason, names in groups for name in names.split()}


_REASONS = _table(
    (_log, "log log2 log10 log1p xlogy logit"),
    (_division, "div truediv divide true_divide rtruediv rdiv reciprocal itruediv floordiv remainder"),
    (_exp, "exp expm1 exp2 sinh cosh"),
    (_root, "sqrt rsqrt norm vector_norm cdist pairwise_distance cosine_similarity normalize"),
    (_power, "pow rpow float_power"),
    (_arc, "acos asin acosh atanh arccos arcsin"),
    (_softmax, "softmax log_softmax scaled_dot_product_attention multi_head_attention_forward"),
    (_product, "mul multiply rmul imul matmul bmm linear einsum"),
    (_difference, "sub subtract rsub add radd isub iadd sum"),
    (_spread, "std var std_mean var_mean batch_norm instance_norm"),
    (_mean, "mean mse_loss l1_loss"),
    (_loss_of_classes, "cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits"),
)


def again(call: Call, dtype: torch.dtype) -> Contents | None:
    """Call the function again in a wider type, without autocast; None where it cannot be."""
    if call.func is None:
        return None
    device = next((one.device.type for one in tensors_in((call.args, call.kwargs))), "cpu")
    try:
        plain = torch.autocast(device, enabled=False)
    except (RuntimeError, ValueError):  # a device that knows no autocast
        plain = nullcontext()
    try:
        with torch.no_grad(), plain:
            args, kwargs = _widened(call.args, dtype), _widened(call.kwargs, dtype)
            result = next(tensors_in(call.func(*args, **kwargs)), None)
    except Exception:  # a function for one type only, no memory: the question stays open
        return None
    return contents(result) if result is not None else None


def overflowed(call: Call) -> tuple[str, str]:
    """Say whether the numbers were too large for their type, and how large they would have been.

    Returns:
        (type, magnitude): ("float16", "1.2e5"); ("", "") when a wider type does not help.
    """
    own = call.dtype
    wider = [torch.float32, torch.float64] if own in HALF else [torch.float64]
    for dtype in wider:
        if own == dtype:
            continue
        seen = again(call, dtype)
        if seen is not None and seen.finite and seen.low is not None:
            largest = max(abs(seen.low), abs(seen.high or 0.0))
            limit = LARGEST.get(own or torch.float32, 3.4e38)
            if largest > 0.99 * limit:
                return str(own).removeprefix("torch."), units.number(largest)
    return "", ""


def _widened(thing: Any, dtype: torch.dtype) -> Any:
    if isinstance(thing, Tensor):
        return thing.detach().to(dtype) if thing.is_floating_point() else thing
    if isinstance(thing, (tuple, list)):
        return type(thing)(_widened(part, dtype) for part in thing)
    if isinstance(thing, dict):
        return {key: _widened(part, dtype) for key, part in thing.items()}
    return dtype if isinstance(thing, torch.dtype) and thing in HALF else thing


def finite(tensor: Any) -> bool:
    """True for what holds no NaN and nothing infinite."""
    return not kind_of_bad(tensor)
