"""search: hyperparameters of a configuration, of notebook objects, or of what a function makes."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.commands.start import OBJECTS, OPTIONS
from nbtrain.errors import UsageError

DEFAULT_FOLDER = "search"
_NOT_OF_A_TRIAL = {"resume", "trust", "name", "dir", "log", "fast"}
_OPTIONS = tuple(one for one in OPTIONS if one.dest not in _NOT_OF_A_TRIAL)
_OF_SEARCH = ("method", "n_trials", "pruner", "metric", "direction", "seed", "jobs", "keep_all")
FOR_EXAMPLE = "search_space: {learning_rate: [1e-4, 1e-3, 1e-2], dropout: [0.3, 0.4, 0.5]}"


def search(
    model: Any = None, data: Any = None, *, space: Any = None, factory: Callable[..., Any] | None = None,
    config: Any = None, output: Any = DEFAULT_FOLDER, resume: bool = False, **options: Any,
) -> Any:  # fmt: skip
    """Search hyperparameters in the background and return the Search at once.

    Args:
        model, data: as in `nbtrain.train`; each trial trains copies, these stay as they are.
        space: name -> list of values, or a range {"low": 1e-5, "high": 1e-1, "log": True}; each may have
            "when": {other: value}. For objects: settings of the optimizer (lr, weight_decay, ...), dropout,
            batch_size, epochs, clip, accumulate.
        factory: makes model (and optimizer, loss, scheduler, data, val) from the values instead.
        config: a configuration file whose settings are searched instead.
        output: folder of the trials and of what is found. resume: go on with the search there; its space and
            how it searches count where nothing else is said.
        **options: method ("random", "grid", "bayesian"), n_trials (20), pruner ("none", "median",
            "hyperband"), metric ("val_loss"), direction, seed (42), jobs (1), keep_all; and those of
            `nbtrain.train`: optimizer, loss, scheduler, val, epochs, ...

    Returns:
        A Search: `.best`, `.best_value`, `.trials`, `.stop()`, `.wait()`, `.report()`, `.apply()`.

    Raises:
        UsageError: the space or the objects cannot be searched; nothing is on disk then.
    """
    from nbtrain.search.reading import space_of
    from nbtrain.search.search import Place, Search

    kept = _kept(Path(output)) if resume else {}
    as_before = {name: kept[name] for name in _OF_SEARCH if kept.get(name) is not None}
    how, rest = _parted({**as_before, **options})
    space = kept.get("search_space") if space is None else space
    if space is None:
        raise UsageError("A search needs a space.", suggestion='space={"lr": [1e-3, 1e-2]}, for example.')
    found = space_of(space)
    known = sys._getframe(1).f_globals
    subject = _config_subject(config, rest, found) if config is not None else _python_subject(
        model, data, factory, rest, known
    )  # fmt: skip
    chosen = _chosen({**how, "seed": how.get("seed", rest.get("seed"))})
    warnings = _looked_at(subject, found, Path(output), chosen.metric)
    return Search(subject, found, chosen, Place(Path(output), resume), warnings=warnings).start()


def _kept(folder: Path) -> dict[str, Any]:
    """Return what the search in a folder is.

    Raises:
        UsageError: there is none.
    """
    from nbtrain.search.outcome import SEARCH_FILE, read_search

    if not (folder / SEARCH_FILE).exists():
        raise UsageError(
            f"There is no search in {folder} to go on with.",
            suggestion="Give its folder with --output (output=...), or leave --resume (resume=) out.",
        )
    return read_search(folder)


def _parted(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    how = {name: value for name, value in options.items() if name in _OF_SEARCH}
    rest = {name: value for name, value in options.items() if name not in _OF_SEARCH or name == "seed"}
    return how, rest


def _chosen(how: Mapping[str, Any]) -> Any:
    from nbtrain.search.options import SearchOptions

    return SearchOptions.from_words(how)


def _python_subject(
    model: Any, data: Any, factory: Any, rest: dict[str, Any], known: Mapping[str, Any]
) -> Any:
    """Return what is searched. `known`: the caller's variables, in which the objects have their names."""
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.search.subject import OfFactory, OfObjects

    given = {role: rest.pop(role, None) for role in ("optimizer", "loss", "scheduler", "val")}
    words = {"seed": 42, **rest}
    if factory is not None:
        data = model if data is None else data  # search(loader, factory=make): the model is the function's
        parts = _there({**given, "data": data})
        return OfFactory(_checked_factory(factory), parts, words, _of(words, factory), _called(parts, known))
    if model is None or data is None:
        raise UsageError(
            "A search needs something to train.",
            suggestion="nbtrain.search(model, loader, space=...), or factory=function, or config=FILE.",
        )
    setup = find_setup({}, model=model, data=data, **{**given, "scheduler": given["scheduler"] or False})
    called = {"train": "train_loader", "val": "val_loader", "optimizer": "optimizer"}
    called |= {"loss": type(setup.loss.value).__name__} if setup.loss is not None else {}
    called |= _called({**given, "model": model, "train": data}, known)
    named = {
        role: replace(one, name=called.get(role, one.name))
        for role in ("model", "train", "val", "optimizer", "loss", "scheduler")
        if (one := getattr(setup, role)) is not None
    }
    return OfObjects(replace(setup, **named), words, _of(words, setup.model.value))


