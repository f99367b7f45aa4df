"""From a configuration and the notebook's variables to a plan: everything is made, nothing has started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from nbtrain.config.located import find
from nbtrain.config.paths import kind_of_data
from nbtrain.config.relations import IMPORT_PATH
from nbtrain.config.resolved import DEFAULTS, Configuration, ordered
from nbtrain.config.writing import as_yaml, shown_value
from nbtrain.configured.architecture import Built, build_model
from nbtrain.configured.data import Loaders, make_loaders, usual_batch, with_batches
from nbtrain.configured.importing import imported
from nbtrain.configured.language.models import build_language_model
from nbtrain.configured.language.pretrained import find_base
from nbtrain.configured.language.samples import read_texts
from nbtrain.configured.language.tuning import Tuning, text_lines, text_warnings, tuning_of
from nbtrain.configured.rates import make_optimizer, make_schedule
from nbtrain.configured.shape import shape_of
from nbtrain.configured.weights import load_base
from nbtrain.errors import UsageError
from nbtrain.notebook.namespace import Named, Setup, find_setup
from nbtrain.runs.hashes import sha256_of
from nbtrain.train.data import batches_of, samples_of
from nbtrain.train.line import Line
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import Plan
from nbtrain.train.resume import plan_of

SECTION, LANGUAGE = "Configuration", "Language model"
# lines of the plan -> the setting that stands behind each
_BEHIND = {
    "Epochs": "epochs", "Device": "device", "Precision": "precision", "Gradient clipping": "clip",
    "Accumulation": "accumulate", "Seed": "seed", "Deterministic": "deterministic", "Folder": "output_dir",
    "Logging": "backends", "Validation": "val_every", "Checkpoints": "checkpoint_every",
    "Early stopping": "patience",
    "A step that is not finite": "on_nan", "Schedule": "lr_schedule",
}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A plan and what its run will need at the end.

    Attributes:
        configuration: with every value decided. test: the test data, or None.
        tuning: of a language model that is fine-tuned, else None.
    """

    plan: Plan
    configuration: Configuration
    test: Named | None
    tuning: Tuning | None = None


def prepare(
    configuration: Configuration, names: Mapping[str, Any] | None, *, roles: Mapping[str, Any] | None = None,
    words: Mapping[str, Any] | None = None, explain: Callable[[BaseException], Any] | None = None,
) -> Prepared:  # fmt: skip
    """Make the objects of a configuration and plan their training.

    Args:
        names: the notebook's variables; None in a terminal. roles: names given on the line for loss, data,
        val.
        words: options of a run that are no settings of a configuration (`max_time`, `resume`, ...).
        explain: an exception of the person's code -> what is known of it.

    Raises:
        UsageError: something is missing or does not fit. InvalidConfig: data that cannot be used.
        MissingExtra: an optional package is absent.
    """
    there, roles = dict(names or {}), dict(roles or {})
    said = list(configuration.warnings)
    base = find_base(configuration)
    loaders = make_loaders(configuration, there, None if base is None else partial(read_texts, base=base))
    train, val = _data(loaders, configuration, there, roles, in_notebook=names is not None)
    train, val = with_batches(configuration, train, val, said)
    if base is None:
        built = build_model(configuration, there, lambda: shape_of(train.value))
        begins = load_base(configuration, built.model) if built.mine else _refuse_base(configuration, built)
    else:
        built = build_language_model(configuration, base)
        begins = _continued(configuration, built)
    said += [*loaders.said, *built.said, *([begins] if begins else ()), *_set_dropout(built, configuration)]
    said += text_warnings(loaders)
    configuration = _from_data(configuration, train)
    optimizer, configuration = make_optimizer(configuration, built.model)
    scheduler, configuration = make_schedule(configuration, optimizer, _steps(configuration, train.value))
    loss = _loss(configuration, there, built, roles)
    setup = Setup(
        model=Named(built.name, built.model), optimizer=Named("", optimizer), loss=loss, train=train, val=val,
        scheduler=Named("", scheduler) if scheduler is not None else None,
    )  # fmt: skip
    options = _options(configuration, val, words or {}, stepped=scheduler is not None)
    plan = plan_of(lambda said, known: setup, options, explain=explain)
    plan = _told(plan, configuration, tuple(said))
    plan = replace(plan, config={**plan.config, "files": _files(configuration, loaders, there)})
    if base is None:
        return Prepared(plan, configuration, loaders.test)
    about = [Line(LANGUAGE, label, value) for label, value in (*built.lines, *text_lines(loaders))]
    plan = replace(plan, lines=(*about, *plan.lines))
    return Prepared(plan, configuration, loaders.test, tuning_of(configuration, base, loaders))


