"""Write the weights alone, as safetensors: no code, no pickle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from nbtrain.export.asked import FP16, ExportOptions
from nbtrain.export.shapes import Shapes
from nbtrain.export.writers.written import Written
from nbtrain.exported.runners.runner import Facts
from nbtrain.extras import require

WHY = "to write safetensors"
NOTE = "It holds weights and no program: loading it needs the model's Python."


def write(model: nn.Module, shapes: Shapes, options: ExportOptions, path: Path) -> Written:
    """Write the weights; tensors that share memory are written once."""
    torch_side = require("safetensors.torch", why=WHY)
    if options.quantize == FP16:
        model = model.half()
    torch_side.save_model(model, str(path), metadata={"format": "pt"})
    count = len(model.state_dict())
    return Written("safetensors.torch.save_model", Facts(more=(("Tensors", str(count)),)), (NOTE,))


def put_back(model: nn.Module, path: Path) -> nn.Module:
    """Return the model with the weights of a file and no other: every one it had is NaN before."""
    torch_side = require("safetensors.torch", why=WHY)
    with torch.no_grad():
        for one in (*model.parameters(), *_saved_buffers(model)):
            one.fill_(float("nan")) if one.is_floating_point() else one.zero_()
    torch_side.load_model(model, str(path))
    return model


def _saved_buffers(model: nn.Module) -> list[Tensor]:
    kept = set(model.state_dict())
    return [one for name, one in model.named_buffers() if name in kept]
