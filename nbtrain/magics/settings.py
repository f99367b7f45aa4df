"""Settings a notebook makes once: `%config NBTrain.log = "json"`."""

from __future__ import annotations

from typing import Any

from traitlets import TraitError, Unicode, observe, validate
from traitlets.config import Configurable

from nbtrain.errors import UsageError, UserError
from nbtrain.running.backends import BACKENDS, backends
from nbtrain.runs.root import set_default_root


class Refused(BaseException):
    """A setting that is refused. `%config` only logs an Exception, and its cell looks as if it had worked.

    Args:
        error: what is shown, as one line.
    """

    def __init__(self, error: UserError) -> None:
        super().__init__(str(error))
        self._render_traceback_ = error._render_traceback_


class NBTrain(Configurable):
    """Settings of nbtrain in this notebook.

    Attributes:
        replaced: (kind, name) of each of our magics -> the magic that bore the name before, or None.
    """

    log = Unicode(
        "", help="Logging backends of every run: json, tensorboard, wandb, mlflow; several with commas."
    ).tag(config=True)
    dir = Unicode("runs", help="Folder that holds the run folders.").tag(config=True)

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self.replaced: dict[tuple[str, str], Any] = {}

    def update_config(self, config: Any) -> None:
        """Take `%config` lines; a wrong one is refused before it is kept, or each later line would fail."""
        said = config.get(type(self).__name__, {})
        unknown = [name for name in said if not self.has_trait(name)]
        if unknown:
            raise Refused(
                UsageError(
                    f"NBTrain.{unknown[0]} is no setting of nbtrain.",
                    suggestion='There are NBTrain.log, e.g. "json", and NBTrain.dir, e.g. "runs".',
                )
            )
        try:
            for name, value in said.items():
                getattr(type(self), name)._validate(self, value)
            super().update_config(config)
        except TraitError as error:
            raise Refused(UsageError(str(error))) from None

    @validate("log")
    def _check_log(self, proposal: Any) -> str:
        return _checked(proposal["value"])

    @observe("dir")
    def _tell_the_folder(self, change: Any) -> None:
        set_default_root(change["new"])  # so that nbtrain.runs() and its like look there too


def _checked(value: str) -> str:
    try:
        backends(value)
    except UsageError as error:
        allowed = ", ".join(BACKENDS)
        raise TraitError(
            f"NBTrain.log: {error.message} Allowed are {allowed}; several with commas."
        ) from None
    return value
