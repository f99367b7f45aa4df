"""A configuration with every setting decided, and where each value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbtrain.config.checking import Checked
from nbtrain.config.dialects import SECTIONS
from nbtrain.config.located import find
from nbtrain.config.modes import MODES, SEED
from nbtrain.config.paths import DATA, kind_of_data
from nbtrain.config.relations import adapts, fine_tunes, precisions

# Source: AdamW, weight decay and clipping as in the training recipes of GPT-2, BERT and ViT.
DEFAULTS: Mapping[str, Any] = {
    "optimizer": "adamw", "weight_decay": 0.01, "lr_schedule": "cosine", "clip": 1.0, "epochs": 10,
    "accumulate": 1, "seed": SEED, "deterministic": False, "device": "auto", "precision": "32",
    "on_nan": "stop", "on_stall": "alert", "keep": 2, "output_dir": "runs", "backends": ["json"],
    "dropout": 0.0,
    "early_stopping": False, "load_best_at_end": False,
}  # fmt: skip
WARMUP_SHARE, MOST_WARMUP = 0.1, 2000
BETAS, BETAS_LARGE = [0.9, 0.999], [0.9, 0.95]
# Source: the fine-tuning recipes of BERT and Llama; for adapters that of QLoRA (Dettmers et al. 2023)
TUNING_LR, LORA_LR = 2e-5, 2e-4
LARGE = 1_000_000_000  # parameters; Source: GPT-3 and Llama train with beta2 = 0.95
CHECKPOINT_STEPS = 1000  # where a run is counted in steps
PATIENCE = 10  # where early stopping is asked for without a number


@dataclass(frozen=True)
class Configuration:
    """Every setting, decided.

    Attributes:
        values: setting -> value; a setting that has no value is absent.
        origins: setting -> config, mode, option, default or data (found in the objects).
        mode: baseline, optimization, production or "". dialect: a, b or c. path: the file.
        folder: relative paths are taken from here. warnings: sentences.
    """

    values: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)
    mode: str = ""
    dialect: str = "a"
    path: str = ""
    folder: Path = Path()
    warnings: tuple[str, ...] = ()

    def get(self, setting: str, otherwise: Any = None) -> Any:
        """Return a setting's value, or what is given where it has none."""
        return self.values.get(setting, otherwise)

    def differs(self, setting: str) -> bool:
        """Say whether a value is set by somebody and is not what the default would have been."""
        if self.origins.get(setting) in ("default", "data"):
            return False
        return setting not in DEFAULTS or self.values.get(setting) != DEFAULTS[setting]

    def with_values(self, origin: str, **values: Any) -> Configuration:
        """Return a copy with further values; None takes one away."""
        known = {**self.values, **values}
        return replace(
            self,
            values={name: value for name, value in known.items() if value is not None},
            origins={**self.origins, **dict.fromkeys(values, origin)},
        )

    def section(self) -> dict[str, Any]:
        """Return the settings as a mapping in the dialect with sections, in reading order."""
        tree: dict[str, Any] = {}
        for key, setting in ordered():
            if setting in self.values:
                *above, name = key.split(".")
                place = tree
                for part in above:
                    place = place.setdefault(part, {})
                place[name] = self.values[setting]
        return tree


def ordered() -> list[tuple[str, str]]:
    """Return (key, setting) of the dialect with sections, each setting once, in reading order."""
    seen: dict[str, str] = {}
    for key, setting in SECTIONS.keys.items():
        seen.setdefault(setting, key)
    return [(key, setting) for setting, key in seen.items()]


