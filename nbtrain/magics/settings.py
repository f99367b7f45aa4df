"""Settings a notebook makes once: `%config NBTrain.log = "json"`."""

from __future__ import annotations

from typing import Any

from traitlets import Unicode
from traitlets.config import Configurable


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
