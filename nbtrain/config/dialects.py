"""The three dialects: how each is told by its keys, and which of its keys means which setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbtrain.config.reading import Node


@dataclass(frozen=True)
class Dialect:
    """A way to write a configuration.

    Attributes:
        id: a, b or c. name: in words. told_by: the keys it is told by.
        keys: key with its sections -> setting; several keys may mean one setting.
        required: keys that must be there; a tuple of keys is met by any of them.
        fine_tunes: its learning rate is one for weights that were trained before.
    """

    id: str
    name: str
    told_by: str
    keys: Mapping[str, str]
    required: tuple[tuple[str, ...], ...]
    fine_tunes: bool = False

    def key_of(self, setting: str) -> str:
        """Return the first key that means a setting, else the setting's own name."""
        return next((key for key, name in self.keys.items() if name == setting), setting)

    @property
    def sections(self) -> frozenset[str]:
        """The names with keys below them, with the sections above."""
        found = set()
        for key in self.keys:
            parts = key.split(".")
            found |= {".".join(parts[:n]) for n in range(1, len(parts))}
        return frozenset(found)


def _below(section: str, **keys: str) -> dict[str, str]:
    return {f"{section}.{key}": setting for key, setting in keys.items()}


def _lora(section: str) -> dict[str, str]:
    return _below(f"{section}.lora", rank="lora_rank", alpha="lora_alpha", dropout="lora_dropout",
                  targets="lora_targets")  # fmt: skip


_LANGUAGE = ("gradient_checkpointing", "attention")  # of models; of data:
_TEXTS = ("packing", "completions_only", "chat_template", "sample_prompts")


def _same(section: str, *names: str) -> dict[str, str]:
    return {f"{section}.{name}" if section else name: name for name in names}


SECTIONS = Dialect(
    "a", "sections model, optimizer, training, early_stopping, reproducibility",
    "the sections `optimizer` and `training`",
    {
        **_same("", "name", "phase"),
        **_same("model", "architecture", "dropout", "arguments", "base_checkpoint", "framework", "vocab_size",
                "hidden_size", "num_layers", "num_heads", "loss", *_LANGUAGE),
        **_lora("model"),
        **_below("data", train="train_data", train_path="train_data", val="val_data", valid_path="val_data",
                 test="test_data", test_path="test_data"),
        **_same("data", "split", "target", "max_seq_length", "dataset_name", "dataset_version", *_TEXTS),
        **_below("optimizer", type="optimizer"),
        **_same("optimizer", "learning_rate", "weight_decay", "betas", "momentum", "warmup_steps",
                "lr_schedule"),
        **_same("training", "epochs", "batch_size", "device", "total_steps", "precision", "on_nan",
                "on_stall"),
        **_below("training", gradient_accumulation="accumulate", gradient_clip="clip",
                 gradient_accumulation_steps="accumulate", max_grad_norm="clip", validate_every="val_every",
                 max_steps="total_steps"),
        **_below("early_stopping", enabled="early_stopping", patience="patience", metric="metric"),
        **_same("reproducibility", "seed", "deterministic"),
        **_below("checkpointing", every="checkpoint_every", keep="keep"),
        **_same("checkpointing", "save_strategy", "load_best_at_end", "metric_for_best_model", "save_model"),
        **_same("logging", "output_dir", "backends", "log_every", "tags"),
        **_below("logging", project="wandb_project", entity="wandb_entity"),
    },
    (("model.architecture", "model.base_checkpoint"), ("optimizer.learning_rate",),
     ("training.epochs", "training.total_steps", "training.max_steps"), ("reproducibility.seed",)),
)  # fmt: skip

