"""config.yaml of a run that was made of a notebook's objects, read as the dialect with sections.

Such a file says what a run was: its model and loaders by the names of variables, its optimizer by class and
values. Trained again from it, the variables are looked up, and the optimizer is made anew from what stands
there. A scheduler is an object of which the file knows the class alone: the rate then stays level, and that
is said.
"""

from __future__ import annotations

from typing import Any

from nbtrain.config.problem import Problem
from nbtrain.config.reading import Node

_OWN = {"model", "data", "optimizer", "training", "reproducibility", "options"}  # together in no dialect
# (section, key) of such a file -> (section, key) of the dialect with sections
_SAME = {
    ("optimizer", "type"): ("optimizer", "type"),
    ("optimizer", "initial_lr"): ("optimizer", "learning_rate"),
    ("optimizer", "weight_decay"): ("optimizer", "weight_decay"),
    ("optimizer", "betas"): ("optimizer", "betas"),
    ("training", "epochs"): ("training", "epochs"),
    ("training", "batch_size"): ("training", "batch_size"),
    ("training", "precision"): ("training", "precision"),
    ("training", "device"): ("training", "device"),
    ("training", "accumulate"): ("training", "gradient_accumulation"),
    ("training", "clip"): ("training", "gradient_clip"),
    ("training", "val_every"): ("training", "validate_every"),
    ("training", "on_nan"): ("training", "on_nan"),
    ("training", "on_stall"): ("training", "on_stall"),
    ("training", "patience"): ("early_stopping", "patience"),
    ("options", "max_steps"): ("training", "total_steps"),
    ("reproducibility", "seed"): ("reproducibility", "seed"),
    ("reproducibility", "deterministic"): ("reproducibility", "deterministic"),
    ("training", "checkpoint_every"): ("checkpointing", "every"),
    ("options", "keep"): ("checkpointing", "keep"),
    ("data", "split"): ("data", "split"),
}
_WITH_MOMENTUM = ("sgd", "rmsprop")
SEED = 42


def as_sections(root: Node) -> tuple[Node, list[Problem]]:
    """Return the file as the dialect with sections, and what is not taken over; other files as they are."""
    parts = {name: node.value for name, node in root.value.items() if isinstance(node.value, dict)}
    if not parts.keys() >= _OWN or "variable" not in parts["model"]:
        return root, []
    made: dict[str, dict[str, Node]] = {}
    for (section, key), (to, name) in _SAME.items():
        node = parts[section].get(key)
        if node is not None and node.value is not None:
            made.setdefault(to, {})[name] = node
    optimizer, training = made.setdefault("optimizer", {}), made.setdefault("training", {})
    if "learning_rate" not in optimizer and "lr" in parts["optimizer"]:
        optimizer["learning_rate"] = parts["optimizer"]["lr"]
    if str(parts["optimizer"]["type"].value).lower() in _WITH_MOMENTUM and "momentum" in parts["optimizer"]:
        optimizer["momentum"] = parts["optimizer"]["momentum"]
    training.setdefault("gradient_clip", _node(0, root))  # nothing said means that nothing was clipped
    made["model"] = {"architecture": _named(parts["model"], root)}
    for role, node in parts["data"].items():
        if role in ("train", "val") and node.value:
            made.setdefault("data", {})[role] = node
    if isinstance(backends := root.value.get("logging"), Node) and backends.value:
        made["logging"] = {"backends": backends}
    said = _level_rate(root, optimizer)
    reproducibility = made.setdefault("reproducibility", {})
    if "seed" not in reproducibility:
        reproducibility["seed"] = _node(SEED, root)
        said.append(Problem("DefaultSeed", "reproducibility.seed", None, "a seed", f"{SEED} is taken."))
    name = {"name": root.value["name"]} if "name" in root.value else {}
    sections = {section: _node(values, root) for section, values in made.items()}
    return Node({**name, **sections}, root.line), said


def _level_rate(root: Node, optimizer: dict[str, Node]) -> list[Problem]:
    optimizer["lr_schedule"], optimizer["warmup_steps"] = _node("constant", root), _node(0, root)
    scheduler = root.value.get("scheduler")
    if scheduler is None or not isinstance(scheduler.value, dict):
        return []
    kind = scheduler.value["type"].value if "type" in scheduler.value else "a scheduler"
    return [Problem(
        "NotUsed", "scheduler", str(kind),
        "nothing: of the notebook's scheduler the file knows the class alone, and the rate stays level",
        "Say optimizer.lr_schedule: cosine or linear, or train with %train.", scheduler.line,
    )]  # fmt: skip


def _named(model: dict[str, Node], root: Node) -> Node:
    variable = model["variable"]
    return variable if variable.value else model.get("class", _node("model", root))


def _node(value: Any, root: Node) -> Node:
    return Node(value, root.line, text=str(value))
