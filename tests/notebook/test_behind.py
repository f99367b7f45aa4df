"""The cells behind a notebook's objects: the last run of each that made one, and what it needed."""

from __future__ import annotations

from nbtrain.notebook.behind import Cell, cells_behind

NOTEBOOK = """\
import torch
from torch import nn
---
%load_ext nbtrain
---
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(width, 2)
---
width = 8
---
model = Net()
---
history = []
---
model = Net()
!nvidia-smi
optimizer = torch.optim.SGD(model.parameters(), lr)
---
lr = 0.1
---
model = (
---
model.head = nn.Linear(4, 3)
---
model.eval()
---
for model_index in range(3):
    width_now = width
"""


def numbers(text: str) -> list[int]:
    return [int(line[9:-1]) for line in text.splitlines() if line.startswith("# %% In [")]


def test_the_cells_that_made_the_objects_and_what_they_needed() -> None:
    """Of the model's two runs the last, its class and what that reads, later changes; nothing else."""
    cells = [Cell(at, text.strip()) for at, text in enumerate(NOTEBOOK.split("---\n"), 1)]
    text = cells_behind(["model", "optimizer.inner"], cells)

    assert numbers(text) == [1, 3, 4, 7, 8, 10]
    assert "# !nvidia-smi" in text
    compile(text, "cells.py", "exec")

    loop = Cell(13, "%%train\nfor step in range(width):\n    optimizer.step()")
    assert numbers(cells_behind((), cells, also=loop)) == [1, 3, 4, 7, 8, 13]
    assert cells_behind(["nothing"], cells) == ""


def test_a_cell_that_needs_its_own_earlier_run() -> None:
    """`model = wrap(model)` leads on to the cell before."""
    sources = ["model = 1", "def wrap(m):\n    return m", "model = wrap(model)", "count = 0", "count += 1"]
    cells = [Cell(at, text) for at, text in enumerate(sources, 1)]

    assert numbers(cells_behind(["model"], cells)) == [1, 2, 3]
    assert numbers(cells_behind(["count"], cells)) == [4, 5]