def resolve(
    checked: Checked, *, mode: str | None = None, options: Mapping[str, Any] | None = None
) -> Configuration:
    """Decide every setting that can be decided without the objects.

    Args:
        checked: a valid check. mode: fills in what is not said. options: settings of the command line, which
            count for more than the file.

    Raises:
        InvalidConfig: the check found errors.
    """
    checked.raise_if_invalid()
    mode = mode or checked.said.get("phase") or ""
    said = {name: value for name, value in checked.said.items() if value is not None and name != "phase"}
    values, origins = _overlaid(said, MODES.get(mode, {}), dict(options or {}))
    for setting in DATA:
        if (word := values.get(setting)) and kind_of_data(word, checked.place.names) == "path":
            values[setting] = str(find(word, checked.place.folder).absolute())
    _decide_base(values, checked.place.folder)
    _decide_rate(values, origins)
    _decide_precision(values, origins, said)
    _decide_backends(values, origins)
    _decide_lengths(values, origins)
    if mode:
        values["phase"], origins["phase"] = mode, "mode"
    if "checkpoint_dir" in values:
        folder = values.pop("checkpoint_dir")
        if origins.get("output_dir") == "default":
            values["output_dir"], origins["output_dir"] = folder, "config"
    warnings = tuple(f"{one.sentence()}" for one in checked.warnings)
    if mode == "baseline" and (values.get("weight_decay") or values.get("dropout")):
        warnings += ("A baseline is meant without regularisation, and the configuration asks for some.",)
    return Configuration(
        values, origins, mode, checked.dialect.id if checked.dialect else "a", checked.path,
        checked.place.folder,
        warnings,
    )  # fmt: skip


def _overlaid(
    said: Mapping[str, Any], of_mode: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    if "total_steps" in said and "epochs" not in said:
        of_mode = {name: value for name, value in of_mode.items() if name != "epochs"}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in (("default", DEFAULTS), ("mode", of_mode), ("config", said), ("option", options)):
        values |= layer
        origins |= dict.fromkeys(layer, origin)
    return values, origins


def _decide_base(values: dict[str, Any], folder: Path) -> None:
    """Have a base that is a path here be found from anywhere: config.yaml in a run's folder names it."""
    if (word := values.get("base_checkpoint")) and (path := find(word, folder)).exists():
        values["base_checkpoint"] = str(path.absolute())
    architecture = str(values.get("architecture") or "")
    if architecture.startswith("hf:") and (path := find(architecture[3:], folder)).exists():
        values["architecture"] = f"hf:{path.absolute()}"


def _decide_rate(values: dict[str, Any], origins: dict[str, str]) -> None:
    """Give a fine-tuning a rate of its own where a mode gives one: 1e-3 would unlearn what the base knows."""
    if origins.get("learning_rate") == "mode" and fine_tunes(values):
        values["learning_rate"] = LORA_LR if adapts(values) else TUNING_LR


def _decide_precision(values: dict[str, Any], origins: dict[str, str], said: Mapping[str, Any]) -> None:
    asked = precisions(said)
    for setting in ("fp16", "bf16", "mixed_precision"):
        values.pop(setting, None)
        origins.pop(setting, None)
    if asked and origins["precision"] != "option":
        values["precision"], origins["precision"] = next(iter(asked.values())), "config"


def _decide_backends(values: dict[str, Any], origins: dict[str, str]) -> None:
    wanted = [name for name in ("wandb", "tensorboard") if values.pop(f"{name}_enabled", False)]
    if wanted and origins["backends"] != "option":
        values["backends"] = [*dict.fromkeys([*values["backends"], *wanted])]
        origins["backends"] = "config"


def _decide_lengths(values: dict[str, Any], origins: dict[str, str]) -> None:
    if "total_steps" in values and origins["epochs"] == "default":
        del values["epochs"], origins["epochs"]
    if "patience" in values and origins["early_stopping"] == "default":
        values["early_stopping"], origins["early_stopping"] = True, origins["patience"]
    if values["early_stopping"] and "patience" not in values:
        values["patience"], origins["patience"] = PATIENCE, "default"
    if not values["early_stopping"]:
        values.pop("patience", None)
    strategy = values.get("save_strategy")
    by_steps = strategy == "steps" or (strategy is None and "epochs" not in values)
    if by_steps and "checkpoint_every" not in values:
        values["checkpoint_every"], origins["checkpoint_every"] = CHECKPOINT_STEPS, "default"
    if strategy == "epoch":
        values.pop("checkpoint_every", None)


def warmup_for(steps: int | None) -> int:
    """Return the default warmup: 10 % of the steps, at most 2000; 0 where the steps are not known."""
    return min(MOST_WARMUP, round(steps * WARMUP_SHARE)) if steps else 0


def betas_for(parameters: int) -> list[float]:
    """Return the default betas, those of large models from a billion parameters on."""
    return list(BETAS_LARGE if parameters >= LARGE else BETAS)
