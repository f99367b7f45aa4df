"""`%load_ext nbtrain` and `%unload_ext nbtrain`: what is added to a shell, and taken from it."""

from __future__ import annotations

from typing import Any

from nbtrain.magics import display
from nbtrain.magics.magics import NBTrainMagics
from nbtrain.magics.settings import NBTrain

MAGICS = (("line", "train"), ("line", "train_review"), ("cell", "train_review"))


def load(shell: Any) -> None:
    """Add magics, settings and displays. Loading twice changes nothing."""
    if any(isinstance(known, NBTrain) for known in shell.configurables):
        return
    settings = NBTrain(parent=shell)
    shell.configurables.append(settings)
    shell.register_magics(NBTrainMagics(shell, settings))
    display.install(shell)


def unload(shell: Any) -> None:
    """Take out what `load` put in; runs that train go on."""
    shell.configurables[:] = [known for known in shell.configurables if not isinstance(known, NBTrain)]
    for kind, name in MAGICS:
        shell.magics_manager.magics[kind].pop(name, None)
    display.uninstall(shell)
