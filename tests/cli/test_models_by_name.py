"""evaluate, export and bench in a terminal: a checkpoint holds weights, the line names code and data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nbtrain.cli.main import main

CODE = """
from torch import nn

def make(width=16):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))
"""
CONFIG = """
model: {architecture: "net_of_a_terminal:make"}
data: {train: train.npz, test: test.npz}
training: {batch_size: 16}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model's code, data, a configuration and weights that were trained on it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_of_a_terminal.py").write_text(CODE)
    (tmp_path / "config.yaml").write_text(CONFIG)
    inputs = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
    target = inputs[:, :3].argmax(1)
    np.savez("train.npz", x=inputs[:64], y=target[:64])
    np.savez("test.npz", x=inputs[64:], y=target[64:])
    scope: dict[str, Any] = {}
    exec(CODE, scope)
    torch.manual_seed(0)
    model = scope["make"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    x, y = torch.from_numpy(inputs[:64]), torch.from_numpy(target[:64])
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    torch.save(model.state_dict(), "weights.pt")
    return tmp_path


def nb(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = main([*words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_evaluate_by_name_and_by_configuration(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same accuracy by pkg.module:factory and by --config; code alone is asked for where it lacks."""
    named = ("--model", "net_of_a_terminal:make", "--test-data", "test.npz")
    status, told = nb(capsys, "evaluate", "weights.pt", *named)
    assert status == 0 and told["samples"] == 32 and told["weights"] == "weights.pt"
    assert told["metrics"]["accuracy"]["value"] > 0.8 and told["data"] == "test.npz"
    status, same = nb(capsys, "evaluate", "--config", "config.yaml", "--checkpoint", "weights.pt")
    assert status == 0 and same["metrics"]["accuracy"] == told["metrics"]["accuracy"]
    status, untrained = nb(capsys, "evaluate", *named)
    assert status == 0 and "no checkpoint was given" in untrained["weights"]
    status, error = nb(capsys, "evaluate", "weights.pt", "--test-data", "test.npz")
    assert status == 2 and "--model pkg.module:factory" in error["details"]["suggestion"]
    status, error = nb(capsys, "evaluate", "weights.pt", "--model", "net_of_a_terminal:make")
    assert status == 2 and "--test-data" in error["details"]["suggestion"]
    Path("broken_net_of_a_terminal.py").write_text("def make():\n    raise KeyError('width')\n")
    broken = ("--model", "broken_net_of_a_terminal:make", "--test-data", "test.npz")
    status, error = nb(capsys, "evaluate", "weights.pt", *broken)
    assert status == 2 and "at line 2 of broken_net" in error["details"]["message"]
    status, error = nb(capsys, "evaluate", "gone.pt", *named)
    assert status == 2 and "gone.pt" in error["details"]["message"]


def test_export_then_bench(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exported, verified, timed beside PyTorch; a limit that is not met and a refused file are status 1."""
    named = ("--checkpoint", "weights.pt", "--test-data", "test.npz")
    made = ("export", "--model", "net_of_a_terminal:make", *named, "--output", "m.pt2")
    status, told = nb(capsys, *made)
    assert status == 0 and told["accepted"] and told["accuracy_after"] > 0.8 and Path("m.pt2").exists()
    timed = ("bench", "--model", "m.pt2", *named, "--against", "net_of_a_terminal:make", "--calls", "20")
    status, told = nb(capsys, *timed, "--batch-size", "1,8", "--latency-limit", "60000")
    assert status == 0 and [side["kind"] for side in told["sides"]] == ["torch.export", "PyTorch"]
    assert told["within_limit"] and told["accuracy"] > 0.8
    status, told = nb(capsys, *timed, "--latency-limit", "0.000001")
    assert status == 1 and told["within_limit"] is False
    Path("m.pt2").unlink()
    status, told = nb(capsys, *made[:-2], "--output", "m.ts", "--quantize", "fp16", "--tolerance", "1e-12")
    assert status in (0, 1) and told["accepted"] is (status == 0) and Path("m.ts").exists() is (status == 0)
    status, error = nb(capsys, *made[:-1], "no/folder/m.pt2")
    assert status == 2 and "no folder" in error["details"]["message"]
