"""What does not go together in a configuration, and what this machine lacks for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbtrain.config.kinds import expected_of
from nbtrain.config.located import language_base
from nbtrain.config.problem import Problem
from nbtrain.config.settings import BUILT_IN
from nbtrain.config.unknown import nearest

if TYPE_CHECKING:
    from nbtrain.config.checking import Checked

# Source: the learning rates of the BERT, RoBERTa and T5 fine-tuning recipes lie in 1e-5 to 1e-4; below 1e-6
# nothing moves.
FINE_TUNING_LR = (1e-6, 1e-4)
LORA_MOST = 1e-3  # adapters are new weights; Source: LoRA and QLoRA train them with 1e-4 to 5e-4
FACTOR_OF_ERROR = 100  # above the range by this factor is no choice but a slip
IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_OF_LANGUAGE = (
    "gradient_checkpointing", "attention", "lora_rank", "lora_alpha", "lora_dropout", "lora_targets",
    "packing", "completions_only", "chat_template", "sample_prompts", "save_model",
)  # fmt: skip
NAME = re.compile(r"[A-Za-z_]\w*")
Found = tuple[list[Problem], list[Problem]]


def fine_tunes(said: Any) -> bool:
    """Say whether weights that were trained before go on: a base checkpoint, or an architecture hf:PATH."""
    return bool(said.get("base_checkpoint")) or str(said.get("architecture", "")).startswith("hf:")


def adapts(said: Any) -> bool:
    """Say whether adapters of LoRA are trained instead of the weights."""
    return any(said.get(name) is not None for name in said if name.startswith("lora_"))


def judge(checked: Checked) -> Found:
    """Return errors and warnings about settings that do not fit each other or this machine."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    for look in (_learning_rate, _lengths, _precision, _heads, _devices, _architecture, _unused):
        more, told = look(checked)
        errors += more
        warnings += told
    return errors, warnings


def _learning_rate(checked: Checked) -> Found:
    lr = checked.said.get("learning_rate")
    low, high = FINE_TUNING_LR
    error_from, lora = FACTOR_OF_ERROR * high, adapts(checked.said)
    high = LORA_MOST if lora else high
    if lr is None or not fine_tunes(checked.said) or low <= lr <= high:
        return [], []
    problem = checked.problem(
        "learning_rate", f"{low:g} to {high:g} when weights that were trained before are fine-tuned",
        "Try 2e-4." if lora else
        "Try 2e-5; a rate far above unlearns what the weights know." if lr > high else "Try 2e-5.",
    )  # fmt: skip
    return ([problem], []) if lr >= error_from else ([], [problem])


def _lengths(checked: Checked) -> Found:
    said, warnings, errors = checked.said, [], []
    patience, epochs = said.get("patience"), said.get("epochs")
    if patience and epochs and patience > epochs and said.get("early_stopping", True):
        warnings.append(checked.problem(
            "patience", f"at most the {epochs} epochs", "As it stands, nothing will ever stop early.",
        ))  # fmt: skip
    steps, warmup = said.get("total_steps"), said.get("warmup_steps")
    if steps and warmup and warmup >= steps:
        errors.append(checked.problem(
            "warmup_steps", f"fewer than the {steps:,} steps of the run",
            f"The usual is a tenth: {max(1, steps // 10)}.",
        ))  # fmt: skip
    if said.get("split") and said.get("val_data"):
        errors.append(checked.problem(
            "split", f"nothing beside `{checked.key('val_data')}`: there is validation data already",
            "Take one of the two out.",
        ))  # fmt: skip
    if said.get("save_strategy") == "no" and said.get("load_best_at_end"):
        errors.append(checked.problem(
            "load_best_at_end", "false where nothing is saved (save_strategy: no)", "Save at each epoch.",
        ))  # fmt: skip
    if said.get("save_strategy") == "steps" and "checkpoint_every" not in said:
        warnings.append(checked.problem(
            "save_strategy", f"a number of steps beside it (`{checked.key('checkpoint_every')}`)",
            "1000 steps are taken.",
        ))  # fmt: skip
    return errors, warnings


def precisions(said: Any) -> dict[str, str]:
    """Return what each setting about precision asks for: setting -> 32, bf16 or 16."""
    asked = {}
    if said.get("fp16"):
        asked["fp16"] = "16"
    if said.get("bf16"):
        asked["bf16"] = "bf16"
    if mixed := said.get("mixed_precision"):
        asked["mixed_precision"] = {"no": "32", "fp16": "16", "bf16": "bf16"}[mixed]
    if "precision" in said:
        asked["precision"] = said["precision"]
    return asked


def _precision(checked: Checked) -> Found:
    asked = precisions(checked.said)
    if len(set(asked.values())) < 2:
        return [], []
    first, *others = asked
    other = next(one for one in others if asked[one] != asked[first])
    expected = f"the precision of `{checked.key(first)}`, which is {checked.said[first]}"
    return [checked.problem(other, expected, "Say one of the two.")], []


def _heads(checked: Checked) -> Found:
    width, heads = checked.said.get("hidden_size"), checked.said.get("num_heads")
    if not width or not heads or width % heads == 0:
        return [], []
    fits = max(n for n in range(1, heads + 1) if width % n == 0)
    return [checked.problem(
        "num_heads", f"a number that divides hidden_size {width}", f"For example {fits}.",
    )], []  # fmt: skip


