"""Where the runs of this process go, and are looked for, when nobody says: `runs`, or what was set once."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

DEFAULT = "runs"
_chosen = DEFAULT


def default_root() -> Path:
    """Return the folder of the run folders."""
    return Path(_chosen)


def set_default_root(folder: str | None) -> None:
    """Take `folder` from now on (`%config NBTrain.dir`); None goes back to `runs`."""
    global _chosen
    _chosen = folder or DEFAULT


def root_words(said: Container[str]) -> dict[str, str]:
    """Return the option that says where a run goes; {} where that is `runs`, or was said by another.

    Args:
        said: the names of the options that a person gave.
    """
    return {} if _chosen == DEFAULT or "dir" in said or "output_dir" in said else {"dir": _chosen}
