"""Names of a notebook: which count, which of several for one object is best, what their words say.

Knows names only, never what they hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# IPython's own: In, Out, _, __, _12, _i, _ii, _i12, _oh, _dh, ...; they keep old models and loaders alive.
_SHELL_NAMES = re.compile(r"_+|_i*\d*|_[iods]h|__\w*|In|Out|exit|quit|open|get_ipython|_exit_code")

# The names people give, best first; an object with several names is called by the first of these it has.
USUAL_NAMES = {
    "model": ("model", "net", "network", "classifier", "module", "encoder", "compiled_model"),
    "optimizer": ("optimizer", "optim", "opt", "optimiser"),
    "scheduler": ("scheduler", "lr_scheduler", "sched"),
    "loss": ("criterion", "loss_fn", "loss_function", "loss_func", "objective", "loss"),
    "train": ("train_loader", "train_dataloader", "trainloader", "train_dl", "train_data", "loader", "data"),
    "val": ("val_loader", "valid_loader", "val_dataloader", "valloader", "valid_dl", "val_dl", "val_data"),
}

_TAIL = r"(?:data|ds|dl)?(?:loaders?|dataloaders?|set|sets|dataset|iter|iterator|gen|batches|data|ds|dl)?"
_ROLE_WORDS = {
    "train": re.compile(rf"(?:train|training|trn|tr|fit){_TAIL}"),
    "val": re.compile(rf"(?:val|valid|validation|dev|eval|evaluation|vld){_TAIL}"),
    "test": re.compile(rf"(?:test|testing|tst|holdout|heldout){_TAIL}"),
}
_DATA_WORDS = re.compile(rf"{_TAIL[:-1]}|\w*loader|batch(?:es)?|stream|samples|source|corpus|x|y")
_LOADER_WORDS = re.compile(r"\w*loaders?|\w*dl|batches|iter|iterator|gen|generator|stream")
_COPY_WORDS = frozenset(
    ["ema", "swa", "avg", "average", "averaged", "mean", "teacher", "target", "ref", "reference", "best",
     "old", "prev", "previous", "copy", "backup", "init", "initial", "snapshot", "frozen", "pretrained",
     "orig", "original", "baseline", "momentum", "shadow", "saved", "loaded"]
)  # fmt: skip


def counts(name: object) -> bool:
    """Say whether a key of the namespace is a person's own name, not IPython's."""
    return isinstance(name, str) and not _SHELL_NAMES.fullmatch(name)


def words(name: str) -> list[str]:
    """Split a name: `valLoader_2 -> ["val", "loader", "2"]`, `loaders["train"] -> ["loaders", "train"]`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def data_role(name: str) -> str:
    """Tell what a name says about data: "train", "val", "test", "mixed" (several of them) or "" (nothing)."""
    found = {role for word in words(name) for role, pattern in _ROLE_WORDS.items() if pattern.fullmatch(word)}
    return found.pop() if len(found) == 1 else "mixed" if found else ""


def speaks_of_data(name: str) -> bool:
    """Say whether a name sounds like data: loader, set, batches, train, val..."""
    return bool(data_role(name)) or any(_DATA_WORDS.fullmatch(word) for word in words(name) if word)


def names_a_loader(name: str) -> bool:
    """Say whether a name's last word means batches: `train_loader`, `valloader`, `train_dl`."""
    return bool(_LOADER_WORDS.fullmatch((words(name) or [""])[-1]))


def speaks_of_copy(name: str) -> bool:
    """Say whether a name sounds like a copy or a helper of the model: ema, teacher, target, best, old..."""
    return not _COPY_WORDS.isdisjoint(words(name))


def speaks_of_loss(name: str) -> bool:
    """Say whether a name sounds like a loss function, or is one of torch's (`cross_entropy`, `mse_loss`)."""
    found = set(words(name))
    return not found.isdisjoint({"loss", "criterion", "criterium", "objective", "lossfn", "cost"}) or (
        found >= {"cross", "entropy"} or found in ({"crit"}, {"ce"}, {"mse"}, {"bce"}, {"nll"})
    )


def best_name(names: Iterable[str], role: str) -> str:
    """Choose the name to call an object by: a usual one for its role, not private, not a single letter."""
    usual = USUAL_NAMES.get(role, ())

    def rank(item: tuple[int, str]) -> tuple[bool, bool, int, bool, int]:
        position, name = item
        place = usual.index(name) if name in usual else len(usual)
        nested = not name.isidentifier()
        return nested, name.startswith("_"), place, len(name) == 1, position

    return min(enumerate(names), key=rank)[1]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` is probably a slip of, or None."""
    pool = list(known)
    close = difflib.get_close_matches(name, pool, n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {other.lower().replace("_", ""): other for other in pool}
    close = difflib.get_close_matches(name.lower().replace("_", ""), folded, n=1, cutoff=0.7)
    return folded[close[0]] if close else None
