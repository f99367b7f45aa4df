"""The one place where optional packages are asked for."""

from __future__ import annotations

import importlib
from types import ModuleType

from nbtrain.errors import MissingExtra

# import name -> the extra of nbtrain that brings it
EXTRA_OF = {
    "tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow", "sklearn": "demo",
    "torchvision": "vision",
    "timm": "vision", "pyarrow": "parquet", "transformers": "hf", "onnx": "export",
    "onnxscript": "export", "onnxruntime": "export", "onnxruntime_gpu": "export", "safetensors": "export",
    "optuna": "search", "tokenizers": "hf", "datasets": "hf", "peft": "hf",
}  # fmt: skip


def require(module: str, *, why: str) -> ModuleType:
    """Import an optional package or say how to get it.

    Args:
        module: import name, dots allowed (`torch.utils.tensorboard`).
        why: completes "X is needed ...", e.g. `to write TensorBoard logs`.

    Raises:
        MissingExtra: the package is absent; the message is the exact `%pip install` line.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = (error.name or module).split(".")[0]
        extra = EXTRA_OF.get(top, EXTRA_OF.get(module.split(".")[0], top))
        raise MissingExtra(
            f"The package `{top}` is needed {why}, and it is not installed.",
            suggestion=f'Run: %pip install "nbtrain[{extra}]"',
            package=top,
        ) from None
