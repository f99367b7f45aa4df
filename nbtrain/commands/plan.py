"""plan: everything `start` would do, shown and rehearsed on one batch, with nothing started and nothing
changed."""

from __future__ import annotations

from nbtrain.commands import start
from nbtrain.commands.spec import Command

COMMAND = Command(
    "plan",
    "resolve everything, rehearse one batch, show the plan",
    lambda args, context: start.resolve(args, context).report(),
    (start.OBJECTS, *start.OPTIONS),
    examples=("--epochs 20", "model train_loader --val val_loader", "--config training_config.yaml"),
)
