"""`%load_ext nbtrain` and `%unload_ext nbtrain`: what is added to a shell, and taken from it."""

from __future__ import annotations

import sys
from typing import Any

from nbtrain.magics import cells, completion, display, leftovers
from nbtrain.magics.magics import NBTrainMagics
from nbtrain.magics.settings import NBTrain
from nbtrain.runs.root import set_default_root
from nbtrain.telemetry import prints

MAGICS = (("line", "train"), ("cell", "train"), ("line", "train_review"), ("cell", "train_review"))


def load(shell: Any) -> None:
    """Add magics, settings, completion and displays. Loading twice changes nothing."""
    if _settings(shell) is not None:
        return
    settings = NBTrain(parent=shell)
    set_default_root(settings.dir)
    known = shell.magics_manager.magics
    settings.replaced = {place: known[place[0]].get(place[1]) for place in MAGICS}
    shell.configurables.append(settings)
    shell.register_magics(NBTrainMagics(shell, settings))
    completion.install(shell)
    accompany(shell)


def accompany(shell: Any) -> None:
    """Show our values and keep cells and runs apart, with or without the magics. Twice does no harm."""
    display.install(shell)
    cells.install(shell)
    leftovers.install(shell)


def unload(shell: Any) -> None:
    """Take out what `load` put in, and put back what it replaced; runs that train go on."""
    settings = _settings(shell)
    if settings is None:
        return
    ours = (NBTrain, NBTrainMagics)  # IPython puts magics there by itself
    shell.configurables[:] = [known for known in shell.configurables if not isinstance(known, ours)]
    for (kind, name), before in settings.replaced.items():
        shell.magics_manager.magics[kind].pop(name, None)
        if before is not None:
            shell.magics_manager.magics[kind][name] = before
    shell.magics_manager.registry.pop(NBTrainMagics.__name__, None)
    completion.uninstall(shell)
    display.uninstall(shell)
    cells.uninstall(shell)
    leftovers.uninstall(shell)
    prints.stop_listening()
    set_default_root(None)
    known = sys.modules.get("nbtrain.running.active")
    for run in known.alive() if known is not None else ():
        run.activity.unhook("nbtrain was unloaded")


def _settings(shell: Any) -> NBTrain | None:
    return next((known for known in shell.configurables if isinstance(known, NBTrain)), None)
