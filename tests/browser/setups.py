"""Cells that the browser tests run: the quickstart's own, and small set-ups."""

from __future__ import annotations

import json

from tests.browser.lab import ROOT

SMALL = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
import nbtrain

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
criterion = nn.CrossEntropyLoss()
points = torch.randn(2000, 20)
kinds = points[:, :3].argmax(1)
train_loader = DataLoader(TensorDataset(points[:1600], kinds[:1600]), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(points[1600:], kinds[1600:]), batch_size=200)
"""
PACED = """
import time
paced = optimizer.register_step_post_hook(lambda *_: time.sleep(0.004))  # the page has the processor, too
"""
LOAD = '%load_ext nbtrain\n%config NBTrain.log = "json"'


def quickstart_until_training(*, epochs: int, name: str) -> list[str]:
    """Return the quickstart's code cells up to the one that trains, for so many epochs."""
    cells = json.loads((ROOT / "notebooks" / "quickstart.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    until = next(i for i, source in enumerate(code) if "= %train" in source)
    code = [source.replace("epochs = 40", f"epochs = {epochs}") for source in code]  # the schedule's too
    return [*code[:until], f"run = %train --epochs {epochs} --name {name} --yes"]
