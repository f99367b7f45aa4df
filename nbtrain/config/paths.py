"""The paths of a configuration: whether data and checkpoints are there, and what is in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.config.counting import LINES, TABLES, samples_in
from nbtrain.config.located import WINDOWS, find, names_hub, told_by
from nbtrain.config.problem import Problem
from nbtrain.config.relations import IMPORT_PATH, NAME

if TYPE_CHECKING:
    from nbtrain.config.checking import Checked

DATA = ("train_data", "val_data", "test_data")
SUFFIXES = (".npz", *TABLES, *LINES)
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm")
Found = tuple[list[Problem], list[Problem]]


def kind_of_data(word: str, names: Any = None) -> str:
    """Return what a data setting names: "variable", "import" or "path"."""
    if names is not None and re.split(r"[.\[]", word, maxsplit=1)[0] in names:
        return "variable"
    if IMPORT_PATH.fullmatch(word):
        return "import"
    return "path"


def judge(checked: Checked, files: dict[str, Mapping[str, Any]]) -> Found:
    """Return errors and warnings about the paths, and put what was seen of the data into `files`."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    for setting in DATA:
        more, told = _data(checked, setting, files)
        errors += more
        warnings += told
    for one in (_checkpoint(checked), _output(checked), _same_file(checked, files)):
        errors += one[0]
        warnings += one[1]
    size, lines = checked.said.get("batch_size"), files.get("train_data", {}).get("line_count")
    if size and lines and size > lines:
        warnings.append(checked.problem(
            "batch_size", f"at most the {lines:,} samples of the training data",
            "An epoch is one batch as it stands."
        ))  # fmt: skip
    return errors, warnings


def _data(checked: Checked, setting: str, files: dict[str, Mapping[str, Any]]) -> Found:
    word = checked.said.get(setting)
    if word is None:
        return [], []
    kind = kind_of_data(word, checked.place.names)
    if kind == "variable":
        return [], []
    if kind == "import":
        top = word.split(":")[0].split(".")[0]
        if checked.place.packages(top):
            return [], []
        return [checked.problem(
            setting, f"a module that can be imported, and there is no `{top}`",
            "Is it beside the configuration, in the working folder or installed?", kind="PathNotFound",
        )], []  # fmt: skip
    path = find(word, checked.place.folder)
    if not path.exists():
        if (
            checked.place.names is None
            and NAME.fullmatch(word)
            and checked.dialect
            and checked.dialect.id == "a"
        ):
            return [], [checked.problem(
                setting, "a path, or a variable of the notebook, which can be told there only",
                kind="CannotCheck",
            )]  # fmt: skip
        return [_not_found(checked, setting, path)], []
    if path.is_dir():
        return _folder(checked, setting, path, files)
    return _file(checked, setting, path, files)


def _not_found(checked: Checked, setting: str, path: Path) -> Problem:
    from nbtrain.config.unknown import nearest

    suggestion = (
        f"Relative paths are taken from {checked.place.folder.resolve()}, then from the working folder."
    )
    try:
        close = nearest(path.name, [one.name for one in path.parent.iterdir()], 0.6)
    except OSError:
        close = None
    if close:
        suggestion = f"Did you mean `{path.parent / close}`?"
    return checked.problem(
        setting, "a path that exists", suggestion, kind="PathNotFound", path=str(path.absolute())
    )


def _folder(checked: Checked, setting: str, path: Path, files: dict[str, Mapping[str, Any]]) -> Found:
    classes = 0
    images = 0
    for entry in _listed(path):
        if entry.is_dir():
            here = sum(one.name.lower().endswith(IMAGES) for one in _listed(Path(entry.path)))
            images += here
            classes += here > 0
    if not images:
        return [checked.problem(
            setting, "a folder with one folder of images per class, and there are no images",
            f"Files of data are {', '.join(SUFFIXES)}.", kind="EmptyDataset", path=str(path.absolute()),
            line_count=0,
        )], []  # fmt: skip
    files[setting] = {"path": str(path.absolute()), "line_count": images, "classes": classes, "bytes": None}
    return [], []