def _called(parts: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    """Return role -> the variable that holds the object."""
    names = {id(value): name for name, value in known.items() if not name.startswith("_")}
    return {
        role: names[id(value)] for role, value in parts.items() if value is not None and id(value) in names
    }


def _checked_factory(factory: Any) -> Any:
    if not callable(factory):
        raise UsageError(
            f"The factory is {type(factory).__name__}, and a function is needed.",
            suggestion="def make(learning_rate, dropout): ... return model, optimizer",
        )
    return factory


def _there(given: Mapping[str, Any]) -> dict[str, Any]:
    return {role: value for role, value in given.items() if value is not None}


def _of(words: Mapping[str, Any], thing: Any) -> str:
    name = getattr(thing, "__name__", type(thing).__name__)
    said = ", ".join(
        f"{key} {value}" for key, value in sorted(words.items()) if isinstance(value, (int, float, str))
    )
    return f"{name}; {said}"


def _config_subject(path: Any, rest: Mapping[str, Any], space: Any) -> Any:
    args = SimpleNamespace(**{one.dest: None for one in OPTIONS}, objects=[], factory=None)
    unknown = [name for name in rest if name not in vars(args)]
    if unknown:
        raise UsageError(f"`{unknown[0]}` is no option beside a configuration.")
    vars(args).update(rest)
    args.config = str(path)
    return _of_configuration(args, Context(), space)


def _of_configuration(args: SimpleNamespace, context: Context, space: Any) -> Any:
    from nbtrain.commands.configured import beside, decided
    from nbtrain.commands.searched import ARGUMENTS, OfConfiguration, setting_of

    settings = [setting_of(name) for name in space.names]
    given = [name for name in settings if not name.startswith(ARGUMENTS)]
    base, _ = decided(args, context, given=given)
    names = context.visible() if context.in_notebook else None
    return OfConfiguration(base, names, args.loss, beside(args))


def _looked_at(subject: Any, space: Any, output: Path, metric: str) -> list[str]:
    """Refuse what cannot work, before anything is on disk; return what the review says of the space."""
    from nbtrain.commands.searched import red_flags
    from nbtrain.extras import require
    from nbtrain.search.subject import checked_plan

    require("optuna", why="to search")
    subject.refuse(space)
    plan = checked_plan(subject, space, {"dir": str(output / "runs"), "log": "json"})
    if plan.work.val_loader is None:
        raise UsageError(
            "A search judges trials by validation, and there is no validation data.",
            suggestion="Add --val LOADER (val=loader), or --split 0.2 (split=0.2), or `val` under `data`.",
        )
    measured = ["val_loss", *(["val_acc"] if plan.work.hits is not None else [])]
    measured += [f"val_{name}" for name in plan.work.options.metrics]
    if metric not in measured:
        raise UsageError(
            f"`{metric}` is to be judged, and a validation gives {', '.join(measured)}.",
            suggestion="--objective takes one of these; --metric NAME=FUNCTION adds one of your own.",
        )
    return red_flags(subject, space)


# --- the line
# ------------------------------------------------------------------------------------------------


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.search.reading import space_of
    from nbtrain.search.search import Place, Search

    folder = Path(args.output or DEFAULT_FOLDER).expanduser()
    args = copy.copy(args)
    said: dict[str, Any] = {}
    if args.resume:
        said = _kept(folder)
        for name, value in (said.get("given") or {}).items():
            if _is_unsaid(vars(args).get(name)):
                setattr(args, name, value)
    given = _given(args)
    space, of_file = _space(args, context, said)
    for name in ("config", "mode", "factory"):
        if vars(args)[name] is None and of_file.get(name) is not None:
            setattr(args, name, str(of_file[name]))
    space = space_of(space, of_file.get("lines"))
    how = {name: of_file.get(name) for name in _OF_SEARCH}
    how |= {name: value for name, value in _said(args).items() if value is not None}
    options = _chosen(how)
    subject = _subject(args, context, space)
    warnings = _looked_at(subject, space, folder, options.metric)
    place = Place(folder, args.resume, given)
    return Search(subject, space, options, place, warnings=warnings, in_thread=context.in_thread)


def _said(args: SimpleNamespace) -> dict[str, Any]:
    """Return the options of the search as SearchOptions calls them."""
    named = {"metric": args.objective, "keep_all": args.keep_all or None}
    return {name: named.get(name, vars(args).get(name)) for name in _OF_SEARCH}


def _given(args: SimpleNamespace) -> dict[str, Any]:
    """Return what the line said of the trials, to be known when the search goes on."""
    names = [one.dest for one in (OBJECTS, *_OPTIONS)] + ["factory"]
    found = {name: vars(args)[name] for name in names if not _is_unsaid(vars(args)[name])}
    if "config" in found:
        found["config"] = str(Path(found["config"]).expanduser().absolute())
    return found


def _is_unsaid(value: Any) -> bool:
    return value is None or value is False or value == []  # 0 is said


def _space(args: SimpleNamespace, context: Context, said: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the space, and what else its file says, with the lines of its names."""
    word = args.search_space
    if word is None:
        if said:
            return said.get("search_space"), dict(said)
        raise UsageError(
            "A search needs a space.", suggestion=f"--search-space FILE, with for example: {FOR_EXAMPLE}"
        )
    if context.namespace is not None and word in context.namespace and not Path(word).exists():
        return context.namespace[word], dict(said)
    from nbtrain.config.reading import read_file

    root = read_file(word)
    known = {"search_space", "config", "mode", "factory", "subject", "given", *_OF_SEARCH}
    unknown = [name for name in root.value if name not in known]
    if unknown:
        node = root.value[unknown[0]]
        raise UsageError(
            f"{word}, line {node.line}: `{unknown[0]}` is unknown here.",
            suggestion=f"Parameters stand below `search_space`: {FOR_EXAMPLE}; beside it may stand "
            f"{', '.join(sorted(known - {'search_space', 'subject', 'given'}))}.",
        )
    if "search_space" not in root.value:
        raise UsageError(f"{word} has no `search_space`.", suggestion=f"For example: {FOR_EXAMPLE}")
    below = root.value["search_space"].value
    found = root.plain()
    if isinstance(below, dict):
        found["lines"] = {name: node.line for name, node in below.items()}
    if found.get("config"):
        beside = Path(word).expanduser().absolute().parent / str(found["config"])
        found["config"] = beside if beside.exists() else found["config"]
    return found["search_space"], {**said, **found}


def _subject(args: SimpleNamespace, context: Context, space: Any) -> Any:
    from nbtrain.commands.configured import refuse_without_config
    from nbtrain.commands.start import options_of, setup_of
    from nbtrain.search.subject import OfFactory, OfObjects

    line = SimpleNamespace(**{one.dest: vars(args).get(one.dest) for one in (OBJECTS, *OPTIONS)})
    line.resume = line.trust = line.name = line.dir = line.log = line.fast = None
    if args.config is not None:
        return _of_configuration(line, context, space)
    refuse_without_config(line)
    if context.namespace is None:
        raise UsageError(
            "A search in a terminal needs a configuration to train, and there is none.",
            suggestion="Add --config FILE. On objects: %train search, or nbtrain.search(...) in Python.",
        )
    options = options_of(line, context)
    words = {
        "seed": 42,
        **{name: getattr(options, name) for name in options.given if name not in ("dir", "log")},
    }
    there = context.visible()
    roles = {role: getattr(line, role) for role in ("val", "optimizer", "loss", "scheduler")}
    if args.factory is not None:
        factory = _checked_factory(_named(args.factory, there))
        names = [*line.objects, *[name for name in roles.values() if name]]
        unknown = [name for name in names if name not in there]
        if unknown:
            raise UsageError(f"`{unknown[0]}` is no name of this notebook.")
        data = line.objects[-1] if line.objects else _only_loader(there, roles["val"])
        called = {role: name for role, name in roles.items() if name}
        given = {role: there[name] for role, name in called.items()}
        if "val" not in given and (val := _only_loader(there, data, "val")):
            given["val"], called["val"] = there[val], val
        if data:
            given["data"], called["data"] = there[data], data
        return OfFactory(factory, given, words, _of(words, factory), called)
    model, data = [*line.objects, None, None][:2]
    setup = setup_of({"model": model, "data": data, **roles}, options, {}, context)
    return OfObjects(setup, words, _of(words, setup.model.value))


def _named(word: str, there: Mapping[str, Any]) -> Any:
    if word not in there:
        raise UsageError(
            f"--factory {word}: there is no `{word}` in this notebook.",
            suggestion="def make(learning_rate, dropout): ... return model, optimizer",
        )
    return there[word]


def _only_loader(there: Mapping[str, Any], other: str | None, word: str = "train") -> str | None:
    """Return the name of the one loader that bears a word, for a factory that makes none."""
    from torch.utils.data import DataLoader

    names = [name for name, one in there.items() if isinstance(one, DataLoader) and name != other]
    named = [name for name in names if word in name.lower()]
    return named[0] if len(named) == 1 else None


COMMAND = Command(
    "search",
    "search hyperparameters: random, grid or bayesian",
    _run,
    (
        OBJECTS,
        Argument(("--search-space", "--space"), "YAML with `search_space`, or a dict of the notebook",
        metavar="F"),
        Argument(("--method",), "random | grid | bayesian (random)", choices=("random", "grid", "bayesian")),
        Argument(("--n-trials", "--trials"), "trials in all (20; with grid every combination)", int),
        Argument(("--output",), f"folder of trials and results ({DEFAULT_FOLDER})", metavar="D"),
        Argument(("--resume",), "go on with the search in that folder", bool),
        Argument(("--factory",), "function (values) -> model, or (model, optimizer, ...)", metavar="NAME"),
        Argument(("--pruner",), "none | median | hyperband: end trials that lag (none)",
                 choices=("none", "median", "hyperband")),
        Argument(("--objective", "--monitor"), "what is judged: val_loss, val_acc, ... (val_loss)"),
        Argument(("--direction",), "min | max, where the name does not tell", choices=("min", "max")),
        Argument(("--jobs", "--n-jobs"), "trials at once, each in a process (1)", int),
        Argument(("--keep-all",), "keep the checkpoints of all trials, not of the best alone", bool),
        *_OPTIONS,
        Argument(("--wait",), "wait in the cell until it is over", bool),
    ),
    with_objects=(
        "model train_loader --search-space space --method bayesian --pruner median",
    ),
    examples=(
        "--config base.yaml --search-space space.yaml --n-trials 20 --output search",
        "--resume --output search",
    ),
)  # fmt: skip
