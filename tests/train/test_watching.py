"""What a real training leaves of its layers, and what watching it costs."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from setups import loader, net

from nbtrain.running import overhead


@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_training_measures_its_layers_and_what_watching_costs(
    train: Any, monkeypatch: pytest.MonkeyPatch, clip: float | None
) -> None:
    """Rows are the layers that learn, each with samples; the cost is a share, kept at the end."""
    monkeypatch.setattr(overhead, "LEAST_TRAINED_S", 0.05)
    model = net(norm=True)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    run = train(model, loader(), optimizer=optimizer, clip=clip, epochs=1_000_000, wait=False)
    assert run.overhead is None or run.overhead > 0
    end = time.monotonic() + 30
    while run.overhead is None and time.monotonic() < end:
        time.sleep(0.02)
    run.stop()
    run.wait(30)

    assert 0 < run.overhead < 1
    history = run.layer_history
    assert history.names == ("1", "4")
    assert history.samples >= 1
