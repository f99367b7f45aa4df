"""The probe: two steps of a cell on copies, what is seen in them, and nothing left behind."""

# ruff: noqa: E501 - cells in strings are read as they are
from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrain.review import review_source
from nbtrain.review.probe.probe import probe
from nbtrain.review.probe.proof import fingerprints

LOOP = """\
for epoch in range(3):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
"""


def notebook(**more: Any) -> dict[str, Any]:
    """Variables of a notebook whose model has trained a step, with gradients and optimizer state."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model(torch.randn(8, 4)).sum().backward()
    optimizer.step()
    model[0].weight.requires_grad_(False)
    data = TensorDataset(torch.randn(32, 4), torch.randint(0, 3, (32,)))
    loader = DataLoader(data, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(3))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    names = {"model": model, "optimizer": optimizer, "loader": loader, "scheduler": scheduler}
    return {**names, "criterion": nn.CrossEntropyLoss(), "nn": nn, "torch": torch, **more}


FUNCTION = "def epoch():\n    for x, y in loader:\n        loss = criterion(model(x), y)\n        loss.backward()\n        optimizer.step()\n"
SPENT = "random.random(); numpy.random.rand(); torch.rand(1); next(iter(loader))\n"
CELLS = {
    "a loop": LOOP,
    "in eval mode": "model.eval()\n" + LOOP,
    "frozen and thawed": "for p in model.parameters(): p.requires_grad = not p.requires_grad\n" + LOOP,
    "names bound anew": "model = nn.Linear(4, 3)\ndel scheduler\nextra = 1\n",
    "written in place": "with torch.no_grad():\n    model[0].weight.zero_()\nloader.dataset.tensors[0].add_(1)\n",
    "raises in the middle": LOOP.replace("scheduler.step()", "1 / 0"),
    "seeds": "torch.manual_seed(1)\nimport random, numpy\nrandom.seed(1); numpy.random.seed(1)\n" + SPENT + LOOP,
    "settings": "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\nimport os\nos.environ['A_NAME'] = '1'\n",
    "swallows all": LOOP.replace("        scheduler.step()", "        try:\n            model(x)\n        except:\n            pass"),
}  # fmt: skip


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_a_probe_leaves_no_trace(cell: str) -> None:
    """Weights, buffers, gradients, states, modes, flags, generators, settings and names are as before."""
    names = notebook()
    before = fingerprints(names, list(names))
    drawn = random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    facts = probe(cell, names)

    assert fingerprints(names, list(names)) == before
    assert (random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == drawn
    assert facts.changed == ()
    assert "random generators" in facts.verified
    assert {name for name in ("model", "loader") if name in cell} <= set(facts.verified)


def test_the_proof_can_fail() -> None:
    """One weight that moves, one generator that draws, one name that is bound anew: each shows."""
    names = notebook()
    before = fingerprints(names, ["model", "loader"])
    with torch.no_grad():
        names["model"][0].weight[0, 0] += 1e-3
    names["loader"].generator.manual_seed(9)
    names["model"].eval()
    names["other"] = 1
    torch.rand(1)
    after = fingerprints(names, ["model", "loader"])

    assert [what for what in before if before[what] != after[what]] == [
        "model", "loader", "random generators", "names of the notebook",
    ]  # fmt: skip


def test_what_happens_in_a_step_is_told_in_order() -> None:
    """The events of the first step come in the order of the cell, with its lines."""
    facts = probe(LOOP, notebook())
    shown = [(one.kind, one.line) for one in facts.events]

    assert facts.ended == "steps"
    assert facts.steps == 2
    assert shown[:8] == [
        ("batch", 2), ("zero-grad", 3), ("forward", 4), ("loss", 4), ("backward", 5), ("clip", 6),
        ("optim-step", 7), ("sched-step", 8),
    ]  # fmt: skip
    assert facts.first_loss is not None
    assert facts.first_loss.data["expected"] == pytest.approx(1.0986, abs=1e-4)


def test_functions_of_the_notebook_see_the_copies() -> None:
    """A function defined in another cell trains the copies, not the notebook's own model."""
    names = notebook()
    exec(FUNCTION, names)
    before = fingerprints(names, ["model", "optimizer"])

    facts = probe("epoch()\n", names)

    assert facts.steps == 2
    assert fingerprints(names, ["model", "optimizer"]) == before


def test_a_cell_that_makes_everything_itself_is_probed() -> None:
    """Without any live object the source is run as it is."""
    source = """\
import torch
from torch import nn
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(5):
    nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(0, 3, (8,))).backward()
    optimizer.step()
"""
    facts = probe(source)

    assert (facts.ended, facts.steps) == ("steps", 2)
    assert [one.data["uncleared"] for one in facts.of("optim-step")] == [False, True]


def test_a_cell_that_raises_is_told_with_its_line_and_reviewed_without() -> None:
    """The report says in one line what was raised and where; the rules that read still speak."""
    cell = LOOP.replace("model(x)", "model(x, 1)").replace("optimizer.zero_grad()", "pass")
    review = review_source(cell, namespace=notebook(), probe=True)

    assert "TypeError" in review.to_dict()["probe"]["error"]
    assert review.to_dict()["probe"]["error_line"] == 4
    assert "(line 4) after 0 optimizer steps" in str(review)
    assert [one.rule for one in review.findings if str(one.severity) == "critical"] == ["missing-zero-grad"]


