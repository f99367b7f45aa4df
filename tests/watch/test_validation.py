"""Which numbers are taken for the validation's: what the loss that is trained on says of other data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from corpus import code_of, followed_block, seeded

LOOP = """
from setting import *
model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
scaler = torch.amp.GradScaler("cpu")
for epoch in range(3):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        ce = criterion(model(xb), yb)
        TRAIN
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            total += criterion(model(xb), yb).item() * len(xb)
    expect_validation(total / 40)
"""
SQUARES = "sum(p.pow(2).sum() for p in model.parameters())"
LOSSES = {
    "itself": "ce.backward()",
    "divided": "(ce / 2).backward()",
    "divided, its name taken": "ce = ce / 2; ce.backward()",
    "divided in place": "ce /= 2; ce.backward()",
    "multiplied": "ce = ce * 1.; ce.backward()",
    "with a penalty": f"loss = ce + 1e-3 * {SQUARES}; del ce; loss.backward()",
    "with a penalty, a parameter at a time": "for p in model.parameters(): ce = ce + 1e-3 * p.abs().sum()\n"
    "        ce.backward()",
    "of two parts": "(0.7 * ce + 0.3 * criterion(model(xb), yb.flip(0))).backward()",
    "scaled": "scaler.scale(ce / 2).backward(); scaler.unscale_(optimizer)\n        scaler.update()",
}


def validated(loss: str, folder: Path) -> tuple[list[float], list[float]]:
    """Run a loop, followed; return the validation losses that were recorded, and those it has computed."""
    path, expected = folder / "loop.py", []
    path.write_text(LOOP.replace("TRAIN", loss))
    seeded()
    with followed_block(folder) as run:
        exec(code_of(path), {"__name__": "__main__", "expect_validation": expected.append})
    assert str(run.status) == "completed" and not [a for a in run.alerts if a.rule == "not-kept"], run.alerts
    epochs = run.epochs
    return epochs["val_loss"].dropna().tolist() if "val_loss" in epochs else [], expected


@pytest.mark.parametrize("way", LOSSES)
def test_the_bare_loss_on_other_data_is_the_validation_s(way: str, tmp_path: Path) -> None:
    """However the training goes on with its loss, what the same loss says of other data is kept."""
    kept, expected = validated(LOSSES[way], tmp_path)
    assert kept == pytest.approx(expected, rel=1e-6) and len(kept) == 3


OWN = """
from setting import *
import cProfile
def own(out, y):
    return (out - out[:, :1]).logsumexp(1).mean() + 0.1 * out.pow(2).mean()
model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
profiler = cProfile.Profile()
for epoch in range(3):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        own(model(xb), yb).backward()
        optimizer.step()
    BEFORE
    with torch.no_grad():
        expect_validation(sum(own(model(xb), yb).item() * len(xb) for xb, yb in val_loader) / 40)
    AFTER
"""


@pytest.mark.parametrize("is_profiled", [False, True])
def test_a_loss_somebody_wrote_and_a_profiler_of_theirs(is_profiled: bool, tmp_path: Path) -> None:
    """What the function of the training says of other data is kept; a profiler that runs is not displaced."""
    path, expected = tmp_path / "loop.py", []
    before, after = ("profiler.enable()", "profiler.disable()") if is_profiled else ("pass", "pass")
    path.write_text(OWN.replace("BEFORE", before).replace("AFTER", after))
    names = {"__name__": "__main__", "expect_validation": expected.append}
    seeded()
    with followed_block(tmp_path) as run:
        exec(code_of(path), names)

    assert str(run.status) == "completed" and sys.getprofile() is None
    if is_profiled:
        assert "val_loss" not in run.epochs
        names["profiler"].create_stats()
        assert any(name == "own" for _, _, name in names["profiler"].stats)
    else:
        assert run.epochs["val_loss"].tolist() == pytest.approx(expected, rel=1e-6) and len(expected) == 3


def test_a_compiled_model_runs_compiled_where_losses_are_listened_to(tmp_path: Path) -> None:
    """With a loss of one's own and a compiled model every forward goes through the compiled graph."""
    runs: list[int] = []

    def backend(graph: Any, inputs: Any) -> Any:
        def run(*args: Any) -> Any:
            runs.append(1)
            return graph.forward(*args)

        return run

    path = tmp_path / "loop.py"
    made = "fast = torch.compile(model, backend=backend)\nprofiler"
    text = OWN.replace("BEFORE", "pass").replace("AFTER", "pass").replace("\nprofiler", "\n" + made)
    path.write_text(text.replace("own(model(xb)", "own(fast(xb)"))
    expected: list[float] = []
    with followed_block(tmp_path) as run:
        names = {"__name__": "__main__", "expect_validation": expected.append, "backend": backend}
        exec(code_of(path), names)

    assert len(runs) == 3 * (7 + 3)
    assert run.epochs["val_loss"].tolist() == pytest.approx(expected, rel=1e-6)


def test_what_is_made_of_different_losses_is_not_guessed_at(tmp_path: Path) -> None:
    """Of a sum of two kinds of losses, one kind alone is no validation loss."""
    kept, _ = validated("(ce + F.mse_loss(model(xb), xb[:, :3])).backward()", tmp_path)
    assert kept == []
