"""Runs ONNX by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nbtrain.errors import CheckpointCorrupted, UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.runners.runner import Facts, Port, torch_device
from nbtrain.extras import require

WHY = "to run ONNX models"


class OnnxRunner:
    """A session of onnxruntime, with as many threads as torch has."""

    kind = "ONNX"

    def __init__(self, session: Any, facts: Facts) -> None:
        self._session, self.facts = session, facts
        self._names = [one.name for one in facts.inputs]

    def run(self, feed: Feed) -> list[Tensor]:
        """Return the outputs of one batch."""
        tensors = feed.tensors()
        if set(self._names) <= set(tensors):
            given = {name: tensors[name].numpy() for name in self._names}
        elif len(tensors) == len(self._names):
            given = {name: one.numpy() for name, one in zip(self._names, tensors.values(), strict=True)}
        else:
            raise UsageError(
                f"The model takes {', '.join(self._names)}, and the data gives {', '.join(tensors)}.",
                suggestion="Give the data it was exported with.",
            )
        try:
            return [torch.from_numpy(one) for one in self._session.run(None, given)]
        except Exception as error:  # onnxruntime has one error class for each status
            raise UsageError(
                f"The model does not take these inputs: {' '.join(str(error).split())[:250]}",
                suggestion="Give the data it was exported with.",
            ) from None


def load(path: Path, *, device: str) -> OnnxRunner:
    """Return what runs an ONNX file; see `load_runner`."""
    runtime = require("onnxruntime", why=WHY)
    place = torch_device(device)
    providers: list[Any] = ["CPUExecutionProvider"]
    if place.type == "cuda":
        if "CUDAExecutionProvider" not in runtime.get_available_providers():
            raise UsageError(
                "This onnxruntime has no CUDA.",
                suggestion="Run: %pip install onnxruntime-gpu (in place of onnxruntime), or --device cpu.",
            )
        providers = [("CUDAExecutionProvider", {"device_id": place.index or 0}), *providers]
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; its warnings are about the choice of kernels
    try:
        session = runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime has one error class for each status
        raise CheckpointCorrupted(
            f"{path} cannot be loaded by onnxruntime: {' '.join(str(error).split())[:250]}",
            suggestion="Export it again; a newer opset needs a newer onnxruntime.", path=str(path),
        ) from None  # fmt: skip
    if place.type == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise UsageError("onnxruntime could not start CUDA here.", suggestion="Its version must fit CUDA's.")
    return OnnxRunner(session, _facts(session))


def _facts(session: Any) -> Facts:
    def ports(found: Any) -> tuple[Port, ...]:
        return tuple(
            Port(one.name, tuple(one.shape), one.type.removeprefix("tensor(").removesuffix(")"))
            for one in found
        )

    return Facts(ports(session.get_inputs()), ports(session.get_outputs()))
