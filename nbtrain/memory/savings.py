"""What other ways to train would need: traced again where they can be, else told from the trace at hand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import torch
from torch import nn

from nbtrain.memory.setup import Asked
from nbtrain.memory.steps import GRADIENTS, OPTIMIZER, Traced
from nbtrain.memory.tracing import CannotEstimate, find_peak

LEAST_BLOCKS = 3  # of one class in a row, before they are worth checkpointing
MIN_8BIT = 4096  # elements; smaller tensors stay in 32 bits (bitsandbytes, min_8bit_size)
RANK = 8  # of LoRA: the default of peft.LoraConfig
WORTH = 0.03  # of the peak: less is no saving


@dataclass(frozen=True)
class Saving:
    """One other way. `peak`: bytes with it. `basis`: "traced" or "about". `how`: what to change."""

    title: str
    peak: int
    basis: str
    how: str


def savings_of(asked: Asked, found: Traced) -> list[Saving]:
    """Return what would need less by at least 3 %, the largest saving first."""
    ways = [
        _bf16(asked),
        _checkpointing(asked.model, found),
        _eight_bit(asked, found),
        _lora(asked.model, found),
    ]
    worth = [one for one in ways if one is not None and one.peak < (1 - WORTH) * found.peak]
    return sorted(worth, key=lambda one: one.peak)


def _bf16(asked: Asked) -> Saving | None:
    if asked.dtype is not None:
        return None
    try:
        traced, how, _ = find_peak(replace(asked, dtype=torch.bfloat16))
    except CannotEstimate:  # the model does not run under autocast: nothing is saved that way
        return None
    return Saving("bf16 autocast", traced.peak, how, "--precision bf16")


def _checkpointing(model: nn.Module, found: Traced) -> Saving | None:
    """Only the inputs of repeated blocks are kept, and one block at a time is computed again."""
    if "backward" not in found.phases:
        return None
    kept = defaultdict(int)
    repeated = _repeated_blocks(model)
    for path, n_bytes in found.saved.items():
        block = next((one for one in repeated if path == one or path.startswith(f"{one}.")), None)
        if block is not None:
            kept[block] += n_bytes
    if len(kept) < LEAST_BLOCKS:
        return None
    largest = max(kept.values())
    inputs = sum(found.saved.get(block, 0) for block in kept)
    spared = max(0, sum(kept.values()) - largest - inputs)
    at_backward = found.of("backward") - spared
    others = [
        found.of(phase) - (spared if phase == "forward" else 0)
        for phase in found.phases
        if phase != "backward"
    ]
    name = next(iter(kept)).rpartition(".")[0]
    return Saving(
        "gradient checkpointing", max([at_backward, *others]), "about",
        f"torch.utils.checkpoint around each of the {len(kept)} blocks of `{name}`; a third more time a step",
    )  # fmt: skip


def _repeated_blocks(model: nn.Module) -> list[str]:
    """Paths of the blocks of the outermost lists of modules of one class, deepest lists left out."""
    found: list[str] = []
    for path, module in model.named_modules():
        if not isinstance(module, (nn.ModuleList, nn.Sequential)) or any(
            path.startswith(f"{one}.") for one in found
        ):
            continue
        kinds = {type(part) for part in module}
        if (
            len(module) >= LEAST_BLOCKS
            and len(kinds) == 1
            and any(True for _ in next(iter(module)).children())
        ):
            found += [f"{path}.{name}" if path else name for name, _ in module.named_children()]
    return found


def _eight_bit(asked: Asked, found: Traced) -> Saving | None:
    """Adam's two moments in 8 bits: a quarter of 32."""
    held = found.kinds[OPTIMIZER]
    name = asked.optimizer if isinstance(asked.optimizer, str) else type(asked.optimizer).__name__
    name = getattr(asked.optimizer, "__name__", name) if isinstance(asked.optimizer, type) else name
    if not held or "adam" not in name.lower():
        return None
    sizes = [p.numel() for p in asked.model.parameters() if p.requires_grad]
    share = sum(size for size in sizes if size >= MIN_8BIT) / max(sum(sizes), 1)
    return Saving(
        "8-bit Adam", round(found.peak - 0.75 * share * held), "about",
        "bitsandbytes.optim.AdamW8bit(model.parameters(), lr=...) on a GPU",
    )  # fmt: skip


def _lora(model: nn.Module, found: Traced) -> Saving | None:
    """Gradients and optimizer state of low-rank pairs beside frozen layers, instead of all."""
    layers = [one for one in model.modules() if isinstance(one, nn.Linear)]
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    pairs = sum(RANK * (one.in_features + one.out_features) for one in layers)
    if len(layers) < 4 or not trainable or pairs > trainable / 4:
        return None
    whole = found.kinds[GRADIENTS] + found.kinds[OPTIMIZER]
    spared = whole * (1 - pairs / trainable)
    others = [
        sum(kinds.values()) - (kinds[GRADIENTS] + kinds[OPTIMIZER]) * (1 - pairs / trainable)
        for kinds in found.phases.values()
    ]
    return Saving(
        f"LoRA of rank {RANK}", round(max([found.peak - spared, *others])), "about",
        f"peft.LoraConfig(r={RANK}) on the {len(layers)} linear layers: {pairs:,} numbers are trained; "
        "activations stay",
    )  # fmt: skip
