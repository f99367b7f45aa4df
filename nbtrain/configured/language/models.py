"""The model of a fine-tuning: its weights and their precision, attention, gradient checkpointing, LoRA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nbtrain.config.resolved import Configuration
from nbtrain.configured.architecture import Built
from nbtrain.configured.language.loss import NextTokenLoss
from nbtrain.configured.language.pretrained import Base, quiet, unreadable
from nbtrain.errors import UsageError
from nbtrain.extras import require
from nbtrain.notebook.rng import preserved_rng
from nbtrain.train.seeds import seed_everything

# Source: LoRA (Hu et al. 2021) finds rank 8 to 16 enough; alpha twice the rank, all linear layers: QLoRA
# (Dettmers et al. 2023)
RANK, ALPHA_OF_RANK, TARGETS = 16, 2, "all-linear"
LORA = ("lora_rank", "lora_alpha", "lora_dropout", "lora_targets")
_REFUSED = ("trust_remote_code", "quantization_config", "load_in_8bit", "load_in_4bit", "device_map")


def wants_lora(configuration: Configuration) -> bool:
    """Say whether adapters are trained instead of the weights."""
    return any(name in configuration.values for name in LORA)


def build_language_model(configuration: Configuration, base: Base) -> Built:
    """Return the model with its loss, and lines for the plan; new weights of adapters come from the seed.

    Weights are held in float32, since steps of a fine-tuning are lost in the rounding of half precision; with
    LoRA the frozen ones stay as they are on disk. No code of the base is run.

    Raises:
        UsageError: the base cannot be loaded, or an argument does not fit. MissingExtra: a package is absent.
    """
    lora = wants_lora(configuration)
    attention = _attention(configuration)
    with preserved_rng():
        seed_everything(configuration.values["seed"])
        model, missing = _loaded(base, configuration, attention, in_float32=not lora)
        model.config.use_cache = False  # what was read before is of use in generating alone
        whole = sum(p.numel() for p in model.parameters())
        if lora:
            with quiet():
                model = _with_adapters(model, configuration)
    if configuration.get("gradient_checkpointing"):
        with quiet():
            _checkpoint_gradients(model, through_inputs=lora)
    lines = [
        ("Base", base.source),
        ("Weights", f"{whole:,} of {_dtypes(model)}"),
        ("Attention", _attention_of(model)),
        ("Window", f"{base.window:,} tokens" if base.window else "not known"),
    ]
    if lora:
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        share = 100 * trained / whole
        lines.append(("LoRA", f"{trained:,} weights are trained, {share:.2g} % of the model's"))
    if configuration.get("gradient_checkpointing"):
        lines.append(("Gradient checkpointing", "on: less memory, about a third more time"))
    said = ()
    if missing:
        said = (
            f"{len(missing)} weights are not in the checkpoint and begin at random: "
            f"{', '.join(missing[:3])}.",
        )
    loss = NextTokenLoss(shift=True, router=_router(model), name="the next token's cross-entropy")
    return Built(model, base.name, loss, said=said, lines=tuple(lines))


def _checkpoint_gradients(model: Any, *, through_inputs: bool) -> None:
    how = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # the older word goes with transformers 6
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=how)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)
    if through_inputs:  # with frozen weights nothing that enters a checkpointed block has a gradient else
        model.enable_input_require_grads()


def _loaded(
    base: Base, configuration: Configuration, attention: str | None, *, in_float32: bool
) -> tuple[nn.Module, list[str]]:
    transformers = require("transformers", why=f"to fine-tune {base.source}")
    arguments = dict(configuration.get("arguments", {}))
    if refused := [name for name in arguments if name in _REFUSED]:
        raise UsageError(
            f"`model.arguments` has `{refused[0]}`, which a run from a configuration does not take.",
            suggestion="Load the model in the notebook and give it to %train.",
        )
    # the word changed in transformers 4.56
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2] if part.isdigit())
    arguments["dtype" if version >= (4, 56) else "torch_dtype"] = torch.float32 if in_float32 else "auto"
    if attention is not None:
        arguments["attn_implementation"] = attention
    try:
        with quiet():
            model, told = transformers.AutoModelForCausalLM.from_pretrained(
                base.source, output_loading_info=True, trust_remote_code=False, **arguments
            )
    except (OSError, ValueError, KeyError, ImportError, TypeError, RuntimeError) as error:
        raise unreadable(base.source, "model", error) from None
    _refuse_small_table(model, base)
    return model, sorted(told.get("missing_keys", ()))


def _refuse_small_table(model: Any, base: Base) -> None:
    rows = model.get_input_embeddings().num_embeddings
    if len(base.tokenizer) > rows:
        raise UsageError(
            f"The tokenizer of {base.name} has {len(base.tokenizer):,} tokens, and its model {rows:,}.",
            suggestion="They do not belong together; or model.resize_token_embeddings(len(tokenizer)) first.",
        )


def _attention(configuration: Configuration) -> str | None:
    """Flash attention where its package, a GPU and half precision are there; None is torch's own choice.

    Raises:
        UsageError: it is asked for, and one of them is missing.
    """
    asked = configuration.get("attention", "auto")
    if asked not in ("auto", "flash_attention_2"):
        return asked
    from transformers.utils import is_flash_attn_2_available

    lacks = []
    if configuration.get("device") in ("cpu", "mps") or not torch.cuda.is_available():
        lacks.append("a CUDA device")
    if configuration.get("precision") not in ("bf16", "16", "auto"):
        lacks.append("bf16 or fp16")
    if not is_flash_attn_2_available():
        lacks.append("the package flash-attn")
    if not lacks:
        return "flash_attention_2"
    if asked == "auto":
        return None
    raise UsageError(
        f"`model.attention` is flash_attention_2, which needs {' and '.join(lacks)}.",
        suggestion="Take auto: torch's own attention has a flash kernel for GPUs, too.",
    )


def _attention_of(model: Any) -> str:
    word = str(getattr(model.config, "_attn_implementation", "") or "its own")
    return f"{word} (torch's own, flash kernels where the device has them)" if word == "sdpa" else word


def _with_adapters(model: nn.Module, configuration: Configuration) -> Any:
    peft = require("peft", why="for LoRA")
    rank = configuration.get("lora_rank", RANK)
    targets = configuration.get("lora_targets") or [TARGETS]
    config = peft.LoraConfig(
        task_type="CAUSAL_LM", r=rank, lora_alpha=configuration.get("lora_alpha", ALPHA_OF_RANK * rank),
        lora_dropout=configuration.get("lora_dropout", 0.0),
        target_modules=TARGETS if targets == [TARGETS] else list(targets),
    )  # fmt: skip
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:
        names = sorted({name.rpartition(".")[2] for name, one in model.named_modules() if _is_linear(one)})
        raise UsageError(
            f"LoRA cannot be put on {', '.join(map(str, targets))}: {str(error).splitlines()[0][:150]}",
            suggestion=f"Linear layers of this model are {', '.join(names)}; all-linear takes all but the "
            "last.",
        ) from None


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


def _router(model: Any) -> float:
    """The weight of a mixture of experts' balance, where its model gives that loss."""
    wanted = getattr(model.config, "output_router_logits", False)
    return float(getattr(model.config, "router_aux_loss_coef", 0.0) or 0.0) if wanted else 0.0


def _dtypes(model: nn.Module) -> str:
    kinds: Mapping[torch.dtype, None] = dict.fromkeys(p.dtype for p in model.parameters())
    return " and ".join(str(kind).removeprefix("torch.") for kind in kinds)
