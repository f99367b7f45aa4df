"""`--fast` and saving beside the training where there is a GPU. Run with `pytest -m gpu tests/gpu`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nbtrain
from nbtrain.notebook.namespace import find_setup
from nbtrain.runs.host_copy import HostCopies
from nbtrain.train.fast import trying
from nbtrain.train.fast.candidates import compiled, fused, prefetch, tf32
from nbtrain.train.fast.timing import Comparison
from nbtrain.train.hashes import differences, hashes
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import make_plan
from nbtrain.train.step import Stepper

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def task() -> tuple[nn.Module, DataLoader, torch.optim.Optimizer]:
    """Convolutions on the GPU, data on the host, an AdamW that has stepped with its counts on the host."""
    torch.manual_seed(0)
    inputs = torch.randn(512, 3, 16, 16)
    targets = inputs.mean((1, 2, 3)).gt(0).long()
    convolutions = nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3)
    model = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2)).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=None)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=True)
    nn.functional.cross_entropy(model(inputs[:32].cuda()), targets[:32].cuda()).backward()
    optimizer.step()
    return model, loader, optimizer


@pytest.fixture
def all_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything win that trains the same; compiling has a test of its own."""

    def half_the_time(before: Any, after: Any, step_s: float) -> Comparison:
        before(1), after(1)
        return Comparison((1e-3,) * 8, (0.5e-3,) * 8)

    monkeypatch.setattr(trying, "compare", half_the_time)
    monkeypatch.setattr(trying, "TRYING_SHARE", 1e9)
    monkeypatch.setattr(compiled, "no_compiler", lambda device: "no C++ compiler on this machine")


def test_trying_on_a_gpu_puts_everything_back(tmp_path: Path, all_win: None) -> None:
    """All candidates of a GPU are tried; weights, state, settings, generators are as before, to the bit."""
    model, loader, optimizer = task()
    before = hashes(model, optimizer, loader=loader)
    precision = torch.get_float32_matmul_precision()
    roles = {"loss": nn.CrossEntropyLoss(), "optimizer": optimizer, "val": None, "scheduler": None}
    setup = find_setup({}, model=model, data=loader, **roles)
    said = {"log": "json", "fast": True, "no_val": True, "dir": tmp_path}
    trials = make_plan(setup, TrainOptions.from_words(said)).trials

    assert {"tf32", "prefetch", "channels-last", "bf16", "fused"} <= {one.id for one in trials.trials}
    assert {"prefetch", "fused"} <= set(trials.kept), trials
    assert differences(before, hashes(model, optimizer, loader=loader)) == ()
    assert torch.get_float32_matmul_precision() == precision
    assert all(state["step"].device.type == "cpu" for state in optimizer.state.values())


