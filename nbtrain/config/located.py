"""Where a configuration's words lead: to a path, to a name of the hub, to a model of Hugging Face."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?")
WINDOWS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length")
_WEIGHTS = (".pt", ".pth", ".bin", ".safetensors", ".ckpt")


def find(word: str, folder: Path) -> Path:
    """Return a path taken from the configuration's folder, then from the working folder."""
    path = Path(word).expanduser()
    if path.is_absolute():
        return path
    beside = folder / path
    return beside if beside.exists() or not path.exists() else Path.cwd() / path


def names_hub(word: str, folder: Path) -> bool:
    """Say whether a word that is no path here can be a name of the hub."""
    if find(word, folder).exists() or word.startswith((".", "/", "~")) or word.count("/") > 1:
        return False
    return Path(word).suffix not in _WEIGHTS and HUB_NAME.fullmatch(word) is not None


def told_by(path: Path) -> dict[str, Any] | None:
    """Return the config.json of a model's folder, None where there is none."""
    try:
        told = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def language_base(said: Mapping[str, Any], folder: Path) -> str | None:
    """Return the path or hub name of the Hugging Face model that settings are about, None where it is none.

    That is `architecture: hf:PATH`; or a base checkpoint that is a folder with a config.json or no path here,
    without an architecture or with that of its config.json.
    """
    architecture = str(said.get("architecture") or "")
    if architecture.startswith("hf:"):
        return _absolute(architecture[3:], folder)
    word = said.get("base_checkpoint")
    if not word:
        return None
    told = told_by(find(word, folder))
    if told is None:
        return word if not architecture and names_hub(word, folder) else None
    known = {str(told.get("model_type")), *map(str, told.get("architectures") or ())}
    same = architecture.lower() in {one.lower() for one in known}
    return _absolute(word, folder) if not architecture or same else None


def _absolute(word: str, folder: Path) -> str:
    path = find(word, folder)
    return str(path.absolute()) if path.exists() else word
