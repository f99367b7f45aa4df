"""The model compiled by torch.compile, for the call alone.

What it does: the forward and backward of a step go through a compiled wrapper of the model; the model itself,
its names and its state_dict stay plain, and evaluations call it as it is. Compiling takes from seconds to
minutes, so it is tried only where the run is long enough to get that time back. What the compiler cannot do
later in a run (a graph it fails on) is done by the plain model from there on.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sysconfig
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nbtrain.train.batch import Task
from nbtrain.train.fast.candidate import ROUNDING, Candidate, Scene, Setting
from nbtrain.train.step import is_compiled

BASE_S, A_MODULE_S = 10.0, 0.15  # of compiling: seen 8 to 20 s for small models on a CPU, more with layers


def unfit(scene: Scene) -> str:
    """Only where there is a compiler, and nothing that compiling would pass over."""
    if is_compiled(scene.model):
        return "on already"
    if isinstance(scene.optimizer, torch.optim.LBFGS):
        return "LBFGS calls the model many times a step"
    if missing := no_compiler(scene.device):
        return missing
    if not torch._dynamo.is_dynamo_supported():
        return "torch.compile does not know this Python"
    return ""


def no_compiler(device: torch.device) -> str:
    """Say what torch.compile lacks on this machine, "" for nothing."""
    named = os.environ.get("CXX", "")
    if not any(map(shutil.which, filter(None, (named, "g++", "clang++", "cl")))):
        return "no C++ compiler on this machine"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        return "the headers of Python are not installed"
    return ""


def costs_s(scene: Scene) -> float:
    """Return about how long compiling takes, by the number of modules."""
    return BASE_S + A_MODULE_S * sum(1 for _ in scene.model.modules())


@dataclass(frozen=True)
class CompiledTask(Task):
    """A task whose model is called through its compiled wrapper.

    Attributes:
        calls: {"compiled": the wrapper, or None once it has failed; "why": what it said then}.
    """

    calls: dict[str, Any] | None = None

    def loss(self, model: nn.Module, batch: Any) -> tuple[Tensor, Any, Any]:
        """As `Task.loss`; with the plain model from the first failure of the compiler on."""
        compiled = self.calls["compiled"]
        if compiled is None:
            return super().loss(model, batch)
        try:
            return super().loss(compiled, batch)
        except Exception as error:
            if not _is_of_compiler(error):
                raise
            self.calls.update(compiled=None, why=f"{type(error).__name__}: {error}".partition("\n")[0])
        return super().loss(model, batch)


def _is_of_compiler(error: BaseException) -> bool:
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "triton"))


def change(setting: Setting, scene: Scene) -> Setting:
    """Call the model compiled."""
    task = setting.task
    calls = {"compiled": torch.compile(scene.model), "why": ""}
    held = {one.name: getattr(task, one.name) for one in fields(Task)}
    return replace(setting, task=CompiledTask(**held, calls=calls))


CANDIDATE = Candidate("compiled", "torch.compile", 60, ROUNDING, unfit, change, costs_s=costs_s)
