"""Settings a notebook makes once: `%config NBTrain.log = "json"`."""

from __future__ import annotations

from traitlets import Unicode
from traitlets.config import Configurable


class NBTrain(Configurable):
    """Settings of nbtrain in this notebook."""

    log = Unicode(
        "", help="Logging backends of every run: json, tensorboard, wandb, mlflow; several with commas."
    ).tag(config=True)
    dir = Unicode("runs", help="Folder that holds the run folders.").tag(config=True)
