"""Good practices: nothing is praised that a finding says is done in the wrong place."""

from __future__ import annotations

import nbtrain

LOOP = """
import torch
from torch import nn

model = nn.LSTM(8, 16)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x)[0], y)
    loss.backward()
{steps}
"""
CLIP, STEP = "    nn.utils.clip_grad_norm_(model.parameters(), 1.0)", "    optimizer.step()"


def test_clipping_after_the_step_is_no_good_practice() -> None:
    """Clipped in time it is praised; after the step it is a finding, and not praised."""
    good = nbtrain.review(LOOP.format(steps=f"{CLIP}\n{STEP}"))
    late = nbtrain.review(LOOP.format(steps=f"{STEP}\n{CLIP}"))
    assert any("are limited" in one for one in good.good_practices)
    assert "clip-misplaced" in {finding.rule for finding in late.findings}
    assert not any("are limited" in one for one in late.good_practices)
