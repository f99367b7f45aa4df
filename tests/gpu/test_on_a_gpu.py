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


def no_step_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch raise on every synchronizing call inside a step."""
    from nbtrain.train.step import Stepper

    original = Stepper.step

    def guarded(self: Stepper, *args: object, **keywords: object) -> object:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return original(self, *args, **keywords)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Stepper, "step", guarded)


def test_no_step_waits_for_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch set to raise on every synchronizing call inside a step, a run of 200 steps goes through."""
    no_step_may_wait(monkeypatch)
    run = train(tmp_path, max_steps=200)

    assert str(run.status) == "completed", run.error
    assert len(run.history) == 200


OPTIMIZERS = {
    "adamw-fused": lambda p: torch.optim.AdamW(p, lr=1e-3, fused=True),
    "adamw-foreach": lambda p: torch.optim.AdamW(p, lr=1e-3),
    "sgd-fused": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
}


def nan_task(name: str) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]], torch.optim.Optimizer]:
    """Eight batches, NaN in the sixth, and a model with statistics."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 4)).cuda()
    data = [(torch.randn(64, 32).pin_memory(), torch.randint(0, 4, (64,)).pin_memory()) for _ in range(8)]
    data[5][0][3, 7] = float("nan")
    return model, data, OPTIMIZERS[name](model.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_nan_never_reaches_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, clip: float | None, precision: str
) -> None:
    """Without a wait the run ends as diverged, finite, with the weights before the bad step where fused."""
    no_step_may_wait(monkeypatch)
    whole = name.endswith("fused") or name == "sgd"
    model, data, optimizer = nan_task(name)
    options = {"loss": nn.CrossEntropyLoss(), "no_val": True, "clip": clip, "precision": precision}
    good = nbtrain.train(model, data[:5], optimizer=optimizer, dir=tmp_path, epochs=1, **options).wait(120)
    assert str(good.status) == "completed", good.error
    expected = {key: value.clone() for key, value in model.state_dict().items()}

    model, data, optimizer = nan_task(name)
    run = nbtrain.train(model, data, optimizer=optimizer, dir=tmp_path, epochs=10**6, **options).wait(120)
    assert str(run.status) == "diverged"
    assert "at step 6" in run.stop_reason
    assert all(bool(torch.isfinite(value).all()) for value in model.state_dict().values())
    if whole:
        assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
    weights, _ = run.checkpoints.load(run.checkpoints.all()[0])
    assert all(bool(torch.isfinite(value).all()) for value in weights.values())


def test_the_check_changes_no_bit_of_a_finite_run(tmp_path: Path) -> None:
    """A fused optimizer that is handed `found_inf` ends at the weights of a loop by hand."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        model, data, optimizer = nan_task("adamw-fused")
        for inputs, targets in data[:5]:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(inputs.cuda()), targets.cuda()).backward()
            optimizer.step()
        expected = {key: value.clone() for key, value in model.state_dict().items()}
        model, data, optimizer = nan_task("adamw-fused")
        loss = nn.CrossEntropyLoss()
        nbtrain.train(
            model, data[:5], optimizer=optimizer, loss=loss, dir=tmp_path, no_val=True, epochs=1
        ).wait(60)
    finally:
        torch.use_deterministic_algorithms(False)

    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())


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
