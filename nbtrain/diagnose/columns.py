"""What the columns of other tools are called here: `val_accuracy`, `eval_loss`, `Loss/train` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TRAIN = {"train", "training", "tr", "trn"}
_VALID = {"val", "valid", "validation", "eval", "dev", "test"}
_LOSS = {"loss"}
_ACCURACY = {"acc", "accuracy", "top1", "acc1"}
_PROGRESS = (
    _LOSS
    | _ACCURACY
    | {"nll", "logloss", "bce", "ce", "xent", "mse", "rmse", "mae", "perplexity", "ppl", "reward", "rew"}
)
_DROPPED = {"epoch", "step", "avg", "mean", "running"}  # words that say how a value was taken, not which one
_EXACT = {
    "lr": "lr",
    "learning_rate": "lr",
    "learningrate": "lr",
    "grad_norm": "grad_norm",
    "gradient_norm": "grad_norm",
    "total_grad_norm": "grad_norm",
    "gpu_util": "gpu_util",
    "gpu_utilization": "gpu_util",
    "gpu_utilisation": "gpu_util",
    "epoch": "epoch",
    "step": "step",
    "global_step": "step",
    "epoch_time": "epoch_time_s",
    "samples_per_second": "samples_per_s",
}


def is_loss(name: str) -> bool:
    """Say whether a column is a loss: its last telling word is `loss`, or it is one of the two known ones."""
    words = [word for word in words_of(name) if word not in _DROPPED]
    return words[-1:] == ["loss"] or (canonical(name) or "").endswith("_loss")


def canonical(name: str) -> str | None:
    """Return the name in metrics.json of a column of another tool, or None where it is no known one."""
    exact = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    if exact in _EXACT:
        return _EXACT[exact]
    if exact.startswith("lr_"):  # Lightning's LearningRateMonitor: lr-Adam
        return "lr"
    words = [word for word in words_of(name) if word not in _DROPPED]
    side = {"train" if word in _TRAIN else "val" for word in words if word in _TRAIN | _VALID}
    rest = [word for word in words if word not in _TRAIN | _VALID]
    if len(side) > 1 or len(rest) != 1 or rest[0] not in _LOSS | _ACCURACY:
        return None
    return f"{side.pop() if side else 'train'}_{'loss' if rest[0] in _LOSS else 'acc'}"


def canonical_names(filled: Mapping[str, bool]) -> dict[str, str]:
    """Return old -> new names for a table: a name of ours that is there and filled is never taken over.

    Args:
        filled: column -> whether it holds a number.
    """
    taken = {name for name, has in filled.items() if has and canonical(name) == name}
    renamed: dict[str, str] = {}
    for name, has in filled.items():
        new = canonical(name)
        if new is None or new == name or not has or new in taken:
            continue
        taken.add(new)
        renamed[name] = new
        if new in filled:  # an empty column of that name makes room
            renamed[new] = f"{new} (empty)"
    return renamed


def side_of(name: str) -> str | None:
    """Return `train` or `val` where a name says so, and only one of them; else None."""
    sides = {"train" if word in _TRAIN else "val" for word in words_of(name) if word in _TRAIN | _VALID}
    return sides.pop() if len(sides) == 1 else None


def tells_progress(name: str) -> bool:
    """Say whether a column is one that logs of a training have: a loss, an error, a score or a reward."""
    return not _PROGRESS.isdisjoint(words_of(name))


def telling_words(name: str) -> list[str]:
    """Return the words of a name that say which value it is: not its side, nor how it was taken."""
    return [word for word in words_of(name) if word not in _DROPPED | _TRAIN | _VALID]


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters: `valBoxLoss`, `val/box_loss` -> val, box, loss."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]
