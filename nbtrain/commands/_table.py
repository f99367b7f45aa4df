"""The one table of verbs: name -> (module, summary). Static, so that help and completion import nothing."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbtrain.commands.spec import Command

TABLE: dict[str, tuple[str, str]] = {
    "start": ("nbtrain.commands.start", "train a model in the background"),
    "plan": ("nbtrain.commands.plan", "resolve everything, rehearse one batch, show the plan"),
    "review": ("nbtrain.commands.review", "review code and live objects before GPU hours are spent"),
    "status": ("nbtrain.commands.status", "show a run, live when it trains"),
    "pause": ("nbtrain.commands.controls", "pause a run at the next step"),
    "resume": ("nbtrain.commands.resume", "let a paused run, or an ended one from its checkpoint, go on"),
    "wait": ("nbtrain.commands.controls", "wait in this cell until a run is over"),
    "stop": ("nbtrain.commands.controls", "stop a run at the next step or epoch"),
    "save": ("nbtrain.commands.controls", "save a checkpoint at the next step"),
    "set": ("nbtrain.commands.controls", "change lr, epochs, max_steps or patience of a run while it trains"),
    "runs": ("nbtrain.commands.runs", "list the runs of this kernel and on disk"),
    "checkpoints": ("nbtrain.commands.checkpoints", "list the checkpoints of a run"),
    "report": ("nbtrain.commands.report", "show what a run came to, or an optimization of it"),
    "diagnose": ("nbtrain.commands.diagnose", "say what is wrong with a training, and what to do"),
    "compare": ("nbtrain.commands.compare", "compare an optimized training with its baseline"),
    "validate": ("nbtrain.commands.validate", "check a configuration: every error and warning at once"),
    "inspect": ("nbtrain.commands.inspect", "look at a model, optimizer, scheduler, loader or checkpoint"),
    "lr-find": ("nbtrain.commands.lr_find", "find a learning rate by a range test that leaves no trace"),
    "estimate": ("nbtrain.commands.estimate", "estimate the memory of a training step before it runs"),
    "search": ("nbtrain.commands.search", "search hyperparameters: random, grid or bayesian"),
    "command": ("nbtrain.commands.command", "propose the command for a training asked for in words"),
    "cleanup": ("nbtrain.commands.cleanup", "list what lies about, with its removal; delete nothing"),
    "free": ("nbtrain.commands.free", "let go of the memory of a failed cell"),
    "evaluate": ("nbtrain.commands.evaluate", "evaluate a checkpoint, or the model as it is, on a data set"),
    "export": (
        "nbtrain.commands.export",
        "export a model to ONNX, TorchScript, torch.export or safetensors, verified",
    ),
    "bench": (
        "nbtrain.commands.bench",
        "time exported models beside PyTorch: latency, throughput, accuracy, memory",
    ),
    "explain": ("nbtrain.commands.explain", "explain the last error, a traceback, a rule or an alert"),
}


def command(name: str) -> Command:
    """Load a verb's command.

    Raises:
        KeyError: no such verb.
    """
    module = import_module(TABLE[name][0])
    commands = getattr(module, "COMMANDS", None) or {module.COMMAND.name: module.COMMAND}
    return commands[name]


def verbs_text() -> str:
    """Return the verbs as aligned lines, one a line."""
    width = max(map(len, TABLE))
    return "\n".join(f"  {name:{width}}  {summary}" for name, (_, summary) in TABLE.items())


def nearest_verb(word: str) -> str | None:
    """Return the verb that was probably meant, or None."""
    return next(iter(difflib.get_close_matches(word, TABLE, n=1, cutoff=0.7)), None)
