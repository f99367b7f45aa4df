"""What lies in a folder that could be trained: configurations, scripts, checkpoints. Nothing of it is run."""

from __future__ import annotations

import ast
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbtrain.config.checking import check_file
from nbtrain.errors import NbtrainError
from nbtrain.runs.manifest import MANIFEST_FILE

DEEPEST, MOST_FILES = 4, 5_000
MOST_SCRIPT_BYTES = 512 * 1024
WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors")
_PASSED_OVER = ("node_modules", "__pycache__", "site-packages", "venv", "env", "build", "dist")
CONFIG_FLAGS, RESUME_FLAGS = (
    ("--config", "--cfg", "--config-file"),
    ("--resume", "--resume-from", "--checkpoint"),
)
EPOCH_FLAGS = ("--epochs", "--num-epochs", "--num_epochs", "--max-epochs", "--max_epochs")
_KNOWN_FLAGS = (*CONFIG_FLAGS, *RESUME_FLAGS, *EPOCH_FLAGS)
_WORD = re.compile(r"[a-z]+|\d+")


@dataclass(frozen=True)
class Config:
    """A configuration. `path`: from the folder. `ours`: nbtrain can train it. `said`: its settings."""

    path: Path
    ours: bool
    said: dict[str, object] = field(default_factory=dict, hash=False)
    words: frozenset[str] = frozenset()
    wrong: str = ""


@dataclass(frozen=True)
class Script:
    """A training script. `flags`: of those that are known, which it declares -> whether each takes a
    value.
    """

    path: Path
    flags: dict[str, bool] = field(default_factory=dict, hash=False)
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Found:
    """What lies in a folder.

    Attributes:
        checkpoints: files of weights outside of runs, newest first. runs: folders of runs. passed_over: files
            whose names could not be shown as they are, and links.
    """

    folder: Path
    configs: tuple[Config, ...] = ()
    scripts: tuple[Script, ...] = ()
    checkpoints: tuple[Path, ...] = ()
    runs: tuple[Path, ...] = ()
    passed_over: int = 0


def look(folder: Path) -> Found:
    """Return what lies in a folder, without following links."""
    folder = folder.resolve()
    configs, scripts, weights, runs = [], [], [], []
    passed_over = 0
    for path in _files(folder, DEEPEST):
        if path.is_symlink() or not showable(path.relative_to(folder).as_posix()):
            passed_over += 1
        elif path.name == MANIFEST_FILE:
            runs.append(path.parent)
        elif path.suffix in (".yaml", ".yml"):
            configs += [one for one in [_config(path, folder)] if one is not None]
        elif path.suffix == ".py":
            scripts += [one for one in [_script(path, folder)] if one is not None]
        elif path.suffix in WEIGHTS:
            weights.append(path)
    weights = [one for one in weights if not any(one.is_relative_to(run) for run in runs)]
    configs = [one for one in configs if not any((folder / one.path).is_relative_to(run) for run in runs)]
    newest = sorted(weights, key=lambda one: one.stat().st_mtime, reverse=True)
    top = [run for run in runs if not any(run != other and run.is_relative_to(other) for other in runs)]
    return Found(folder, tuple(configs), tuple(scripts), tuple(newest), tuple(top), passed_over)


def showable(name: str) -> bool:
    """Say whether a name looks like what it is: no control signs, no invisible letters, no lone
    surrogates.
    """
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in name)


def _files(folder: Path, depth: int) -> Iterator[Path]:
    count = 0
    waiting = [(folder, depth)]
    while waiting and count < MOST_FILES:
        here, left = waiting.pop(0)
        try:
            entries = sorted(os.scandir(here), key=lambda one: one.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _PASSED_OVER:
                continue
            count += 1
            if entry.is_dir(follow_symlinks=False):
                if left:
                    waiting.append((Path(entry.path), left - 1))
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _config(path: Path, folder: Path) -> Config | None:
    try:
        checked = check_file(path)
    except (NbtrainError, OSError, ValueError):
        return None
    said = dict(checked.said)
    if checked.dialect is None or not {"architecture", "base_checkpoint", "learning_rate"} & set(said):
        return None
    names = ("architecture", "dataset_name", "train_data", "name", "tags", "base_checkpoint", "optimizer")
    text = " ".join(str(said[name]) for name in names if name in said)
    name = path.relative_to(folder)
    wrong = checked.errors[0].sentence() if checked.errors else ""
    return Config(name, checked.valid, said, words_of(f"{name.as_posix()} {text}"), wrong)


def _script(path: Path, folder: Path) -> Script | None:
    """Return a script that trains, by its text alone: torch, a main part, and options it declares."""
    try:
        if path.stat().st_size > MOST_SCRIPT_BYTES:
            return None
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    trains = "train" in path.stem.lower() or re.search(r"\.backward\(\)|\.fit\(|Trainer\(", text)
    if not trains or "__main__" not in text:
        return None
    flags: dict[str, bool] = {}
    classes = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            classes.append(node.name)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "add_argument"
        ):
            flags |= _declared(node)
    name = path.relative_to(folder)
    told = f"{name.as_posix()} {ast.get_docstring(tree) or ''} {' '.join(classes)}"
    return Script(name, flags, words_of(told[:4_000]))


def _declared(call: ast.Call) -> dict[str, bool]:
    names = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    actions = [
        one.value.value
        for one in call.keywords
        if one.arg == "action" and isinstance(one.value, ast.Constant)
    ]
    takes_value = not any(str(one).startswith(("store_", "count", "help", "version")) for one in actions)
    return {name: takes_value for name in names if name in _KNOWN_FLAGS}


def words_of(text: str) -> frozenset[str]:
    """Return the words in a text, those of CamelCase and snake_case apart and together."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower()
    found = set(_WORD.findall(parted))
    return frozenset(
        found | set(re.findall(r"[a-z0-9]+", text.lower())) | set(re.findall(r"[\w.-]+", text.lower()))
    )
