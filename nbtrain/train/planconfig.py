"""A plan as plain values: what config.yaml holds, what a resumed run is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from nbtrain.train.data import SPLIT_SEED, samples_of
from nbtrain.train.line import kind_of
from nbtrain.train.work import Work

_KEPT_OPTIONS = (
    "accumulate", "clip", "val_every", "checkpoint_every", "patience", "max_time", "max_cost",
    "price_per_hour", "stop_rise", "stop_grad_norm", "on_nan", "on_stall",
)  # fmt: skip


def plan_config(
    work: Work, *, epochs: int | None, steps: int | None, name: str, data_seed: int | None
) -> dict[str, Any]:
    """Return the plan's configuration. `data_seed`: see `nbtrain.train.feed.choose_data_seed`."""
    options, group = work.options, work.optimizer.param_groups[0]
    split_seed = None
    if options.split:
        split_seed = SPLIT_SEED if options.seed is None else options.seed
    scheduler = None
    if work.scheduler is not None:
        scheduler = {"type": type(work.scheduler).__name__, "every": work.schedule.every}
    return {
        "name": name,
        "model": {"class": type(work.model).__name__, "variable": work.names.get("model", "")},
        "data": {
            "train": work.names.get("train", ""),
            "val": work.names.get("val", ""),
            "train_samples": samples_of(work.train_loader),
            "val_samples": samples_of(work.val_loader),
            "split": options.split,
            "split_seed": split_seed,
        },
        "optimizer": {
            "type": type(work.optimizer).__name__,
            **{key: _plain(value) for key, value in group.items() if key != "params"},
        },
        "scheduler": scheduler,
        "loss": kind_of(work.criterion) if work.criterion is not None else "the model's own",
        "training": {
            "epochs": epochs,
            "steps": steps,
            "batch_size": getattr(work.train_loader, "batch_size", None),
            "precision": work.precision.name,
            "device": str(work.device),
            "metrics": sorted(options.metrics),
            **{name: getattr(options, name) for name in _KEPT_OPTIONS},
        },
        "reproducibility": {
            "seed": options.seed,
            "deterministic": options.deterministic,
            "data_seed": data_seed,
        },
        "logging": list(options.log),
        "options": options.kept(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return float(value) if value.numel() == 1 else str(tuple(value.shape))
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)
