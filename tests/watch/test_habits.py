"""Habits seen in the first steps: told with their line, and never where the loop is right."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from corpus import HABITS, code_of, followed_block, seeded

from nbtrain.commands._table import command
from nbtrain.commands.spec import Context
from nbtrain.watch.habit import explain_habit, known_habits

ROOT = Path(__file__).parents[2]
HEAD = """
from setting import *
model = net(dropout=0.1, norm=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
"""
PLAIN = """
for epoch in range(2):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
"""


def found_in(source: str, folder: Path) -> dict[str, Any]:
    """Run a loop, followed; return what was said of its habits, by rule."""
    path = folder / "loop.py"
    path.write_text(HEAD + source)
    seeded()
    with followed_block(folder) as run:
        exec(code_of(path), {"__name__": "__main__"})
    assert str(run.status) == "completed" and not [a for a in run.alerts if a.rule == "not-kept"], run.alerts
    return {alert.rule: alert for alert in run.alerts if alert.rule in HABITS}


BAD = {
    "missing-zero-grad": (PLAIN.replace("        optimizer.zero_grad()\n", ""), "optimizer.step()"),
    "clip-misplaced": (
        PLAIN + "        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n", "clip_grad_norm_",
    ),
    "scheduler-before-optimizer-step": (
        "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)\n"
        + PLAIN.replace("        optimizer.step()", "        scheduler.step()\n        optimizer.step()"),
        "optimizer.step()",
    ),
    "accumulation-unscaled-loss": (
        """
for epoch in range(4):
    for i, (xb, yb) in enumerate(train_loader):
        criterion(model(xb), yb).backward()
        if i % 2:
            optimizer.step()
            optimizer.zero_grad()
""",
        "criterion(model(xb), yb).backward()",
    ),
    "zero-grad-misplaced": (
        PLAIN.replace("        optimizer.zero_grad()\n", "").replace(
            "optimizer.step()", "optimizer.zero_grad()\n        optimizer.step()"
        ), "optimizer.step()",
    ),
    "missing-train-mode": ("model.eval()\n" + PLAIN, "loss.backward()"),
}  # fmt: skip


@pytest.mark.parametrize("rule", BAD)
def test_a_habit_is_told_with_its_line(rule: str, tmp_path: Path) -> None:
    """Each habit, and no other, is told once, at the line that shows it."""
    source, text = BAD[rule]
    found = found_in(source, tmp_path)

    assert set(found) == {rule}
    line = (tmp_path / "loop.py").read_text().splitlines()[found[rule].line - 1]
    assert text in line and f"loop.py:{found[rule].line}" in found[rule].evidence


def test_eval_mode_after_a_validation_is_told(tmp_path: Path) -> None:
    """A validation that leaves the model in eval mode is told in the next epoch, however late."""
    source = PLAIN.replace("range(2)", "range(8)") + (
        "    if epoch == 6:\n        model.eval()\n        with torch.no_grad(): criterion(model(X), Y)\n"
    )
    assert set(found_in(source, tmp_path)) == {"missing-train-mode"}


CLIP = "nn.utils.clip_grad_norm_(model.parameters(), 0.01)"


def gathered(before_step: str) -> str:
    """Gather two batches for a step, with something done before it."""
    return BAD["accumulation-unscaled-loss"][0].replace(
        "            optimizer.step()", f"            {before_step}\n            optimizer.step()"
    )


def test_gathered_batches_that_torch_writes_to_are_told(tmp_path: Path) -> None:
    """Clipping and a GradScaler write to gradients, and divide no sum."""
    scaled = gathered(f"scaler.unscale_(optimizer); {CLIP}")
    for plain, with_scaler in {
        "optimizer.step()": "scaler.step(optimizer)", "zero_grad()": "zero_grad(); scaler.update()",
        "criterion(model(xb), yb)": "scaler.scale(criterion(model(xb), yb))",
    }.items():  # fmt: skip
        scaled = scaled.replace(plain, with_scaler)
    for number, source in enumerate([gathered(CLIP), "scaler = torch.amp.GradScaler('cpu')\n" + scaled]):
        (tmp_path / str(number)).mkdir()
        assert set(found_in(source, tmp_path / str(number))) == {"accumulation-unscaled-loss"}, source


@pytest.mark.parametrize("emptied", ["model.zero_grad()", "optimizer.zero_grad(set_to_none=False)"])
def test_gradients_gone_at_the_step_are_told_however_they_went(emptied: str, tmp_path: Path) -> None:
    """None or zero, by the model or the optimizer, and clipped or not: the step has nothing to go by."""
    source, _ = BAD["zero-grad-misplaced"]
    source = source.replace("optimizer.zero_grad()", f"{emptied}; {CLIP}")
    assert set(found_in(source, tmp_path)) == {"zero-grad-misplaced"}


GOOD = {
    "model.zero_grad": PLAIN.replace("optimizer.zero_grad()", "model.zero_grad()"),
    "zeros in place": PLAIN.replace("optimizer.zero_grad()", "optimizer.zero_grad(set_to_none=False)"),
    "by hand": PLAIN.replace(
        "optimizer.zero_grad()", "[setattr(p, 'grad', None) for p in model.parameters()]"
    ),
    "by hand, in place": PLAIN.replace(
        "optimizer.zero_grad()", "[p.grad.data.zero_() for p in model.parameters() if p.grad is not None]"
    ),
    "at the end": PLAIN.replace("        optimizer.zero_grad()\n", "") + "        optimizer.zero_grad()\n",
    "frozen norms": "for m in model.modules():\n    if isinstance(m, nn.BatchNorm1d): m.eval()\n" + PLAIN,
    "divided": BAD["accumulation-unscaled-loss"][0].replace("yb).backward", "yb).div(2).backward"),
    "divided in the gradients": gathered("[p.grad.div_(2) for p in model.parameters()]"),
    "divided in their data": gathered("[p.grad.data.mul_(0.5) for p in model.parameters()]"),
    "divided by assignment": gathered("for p in model.parameters(): p.grad = p.grad / 2"),
    "divided and clipped": gathered(f"[p.grad.div_(2) for p in model.parameters()]; {CLIP}"),
    "clipped and divided": gathered(f"{CLIP}; [p.grad.div_(2) for p in model.parameters()]"),
    "divided and measured": gathered(
        f"[p.grad.div_(2) for p in model.parameters()]; {CLIP.replace('0.01', 'torch.inf')}"
    ),
    "one batch left out": PLAIN.replace(
        "        optimizer.step()", "        if len(xb) < 16: optimizer.zero_grad()\n        optimizer.step()"
    ),
    "a sum of losses": PLAIN.replace(
        "        loss.backward()\n", "        for _ in range(2): loss.backward(retain_graph=True)\n"
    ),
    "clipped in time": PLAIN.replace(
        "optimizer.step()", "nn.utils.clip_grad_norm_(model.parameters(), 1)\n        optimizer.step()"
    ),
    "a norm that is only measured": PLAIN
    + "        torch.nn.utils.clip_grad_norm_(model.parameters(), float('inf'))\n",
    "scheduler after": "s = torch.optim.lr_scheduler.StepLR(optimizer, 5)\n" + PLAIN + "        s.step()\n",
    "scheduler each epoch": "s = torch.optim.lr_scheduler.StepLR(optimizer, 1)\n"
    + PLAIN
    + "    s.step()\n",
    "eval mode without effect": "model = nn.Linear(4, 3)\n"
    "optimizer = torch.optim.SGD(model.parameters(), 0.1)\nmodel.eval()\n" + PLAIN,
}  # fmt: skip


@pytest.mark.parametrize("way", GOOD)
def test_nothing_is_told_of_a_right_loop(way: str, tmp_path: Path) -> None:
    """Every way to empty gradients, to divide, to freeze and to order is right."""
    assert found_in(GOOD[way], tmp_path) == {}


def test_every_habit_can_be_explained() -> None:
    """`explain` shows what a habit does, why it hurts and when to ignore it, under its id."""
    for rule in HABITS:
        report = explain_habit(rule)
        assert report is not None and "Why it hurts" in report.to_text()
    assert {habit.id for habit in known_habits()} == HABITS and explain_habit("missing_zero_grad") is not None
    assert explain_habit("no-such-habit") is None


def test_an_alert_bears_the_id_of_the_reviews_rule() -> None:
    """What the review reads in a source and what the first steps show is one fault under one id."""
    rules = {path.stem.replace("_", "-") for path in (ROOT / "nbtrain/review/rules").glob("*/*.py")}

    assert rules >= HABITS
    shown = command("explain").run(SimpleNamespace(rule="missing-zero-grad"), Context(namespace={}))
    assert [one.title for one in shown.sections][-1] == "Seen while training"
