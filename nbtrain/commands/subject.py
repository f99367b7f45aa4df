"""Which model on which data: what evaluate, export and bench find in a notebook, a terminal or a
configuration.

A notebook holds both. A checkpoint holds weights alone, so that a terminal names the code as well:
`--model pkg.module:factory` or `--config FILE`, and files of data.
"""

from __future__ import annotations

import copy
import difflib
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbtrain.commands.spec import Argument, Context
from nbtrain.errors import NbtrainError, UsageError

DATA = Argument(
    ("--test-data", "--data"), "data: a file or folder, pkg.module:name, or a variable", metavar="DATA"
)
CHECKPOINT = Argument(("--checkpoint",), "file or folder whose weights are taken", metavar="FILE")
CONFIG = Argument(("--config",), "make the model, and read the data, of this configuration", metavar="FILE")
LOSS = Argument(("--loss", "--criterion"), "loss: criterion or function (output, target)", metavar="NAME")
TARGET = Argument(("--target",), "column or array of the target in --test-data", metavar="NAME")
TRUST = Argument(("--trust",), "load a checkpoint in full although its pickle runs code", bool)
MODEL = Argument(
    ("--model",), "the code of the model: pkg.module:factory, a built-in name or a variable", metavar="MODEL"
)


@dataclass(frozen=True)
class Asked:
    """What a line named; "" and None where it named nothing.

    Attributes:
        model: a variable, pkg.module:factory, or a built-in architecture. data: a variable, a file, or
        pkg.module:name. batch: samples in a batch of data that is read from a file.
    """

    model: str | None = None
    data: str | None = None
    checkpoint: str | None = None
    config: str | None = None
    loss: str | None = None
    target: str | None = None
    batch: int | None = None
    trust: bool = False


@dataclass(frozen=True)
class Subject:
    """A model and its data.

    Attributes:
        model: None where none was asked for. data: gives batches, None where there is none.
        weights: where they are from, in words. said: sentences for a report.
    """

    model: Any
    name: str
    data: Any
    data_name: str
    loss: Any = None
    weights: str = ""
    said: tuple[str, ...] = ()


def sorted_words(words: Sequence[str], known: Mapping[str, Any], *, verb: str) -> tuple[list[str], list[str]]:
    """Return the words of a line that are variables, and those that are files.

    Raises:
        UsageError: a word is neither.
    """
    names = [word for word in words if _is_variable(word, known)]
    files = [word for word in words if word not in names]
    for word in files:
        if Path(word).suffix or "/" in word or Path(word).expanduser().exists():
            continue
        close = difflib.get_close_matches(word, known, n=1)
        where = "variable of the notebook and no file" if known else "file"
        raise UsageError(
            f"`{word}` is no {where}.",
            suggestion=f"Did you mean `{close[0]}`?" if close else f"See {verb} --help.",
        )
    return names, files


def find_subject(
    asked: Asked, context: Context, *, verb: str, need_data: bool = True, need_model: bool = True
) -> Subject:
    """Find the model and the data that a line is about.

    Args:
        verb: for messages. need_data: False where shapes are given in its place. need_model: False where a
            file is the model.

    Raises:
        UsageError: something is missing or unknown. InvalidConfig: the configuration or the data cannot be
        used.
    """
    known = context.visible()
    if asked.config is not None or (asked.model and not _is_variable(asked.model, known)):
        found = _made(asked, known, need_data=need_data)
    elif not context.in_notebook:
        if need_model:
            raise _no_code(verb)
        found = Subject(None, "", *_read(asked, known, need=need_data), loss=_loss(asked.loss, known))
    else:
        found = _of_notebook(asked, known, need_data=need_data, need_model=need_model)
    if asked.checkpoint is not None and found.model is not None:
        twin, weights = with_weights(found.model, asked.checkpoint, trust=asked.trust)
        found = replace(found, model=twin, weights=weights)
    return found


def find_data(word: str, context: Context, *, target: str | None = None) -> Any:
    """Return data by its word: a variable, a file or folder, pkg.module:name.

    Raises:
        UsageError: there is no such thing. InvalidConfig: it cannot be used.
    """
    return _read(Asked(data=word, target=target), context.visible())[0]


