"""The runs that words, paths and objects mean, read for a comparison."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrain.commands.pick import pick
from nbtrain.commands.spec import Context
from nbtrain.errors import InvalidMetrics, RunFolderError, RunNotFound, UsageError

if TYPE_CHECKING:
    from nbtrain.compare.trial import Side, Trial
    from nbtrain.diagnose.history import History

Read = tuple["Trial", "History"]  # a run for a comparison, and its history for a diagnosis
_STAMP = re.compile(r"-\d{8}-\d{6}-[0-9a-f]{4}$")  # of a run's id
_LARGEST = 20_000_000  # bytes of a metrics.json that is read a second time, for what stands beside its epochs
_SETTINGS_FILES = ("config.json", "hparams.json", "config.yaml", "config.yml", "hparams.yaml")


def read_side(source: Any, context: Context, *, dir: str | None = None, name: str = "") -> list[Read]:
    """Read the runs of one side.

    Args:
        source: a Run; an id or the beginning of one; a run's folder; a history's file; a folder with folders
            `seed-*`, or with several runs; or a list of these.
        dir: folder of the run folders. name: of the side, for messages.

    Raises:
        UsageError: there is no such run or file. InvalidMetrics: a file is damaged.
    """
    sources = source if isinstance(source, (list, tuple)) and not _is_rows(source) else [source]
    found: list[Read] = []
    for one in sources:
        found += _read_one(one, context, dir)
    if not found:
        raise UsageError(
            f"No run was given{f' for {name}' if name else ''}.", suggestion="Name a run or a file."
        )
    return found


def side_of(name: str, read: Iterable[Read]) -> Side:
    """Return the side that runs make."""
    from nbtrain.compare.trial import Side

    return Side(name, tuple(trial for trial, _ in read))


def side_names(reads: list[list[Read]], sources: list[Any]) -> list[str]:
    """Return a name for each side: of its run, else of its folder; made distinct where they are alike."""
    names = [_side_name(read, source) for read, source in zip(reads, sources, strict=True)]
    stems = [_STAMP.sub("", name) for name in names]  # base-20260101-120000-ab12 -> base
    for known in (stems, names):
        if len(set(known)) == len(known):
            return known
    roles = ["baseline", "optimized"] if len(names) == 2 else [f"{at}" for at in range(1, len(names) + 1)]
    return [f"{name} ({role})" for name, role in zip(names, roles, strict=True)]


def _side_name(read: list[Read], source: Any) -> str:
    if isinstance(source, (list, tuple)) and len(source) == 1:
        source = source[0]
    if len(read) == 1:
        return read[0][0].name
    if isinstance(source, (str, Path)):
        return Path(source).name or str(source)
    stems = {_STAMP.sub("", trial.name) for trial, _ in read}
    return stems.pop() if len(stems) == 1 else f"{len(read)} runs"


def _is_rows(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and all(isinstance(one, Mapping) for one in source)


def _read_one(source: Any, context: Context, dir: str | None) -> list[Read]:
    if source is None:
        raise UsageError("No run was given.", suggestion="Name a run, its folder or a metrics.json.")
    if hasattr(source, "manifest"):
        return [_of_run(source)]
    if hasattr(source, "columns") or _is_rows(source) or isinstance(source, Mapping):
        return [_of_rows(source)]
    if not isinstance(source, (str, Path)):
        raise UsageError(
            f"A {type(source).__name__} cannot be compared.",
            suggestion="Give a Run, a run's id, a folder, a metrics.json, a DataFrame or a list of these.",
        )
    path = Path(source).expanduser()
    if not path.exists():
        if dir is not None and (Path(dir) / path).exists():
            path = Path(dir) / path
        else:
            return [_of_run(_picked(str(source), context, dir))]
    return _of_path(path) if path.is_dir() else [_of_file(path)]


def _picked(word: str, context: Context, dir: str | None) -> Any:
    try:
        return pick(word, context, dir=dir)
    except RunNotFound as error:
        if word.endswith((".json", ".csv", ".jsonl")) or "/" in word:
            raise UsageError(
                f"There is no file, folder or run `{word}`.",
                suggestion="Give a metrics.json, a run's folder or id, or a folder with folders seed-*.",
                path=word,
            ) from error
        raise


def _of_path(folder: Path, depth: int = 2) -> list[Read]:
    """Read a folder: a run's, a history's, or one that holds several of them."""
    found = _runs_below(folder, depth)
    if not found:
        raise InvalidMetrics(
            f"{folder} holds no history that can be read.",
            suggestion="Give a run's folder, a metrics.json, or a folder with folders seed-*.",
            path=str(folder),
            field="",
            problem="no history in the folder",
        )
    return found


def _runs_below(folder: Path, depth: int) -> list[Read]:
    from nbtrain.diagnose.reader import all_readers
    from nbtrain.runs.manifest import MANIFEST_FILE

    folders = sorted(
        (one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")), key=_natural
    )
    seeds = [one for one in folders if re.match(r"seed[-_]?\d*", one.name)]
    if seeds and depth:
        return [read for one in seeds for read in _of_seed(one, depth)]
    if (folder / MANIFEST_FILE).is_file():
        return [_of_run_folder(folder)]
    if any(reader.id != "seed-folders" and reader.recognises(folder) for reader in all_readers()):
        return [_of_file(folder)]
    if not depth:
        return []
    below = [read for one in folders for read in _runs_below(one, depth - 1)]
    if below:
        return below
    files = sorted((one for one in folder.glob("*.json") if _has_epochs(one)), key=_natural)
    return [_of_file(one) for one in files]


def _has_epochs(path: Path) -> bool:
    return isinstance(_plain_values(path).get("epochs"), list)


def _of_seed(folder: Path, depth: int) -> list[Read]:
    digits = re.search(r"\d+", folder.name)
    found = []
    for trial, history in _runs_below(folder, depth - 1):
        seed = trial.seed if trial.seed is not None else int(digits[0]) if digits else None
        name = folder.name if trial.name in ("metrics", folder.name) else f"{folder.name}/{trial.name}"
        found.append((replace(trial, seed=seed, name=name), history))
    return found


def _natural(path: Path) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def _of_run_folder(folder: Path) -> Read:
    """Read a run's folder; a manifest that is none of ours is read as plain values."""
    from nbtrain.runs.stored import StoredRun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _of_run(StoredRun(folder))
    except RunFolderError:
        if not any((folder / name).is_file() for name in ("metrics.json", "logs/metrics.json")):
            raise
        return _of_file(folder)


