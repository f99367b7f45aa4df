"""Keys that mean nothing: an error each, since a typo would silently change a setting."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from nbtrain.config.dialects import Dialect
from nbtrain.config.problem import Problem
from nbtrain.config.reading import Node

# what people also call a setting, where it is too far from our word to be found by its letters
_ALSO = {
    "lr": "learning_rate", "wd": "weight_decay", "num_epochs": "epochs", "max_epochs": "epochs",
    "n_epochs": "epochs", "bs": "batch_size", "grad_clip": "clip", "gradient_clip_val": "clip",
    "accumulate_grad_batches": "accumulate", "scheduler": "lr_schedule", "warmup": "warmup_steps",
    "optim": "optimizer", "model": "architecture", "random_seed": "seed", "val_path": "val_data",
    "validation_path": "val_data", "name_or_path": "base_checkpoint", "amp": "precision",
}  # fmt: skip


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that was probably meant."""
    lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)
    return lower[close[0]] if close else None


def unknown_key(key: str, node: Node, dialect: Dialect) -> Problem:
    """Return the error for a key the dialect does not know, with the one that was probably meant."""
    above, _, name = key.rpartition(".")
    prefix = f"{above}." if above else ""
    known = [*dialect.keys, *dialect.sections]
    beside = [one[len(prefix) :] for one in known if one.startswith(prefix) and "." not in one[len(prefix) :]]
    expected = f"a key of the dialect told by {dialect.told_by}"
    if above:
        expected = f"a key of `{above}`: {', '.join(sorted(set(beside)))}"
    return Problem(
        "InvalidConfig", key, node.plain(), expected, _meant(name, prefix, beside, dialect), node.line
    )


def _meant(name: str, prefix: str, beside: list[str], dialect: Dialect) -> str:
    if close := nearest(name, beside, cutoff=0.7):
        return f"Did you mean `{prefix}{close}`?"
    setting = _ALSO.get(name.lower().replace("-", "_"))
    if setting in dialect.keys.values():
        return f"Did you mean `{dialect.key_of(setting)}`?"
    ends = {one.rpartition(".")[2]: one for one in reversed(list(dialect.keys))}
    if name in ends:
        above = ends[name].rpartition(".")[0]
        return (
            f"It belongs under `{above}`: `{ends[name]}`." if above else f"Write `{name}` without a section."
        )
    if close := nearest(name, beside) or None:
        return f"Did you mean `{prefix}{close}`?"
    if close := nearest(name, ends, cutoff=0.75):
        return f"Did you mean `{ends[close]}`?"
    return "Take it out: nothing would read it."
