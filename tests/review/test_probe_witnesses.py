"""What the probe sees of planted faults, and that it sees none in their corrected twins."""

# ruff: noqa: E501 - cells in strings are read as they are
from __future__ import annotations

import pytest

from nbtrain.findings import Confidence, Finding, Severity
from nbtrain.review import review_source
from nbtrain.review.engine import all_rules, all_witnesses

HEAD = """\
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
x, y, z = torch.randn(8, 6), torch.arange(8) % 3, torch.randn(8)
ids = torch.randint(0, 50, (4, 9))
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
column = nn.Linear(6, 1)
"""
STEPS = """\
optimizer = torch.optim.AdamW({model}.parameters(), lr=1e-3)
for step in range(4):
    optimizer.zero_grad()
    loss = {loss}
    loss.backward()
    optimizer.step()
"""
# a helper that reading cannot follow, so that only what happens can tell
HIDDEN = "hide = eval('lambda *a: a[0]')\n"


def steps(loss: str, model: str = "model") -> str:
    return HEAD + HIDDEN + STEPS.format(loss=loss, model=model)


CLEAR = "getattr(optimizer, 'zero_' + 'grad')()"
CLIP = "    hide(nn.utils.clip_grad_norm_)(list(optimizer.param_groups[0]['params']), 1.0)\n"
NET = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(60, 8), nn.Linear(8, 50)
        self.rnn, self.cast = nn.LSTM(8, 8{options}), nn.Linear(6, 8)
    def attend(self, h):
        scores = h @ h.transpose(1, 2)
        {seen}
        return scores.softmax(-1) @ h
    def forward(self, x):
        h = self.embed(x)
        {body}
        return self.head(h)
