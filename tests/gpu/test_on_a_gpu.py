"""What only a CUDA device can show. Run with `pytest -m gpu tests/gpu`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nbtrain

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def task(device: str = "cuda") -> tuple[nn.Module, DataLoader, torch.optim.Optimizer]:
    torch.manual_seed(0)
    inputs = torch.randn(2048, 32)
    targets = (inputs @ torch.randn(32, 4)).argmax(1)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 4)).to(device)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True, pin_memory=True)
    return model, loader, torch.optim.AdamW(model.parameters(), lr=1e-3)


def train(tmp_path: Path, **options: object) -> object:
    model, loader, optimizer = task()
    run = nbtrain.train(
        model,
        loader,
        optimizer=optimizer,
        loss=nn.CrossEntropyLoss(),
        dir=tmp_path,
        no_val=True,
        seed=1,
        **options,
    )
    return run.wait(120)


def test_no_step_waits_for_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch set to raise on every synchronizing call inside a step, a run of 200 steps goes through."""
    from nbtrain.train.step import Stepper

    original = Stepper.step

    def guarded(self: Stepper, *args: object, **keywords: object) -> object:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return original(self, *args, **keywords)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Stepper, "step", guarded)
    run = train(tmp_path, max_steps=200)

    assert str(run.status) == "completed", run.error
    assert len(run.history) == 200


@pytest.mark.parametrize("precision", ["32", "bf16", "16", "auto"])
def test_every_precision_learns(tmp_path: Path, precision: str) -> None:
    """Each precision trains to a lower loss on the GPU, with finite gradient norms."""
    run = train(tmp_path, epochs=4, precision=precision, clip=1.0)

    losses = run.epochs["train_loss"]
    assert str(run.status) == "completed", run.error
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]
    assert run.history["grad_norm"].iloc[-1] > 0


def test_device_moves_model_and_optimizer_state(tmp_path: Path) -> None:
    """A model trained on the CPU goes on on the GPU: optimizer state moved, parameters the same objects."""
    model, loader, optimizer = task("cpu")
    loss = nn.CrossEntropyLoss()
    nbtrain.train(model, loader, optimizer=optimizer, loss=loss, dir=tmp_path, no_val=True, max_steps=5).wait(
        60
    )
    before = [id(p) for p in model.parameters()]
    run = nbtrain.train(
        model, loader, optimizer=optimizer, loss=loss, dir=tmp_path, no_val=True, max_steps=5, device="cuda"
    ).wait(60)

    assert str(run.status) == "completed", run.error
    assert [id(p) for p in model.parameters()] == before
    assert all(p.is_cuda for p in model.parameters())
    assert all(state["exp_avg"].is_cuda for state in optimizer.state.values())


def test_history_equals_the_losses_of_a_bare_loop(tmp_path: Path) -> None:
    """The losses that reach the host over the ring of packs are those of the same loop written by hand."""
    model, loader, optimizer = task()
    loss = nn.CrossEntropyLoss()
    torch.manual_seed(5)
    expected = []
    for inputs, targets in loader:
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(inputs.cuda()), targets.cuda())
        value.backward()
        optimizer.step()
        expected.append(float(value.detach()))
    model, loader, optimizer = task()
    torch.manual_seed(5)
    run = nbtrain.train(
        model, loader, optimizer=optimizer, loss=loss, dir=tmp_path, no_val=True, epochs=1
    ).wait(60)

    assert run.history["train_loss"].tolist() == pytest.approx(expected, rel=1e-5)


def test_the_manifest_names_the_gpu(tmp_path: Path) -> None:
    """The manifest of a GPU run names the device and counts GPU hours."""
    manifest = train(tmp_path, max_steps=5).manifest.to_dict()

    assert torch.cuda.get_device_name(0) in str(manifest["environment"])
    assert manifest["cost"]["gpu_hours"] > 0
