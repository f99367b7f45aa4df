"""`export` and `bench` where there is a GPU. Run with `pytest -m gpu tests/gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import nbtrain

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def test_a_model_of_the_gpu_is_exported_and_timed_there(tmp_path: Path) -> None:
    """Files of a CUDA model run on both devices; times are of finished work; memory of the GPU is seen."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(512, 4096), nn.ReLU(), nn.Linear(4096, 10)).cuda()
    data = [(torch.randn(64, 512), torch.randint(10, (64,))) for _ in range(4)]
    for name in ("m.pt2", "m.ts"):
        file = tmp_path / name
        assert nbtrain.export(model, data, output=file).data["accepted"]
        told = nbtrain.bench(file, data, against=model, device="cuda", batch_size=[1, 64]).data
        assert told["within_limit"] and told["device_name"] == torch.cuda.get_device_name()
        assert [side["same_class"] for side in told["sides"]] == [1.0, pytest.approx(1.0, abs=0.02)]
    assert next(model.parameters()).is_cuda
    heavy = nn.Sequential(*[nn.Linear(4096, 4096) for _ in range(8)])
    report = nbtrain.bench(heavy, [torch.randn(4096, 4096)], device="cuda", batch_size=4096, calls=20)
    # 8 products of 2 * 4096^3 operations: not under 0.5 ms on any GPU there is, unless nobody waited for them
    assert report.data["p50_ms"] > 0.5 and report.data["memory_bytes"] > 8 * 4096 * 4096 * 4
