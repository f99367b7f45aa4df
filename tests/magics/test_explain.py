"""%train explain, and the explanation that stands under a failed run."""

from __future__ import annotations

from typing import Any

import pytest

# The rehearsal, in the main thread, goes well: what is known to fail is refused before it starts.
WRONG = """
import threading

class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.Linear(6, 2))
        self.short = nn.Linear(4, 2)

    def forward(self, x):
        if threading.current_thread() is threading.main_thread():
            return self.short(x)
        return self.body(x)

model = Narrow()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
LOOP = """%%train --log json --wait --as mine
for xb, yb in train_loader:
    loss = criterion(model(xb), yb.float())
    loss.backward()
    optimizer.step()
"""
FAILS = "run = %train --log json --epochs 1 --yes --wait"


@pytest.fixture
def failed(notebook: Any) -> Any:
    """A notebook in which a run of a model with a wrong layer has failed."""
    notebook(WRONG)
    notebook.said = notebook(FAILS)
    return notebook


def test_a_failed_run_is_explained_below_its_traceback(failed: Any) -> None:
    """The report shows the person's traceback whole, and below it what it means, the path and the fix."""
    run = failed.shell.user_ns["run"]
    text = run.report(curves=False).to_text(width=200)

    assert run.status == "failed"
    below = text[text.index("What happened") :]
    assert below.index("return self.body(x)") < below.index("mat1 and mat2") < below.index("Explained: ")
    assert "body.1" in text and "`body.1` takes 6 features" in " ".join(text.split())
    assert "model.body[1] = nn.Linear(8, 2)" in text
    assert run.report().to_dict()["explanation"]["pattern"] == "linear-features"


def test_the_explanation_stays_on_disk(failed: Any) -> None:
    """report.md and the run read back from its folder carry the explanation, also from another process."""
    from nbtrain.runs.stored import StoredRun

    run = failed.shell.user_ns["run"]
    stored = StoredRun(run.dir)

    assert "body.1" in (run.dir / "report.md").read_text()
    assert stored.explanation == run.explanation
    assert stored.manifest.explanation["pattern"] == "linear-features"


def test_explain_takes_what_failed_last(failed: Any) -> None:
    """%train explain explains the failed run, then a cell that failed after it, then a later run."""
    assert failed("%train explain").result.result.data["module"] == "body.1"

    failed("wide = torch.ones(2, 3)\nwide.view(4, 2)")
    assert failed("%train explain").result.result.data["pattern"] == "view-size"

    failed(FAILS)
    assert failed("%train explain").result.result.data["module"] == "body.1"


def test_explain_takes_a_refused_start(notebook: Any) -> None:
    """After a first batch that was refused, %train explain tells the same, with the names of the notebook."""
    notebook(WRONG.replace("return self.short(x)", "return self.body(x)"))
    assert "model.body[1] = nn.Linear(8, 2)" in notebook(FAILS).err
    assert notebook("%train explain").result.result.data["module"] == "body.1"


def test_explain_without_an_error_says_so(notebook: Any) -> None:
    """Where nothing has failed, one line says so and what explain takes."""
    said = notebook("%train explain")

    assert "No cell and no run has failed here" in said.err and "Traceback" not in said.err


def test_explain_names_the_cell(notebook: Any) -> None:
    """The place is said as the notebook says it, and nbtrain.explain() in a cell gives the same."""
    notebook("narrow = nn.Linear(3, 2)\nnarrow(x)")
    found = notebook("%train explain").result.result
    again = notebook("import nbtrain\nnbtrain.explain()").result.result

    assert found.data["where"].startswith("Cell In[") and found.data["where"].endswith("narrow(x)")
    assert found.data["code"] == "narrow = nn.Linear(4, 2)"
    assert again.data == found.data


def test_an_unknown_error_of_a_run_is_not_explained(notebook: Any) -> None:
    """A run that fails by the person's own exception shows the traceback and no explanation."""
    notebook(WRONG.replace("return self.body(x)", "raise ValueError('my own check')"))
    notebook(FAILS)
    run = notebook.shell.user_ns["run"]

    assert run.explanation is None and "my own check" in run.error
    assert "Explained" not in run.report(curves=False).to_text()


def test_a_followed_cell_is_explained(notebook: Any) -> None:
    """A loop of the person's own that fails in the background is explained as well."""
    notebook(LOOP)
    run = notebook.shell.user_ns["mine"]

    assert run.explanation.pattern == "cross-entropy-target-dtype"
    assert "criterion(model(xb), yb.float())" in run.explanation.where


def test_short_memory_comes_with_what_a_step_needs(notebook: Any) -> None:
    """Out of memory shows where the memory of a training step goes, estimated for the notebook's objects."""
    notebook("torch.empty(10**15)")
    found = notebook("%train explain").result.result

    memory = found.data["memory"]
    assert found.data["pattern"] == "cpu-out-of-memory"
    assert {"parameters", "activations"} <= {part["what"] for part in memory["breakdown"]}
    assert "`model`" in memory["about"] and "`train_loader`" in memory["about"]
    assert all(pair["batch_size"] * pair["accumulate"] == 16 for pair in memory["fits"])
    assert "Where the memory goes" in found.to_text()
