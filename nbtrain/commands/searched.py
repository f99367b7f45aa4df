"""What `search` searches: a configuration's settings, and the review of a space before it is searched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrain.config.kinds import typed
from nbtrain.config.reading import Node
from nbtrain.config.resolved import Configuration
from nbtrain.config.settings import Settings
from nbtrain.config.writing import as_yaml
from nbtrain.errors import UsageError
from nbtrain.search.space import Space
from nbtrain.search.subject import Subject

ARGUMENTS = "arguments."  # before a name: an argument of the architecture
# words people use for settings -> ours
_WORDS = {
    "lr": "learning_rate", "wd": "weight_decay", "gradient_clip": "clip", "max_grad_norm": "clip",
    "gradient_accumulation_steps": "accumulate", "num_epochs": "epochs", "max_epochs": "epochs",
    "scheduler": "lr_schedule", "lr_scheduler": "lr_schedule", "warmup": "warmup_steps",
    "optimizer.type": "optimizer", "max_steps": "total_steps",
}  # fmt: skip
_FIXED = ("output_dir", "name", "phase", "backends", "seed", "keep", "train_data", "val_data", "test_data")
MOST_LOOKS = 40  # values that are reviewed before a search


def setting_of(name: str) -> str:
    """Return the setting that a parameter of a space means, or its own name for an argument.

    Raises:
        UsageError: there is no such setting, or it is one that trials must share.
    """
    from nbtrain.config.dialects import SECTIONS
    from nbtrain.config.unknown import nearest

    if name.startswith((ARGUMENTS, f"model.{ARGUMENTS}")):
        return name.removeprefix("model.")
    found = _WORDS.get(name) or SECTIONS.keys.get(name) or name
    if found in _FIXED:
        raise UsageError(
            f"`{name}` is in the space, and all trials share it.", suggestion="Set it in the configuration."
        )
    if found not in Settings.model_fields:
        close = nearest(name, [*Settings.model_fields, *_WORDS])
        raise UsageError(
            f"`{name}` is in the space, and no setting of a configuration.",
            suggestion=f"Did you mean `{close}`?" if close else
            f"An argument of your own architecture is written `{ARGUMENTS}{name}`.",
            field=name,
        )  # fmt: skip
    return found


@dataclass
class OfConfiguration(Subject):
    """A configuration: each trial is trained as it says, with the values put into it.

    Args:
        base: every setting decided that can be. names: the notebook's variables, None in a terminal.
        loss: named on the line. words: options of a run that are no settings.
    """

    base: Configuration
    names: Mapping[str, Any] | None = None
    loss: str | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    of: str = ""
    _looked: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        text = as_yaml(self.base, comments=False)
        digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        self.of = self.of or f"configuration {Path(self.base.path).name}, {digest}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_looked": None}

    def refuse(self, space: Space) -> None:
        """Raise UsageError for a name that is no setting, or a value that it cannot have."""
        for one in space.parameters:
            setting = setting_of(one.name)
            if setting.startswith(ARGUMENTS):
                continue
            for value in one.ends():
                checked(one.name, setting, value)

    def _with(self, values: Mapping[str, Any]) -> Configuration:
        put: dict[str, Any] = {}
        arguments = dict(self.base.get("arguments", {}))
        for name, value in values.items():
            setting = setting_of(name)
            if setting.startswith(ARGUMENTS):
                arguments[setting.removeprefix(ARGUMENTS)] = value
            else:
                put[setting] = checked(name, setting, value)
        if arguments:
            put["arguments"] = arguments
        return self.base.with_values("search", **put)

    def plan(self, values: Mapping[str, Any], words: Mapping[str, Any]) -> Any:
        """Return the plan of a training with these values."""
        from nbtrain.configured.building import prepare

        roles = {"loss": self.loss}
        return prepare(self._with(values), self.names, roles=roles, words={**self.words, **words}).plan

    def objects(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return model and optimizer with these values; the model of the first ones asked for."""
        from nbtrain.configured.rates import make_optimizer

        configuration = self._with(values)
        if self._looked is None:
            work = self.plan(values, {}).work
            self._looked = work.model, work.train_loader
        model, loader = self._looked
        optimizer, _ = make_optimizer(configuration, model)
        return {"model": model, "optimizer": optimizer, "train_loader": loader}

    def forget(self) -> None:
        """Hold the model that was looked at no longer: trials make their own."""
        self._looked = None

    def configuration(self, values: Mapping[str, Any]) -> str:
        """Return the YAML of a training with these values."""
        return as_yaml(self._with(values))


def checked(name: str, setting: str, value: Any) -> Any:
    """Return a value as its setting has it.

    Raises:
        UsageError: the setting cannot have it.
    """
    node = _node(value)
    found, problems = typed({setting: node}, lambda _: name)
    if problems:
        raise UsageError(f"In the space: {problems[0].sentence()}", field=name, value=value)
    return found[setting]


def _node(value: Any) -> Node:
    if isinstance(value, Mapping):
        return Node({str(key): _node(one) for key, one in value.items()}, 0)
    if isinstance(value, (list, tuple)):
        return Node([_node(one) for one in value], 0)
    return Node(value, 0, text=str(value))


def _sentence(finding: Any) -> str:
    more = f"; recommended: {finding.recommended}" if finding.recommended else ""
    return f"{finding.issue.rstrip('.')}{more}"


def red_flags(subject: Subject, space: Space) -> list[str]:
    """Return sentences about values of a space that the review warns of. A value that cannot be looked at is
    left to its trial.
    """
    from nbtrain.findings import Severity
    from nbtrain.review import review_source

    seen: dict[str, dict[str, list[Any]]] = {}  # rule -> parameter -> values
    said: dict[str, str] = {}
    looked: dict[str, list[Any]] = {}
    for at, (name, value, values) in enumerate(space.looked_at()):
        if at == MOST_LOOKS:
            break
        try:
            found = review_source(None, namespace=subject.objects(values)).findings
        except Exception:  # whatever a factory raises, out of memory too
            continue
        looked.setdefault(name, []).append(value)
        for one in found:
            if one.severity in (Severity.CRITICAL, Severity.WARNING):
                seen.setdefault(one.rule, {}).setdefault(name, []).append(value)
                said[f"{one.rule} {name} {value!r}"] = _sentence(one)
    if isinstance(subject, OfConfiguration):
        subject.forget()
    sentences = []
    for rule, places in seen.items():
        for name, flagged in places.items():
            if len(flagged) == len(looked[name]) > 1 or (
                len(flagged) == len(looked[name]) and len(places) > 1
            ):
                continue  # whatever its value: something else is to blame
            shown = ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in flagged)
            sentences.append(f"{name} {shown}: {said[f'{rule} {name} {flagged[-1]!r}']} ({rule})")
        if all(len(flagged) == len(looked[name]) for name, flagged in places.items()):
            name, flagged = next(iter(places.items()))
            if len(looked[name]) > 1 or len(places) > 1:
                sentences.append(f"Whatever the values: {said[f'{rule} {name} {flagged[0]!r}']} ({rule})")
    return sentences
