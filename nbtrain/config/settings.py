"""The one schema: every setting a configuration can make, with its type, range and meaning.

The dialects (`nbtrain.config.dialects`) only say under which key a setting stands. A field's description is
what an error says is expected there; its example is what an error proposes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

OPTIMIZERS = ("adamw", "adam", "sgd", "nadam", "radam", "adamax", "rmsprop", "adagrad", "adadelta")
SCHEDULES = ("cosine", "linear", "constant")
FRAMEWORKS = ("pytorch", "transformers")
BUILT_IN = ("mlp", "cnn", "transformer-classifier", "decoder-only-transformer")
ATTENTIONS = ("auto", "flash_attention_2", "sdpa", "eager")
METRICS = ("val_loss", "val_acc", "val_perplexity")
BACKENDS = ("json", "csv", "tensorboard", "wandb", "mlflow")
# words of other tools -> ours
SYNONYMS = {
    "optimizer": {"adamw_torch": "adamw", "adamw_torch_fused": "adamw", "adamw_hf": "adamw"},
    "lr_schedule": {
        "none": "constant", "constant_with_warmup": "constant", "cosine_with_warmup": "cosine",
        "linear_with_warmup": "linear", "cosine_annealing": "cosine",
    },
    "framework": {"torch": "pytorch", "hf": "transformers", "huggingface": "transformers"},
    "metric": {
        "eval_loss": "val_loss", "loss": "val_loss", "valid_loss": "val_loss", "validation_loss": "val_loss",
        "accuracy": "val_acc", "val_accuracy": "val_acc", "eval_accuracy": "val_acc", "acc": "val_acc",
        "perplexity": "val_perplexity", "eval_perplexity": "val_perplexity",
    },
    "mixed_precision": {"none": "no", "fp32": "no", "32": "no", "float16": "fp16", "bfloat16": "bf16"},
    "precision": {
        "fp32": "32", "fp16": "16", "float16": "16", "bfloat16": "bf16", "float32": "32", "no": "32",
    },
    "save_strategy": {"epochs": "epoch", "step": "steps", "none": "no"},
}  # fmt: skip


def _word(kind: str) -> BeforeValidator:
    """Read a word in any case, `-` as `_`, and under the names of other tools."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        word = value.strip().lower().replace("-", "_")
        return SYNONYMS.get(kind, {}).get(word, word)

    return BeforeValidator(read)


def _number_word(value: Any) -> Any:
    """`precision: 32` and `mixed_precision: false` are words too."""
    if isinstance(value, bool):
        return "fp16" if value else "no"
    return str(value) if isinstance(value, int) else value


def _auto_split(value: Any) -> Any:
    return 0.2 if value is True or (isinstance(value, str) and value.strip().lower() == "auto") else value


def _no_clip(value: Any) -> Any:
    return 0 if value is None else value


def _one_or_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1, max_length=1000)]
OptionalText = Text | None
Count = Annotated[int, Field(ge=1, le=10**9)]
Metric = Annotated[Literal[METRICS], _word("metric")]


def _count(what: str, example: int) -> Any:
    return Field(None, description=f"a whole number of {what}, at least 1", examples=[example])


def _text(what: str, example: str) -> Any:
    return Field(None, description=what, examples=[example])


