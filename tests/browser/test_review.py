"""A review in JupyterLab: what it says of a cell, and that the styles of the page leave it alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.lab import Lab

pytestmark = pytest.mark.browser
CARELESS = """\
%%train_review
import torch
from torch import nn
from transformers import GPT2LMHeadModel

model = GPT2LMHeadModel.from_pretrained("gpt2")
optimizer = torch.optim.Adam(model.parameters(), lr=0.05, weight_decay=0.01)
scaler = None
accumulation_steps = 8

for epoch in range(30):
    for i, batch in enumerate(train_loader):
        with torch.autocast("cuda", dtype=torch.float16):
            loss = model(**batch).loss
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
"""


def test_a_review_in_its_cell(lab: Lab, shoot: Callable[..., None]) -> None:
    """Critical findings and warnings stand in tables set left, and names between backticks are code."""
    with lab.cells(["%load_ext nbtrain", CARELESS], scale=1.5, height=2400) as notebook:
        notebook.run_all()
        report = notebook.page.locator(".nbt-report")
        report.wait_for(timeout=60_000)
        titles = report.locator("h3").all_inner_texts()
        assert {"Critical", "Warnings", "Confidence Assessment", "Information Gaps"} <= set(titles)
        cell = report.locator("tbody th").first
        assert cell.evaluate("(el) => getComputedStyle(el).textAlign") == "left"
        left = report.locator("h2, h3, table").evaluate_all(
            "(all) => all.map((el) => el.getBoundingClientRect().x)"
        )
        assert max(left) - min(left) < 0.5
        assert report.locator("code").count() and "`" not in report.inner_text()
        shoot("review-light", report)