def test_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints, logs and folders of the cell do not appear, and what is there is not removed; it is said."""
    monkeypatch.chdir(tmp_path)
    Path("kept.txt").write_text("kept")
    cell = """\
import os, shutil
from pathlib import Path
os.makedirs("out", exist_ok=True)
Path("log.csv").write_text("a,b")
open("kept.txt", "w").write("gone")
torch.save(model.state_dict(), "model.pt")
os.remove("kept.txt")
"""
    facts = probe(cell + LOOP, notebook())

    assert facts.steps == 2
    assert [one.name for one in tmp_path.iterdir()] == ["kept.txt"]
    assert Path("kept.txt").read_text() == "kept"
    assert any("model.pt" in note for note in facts.notes)


def test_a_cell_without_an_end_is_ended() -> None:
    """A loop that never steps is ended when its time is up, also where it catches every exception."""
    cell = "while True:\n    try:\n        sum(range(1000))\n    except Exception:\n        pass\n"

    assert probe(cell, notebook(), seconds=0.2).ended == "time"


def test_no_hook_of_modules_stays() -> None:
    """After a probe torch knows of no hook on all modules: it would warn at each torch.compile."""
    probe(LOOP, notebook())

    assert not torch.nn.modules.module._has_any_global_hook()


ENDED_THEN_PROFILED = """
import sys
from nbtrain.review.probe.execution import TimeIsUp, _time_limit

try:
    with _time_limit(0.0):
        while True:
            sum(range(1000))
except TimeIsUp:
    sys.setprofile(lambda *about: None)
    sum(map(lambda one: one, range(10)))
    sys.setprofile(None)
    print("alive")
"""


def test_an_ended_cell_leaves_the_interpreter_as_it_was(python: str) -> None:
    """When a cell was ended no exception stays waiting in Python: on 3.11 it would hang a profiled thread."""
    done = subprocess.run([python, "-c", ENDED_THEN_PROFILED], capture_output=True, text=True, timeout=60)

    assert done.stdout == "alive\n", done.stderr


def test_without_being_asked_nothing_is_run() -> None:
    """A review without a probe does not run the source."""
    names = notebook(seen=[])
    review = review_source("seen.append(1)\n" + LOOP, namespace=names)

    assert names["seen"] == []
    assert "probe" not in review.to_dict()


class Holder:
    """Holds a model beside something that cannot be copied."""

    def __init__(self, model: nn.Module, other: Any) -> None:
        self.model, self.other = model, other


def test_what_cannot_be_copied_is_named_and_not_called_proven() -> None:
    """A generator is used itself, which is said, and is not among what was verified."""
    names = notebook(numbers=(one for one in range(3)))
    facts = probe("next(numbers)\n" + LOOP, names)

    assert facts.steps == 2
    assert any("numbers" in note for note in facts.notes)
    assert "numbers" not in facts.verified
    assert "model" in facts.verified


def test_a_model_that_cannot_be_copied_is_not_run() -> None:
    """Where a copy of what trains is not to be had the probe refuses, and says for which name."""
    names = notebook()
    names["holder"] = Holder(names["model"], (one for one in range(3)))
    facts = probe("holder.model(torch.randn(2, 4))\n" + LOOP, names)

    assert facts.ended == "refused"
    assert "`holder`" in facts.error
    assert facts.changed == ()


def test_hooks_write_into_copies() -> None:
    """A hook that keeps activations in a list of its own does so in a copy of that list."""
    kept: list[Any] = []
    names = notebook()
    names["model"][0].register_forward_hook(lambda module, args, output: kept.append(output))

    assert probe(LOOP, names).steps == 2
    assert kept == []


@pytest.mark.parametrize(
    ("cell", "error", "line"),
    [("a = 1\nraise SystemExit", "SystemExit", 2), ("input()", "NoInput", 1), ("for in", "SyntaxError", 1)],
)
def test_a_cell_that_ends_early_is_told(cell: str, error: str, line: int) -> None:
    """Leaving the process, asking for input and a syntax error end the probe with a line that says so."""
    facts = probe(cell, notebook())

    assert (facts.ended, facts.error.partition(":")[0], facts.error_line) == ("error", error, line)


@pytest.mark.parametrize(("layer", "said"), [(nn.ReLU(), "units are zero"), (nn.Tanh(), "where it is flat")])
def test_dead_and_saturated_layers_are_told(layer: nn.Module, said: str) -> None:
    """A layer of which most does not work has a row in the report; a healthy one has none."""
    names = notebook()
    names["model"][2] = layer
    healthy = str(review_source(LOOP, namespace=names, probe=True))
    with torch.no_grad():
        names["model"][1].bias.fill_(-100.0)

    assert said not in healthy
    assert said in str(review_source(LOOP, namespace=names, probe=True))