HYPERPARAMETERS = Dialect(
    "b",
    "model, data, training.hyperparameters, training.optimization, training.checkpointing, logging, compute",
    "the section `training.hyperparameters`",
    {
        **_same("", "name", "phase"),
        **_same("model", "base_checkpoint", "architecture", "vocab_size", "hidden_size", "num_layers",
                "num_heads", "dropout", "arguments", "framework", "loss", *_LANGUAGE),
        **_lora("model"),
        **_below("data", train_path="train_data", valid_path="val_data", test_path="test_data"),
        **_same("data", "max_seq_length", "dataset_name", "dataset_version", "split", "target", *_TEXTS),
        **_below("training.hyperparameters", gradient_accumulation_steps="accumulate", num_epochs="epochs",
                 max_grad_norm="clip", max_steps="total_steps"),
        **_same("training.hyperparameters", "learning_rate", "batch_size", "warmup_steps", "weight_decay",
                "fp16", "bf16", "betas", "momentum"),
        **_below("training.optimization", lr_scheduler="lr_schedule", early_stopping_patience="patience",
                 early_stopping_metric="metric"),
        **_same("training.optimization", "optimizer"),
        **_below("training.checkpointing", save_total_limit="keep"),
        **_same("training.checkpointing", "save_strategy", "load_best_at_end", "metric_for_best_model",
                "save_model"),
        **_below("logging", logging_steps="log_every", eval_steps="val_every", save_steps="checkpoint_every"),
        **_same("logging", "output_dir", "logging_dir"),
        **_below("logging.wandb", enabled="wandb_enabled", project="wandb_project", entity="wandb_entity",
                 tags="tags"),
        **_below("logging.tensorboard", enabled="tensorboard_enabled", log_dir="tensorboard_log_dir"),
        **_same("compute", "device", "num_gpus", "distributed_backend", "mixed_precision"),
        **_same("reproducibility", "seed", "deterministic"),
        **_same("training", "seed"),
    },
    (("model.architecture", "model.base_checkpoint"), ("data.train_path",),
     ("training.hyperparameters.learning_rate",), ("training.hyperparameters.batch_size",),
     ("training.hyperparameters.num_epochs", "training.hyperparameters.max_steps")),
)  # fmt: skip

FLAT = Dialect(
    "c", "flat keys", "the keys `model_path` (or `architecture`) and `train_data`, without sections",
    {
        **_same("", "name", "phase", "architecture", "arguments", "framework", "train_data", "val_data",
                "test_data", "split", "target", "batch_size", "optimizer", "learning_rate", "weight_decay",
                "betas", "momentum", "warmup_steps", "lr_schedule", "total_steps", "epochs", "dropout",
                "checkpoint_every", "checkpoint_dir", "log_every", "seed", "deterministic", "device",
                "precision", "patience", "max_seq_length", "dataset_name", "dataset_version", "loss",
                "output_dir", "vocab_size", "hidden_size", "num_layers", "num_heads", "tags",
                "lora_rank", "lora_alpha", "lora_dropout", "lora_targets", "save_model", "load_best_at_end",
                *_LANGUAGE, *_TEXTS),
        "model_path": "base_checkpoint", "gradient_accumulation": "accumulate", "gradient_clip": "clip",
        "validate_every": "val_every",
    },
    (("model_path", "architecture"), ("train_data",), ("batch_size",), ("learning_rate",),
     ("total_steps", "epochs")),
)  # fmt: skip

_SECTIONS_OF_A = ("model", "optimizer", "training", "early_stopping", "reproducibility")


def dialect_of(root: Node) -> Dialect:
    """Tell the dialect by its keys: training.hyperparameters is (b), optimizer and training are (a), else
    flat.

    A file with some of the sections of (a) and no key of the flat dialect is (a) with sections missing,
    so that
    its errors are about what is missing.
    """
    training = root.value.get("training")
    if training is not None and isinstance(training.value, dict) and "hyperparameters" in training.value:
        return HYPERPARAMETERS
    here = set(root.value)
    if {"optimizer", "training"} <= here and isinstance(root.value["training"].value, (dict, type(None))):
        return SECTIONS
    sections = [name for name in _SECTIONS_OF_A if name in here and isinstance(root.value[name].value, dict)]
    if sections and not {"model_path", "train_data", "architecture"} & here:
        return SECTIONS
    return FLAT