def _of_run(run: Any) -> Read:
    from nbtrain.diagnose.run_history import history_of_run

    manifest = run.manifest
    values = manifest.to_dict() if manifest is not None else {}
    history = history_of_run(run)
    if history.empty and getattr(run, "dir", None) is not None and (Path(run.dir) / "metrics.json").is_file():
        history = _history(Path(run.dir) / "metrics.json")
    trial = _trial(history, values, place=str(run.dir or ""), name=run.id or run.name)
    return replace(trial, status=str(run.status)), history


def _variable(values: Mapping[str, Any]) -> Any:
    known = values.get("hyperparameters") or {}
    data = known.get("data") if isinstance(known, Mapping) else None
    return data.get("train") if isinstance(data, Mapping) else None


def _of_file(path: Path) -> Read:
    """Read a history, and what a manifest, a config or the file itself says of the set-up."""
    history = _history(path)
    return _trial(history, _beside(path), place=str(path), name=_name(path, history)), history


def _history(path: Path) -> History:
    """Read with the reader that fits; not as a folder of seeds, of which each is a run here."""
    from nbtrain.diagnose.reader import all_readers, read_history

    for reader in all_readers():
        if reader.id not in ("seed-folders", "run-folder") and reader.recognises(path):
            return reader.read(path)
    return read_history(path)


def _name(path: Path, history: History) -> str:
    if history.name and history.name not in ("metrics", "trainer_state", "log", "events", "history"):
        return history.name
    folder = path.resolve() if path.is_dir() else path.resolve().parent
    return folder.parent.name if folder.name == "logs" else folder.name


def _of_rows(source: Any) -> Read:
    from nbtrain.commands.diagnose import history_of

    history = history_of(source)
    beside = (
        {key: value for key, value in source.items() if key != "epochs"}
        if isinstance(source, Mapping)
        else {}
    )
    return _trial(history, beside, place="", name=str(beside.get("run_id") or "rows")), history


def _beside(path: Path) -> dict[str, Any]:
    """Return plain values about a run: of its manifest, its config, its metrics file; the later come last."""
    folder = path if path.is_dir() else path.parent
    folders = [folder.parent, folder] if folder.name == "logs" else [folder]
    values: dict[str, Any] = {}
    for one in folders:
        for name in ("manifest.json", *_SETTINGS_FILES):
            read = _plain_values(one / name)
            if not read:
                continue
            values |= read if name == "manifest.json" else {"config": read}
    file = (
        path
        if path.is_file()
        else next(
            (folder / name for name in ("metrics.json", "logs/metrics.json") if (folder / name).is_file()),
            None,
        )
    )
    if file is not None and file.suffix.lower() == ".json":
        own = {
            key: value for key, value in _plain_values(file).items() if key not in ("epochs", "log_history")
        }
        values |= {key: value for key, value in own.items() if value is not None}
    return values


def _plain_values(path: Path) -> dict[str, Any]:
    """Return a file's object; empty where it cannot be read: it only adds to what is known."""
    with suppress(OSError, ValueError, RecursionError):
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return {}
        text = path.read_text(encoding="utf-8-sig")
        read = json.loads(text) if path.suffix == ".json" else _yaml(text)
        return {str(key): value for key, value in read.items()} if isinstance(read, Mapping) else {}
    return {}


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return None


def _trial(history: History, values: Mapping[str, Any], *, place: str, name: str) -> Trial:
    from nbtrain.compare.described import data_of, divergence_of, seed_of, settings_of, spent_of
    from nbtrain.compare.trial import Trial

    table = history.epochs
    seed = seed_of(values)
    if seed is None and "seed" in table and table["seed"].nunique() == 1:
        seed = int(table["seed"].dropna().iloc[0])
    status = str(values.get("status") or history.hints.status or "")
    environment = values.get("environment")
    data = data_of(values)
    # the name in a manifest of ours is that of the notebook's variable
    by_variable = bool(data.get("name")) and data["name"] == _variable(values)
    diverged = divergence_of(status, name, table, history.broken)
    notes = [note for note in history.notes if "percent" not in note]
    if history.broken and not diverged:
        notes.append(f"{name} had a loss that is not finite at {history.broken[0].where}, and went on.")
    return Trial(
        name=name,
        table=table,
        source=history.source,
        place=place,
        seed=seed,
        status=status,
        diverged=diverged,
        config=settings_of(values),
        data=data,
        data_named_by="variable" if by_variable else "",
        environment=environment if isinstance(environment, Mapping) else {},
        spent=spent_of(values, table),
        created_at=str(values.get("created_at") or ""),
        notes=tuple(notes),
    )