def _listed(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _file(checked: Checked, setting: str, path: Path, files: dict[str, Mapping[str, Any]]) -> Found:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        return [checked.problem(
            setting, f"a file of the kinds {', '.join(SUFFIXES)}, or a folder of images",
            "The end of the name tells how it is read.", path=str(path.absolute()),
        )], []  # fmt: skip
    try:
        size = path.stat().st_size
        lines = samples_in(path, size)
    except OSError as error:
        return [checked.problem(
            setting, f"a file that can be read ({error.strerror or error})", kind="PathNotFound",
            path=str(path.absolute()),
        )], []  # fmt: skip
    if size == 0 or lines == 0:
        return [checked.problem(
            setting, "a file with samples, and this one is empty",
            "Was it written to the end?" if size == 0 else "It holds a header or blank lines alone.",
            kind="EmptyDataset", path=str(path.absolute()), line_count=0,
        )], []  # fmt: skip
    files[setting] = {"path": str(path.absolute()), "line_count": lines, "bytes": size}
    if suffix in (".jsonl", ".ndjson") and (bad := _bad_line(path)):
        return [checked.problem(
            setting, f"a JSON object a line, and line {bad} is none",
            "Each sample is one line: {\"text\": ...}.",
            path=str(path.absolute()), line_count=lines,
        )], []  # fmt: skip
    return [], []


def _bad_line(path: Path) -> int | None:
    """Return the first of the first 100 lines that is no JSON object."""
    with path.open("rb") as handle:
        for number in range(1, 101):
            line = handle.readline(1 << 20)
            if not line:
                return None
            if not line.strip():
                continue
            try:
                if not isinstance(json.loads(line), dict):
                    return number
            except (ValueError, RecursionError):
                return number
    return None


def _checkpoint(checked: Checked) -> Found:
    word = checked.said.get("base_checkpoint")
    architecture = str(checked.said.get("architecture") or "")
    setting = "base_checkpoint"
    if word is None and architecture.startswith("hf:"):
        word, setting = architecture[3:], "architecture"
    if word is None:
        return [], []
    path = find(word, checked.place.folder)
    if not path.exists():
        if names_hub(word, checked.place.folder):
            return [], [checked.problem(
                setting, "a local path; as a name of the hub it cannot be checked offline",
                f"If it is a path: {path.absolute()} is not there.", kind="CannotCheck",
            )]  # fmt: skip
        return [_not_found(checked, setting, path)], []
    if path.is_dir():
        if not any(path.iterdir()):
            return [
                checked.problem(setting, "a checkpoint, and the folder is empty", kind="PathNotFound")
            ], []
        return _against_model(checked, path)
    if path.stat().st_size == 0:
        return [checked.problem(setting, "a checkpoint, and the file is empty", kind="PathNotFound")], []
    return [], []


def _against_model(checked: Checked, path: Path) -> Found:
    """Hold lengths and sizes against the checkpoint's own config.json."""
    told = told_by(path)
    if told is None:
        return [], []
    errors = []
    window = next((told[key] for key in WINDOWS if isinstance(told.get(key), int)), None)
    asked = checked.said.get("max_seq_length")
    if window and asked and asked > window:
        errors.append(checked.problem(
            "max_seq_length", f"at most {window}, the window of the model in {path.name}",
            f"Write {window}, or take a model with a longer window.",
        ))  # fmt: skip
    for setting, key in (
        ("vocab_size", "vocab_size"), ("hidden_size", "hidden_size"), ("num_layers", "num_hidden_layers"),
        ("num_heads", "num_attention_heads"),
    ):  # fmt: skip
        asked = checked.said.get(setting)
        if asked and isinstance(told.get(key), int) and asked != told[key]:
            errors.append(checked.problem(
                setting, f"{told[key]}, as the model in {path.name} has it",
                f"Write {told[key]}, or leave it out.",
            ))  # fmt: skip
    return errors, []


def _output(checked: Checked) -> Found:
    errors = []
    for setting in ("output_dir", "checkpoint_dir"):
        word = checked.said.get(setting)
        if word is None:
            continue
        path = Path(word).expanduser().absolute()
        there = next(one for one in (path, *path.parents) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            what = "is no folder" if not there.is_dir() else "cannot be written to"
            errors.append(checked.problem(
                setting, f"a folder that can be made, and {there} {what}", "Choose another.",
                kind="PathNotFound",
            ))  # fmt: skip
    return errors, []


def _same_file(checked: Checked, files: Mapping[str, Mapping[str, Any]]) -> Found:
    train = files.get("train_data", {}).get("path")
    return [], [
        checked.problem(
            setting, f"other data than `{checked.key('train_data')}`",
            "Judged on what it learned from, a model seems better than it is.", kind="SameData",
        )
        for setting in ("val_data", "test_data")
        if train and files.get(setting, {}).get("path") == train
    ]  # fmt: skip
