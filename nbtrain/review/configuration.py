"""Facts of a configuration file, so that the rules judge a run from YAML as they judge one from code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbtrain.config.checking import Checked, Place, check_text
from nbtrain.config.modes import MODES
from nbtrain.config.resolved import DEFAULTS
from nbtrain.findings import Confidence, Finding
from nbtrain.notebook.facts import (
    NO,
    YES,
    Accumulation,
    Answer,
    Architecture,
    LoaderFact,
    OptimizerFact,
    Quantity,
    TrainingFact,
)
from nbtrain.notebook.live import LiveModel, model_facts
from nbtrain.notebook.situation import FINE_TUNING, PRETRAINING, VISION, Situation, situation
from nbtrain.review.edits import Edit
from nbtrain.review.facts import ReviewFacts

LOOP = "The loop is nbtrain's own: order of the calls, modes, scaling and evaluation need no check."
CLASSES = {
    "adamw": ("AdamW", "adam"), "adam": ("Adam", "adam"), "nadam": ("NAdam", "adam"),
    "radam": ("RAdam", "adam"), "adamax": ("Adamax", "adam"), "sgd": ("SGD", "sgd"),
    "rmsprop": ("RMSprop", "other"), "adagrad": ("Adagrad", "other"),
    "adadelta": ("Adadelta", "other"),
}  # fmt: skip
ATTENTION = re.compile(r"transformer|\bvit|vit_|swin|deit|beit|bert|gpt|llama|^hf:", re.IGNORECASE)
PICTURES = re.compile(r"^cnn$|resnet|vgg|densenet|efficientnet|convnext|mobilenet|regnet", re.IGNORECASE)
# Rule -> the setting that mends it, and its value.
MENDS: Mapping[str, tuple[str, str]] = {
    "adam-lr-too-high": ("learning_rate", ""),
    "sgd-lr-out-of-range": ("learning_rate", ""),
    "adam-coupled-weight-decay": ("optimizer", "adamw"),
    "small-batch-no-accumulation": ("batch_size", "32"),
    "transformer-no-warmup": ("warmup_steps", "1000"),
    "missing-grad-clipping": ("clip", "1.0"),
    "long-training-constant-lr": ("lr_schedule", "cosine"),
    "momentum-missing": ("momentum", "0.9"),
}


@dataclass(frozen=True)
class Settings:
    """The settings of a configuration as they would be used.

    `checked`: the check; `values`: setting -> value, defaults and the mode's filled in.
    """

    checked: Checked
    values: Mapping[str, Any]

    def line(self, setting: str) -> int | None:
        return self.checked.lines.get(setting)

    def number(self, setting: str) -> Quantity:
        """A number of the configuration with where it is from."""
        value = self.values.get(setting)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Quantity(text=setting)
        line = self.line(setting)
        return Quantity((float(value),), f"line {line}" if line else "the default", text=f"{value:g}")


def settings_of(text: str, folder: Path) -> Settings:
    """Return the settings of a YAML text. A text that is no configuration has errors and says nothing."""
    checked = check_text(text, Place(folder))
    said = {name: value for name, value in checked.said.items() if value is not None}
    values = {**DEFAULTS, **MODES.get(str(said.get("phase", "")), {}), **said}
    if "total_steps" in said and "epochs" not in said:
        values.pop("epochs", None)
    return Settings(checked, values)


def facts_of(settings: Settings, path: str, namespace: Mapping[str, Any] | None) -> ReviewFacts:
    """Return what the rules may look at.

    Args:
        path: of the file. namespace: the notebook's variables: an architecture named after one is looked at.
    """
    network = _architecture(settings, namespace or {})
    optimizer = _optimizer(settings)
    told = tuple(_told(settings, network))
    batch = LoaderFact("", settings.number("batch_size"), settings.line("batch_size"), role="train")
    k = settings.number("accumulate")
    gathered = Accumulation(k, Answer(YES, "nbtrain divides"), settings.line("accumulate"))
    several = k.known and k.high > 1
    clip = float(settings.values.get("clip") or 0)
    training = TrainingFact(
        owner="nbtrain",
        line=settings.line("learning_rate"),
        looped=True,
        optimizer=optimizer,
        epochs=settings.number("epochs") if "epochs" in settings.values else None,
        batch=batch if batch.batch_size.known else None,
        accumulation=gathered if several else None,
        accumulates=several,
        clipped=Answer(YES, f"gradient norm at most {clip:g}")
        if clip
        else Answer(NO, _said(settings, "clip")),
        warmed_up=_warmed_up(settings),
        changes_lr=_changes(settings),
        scaled=True,
    )
    loaders = (batch,) if batch.batch_size.known else ()
    return ReviewFacts(
        None, optimizers=(optimizer,), loaders=loaders, trainings=(training,), architecture=network,
        configured=path, told=told,
    )  # fmt: skip


def _said(settings: Settings, setting: str) -> str:
    line = settings.line(setting)
    name = settings.checked.key(setting)
    return f"`{name}` on line {line} is {settings.values.get(setting)}" if line else f"`{name}` is not set"


def _warmed_up(settings: Settings) -> Answer:
    steps = settings.values.get("warmup_steps")
    if steps is None:
        return Answer(YES, "a tenth of the steps by default")
    return Answer(YES, f"{steps} steps") if steps else Answer(NO, _said(settings, "warmup_steps"))


def _changes(settings: Settings) -> Answer:
    shape = settings.values.get("lr_schedule")
    return Answer(NO, _said(settings, "lr_schedule")) if shape == "constant" else Answer(YES, str(shape))


def _optimizer(settings: Settings) -> OptimizerFact:
    word = str(settings.values.get("optimizer", "adamw"))
    cls, family = CLASSES.get(word, (word, "other"))
    momentum = (
        settings.number("momentum") if "momentum" in settings.values else Quantity((0.0,), "the default")
    )
    return OptimizerFact(
        name="", cls=cls, family=family, lrs=(settings.number("learning_rate"),),
        weight_decay=settings.number("weight_decay"), momentum=momentum, decoupled=cls in ("AdamW", "SGD"),
        line=settings.line("learning_rate") or settings.line("optimizer"), key=1,
    )  # fmt: skip


def _architecture(settings: Settings, namespace: Mapping[str, Any]) -> Architecture:
    word = str(settings.values.get("architecture", ""))
    base = settings.values.get("base_checkpoint")
    live = model_facts(word, namespace[word]) if word in namespace else None
    held = live or LiveModel("")
    attention = f"`{word}`" if ATTENTION.search(word) else ""
    return Architecture(
        attention=held.attention or attention, recurrent=held.recurrent, depth=held.depth, norms=held.norms,
        frozen=held.frozen, pretrained=bool(base) or word.startswith("hf:"), live=live is not None,
    )  # fmt: skip


def _told(settings: Settings, network: Architecture) -> list[Situation]:
    word, line = str(settings.values.get("architecture", "")), settings.line("architecture")
    found = []
    if network.pretrained:
        at = settings.line("base_checkpoint") or line
        found.append(situation(FINE_TUNING, f"training begins with trained weights (line {at})"))
    elif word == "decoder-only-transformer":
        found.append(situation(PRETRAINING, f"`{word}` from scratch (line {line})"))
    if settings.values.get("optimizer") == "sgd" and PICTURES.search(word):
        found.append(situation(VISION, f"SGD trains `{word}` (line {line})"))
    return found


def unjudged(settings: Settings, network: Architecture) -> list[str]:
    """Return sentences on what a configuration does not say and the rules would need."""
    word = str(settings.values.get("architecture", ""))
    gaps = []
    plain = network.live or network.attention or PICTURES.search(word) or word == "mlp"
    if word and not plain:
        gaps.append(
            f"The network `{word}` was not looked at: clipping and warm-up were not judged for its kind."
        )
    if "batch_size" not in settings.values:
        gaps.append("No batch size is set: that of the loader is taken, which was not looked at.")
    return gaps


def placed(settings: Settings, finding: Finding) -> Finding:
    """Return a finding as it concerns the file: its line there, and the fix as YAML."""
    setting, value = MENDS.get(finding.rule, ("", ""))
    if not setting:
        return finding
    value = value or finding.fix.partition("=")[2]
    line = settings.line(setting) or finding.line
    name = settings.checked.key(setting).rpartition(".")[2]
    return replace(finding, line=line, fix=f"{name}: {value}", confidence=Confidence.LIKELY)


def edit_of(settings: Settings, text: str, finding: Finding) -> tuple[Edit, ...]:
    """Return the edit that mends a finding: the value after its key, comments and quotes aside."""
    setting, _ = MENDS.get(finding.rule, ("", ""))
    line = settings.line(setting) if setting else None
    if line is None:
        return ()
    name = re.escape(settings.checked.key(setting).rpartition(".")[2])
    written = text.split("\n")[line - 1]
    found = re.match(
        rf"^(\s*(?:[\w.]+|[\"']{name}[\"']|{name})\s*:\s+)([^\s#{{\[&*|>][^#]*?)(\s*(?:\s#.*)?)$", written
    )
    if found is None:
        return ()
    start, end = len(found[1].encode()), len((found[1] + found[2]).encode())
    return (Edit(line, start, line, end, finding.fix.partition(": ")[2]),)
