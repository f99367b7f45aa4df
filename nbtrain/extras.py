"""The one place where optional packages are asked for."""

from __future__ import annotations

import importlib
import importlib.util
import sys
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
        raise _missing(top, EXTRA_OF.get(top, EXTRA_OF.get(module.split(".")[0], top)), why) from None


def refuse_missing(package: str, *, why: str) -> None:
    """Say how to get an optional package that is absent; imports nothing.

    Raises:
        MissingExtra: the package is absent.
    """
    known = package in sys.modules
    found = sys.modules[package] if known else importlib.util.find_spec(package)
    if found is None:
        raise _missing(package, EXTRA_OF.get(package, package), why)


def _missing(package: str, extra: str, why: str) -> MissingExtra:
    return MissingExtra(
        f"The package `{package}` is needed {why}, and it is not installed.",
        suggestion=f'Run: %pip install "nbtrain[{extra}]"',
        package=package,
    )
