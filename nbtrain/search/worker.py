"""`python -m nbtrain.search.worker FOLDER`: trials of a search in a process of its own, until there are
enough.

It ends when a file STOP lies in the folder, or when the process that started it is gone. What it does is
asked of and told to the trials' file alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cloudpickle
import torch

from nbtrain.search.reading import space_of
from nbtrain.search.study import Study
from nbtrain.search.trial import Wishes
from nbtrain.search.working import work

SUBJECT_FILE, STOP_FILE = ".subject.pkl", "STOP"


def main(folder: Path, parent: int, threads: int) -> int:
    """Do trials; return the exit status."""
    torch.set_num_threads(max(1, threads))
    with (folder / SUBJECT_FILE).open("rb") as file:  # written a moment ago by the process that started this
        subject, space, options = cloudpickle.load(file)
    study = Study(folder, space_of(space), options)
    wishes = Wishes()

    def look() -> None:
        if (folder / STOP_FILE).exists():
            wishes.stop()
        elif os.getppid() != parent:
            wishes.stop("the process that started it is gone")

    wishes.look = look
    try:
        work(study, subject, wishes)
    finally:
        study.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
