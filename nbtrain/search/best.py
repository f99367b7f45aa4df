"""The configuration of a training on notebook objects, as far as a configuration can say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbtrain.config.resolved import DEFAULTS, Configuration
from nbtrain.config.settings import OPTIMIZERS
from nbtrain.config.writing import as_yaml
from nbtrain.notebook.namespace import Setup
from nbtrain.search.settings import DROPOUT, plain_number

_OF_RUN = {
    "epochs": "epochs", "max_steps": "total_steps", "clip": "clip", "accumulate": "accumulate",
    "precision": "precision", "seed": "seed", "patience": "patience", "val_every": "val_every",
}  # fmt: skip


def configuration_of(
    setup: Setup, options: Mapping[str, Any], values: Mapping[str, Any], *, factory: str = "",
    arguments: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Return YAML that `--config` takes where the objects have the same names.

    What a configuration cannot say (a scheduler of one's own, a setting no configuration has) stands in
    comments on top, and in best.json.
    """
    said: dict[str, Any] = {"device": "auto", "lr_schedule": "constant", "warmup_steps": 0, "clip": 0.0}
    unsaid: list[str] = []
    said["architecture"] = factory or setup.model.name or "model"
    if factory and arguments:
        said["arguments"] = dict(arguments)
    said["train_data"] = setup.train.name or "train_loader"
    if setup.val is not None:
        said["val_data"] = setup.val.name or "val_loader"
    if setup.loss is not None:
        said["loss"] = setup.loss.name or type(setup.loss.value).__name__
    optimizer = setup.optimizer.value if setup.optimizer is not None else None
    if optimizer is not None:
        said |= _of_optimizer(optimizer, unsaid)
    else:
        said |= {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01}
    if setup.scheduler is not None:
        unsaid.append(f"the scheduler {type(setup.scheduler.value).__name__}")
    if DROPOUT in values and not factory:
        unsaid.append(f"dropout {values[DROPOUT]:g}, which has to be set on the model: search.apply()")
    for name, setting in _OF_RUN.items():
        if options.get(name) is not None:
            said[setting] = options[name]
    said.setdefault("epochs", DEFAULTS["epochs"])
    if said.get("patience"):
        said["early_stopping"] = True
    size = getattr(setup.train.value, "batch_size", None)
    if size and "batch_size" in values:
        unsaid.append(f"batch_size {size}: the loader decides it")
    head = ["# The best of a search. Train it: %train --config best.yaml"]
    head += [f"# Not in this file: {one}." for one in unsaid]
    return "\n".join([*head, as_yaml(Configuration(said), comments=False)])


def _of_optimizer(optimizer: Any, unsaid: list[str]) -> dict[str, Any]:
    kind, group = type(optimizer).__name__.lower(), optimizer.param_groups[0]
    said = {"learning_rate": float(plain_number(group["lr"]))}
    if kind in OPTIMIZERS:
        said["optimizer"] = kind
    else:
        said["optimizer"] = "adamw"
        unsaid.append(f"the optimizer {type(optimizer).__name__}, which no configuration has")
    if "weight_decay" in group:
        said["weight_decay"] = float(group["weight_decay"])
    if "betas" in group:
        said["betas"] = [float(one) for one in group["betas"]]
    if group.get("momentum"):
        said["momentum"] = float(group["momentum"])
    if len(optimizer.param_groups) > 1:
        unsaid.append(
            f"the {len(optimizer.param_groups)} groups of the optimizer, of which this is the first"
        )
    return said