def _suffixes() -> set[str]:
    from nbtrain.config.paths import SUFFIXES
    from nbtrain.exported.formats import KNOWN

    return {".ckpt", *SUFFIXES, *(suffix for one in KNOWN.values() for suffix in one.suffixes)}


def _is_variable(word: str, known: Mapping[str, Any]) -> bool:
    if word in known:
        return True
    if Path(word).suffix.lower() in _suffixes() or Path(word).expanduser().exists():
        return False  # `model.onnx` beside a variable `model`
    return word.split(".")[0].split("[")[0] in known


def _no_code(verb: str) -> UsageError:
    return UsageError(
        f"`{verb}` needs a model, and a terminal has none; a checkpoint holds its weights alone.",
        suggestion="Name its code: --model pkg.module:factory --checkpoint FILE, or --config FILE. In a "
        f"notebook: %train {verb}.",
    )


def _of_notebook(asked: Asked, known: Mapping[str, Any], *, need_data: bool, need_model: bool) -> Subject:
    """Take the notebook's objects, as a training would find them; validation data before training data."""
    from nbtrain.notebook.namespace import find_setup

    file = None
    if asked.data is not None and not _is_variable(asked.data, known):
        file = _read(asked, known)
    stand_in = file is not None or not need_data
    data = asked.data
    if stand_in:
        import torch

        data = [(torch.zeros(1), torch.zeros(1))]  # the setup is asked for the model alone
    try:
        setup = find_setup(
            known, model=asked.model, data=data, val=None if data is None else False, scheduler=False,
            loss=asked.loss if asked.loss is None or _is_variable(asked.loss, known) else False,
        )  # fmt: skip
    except UsageError:
        if need_model or asked.model is not None:
            raise
        return Subject(
            None, "", *(file or _read(asked, known, need=need_data)), loss=_loss(asked.loss, known)
        )
    loss = setup.loss.value if setup.loss is not None else _loss(asked.loss, known)
    weights, trained = "as they are in the notebook", steady(setup.model.value)
    if trained is not setup.model.value:
        weights = "a copy taken at a step of the run that trains the model"
    if file is not None or stand_in:
        return Subject(trained, setup.model.name, *(file or (None, "")), loss, weights)
    judged = setup.val if setup.val is not None else setup.train  # what was trained on says little
    return Subject(trained, setup.model.name, judged.value, judged.name, loss, weights)


def _made(asked: Asked, known: Mapping[str, Any], *, need_data: bool) -> Subject:
    """Make the model of an import path or a configuration; data come from the line or the configuration."""
    from nbtrain.configured.architecture import build_model
    from nbtrain.configured.data import make_loaders
    from nbtrain.configured.shape import shape_of
    from nbtrain.configured.weights import load_base

    configuration = _configuration(asked, known)
    loaders = make_loaders(configuration, known)
    data = loaders.test or loaders.val
    shaped = loaders.train or data
    if data is None and need_data:
        raise _no_data()

    def shape() -> Any:
        if shaped is None:
            raise UsageError(
                f"The built-in architecture `{configuration.get('architecture')}` takes its sizes from data.",
                suggestion="Add --test-data FILE.",
            )
        return shape_of(shaped.value)

    word = configuration.get("architecture") or ""
    try:
        built = build_model(configuration, known, shape)
    except NbtrainError:
        raise
    except Exception as error:  # whatever the person's own code raises
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(
            f"`{word}` could not be made: {type(error).__name__}: {str(error)[:200]}, at line {last.lineno} "
            f"of {Path(last.filename).name}.",
            suggestion="Give a function or class that makes the model without arguments, or a configuration "
            "with `model.arguments`.",
        ) from error
    weights = load_base(configuration, built.model) or f"as `{word}` makes them: no checkpoint was given"
    loss = _loss(asked.loss or configuration.get("loss"), known)
    name, value = (data.name, data.value) if data is not None else ("", None)
    return Subject(
        built.model, built.name, value, name, loss or built.loss, weights, (*loaders.said, *built.said)
    )