def _devices(checked: Checked) -> Found:
    said, devices, warnings = checked.said, checked.place.devices, []
    device = str(said.get("device") or "auto").replace("gpu", "cuda")
    if devices is not None and device not in ("auto", "cpu"):
        kind, _, number = device.partition(":")
        there = devices.get(kind, 0)
        if not there or int(number or 0) >= there:
            here = ", ".join(f"{n} {name}" if name != "cpu" else name for name, n in devices.items())
            warnings.append(checked.problem(
                "device", f"a device that is here ({here})",
                "It will be refused on this machine; auto takes what is there.", kind="DeviceAbsent",
            ))  # fmt: skip
    gpus = said.get("num_gpus")
    if gpus and devices is not None and gpus > devices.get("cuda", 0):
        warnings.append(checked.problem(
            "num_gpus", f"at most the {devices.get('cuda', 0)} GPUs that are here", kind="DeviceAbsent",
        ))  # fmt: skip
    if gpus and gpus > 1:
        warnings.append(checked.problem(
            "num_gpus", "1: a run trains on one device", "The other GPUs stay idle.", kind="NotUsed",
        ))  # fmt: skip
    if said.get("distributed_backend") and (gpus or 0) > 1:
        warnings.append(
            checked.problem("distributed_backend", "nothing: a run trains in one process", kind="NotUsed")
        )
    return [], warnings


def _architecture(checked: Checked) -> Found:
    word = checked.said.get("architecture")
    names, has = checked.place.names, checked.place.packages
    if word is None:
        return [], []
    if names is not None and word.split(".")[0].split("[")[0] in names:
        return [], []
    if word.lower() in BUILT_IN:
        return [], []
    if language_base(checked.said, checked.place.folder) is not None and not word.startswith("hf:"):
        return [], [] if has("transformers") else [_absent(checked, "transformers", "hf")]
    for start, package, extra in (("timm:", "timm", "vision"), ("hf:", "transformers", "hf")):
        if word.startswith(start):
            return [], [] if has(package) else [_absent(checked, package, extra)]
    if IMPORT_PATH.fullmatch(word):
        top = word.split(":")[0].split(".")[0]
        if has(top):
            return [], []
        return [checked.problem(
            "architecture", f"a module that can be imported, and there is no `{top}`",
            "Is it beside the configuration, in the working folder or installed?", kind="PathNotFound",
        )], []  # fmt: skip
    expected = expected_of("architecture")
    close = nearest(word, [*BUILT_IN, *(names or ())])
    hint = f"Did you mean `{close}`?" if close else ""
    if names is None and NAME.fullmatch(word):
        told = checked.problem(
            "architecture", f"{expected}; whether it is a variable can be told in the notebook only", hint,
            kind="CannotCheck",
        )  # fmt: skip
        return [], [told]
    if NAME.fullmatch(word) and not close:
        if has("torchvision"):  # whether it knows the name is seen when the model is made
            return [], []
        hint = 'Run the cell that defines it; for a torchvision name: %pip install "nbtrain[vision]"'
    return [checked.problem("architecture", expected, hint or f"Built-in are {', '.join(BUILT_IN)}.")], []


def _absent(checked: Checked, package: str, extra: str) -> Problem:
    return checked.problem(
        "architecture", f"the package `{package}`, which is not installed",
        f'Run: %pip install "nbtrain[{extra}]"', kind="MissingExtra",
    )  # fmt: skip


def _unused(checked: Checked) -> Found:
    """Warn of what is read and has no effect here, in so many words."""
    said, warnings = checked.said, []
    for setting, why in (
        ("logging_dir", "the run folder holds the logs"),
        ("tensorboard_log_dir", "they lie in the run folder"),
        ("log_every", "every step is recorded, none left out"),
        ("checkpoint_dir", "checkpoints lie in the run folder, below this folder as its parent"),
    ):
        if said.get(setting) is not None and setting != "checkpoint_dir":
            warnings.append(checked.problem(setting, f"nothing: {why}", kind="NotUsed"))
    if language_base(said, checked.place.folder) is None:
        for setting in _OF_LANGUAGE:
            if said.get(setting) is not None:
                warnings.append(checked.problem(
                    setting, "nothing: it belongs to a model of Hugging Face (`hf:PATH`)", kind="NotUsed",
                ))  # fmt: skip
    for setting in ("metric", "metric_for_best_model"):
        if said.get(setting) not in (None, "val_loss", "val_perplexity"):
            warnings.append(checked.problem(
                setting, "val_loss: it decides which checkpoint is best and when to stop",
                "The metric is measured and shown all the same.", kind="NotUsed",
            ))  # fmt: skip
    momentum, optimizer = said.get("momentum"), said.get("optimizer", "adamw")
    if momentum is not None and optimizer not in ("sgd", "rmsprop"):
        warnings.append(checked.problem("momentum", f"nothing: {optimizer} has no momentum", kind="NotUsed"))
    if said.get("betas") is not None and optimizer not in ("adamw", "adam", "nadam", "radam", "adamax"):
        warnings.append(checked.problem("betas", f"nothing: {optimizer} has no betas", kind="NotUsed"))
    return [], warnings