def test_a_fast_run_on_a_gpu_waits_for_nothing_and_gives_back(
    tmp_path: Path, all_win: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With batches sent ahead no step waits; afterwards optimizer and switches are as before."""
    model, loader, optimizer = task()
    original = Stepper.step

    def guarded(self: Stepper, *args: object, **keywords: object) -> object:
        torch.cuda.set_sync_debug_mode("error" if args[1] > 2 else "default")
        try:
            return original(self, *args, **keywords)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    groups = {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}
    run = nbtrain.train(
        model, loader, optimizer=optimizer, loss=nn.CrossEntropyLoss(), no_val=True, epochs=4, fast=True,
        dir=tmp_path,
    )  # fmt: skip
    monkeypatch.setattr(Stepper, "step", guarded)
    run.wait(120)

    assert str(run.status) == "completed", run.error
    assert {key: value for key, value in optimizer.param_groups[0].items() if key != "params"} == groups
    assert torch.get_float32_matmul_precision() == "highest"
    assert float(run.epochs["train_loss"].iloc[-1]) < float(run.epochs["train_loss"].iloc[0])


def test_counts_of_steps_go_where_the_fused_update_looks(tmp_path: Path) -> None:
    """Switched on, the counts lie on the GPU and an update works; switched off, on the host again."""
    from nbtrain.train.fast.candidate import Scene

    model, _, optimizer = task()
    scene = Scene(model, optimizer, torch.device("cuda", 0), TrainOptions())
    assert fused.unfit(scene) == ""
    back = fused.switch_on(scene)
    assert all(state["step"].is_cuda for state in optimizer.state.values())
    optimizer.step()
    back()
    assert {float(state["step"]) for state in optimizer.state.values()} == {2.0}
    assert not any(state["step"].is_cuda for state in optimizer.state.values())


def test_batches_sent_ahead_are_those_of_the_loader() -> None:
    """What the side stream brings is equal to the batch on the host, also while the device is busy."""
    device = torch.device("cuda", 0)
    send = prefetch.sender(device)
    large = torch.randn(2000, 2000, device=device)
    for number in range(20):
        large = (large @ large).clamp(-1, 1)
        batch = (torch.full((64, 1000), float(number)), {"y": torch.arange(64)})
        (moved,) = send([batch])
        assert moved[0].is_cuda and torch.equal(moved[0].cpu(), batch[0])
        assert torch.equal(moved[1]["y"].cpu(), batch[1]["y"])


def test_tf32_is_switched_and_switched_back() -> None:
    """On GPUs that have it the process-wide switch holds for the run alone."""
    from nbtrain.train.fast.candidate import Scene

    model, _, optimizer = task()
    scene = Scene(model, optimizer, torch.device("cuda", 0), TrainOptions())
    if tf32.unfit(scene):
        pytest.skip(tf32.unfit(scene))
    back = tf32.switch_on(scene)
    assert torch.get_float32_matmul_precision() == "high"
    back()
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_copy_of_a_gpus_tensors_is_pinned_and_stays_as_it_was() -> None:
    """Weights on their way to the disk lie in pinned memory of the host; later writes do not reach them."""
    weight = torch.randn(1000, 1000, device="cuda")
    before = weight.cpu()
    copies = HostCopies()
    copy = copies.copy({"weight": weight, "tied": weight})
    weight.zero_()
    torch.cuda.synchronize()

    assert copy.data["weight"].is_pinned() and torch.equal(copy.data["weight"], before)
    assert copy.data["tied"].data_ptr() == copy.data["weight"].data_ptr()
    place = copy.data["weight"].data_ptr()
    copies.give_back(copy)
    assert copies.copy({"weight": weight}).data["weight"].data_ptr() == place


def test_a_run_on_a_gpu_saves_beside_its_steps(tmp_path: Path) -> None:
    """Checkpoints at every tenth step are each of their own step, finite, and the newest loads."""
    model, loader, optimizer = task()
    run = nbtrain.train(
        model, loader, optimizer=optimizer, loss=nn.CrossEntropyLoss(), no_val=True, epochs=4, keep=50,
        checkpoint_every=10, dir=tmp_path,
    ).wait(120)  # fmt: skip
    infos = run.checkpoints.all()

    assert {info.step for info in infos} >= {10, 20, 30, 40, 50, 60, 64}
    for info in infos:
        _, state = run.checkpoints.load(info)
        assert state["counters"]["step"] == info.step
        assert {float(one["step"]) for one in state["optimizer"]["state"].values()} == {info.step + 1.0}


@pytest.mark.slow
def test_compiled_on_a_gpu(tmp_path: Path, all_win: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With triton the call is compiled, the model and its names stay plain."""
    monkeypatch.undo()
    device = torch.device("cuda", 0)
    if compiled.no_compiler(device):
        pytest.skip(compiled.no_compiler(device))
    monkeypatch.setattr(trying, "TRYING_SHARE", 1e9)
    model, loader, optimizer = task()
    began = time.monotonic()
    run = nbtrain.train(
        model, loader, optimizer=optimizer, loss=nn.CrossEntropyLoss(), no_val=True, epochs=2, fast=True,
        dir=tmp_path,
    ).wait(280)  # fmt: skip

    assert str(run.status) == "completed", run.error
    row = next(one for one in run.plan.trials.trials if one.id == "compiled")
    assert row.before_ms is not None or "losses" in row.why, (row, time.monotonic() - began)
    assert not any("_orig_mod" in name for name in model.state_dict())
