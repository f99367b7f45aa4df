"""A diagnosis in JupyterLab, its next step as a cell below it, and an optimization report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.lab import Lab
from tests.browser.seen import until

pytestmark = pytest.mark.browser

DIGITS = """\
%load_ext nbtrain
%config NBTrain.log = "json"
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).flatten(1) / 16
labels = torch.tensor(digits.target)
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
held_back = TensorDataset(images[order[1200:]], labels[order[1200:]])
val_loader = DataLoader(held_back, batch_size=200)
criterion = nn.CrossEntropyLoss()

seen = TensorDataset(images[order[:1200]], labels[order[:1200]])

def made(lr):
    global model, optimizer, train_loader
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    train_loader = DataLoader(seen, batch_size=50, shuffle=True, generator=torch.Generator().manual_seed(2))
"""
WIDTH = 1100


def test_a_diagnosis_puts_its_next_step_into_a_cell(lab: Lab, shoot: Callable[..., None]) -> None:
    """One press puts the report's code into a cell below, and the saved file has it as text."""
    cells = [
        DIGITS,
        "made(3e-5)\nbase = %train --epochs 20 --name slow --seed 1 --yes --wait",
        "made(3e-3)\nbetter = %train --epochs 20 --name faster --seed 1 --yes --wait",
        "%train diagnose $base.id",
        "%train report --baseline $base.dir --optimized $better.dir --output optimization_results.md",
    ]
    with lab.cells(cells, width=WIDTH, height=4600) as notebook:
        notebook.run_all()
        notebook.wait_done()
        page = notebook.page
        cell = page.locator(".jp-CodeCell")
        pictures = ("diagnosis", 3), ("optimization-report", 4)
        for _, at in pictures:
            cell.nth(at).locator(".nbt-report").first.wait_for(timeout=60_000)
        for theme, dark in (("dark", True), ("light", False)):
            notebook.theme(dark=dark)
            for name, at in pictures:
                shoot(f"{name}-{theme}", cell.nth(at).locator(".nbt-report").first)

        source = "(at) => window.jupyterapp.shell.currentWidget.content.widgets[at].model.sharedModel.source"
        cell.nth(3).locator(".nbtrain-start").click()
        until(page, lambda: "param_groups" in page.evaluate(source, 4), "the cell below")
        code = page.evaluate(source, 4)
        assert code.splitlines()[-1] == "%train --epochs 40"
        assert "It stands below" in cell.nth(3).inner_text()
        saved = notebook.save()["cells"]
        assert _shown(saved[3]).count(code.splitlines()[1]) >= 1


def _shown(cell: dict[str, Any]) -> str:
    return "".join(
        part for output in cell["outputs"] for part in output.get("data", {}).get("text/plain", [])
    )