net = Net()
"""


def net(body: str, loss: str, options: str = "", seen: str = "pass") -> str:
    loop = STEPS.format(loss=loss, model="net").replace("    optimizer.s", CLIP + "    optimizer.s")
    return HEAD + HIDDEN + NET.format(body=body, options=options, seen=seen) + loop


TOKENS = "F.cross_entropy(net(hide(ids[:, :{n}])).flatten(0, 1), hide(ids[:, {s}:]).flatten())"
NEXT, SECOND = TOKENS.format(n="-1", s="1"), TOKENS.format(n="-2", s="2")
LAST = "F.cross_entropy(net(ids), ids[:, 0])"
GOOD = steps("F.cross_entropy(model(x), y)")
MSE = "F.mse_loss(hide(column(x)), {target})"
OWN = "((hide(column(x)) - {target}) ** 2).mean()"
MORE = "    for part in range(3):\n        loss = F.cross_entropy(model(x), y)\n        hide(loss{by}).backward()\n"
ACCUMULATED = GOOD.replace("    loss = F.cross_entropy(model(x), y)\n    loss.backward()\n", MORE)
SCHEDULED = GOOD.replace("for step", "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 9)\nfor step")
SCALED = """\
    scaler.scale(F.cross_entropy(model(x), y)).backward()
{before}    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
"""
SCALER = GOOD.replace("for step", "scaler = torch.amp.GradScaler('cpu')\nfor step").replace(
    "    loss = F.cross_entropy(model(x), y)\n    loss.backward()\n    optimizer.step()\n", SCALED
)
STALE = GOOD.replace("for step", "model = nn.Linear(6, 3)\nfor step")
CASES = {  # rule -> (planted, corrected)
    "missing-zero-grad": (GOOD.replace("optimizer.zero_grad()", "hide(optimizer)"),
                          GOOD.replace("optimizer.zero_grad()", CLEAR)),
    "graph-detached": (steps("hide(F.cross_entropy(hide(model(x)).data, y))"), GOOD),
    "optimizer-stale-params": (STALE, STALE.replace("optimizer.step()", "hide(optimizer).step()", 0).replace(
        "for step", "optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)\nfor step")),
    "optimizer-missing-params": (GOOD.replace("model.parameters()", "hide(model)[3].parameters()"), GOOD),
    "missing-train-mode": (GOOD.replace("for step", "hide(model).eval()\nfor step"), GOOD),
    "accumulation-unscaled-loss": (ACCUMULATED.format(by=""), ACCUMULATED.format(by=" / 3")),
    "clip-misplaced": (GOOD.replace("    loss.b", CLIP + "    loss.b"), GOOD.replace("    optimizer.s", CLIP + "    optimizer.s")),
    "clip-before-unscale": (SCALER.format(before=""), SCALER.format(before="    scaler.unscale_(optimizer)\n")),
    "scheduler-before-optimizer-step": (
        SCHEDULED.replace("    optimizer.s", "    hide(scheduler).step()\n    optimizer.s"),
        SCHEDULED.replace("optimizer.step()", "optimizer.step()\n    hide(scheduler).step()")),
    "loss-shape-broadcast": (steps(MSE.format(target="z"), "column"), steps(MSE.format(target="z[:, None]"), "column")),
    "softmax-before-cross-entropy": (steps("F.cross_entropy(hide(model(x).softmax(-1)), y)"), GOOD),
    "sigmoid-before-bce-with-logits": (
        steps("F.binary_cross_entropy_with_logits(hide(column(x).sigmoid())[:, 0], (z > 0).float())", "column"),
        steps("F.binary_cross_entropy_with_logits(hide(column(x))[:, 0], (z > 0).float())", "column")),
    "loss-input-mismatch": (steps("F.nll_loss(hide(model(x)), y)"), steps("F.nll_loss(hide(model(x).log_softmax(-1)), y)")),
    "missing-causal-mask": (
        net("h = hide(self.attend(h))", NEXT),
        net("h = hide(self.attend(h))", NEXT, seen="scores = scores.masked_fill(torch.ones_like(scores).triu(1) > 0, -1e9)")),
    "double-label-shift": (net("pass", SECOND), net("pass", NEXT)),
    "dropout-always-on": (net("h = hide(F.dropout)(h, 0.3)", NEXT), net("h = hide(F.dropout)(h, 0.3, self.training)", NEXT)),
    "batch-first-mismatch": (net("h = hide(self.rnn(hide(h)))[0][:, -1]", LAST),
                             net("h = hide(self.rnn(hide(h)))[0][:, -1]", LAST, ", batch_first=True")),
    "softmax-wrong-dim": (net("h = hide(h.mean(1)).softmax(hide(0))", LAST), net("h = hide(h.mean(1)).softmax(hide(1))", LAST)),
}  # fmt: skip
PARAMETERS = [pytest.param(rule, *pair, id=rule) for rule, pair in CASES.items()]


def loud(source: str) -> list[Finding]:
    """Findings of a probed review that are no notes."""
    review = review_source(source, probe=True)
    assert review.to_dict()["probe"]["changed"] == ()
    return [one for one in review.findings if one.severity is not Severity.INFO]


@pytest.mark.parametrize(("rule", "planted", "corrected"), PARAMETERS)
def test_a_fault_that_happens_is_seen_and_its_twin_is_clean(rule: str, planted: str, corrected: str) -> None:
    """The planted fault is certain, with what was seen as evidence; the corrected cell raises nothing of it."""
    seen = [one for one in loud(planted) if one.rule == rule]

    assert [one.confidence for one in seen] == [Confidence.CERTAIN]
    assert "seen in the probe" in seen[0].evidence
    assert [one.rule for one in loud(corrected)] == []


def test_a_broadcast_in_a_loss_written_by_hand_is_seen() -> None:
    """A mean over an N by N table is told from the graph of the loss."""
    assert "loss-shape-broadcast" in [one.rule for one in loud(steps(OWN.format(target="z"), "column"))]
    assert loud(steps(OWN.format(target="z[:, None]"), "column")) == []


def test_what_was_read_wrongly_is_taken_back() -> None:
    """Where reading accuses and the two steps show otherwise, the finding goes, and the report says so."""
    source = net("pass", NEXT)
    review = review_source(source, probe=True)

    assert "missing-grad-clipping" in [one.rule for one in review_source(source).findings]
    assert "missing-grad-clipping" not in [one.rule for one in review.findings]
    assert any("missing-grad-clipping" in one and "left out" in one for one in review.caveats)


def test_each_optimizer_speaks_for_itself() -> None:
    """That one optimizer's gradients are cleared takes back nothing that was read of another."""
    source = (
        HEAD
        + """
one, two = nn.Linear(6, 4), nn.Linear(4, 1)
first, second = torch.optim.AdamW(one.parameters(), 1e-3), torch.optim.AdamW(two.parameters(), 1e-3)
for step in range(9):
    first.zero_grad()
    two(one(torch.randn(8, 6)).relu()).mean().backward()
    first.step()
    if step > 5:
        second.step()
"""
    )
    said = [one for one in review_source(source, probe=True).findings if one.rule == "missing-zero-grad"]

    assert [one.name for one in said] == ["second"]


def test_a_comment_silences_what_the_probe_sees() -> None:
    """`allow` on the line holds for the probe as well."""
    source = steps(
        "F.cross_entropy(hide(model(x).softmax(-1)), y)  # nbtrain: allow softmax-before-cross-entropy"
    )
    review = review_source(source, probe=True)

    assert "softmax-before-cross-entropy" not in [one.rule for one in review.findings]
    assert "softmax-before-cross-entropy" in [rule for rule, _ in review.silenced]


def test_each_witness_speaks_of_a_rule() -> None:
    """The ids of witnesses are ids of rules, with the rule's severity, and each has a case here."""
    severities = {one.id: one.severity for one in all_rules()}

    assert {one.rule: one.severity for one in all_witnesses()} == {
        one.rule: severities[one.rule] for one in all_witnesses()
    }
    assert {one.rule for one in all_witnesses()} == {
        *CASES,
        "missing-grad-clipping",
    }  # that one only takes back
