"""The architecture of a configuration -> a model: a variable, an import path, a built-in name, timm,
torchvision.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from torch import nn

from nbtrain.config.relations import IMPORT_PATH
from nbtrain.config.resolved import Configuration
from nbtrain.config.settings import BUILT_IN
from nbtrain.config.unknown import nearest
from nbtrain.configured.importing import imported
from nbtrain.configured.shape import DataShape
from nbtrain.errors import UsageError
from nbtrain.extras import require
from nbtrain.notebook.rng import preserved_rng
from nbtrain.train.seeds import seed_everything

_SAID = ("config", "mode", "option", "search")  # origins of what somebody has asked for
_SIZES = ("hidden_size", "num_layers", "num_heads")


@dataclass(frozen=True)
class Built:
    """A model and how it came about.

    Attributes:
        name: what it is called. loss: the loss that belongs to it, or None.
        mine: it was made here, so that setting its dropout changes nothing of the person's.
        said: sentences for the plan. lines: (label, value) of the plan, about a language model.
    """

    model: nn.Module
    name: str
    loss: Any = None
    mine: bool = True
    said: tuple[str, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()


def build_model(
    configuration: Configuration, names: Mapping[str, Any], shape: Callable[[], DataShape]
) -> Built:
    """Return the model of a configuration, its weights drawn from the seed where it is made here.

    Args:
        names: the notebook's variables. shape: looks at the data, for built-in architectures.

    Raises:
        UsageError: there is no such architecture, or it does not fit the data. MissingExtra: a package is
        absent.
    """
    word = str(configuration.get("architecture") or "")
    with preserved_rng():
        seed_everything(configuration.values["seed"])
        built = _model_alone(_built(word, configuration, names, shape))
    if not isinstance(built.model, nn.Module):
        raise UsageError(
            f"The architecture `{word}` gives {type(built.model).__name__}, and a torch.nn.Module is needed.",
            suggestion="Name a module, a class of modules, or a function that returns one.",
        )
    return built


def _model_alone(built: Built) -> Built:
    """Take the model of what a function returned that makes an optimizer and so on, too."""
    made = built.model
    several = isinstance(made, (Mapping, tuple, list))
    parts = list(made.values() if isinstance(made, Mapping) else made) if several else []
    loss = nn.modules.loss._Loss
    models = [one for one in parts if isinstance(one, nn.Module) and not isinstance(one, loss)]
    if isinstance(made, nn.Module) or len(models) != 1:
        return built
    said = f"Of what `{built.name}` returns the model is taken; optimizer and loss are the configuration's."
    return replace(built, model=models[0], said=(*built.said, said))


def _built(
    word: str, configuration: Configuration, names: Mapping[str, Any], shape: Callable[[], DataShape]
) -> Built:
    if not word:
        base = configuration.get("base_checkpoint")
        raise UsageError(
            f"The base checkpoint `{base}` is no folder of Hugging Face (with a config.json), so it does not "
            f"say what model it belongs to.",
            suggestion="Give its architecture: a variable, pkg.module:factory or a built-in name.",
        )
    top = word.split(".")[0].split("[")[0]
    if top in names:
        return _from_names(word, configuration, names)
    if word.lower() in BUILT_IN:
        return _from_built_in(word.lower(), configuration, shape())
    arguments = dict(configuration.get("arguments", {}))
    if word.startswith("timm:"):
        timm = require("timm", why=f"for the architecture {word}")
        arguments.setdefault("num_classes", shape().outputs)
        return Built(timm.create_model(word[5:], **arguments), word[5:])
    if IMPORT_PATH.fullmatch(word):
        return _called(imported(word, configuration.folder), word, configuration)
    close = nearest(word, [*BUILT_IN, *names])
    if close and nearest(word, [close], 0.75):
        raise UsageError(
            f"There is no architecture `{word}`.",
            suggestion=f"Did you mean `{close}`?",
            field="model.architecture",
        )
    return _from_torchvision(word, arguments, shape)


def _from_torchvision(word: str, arguments: dict[str, Any], shape: Callable[[], DataShape]) -> Built:
    models = require(
        "torchvision.models",
        why=f"for `{word}`, which is no variable, no import path (pkg.module:name) and none of "
        f"{', '.join(BUILT_IN)}",
    )
    if word not in models.list_models():
        close = nearest(word, models.list_models())
        raise UsageError(
            f"There is no architecture `{word}`.",
            suggestion=f"Did you mean `{close}`?" if close else f"Built-in are {', '.join(BUILT_IN)}.",
        )
    arguments.setdefault("num_classes", shape().outputs)
    return Built(models.get_model(word, **arguments), word)


def _from_built_in(word: str, configuration: Configuration, shape: DataShape) -> Built:
    module = import_module(f"nbtrain.configured.built_in.{word.replace('-', '_')}")
    sizes = {name: configuration.values[name] for name in _SIZES if name in configuration.values}
    if word in ("mlp", "cnn"):
        sizes.pop("num_heads", None)
    arguments = {**sizes, "dropout": configuration.get("dropout", 0.0), **configuration.get("arguments", {})}
    said = []
    vocabulary = configuration.get("vocab_size")
    if vocabulary and shape.tokens:
        if vocabulary < shape.vocabulary:
            raise UsageError(
                f"vocab_size is {vocabulary}, and the data has {shape.vocabulary} tokens.",
                suggestion=f"Write at least {shape.vocabulary}, or leave it out.",
            )
        arguments["vocabulary"] = vocabulary
    width, heads = arguments.get("hidden_size", 128), arguments.get("num_heads", 4)
    if "num_heads" not in sizes and word not in ("mlp", "cnn") and width % heads:
        arguments["num_heads"] = max(n for n in range(1, heads + 1) if width % n == 0)
        said.append(f"{arguments['num_heads']} attention heads, a number that divides hidden_size {width}.")
    try:
        model = module.build(shape, **arguments)
    except TypeError as error:
        raise UsageError(
            f"The architecture {word} does not take these arguments: {error}.",
            suggestion=f"Its signature is in nbtrain.configured.built_in.{word.replace('-', '_')}.",
        ) from None
    return Built(model, word, getattr(module, "next_token_loss", None), said=tuple(said))


def _from_names(word: str, configuration: Configuration, names: Mapping[str, Any]) -> Built:
    from nbtrain.notebook.candidates import collect
    from nbtrain.notebook.given import resolve

    value = names.get(word)
    if isinstance(value, type) or (callable(value) and not isinstance(value, nn.Module)):
        return _called(value, word, configuration)
    named = resolve(word, "model", names, collect(names))
    return Built(named.value, word, mine=False)


def _called(factory: Any, word: str, configuration: Configuration) -> Built:
    if isinstance(factory, nn.Module):
        return Built(factory, word.rpartition(":")[2], mine=False)
    if not callable(factory):
        raise UsageError(
            f"The architecture `{word}` is {type(factory).__name__}, and a model or something that makes "
            f"one is needed."
        )
    arguments = dict(configuration.get("arguments", {}))
    offered = {
        name: configuration.values[name]
        for name in ("dropout", *_SIZES, "vocab_size")
        if name in configuration.values and configuration.origins.get(name) in _SAID
    }
    try:
        taken = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        taken = {}
    arguments = {**{name: value for name, value in offered.items() if name in taken}, **arguments}
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise UsageError(
            f"`{word}` cannot be called with {arguments or 'no arguments'}: {error}.",
            suggestion="Give them under `model.arguments`.",
        ) from None
    except ValueError:
        pass
    unused = [name for name in offered if name not in arguments and name != "dropout"]
    said = tuple(f"`{word}` takes no `{name}`: the configuration's has no effect." for name in unused)
    return Built(factory(**arguments), word.rpartition(":")[2], said=said)