def _data(
    loaders: Loaders, configuration: Configuration, there: Mapping[str, Any], roles: Mapping[str, Any], *,
    in_notebook: bool,
) -> tuple[Named, Named | None]:  # fmt: skip
    """Return training and validation data: those of the configuration, else the notebook's own."""
    if loaders.train is not None:
        return loaders.train, loaders.val
    if not in_notebook:
        raise UsageError(
            "The configuration names no data, and a terminal has no loaders.",
            suggestion="Add --data FILE, or a section `data` with `train: FILE`.",
        )
    stand_in = nn.Linear(1, 1)  # the data is asked for, whatever the notebook's model
    val = False if configuration.get("split") else roles.get("val")
    found = find_setup(
        there, model=stand_in, optimizer=torch.optim.SGD(stand_in.parameters(), lr=1.0),
        data=roles.get("data"),
        val=val, loss=False, scheduler=False,
    )  # fmt: skip
    return found.train, loaders.val or found.val


def _steps(configuration: Configuration, train: Any) -> int | None:
    """Return the optimizer steps of the run, None where they cannot be told."""
    batches, limit = batches_of(train), configuration.get("total_steps")
    if not batches or "epochs" not in configuration.values:
        return limit
    steps = configuration.values["epochs"] * -(-batches // configuration.values["accumulate"])
    return min(steps, limit) if limit else steps


def _from_data(configuration: Configuration, train: Named) -> Configuration:
    """Note what was decided with the objects at hand: the batch size, the device."""
    size = getattr(train.value, "batch_size", None)
    if size is not None and size != configuration.get("batch_size"):
        usual = size == usual_batch(getattr(train.value, "dataset", None))
        origin = "default" if usual and "train_data" in configuration.values else "data"
        configuration = configuration.with_values(origin, batch_size=size)
    device = str(configuration.values["device"]).replace("gpu", "cuda")
    if device == "auto":
        device = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    return configuration.with_values(configuration.origins.get("device", "default"), device=device)


def _continued(configuration: Configuration, built: Built) -> str:
    """Put the weights of a run's checkpoint into a model of Hugging Face, where both are named."""
    if not str(configuration.get("architecture") or "").startswith("hf:"):
        return ""
    return load_base(configuration, built.model)


def _refuse_base(configuration: Configuration, built: Built) -> str:
    """Leave a model that the notebook holds as it is."""
    if configuration.get("base_checkpoint"):
        raise UsageError(
            f"`{built.name}` is a model of the notebook, and its weights are not written over by a base "
            f"checkpoint.",
            suggestion="Name its class, or load the weights in the notebook and leave the base "
            "checkpoint out.",
        )
    return ""


def _set_dropout(built: Built, configuration: Configuration) -> list[str]:
    """Give the dropout layers of a model the configuration's share, where the model was made here."""
    layers = [
        one
        for name, one in built.model.named_modules()
        if isinstance(one, nn.modules.dropout._DropoutNd) and "lora_dropout" not in name
    ]
    share, origin = configuration.get("dropout"), configuration.origins.get("dropout")
    others = [one for one in layers if one.p != share]
    if origin not in ("config", "option", "diagnosis", "search"):
        if configuration.mode == "baseline" and any(one.p for one in layers):
            return [f"The model has dropout ({max(one.p for one in layers):g}); a baseline is meant without."]
        return []
    if not layers:
        return (
            [f"`model.dropout` is {share:g}, and the model has no dropout layers: it has no effect."]
            if share
            else []
        )
    if not others:
        return []
    if not built.mine:
        return [
            f"`model.dropout` is {share:g}; {len(others)} dropout layers of `{built.name}` have "
            f"{others[0].p:g} and "
            "keep it, since the model is the notebook's own. Name its class instead, and it is made with "
            "this."
        ]
    for layer in others:
        layer.p = share
    return []


def _loss(
    configuration: Configuration, there: Mapping[str, Any], built: Built, roles: Mapping[str, Any]
) -> Named | None:
    from nbtrain.notebook.candidates import collect
    from nbtrain.notebook.given import resolve

    word = roles.get("loss") or configuration.get("loss")
    if word is not None and word.split(".")[0] in there:
        return resolve(word, "loss", there, collect(there))
    if word is not None and IMPORT_PATH.fullmatch(word):
        thing = imported(word, configuration.folder)
        return Named(word.rpartition(":")[2], thing() if isinstance(thing, type) else thing)
    if word is not None:
        kind = getattr(nn, word.removeprefix("nn.").removeprefix("torch.nn."), None)
        if not (isinstance(kind, type) and issubclass(kind, nn.modules.loss._Loss)):
            raise UsageError(
                f"There is no loss `{word}`.",
                suggestion="Name a criterion of torch.nn (CrossEntropyLoss), a variable or pkg.module:name.",
            )
        return Named(word, kind())
    if built.loss is not None:
        return Named("", built.loss)
    if not there:
        return None
    stand_in = torch.optim.SGD([p for p in built.model.parameters() if p.requires_grad], lr=1.0)
    found = find_setup(
        there, model=built.model, optimizer=stand_in, data=[(torch.zeros(1), torch.zeros(1))], val=False,
        scheduler=False,
    )  # fmt: skip
    return found.loss


def _options(
    configuration: Configuration, val: Named | None, words: Mapping[str, Any], *, stepped: bool
) -> TrainOptions:
    get = configuration.get
    settings = {
        "epochs": get("epochs"), "max_steps": get("total_steps"), "clip": get("clip"),
        "accumulate": get("accumulate"),
        "precision": get("precision"), "patience": get("patience") if val is not None else None,
        "seed": get("seed"),
        "deterministic": get("deterministic"), "device": get("device"), "on_nan": get("on_nan"),
        "on_stall": get("on_stall"), "val_every": get("val_every") if val is not None else None,
        "checkpoint_every": get("checkpoint_every"), "keep": get("keep"), "log": ",".join(get("backends")),
        "dir": get("output_dir"), "scheduler_step": "step" if stepped else None,
        "name": get("name") or configuration.mode or None,
    }  # fmt: skip
    return TrainOptions.from_words({**settings, **words})


def _files(configuration: Configuration, loaders: Loaders, there: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the data on disk: path, checksum, samples."""
    found = {}
    for role in ("train", "val", "test"):
        word, named = configuration.get(f"{role}_data"), getattr(loaders, role)
        if word is None or named is None or kind_of_data(word, there) != "path":
            continue
        path = find(word, configuration.folder)
        found[role] = {"path": str(path), "sha256": sha256_of(path), "samples": samples_of(named.value)}
    return found


def _told(plan: Plan, configuration: Configuration, said: tuple[str, ...]) -> Plan:
    """Return the plan with the configuration in it: every setting with its origin."""
    mine = tuple(
        Line(SECTION, key, shown_value(configuration.values[setting]), _origin(configuration, setting))
        for key, setting in ordered()
        if setting in configuration.values
    )
    lines = tuple(
        replace(line, origin=_origin(configuration, _BEHIND[line.label])) if line.label in _BEHIND else line
        for line in plan.lines
    )
    config = {**plan.config, "configuration": configuration.section()}
    return replace(
        plan, lines=(*lines, *mine), warnings=(*said, *plan.warnings), config=config,
        config_text=as_yaml(configuration),
    )  # fmt: skip


def _origin(configuration: Configuration, setting: str) -> str:
    origin = configuration.origins.get(setting, "default")
    same = setting in DEFAULTS and DEFAULTS[setting] == configuration.values.get(setting)
    return f"{origin}-as-default" if same and origin in ("config", "option", "mode") else origin
