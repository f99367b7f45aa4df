"""nbtrain: review, train and understand PyTorch models without leaving the notebook.

    %load_ext nbtrain
    %train                      train what the notebook holds, in the background, watched live
    %%train                     run this cell's own loop in the background, followed
    %%train_review              review this cell before GPU hours are spent

The same from Python: `nbtrain.train(model, loader)`, `nbtrain.review(source)`. Importing nbtrain imports
neither torch nor IPython; a name's module is loaded when the name is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrain.commands.bench import bench as bench
    from nbtrain.commands.checkpoints import list_checkpoints as list_checkpoints
    from nbtrain.commands.compare import compare as compare
    from nbtrain.commands.diagnose import diagnose as diagnose
    from nbtrain.commands.errors_explained import explain as explain
    from nbtrain.commands.estimate import estimate_memory as estimate_memory
    from nbtrain.commands.evaluate import evaluate as evaluate
    from nbtrain.commands.export import export as export
    from nbtrain.commands.free import free as free
    from nbtrain.commands.inspect import inspect as inspect
    from nbtrain.commands.lr_find import lr_find as lr_find
    from nbtrain.commands.review import review as review
    from nbtrain.commands.runs import last_run as last_run
    from nbtrain.commands.runs import load_run as load_run
    from nbtrain.commands.runs import runs as runs
    from nbtrain.commands.search import search as search
    from nbtrain.commands.start import train as train
    from nbtrain.commands.validate import validate as validate
    from nbtrain.commands.watch import watch as watch
    from nbtrain.running.log import log as log

__version__ = "0.1.0"

_HOME = {
    "bench": "nbtrain.commands.bench",
    "compare": "nbtrain.commands.compare",
    "diagnose": "nbtrain.commands.diagnose",
    "estimate_memory": "nbtrain.commands.estimate",
    "explain": "nbtrain.commands.errors_explained",
    "evaluate": "nbtrain.commands.evaluate",
    "export": "nbtrain.commands.export",
    "free": "nbtrain.commands.free",
    "inspect": "nbtrain.commands.inspect",
    "last_run": "nbtrain.commands.runs",
    "list_checkpoints": "nbtrain.commands.checkpoints",
    "load_run": "nbtrain.commands.runs",
    "log": "nbtrain.running.log",
    "lr_find": "nbtrain.commands.lr_find",
    "review": "nbtrain.commands.review",
    "runs": "nbtrain.commands.runs",
    "search": "nbtrain.commands.search",
    "train": "nbtrain.commands.start",
    "validate": "nbtrain.commands.validate",
    "watch": "nbtrain.commands.watch",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nbtrain' has no attribute {name!r}")
    _show_in_notebook()
    return getattr(import_module(_HOME[name]), name)


class _Package(ModuleType):
    """Keeps `nbtrain.train`, `nbtrain.review` and `nbtrain.runs` the functions people call.

    The import system binds a subpackage under its name in the parent, which would put the module in the
    function's place.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "__doc__", "__file__", "__name__", "__path__", "__all__"])


def _show_in_notebook() -> None:
    """Have a running IPython show runs and keep its cells apart, also where the extension was not loaded."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        import_module("nbtrain.magics.extension").accompany(shell)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext nbtrain`: add the magics to the shell."""
    import_module("nbtrain.magics.extension").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext nbtrain`: leave the shell as it was."""
    import_module("nbtrain.magics.extension").unload(shell)