def _configuration(asked: Asked, known: Mapping[str, Any]) -> Any:
    """Return the configuration of the line: of its file, or of its words alone."""
    from nbtrain.config.resolved import Configuration

    options = {
        "test_data": asked.data, "target": asked.target, "batch_size": asked.batch,
        "architecture": asked.model,
    }  # fmt: skip
    said = {name: value for name, value in options.items() if value is not None}
    if asked.config is None:
        return Configuration({"seed": 42, **said}, dict.fromkeys(said, "option"), folder=Path.cwd())
    from nbtrain.commands.config_place import place_of
    from nbtrain.config.checking import check_file
    from nbtrain.config.modes import supplied
    from nbtrain.config.resolved import resolve

    place = place_of(asked.config, known or None)
    # what only a training needs may be left out
    checked = check_file(asked.config, place, supplied={*supplied("baseline"), "seed", *said}, overlaid=said)
    return resolve(checked, options=said)


def _read(asked: Asked, known: Mapping[str, Any], *, need: bool = True) -> tuple[Any, str]:
    """Return the data that a line names, with its name."""
    from nbtrain.configured.data import make_loaders

    if asked.data is None:
        if need:
            raise _no_data()
        return None, ""
    found = make_loaders(_configuration(replace(asked, model=None, config=None), known), known).test
    return found.value, found.name


def _no_data() -> UsageError:
    return UsageError(
        "There is no data to run it on.",
        suggestion="Add --test-data FILE, or pkg.module:name of a loader or data set.",
    )


def _loss(word: str | None, known: Mapping[str, Any]) -> Any:
    """Return a loss by its word: a variable, pkg.module:name, or a criterion of torch.nn."""
    if word is None:
        return None
    if _is_variable(word, known):
        from nbtrain.notebook.given import value_at

        return value_at(word, known)
    if ":" in word:
        from nbtrain.configured.importing import imported

        thing = imported(word, Path.cwd())
        return thing() if isinstance(thing, type) else thing
    from torch import nn

    kind = getattr(nn, word.removeprefix("torch.").removeprefix("nn."), None)
    if not (isinstance(kind, type) and issubclass(kind, nn.modules.loss._Loss)):
        raise UsageError(
            f"There is no loss `{word}`.",
            suggestion="Name a criterion of torch.nn (CrossEntropyLoss), a variable or pkg.module:name.",
        )
    return kind()


def steady(model: Any) -> Any:
    """Return a model, or a copy taken at a step boundary where a run is training it: its weights move."""
    from nbtrain.running import active

    for run in active.alive():
        if getattr(getattr(run, "objects", None), "model", None) is model:
            return run.snapshot()
    return model


def with_weights(model: Any, checkpoint: Any, *, trust: bool = False) -> tuple[Any, str]:
    """Return a copy of a model with a checkpoint's weights, and which they are: of a run's folder the newest.

    Raises:
        UsageError: there is no such checkpoint, it holds no weights, or they do not fit the model.
    """
    from nbtrain.checkpoints.difference import fit_of, renamed
    from nbtrain.checkpoints.inspecting import read_checkpoint

    found = read_checkpoint(checkpoint, trust=trust)
    if not found.weights:
        why = found.problems[0] if found.problems else "it is empty."
        raise UsageError(
            f"`{checkpoint}` has no weights to evaluate: {why}",
            suggestion=f"Look at it: inspect {checkpoint}",
        )
    fit = fit_of(found.weights, model)
    if fit.missing or fit.unexpected or fit.shapes:
        wrong = {
            "missing": fit.missing, "not in the model": fit.unexpected, "of another shape": fit.shapes,
        }  # fmt: skip
        worst = [f"{len(names)} names {said}" for said, names in wrong.items() if names]
        raise UsageError(
            f"`{checkpoint}` does not fit the model: {', '.join(worst)}.",
            suggestion=f"inspect {checkpoint} --model NAME shows which.",
        )
    twin = copy.deepcopy(model)
    twin.load_state_dict({renamed(name, fit.prefix): value for name, value in found.weights.items()})
    given, taken = Path(str(checkpoint)).name, Path(found.path).name
    return twin, given if taken == given else f"{given}, its newest checkpoint ({taken})"