class Settings(BaseModel):
    """Every setting, None where the configuration says nothing. Strict: no text becomes a number."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", protected_namespaces=())

    # what is trained
    architecture: Text = _text(
        "a variable of the notebook, pkg.module:factory, a built-in name "
        f"({', '.join(BUILT_IN)}), timm:NAME, hf:PATH or a torchvision name", "mlp",
    )  # fmt: skip
    arguments: dict[str, Any] = Field(
        None, description="a mapping of arguments for the architecture", examples=["{width: 64}"]
    )
    base_checkpoint: OptionalText = _text("a path or hub name of weights to begin with", "checkpoints/base")
    framework: Annotated[Literal[FRAMEWORKS], _word("framework")] = _text(" or ".join(FRAMEWORKS), "pytorch")
    dropout: float = Field(
        None, ge=0, lt=1, description="a number from 0 to below 1: the share dropped", examples=[0.1]
    )
    vocab_size: Count = _count("tokens in the vocabulary", 32000)
    hidden_size: Count = _count("numbers per position", 256)
    num_layers: Annotated[int, Field(ge=1, le=10_000)] = _count("layers", 4)
    num_heads: Annotated[int, Field(ge=1, le=10_000)] = _count("attention heads", 4)
    # language models of Hugging Face
    attention: Annotated[Literal[ATTENTIONS], _word("attention")] = _text(", ".join(ATTENTIONS), "auto")
    gradient_checkpointing: bool = Field(None, description="true or false", examples=["true"])
    lora_rank: Annotated[int, Field(ge=1, le=10_000)] = _count("dimensions of the adapters", 16)
    lora_alpha: Annotated[float, Field(gt=0, le=1e6)] = Field(
        None, description="a number above 0, usually twice the rank", examples=[32]
    )
    lora_dropout: float = Field(None, ge=0, lt=1, description="a number from 0 to below 1", examples=[0.05])
    lora_targets: Annotated[list[Text], BeforeValidator(_one_or_list), Field(min_length=1)] = _text(
        "names of layers, or all-linear", "[q_proj, v_proj]"
    )
    # data
    train_data: Text = _text("a path, a variable of the notebook or pkg.module:loader", "data/train.csv")
    val_data: OptionalText = _text("a path, a variable of the notebook or pkg.module:loader", "data/val.csv")
    test_data: OptionalText = _text(
        "a path, a variable of the notebook or pkg.module:loader", "data/test.csv"
    )
    split: Annotated[float, BeforeValidator(_auto_split)] = Field(
        None, gt=0, lt=1, description="a number between 0 and 1, the part kept for validation, or auto (0.2)",
        examples=[0.2],
    )  # fmt: skip
    packing: bool = Field(None, description="true or false", examples=["true"])
    completions_only: bool = Field(None, description="true or false", examples=["true"])
    chat_template: OptionalText = _text("a file of Jinja", "chat.jinja")
    sample_prompts: Annotated[list[Text], Field(min_length=1, max_length=20)] = _text(
        "a list of texts that are written on, before and after", '["Once upon a time"]'
    )
    target: OptionalText = _text("the column or array that is to be predicted", "label")
    max_seq_length: Annotated[int, Field(ge=1, le=10**7)] = _count("tokens in a sample", 512)
    dataset_name: OptionalText = _text("a name", "reviews")
    dataset_version: Annotated[
        OptionalText, BeforeValidator(lambda v: v if isinstance(v, bool) or v is None else str(v))
    ] = _text("a version", "v1")  # fmt: skip
    # loss and optimizer
    loss: Text = _text(
        "a criterion of torch.nn, a variable of the notebook or pkg.module:name", "CrossEntropyLoss"
    )
    optimizer: Annotated[Literal[OPTIMIZERS], _word("optimizer")] = _text(", ".join(OPTIMIZERS), "adamw")
    learning_rate: float = Field(
        None, gt=0, le=1, description="a number above 0 and at most 1", examples=[0.001]
    )
    weight_decay: float = Field(None, ge=0, le=1, description="a number from 0 to 1", examples=[0.01])
    betas: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=2, max_length=2)] = Field(
        None, description="two numbers from 0 to below 1", examples=["[0.9, 0.999]"]
    )
    momentum: float = Field(None, ge=0, lt=1, description="a number from 0 to below 1", examples=[0.9])
    warmup_steps: int = Field(
        None, ge=0, le=10**9, description="a whole number of steps, 0 or more", examples=[100]
    )
    lr_schedule: Annotated[Literal[SCHEDULES], _word("lr_schedule")] = _text(", ".join(SCHEDULES), "cosine")
    # how long, in what portions
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = _count("epochs", 10)
    total_steps: Annotated[int, Field(ge=1, le=10**12)] = _count("optimizer steps", 1000)
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = _count("samples in a batch", 32)
    accumulate: Annotated[int, Field(ge=1, le=100_000)] = _count("batches per optimizer step", 1)
    clip: Annotated[float, BeforeValidator(_no_clip), Field(ge=0, le=1e9)] = Field(
        None, description="a number above 0, the largest gradient norm; 0 clips nothing", examples=[1.0]
    )
    # where and how exactly
    device: Annotated[
        str, BeforeValidator(lambda v: v.strip().lower() if isinstance(v, str) else v),
        Field(pattern=r"^(auto|cpu|cuda|gpu|mps|cuda:[0-9]{1,3})$"),
    ] = _text("auto, cpu, cuda, cuda:N or mps", "auto")  # fmt: skip
    num_gpus: int = Field(None, ge=0, le=100_000, description="a whole number, 0 or more", examples=[1])
    distributed_backend: OptionalText = _text("nccl, gloo or nothing", "nccl")
    fp16: bool = Field(None, description="true or false", examples=["true"])
    bf16: bool = Field(None, description="true or false", examples=["true"])
    mixed_precision: Annotated[
        Literal["no", "fp16", "bf16"], _word("mixed_precision"), BeforeValidator(_number_word)
    ] = _text("no, fp16 or bf16", "bf16")  # fmt: skip
    precision: Annotated[
        Literal["32", "bf16", "16", "auto"], _word("precision"), BeforeValidator(_number_word)
    ] = _text("32, bf16, 16 or auto", "bf16")  # fmt: skip
    seed: int = Field(None, ge=0, lt=2**63, description="a whole number, 0 or more", examples=[42])
    deterministic: bool = Field(None, description="true or false", examples=["true"])
    # early stopping and what happens by itself
    early_stopping: bool = Field(None, description="true or false", examples=["true"])
    patience: Annotated[int, Field(ge=1, le=1_000_000)] = _count("evaluations", 5)
    metric: Metric = _text(", ".join(METRICS), "val_loss")
    on_nan: Literal["stop", "skip", "recover"] = _text("stop, skip or recover", "recover")
    on_stall: Literal["alert", "recover"] = _text("alert or recover", "alert")
    # what is kept
    checkpoint_every: Annotated[int, Field(ge=1, le=10**9)] = _count("steps", 1000)
    save_strategy: Annotated[Literal["epoch", "steps", "no"], _word("save_strategy")] = _text(
        "epoch, steps or no", "epoch"
    )
    checkpoint_dir: OptionalText = _text("a folder", "runs")
    keep: Annotated[int, Field(ge=0, le=100_000)] = Field(
        None, description="a whole number of checkpoints, 0 or more", examples=[2]
    )
    load_best_at_end: bool = Field(None, description="true or false", examples=["true"])
    save_model: bool = Field(None, description="true or false", examples=["true"])
    metric_for_best_model: Metric = _text(", ".join(METRICS), "val_loss")
    output_dir: OptionalText = _text("a folder", "runs")
    logging_dir: OptionalText = _text("a folder", "logs")
    log_every: Annotated[int, Field(ge=1, le=10**9)] = _count("steps", 10)
    val_every: Annotated[int, Field(ge=1, le=10**9)] = _count("steps", 500)
    backends: Annotated[
        list[Annotated[Literal[BACKENDS], _word("backends")]], BeforeValidator(_one_or_list),
        Field(min_length=1)
    ] = _text(f"some of {', '.join(BACKENDS)}", "[json]")  # fmt: skip
    wandb_enabled: bool = Field(None, description="true or false", examples=["false"])
    wandb_project: OptionalText = _text("a project's name", "my-project")
    wandb_entity: OptionalText = _text("a user or team", "my-team")
    tags: list[Text] = Field(None, description="a list of words", examples=["[baseline]"])
    tensorboard_enabled: bool = Field(None, description="true or false", examples=["false"])
    tensorboard_log_dir: OptionalText = _text("a folder", "logs/tensorboard")
    name: Annotated[str, Field(min_length=1, max_length=200)] = _text("a name for the run", "baseline")
    phase: Literal["baseline", "optimization", "production"] = _text(
        "baseline, optimization or production", "baseline"
    )
