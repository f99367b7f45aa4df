"""%train_review and %%train_review in a real shell."""

from __future__ import annotations

from typing import Any

import pytest

GOOD = "net = torch.nn.Linear(4, 2)\nopt = torch.optim.AdamW(net.parameters(), lr=1e-3)\nran = True\n"
CRITICAL = (
    "scaler = None\n"
    "for x, y in train_loader:\n"
    "    with torch.autocast('cuda', dtype=torch.float16):\n"
    "        loss = criterion(model(x), y)\n"
    "    loss.backward()\n"
    "    optimizer.step()\n"
    "    optimizer.zero_grad()\n"
    "ran = True\n"
)


def test_a_cell_is_reviewed_and_not_run(notebook: Any) -> None:
    """%%train_review reads; no line of the cell is executed."""
    said = notebook(f"%%train_review\n{GOOD}")

    assert "ran" not in notebook.shell.user_ns
    for section in ("Confidence Assessment", "Risk Assessment", "Information Gaps", "Caveats"):
        assert section in said.out


def test_lines_are_those_of_the_notebook(notebook: Any) -> None:
    """The magic is line 1, in findings and in what could not be read; the suggested cell is without it."""
    hot = "net = torch.nn.Linear(4, 2)\nopt = torch.optim.Adam(net.parameters(), lr=0.5){}\n"
    review = notebook("%%train_review\n" + hot.format("")).result.result
    unread = notebook("%%train_review --run\nfine = 1\nfor in").out
    allowed = notebook("%%train_review\n" + hot.format("  # nbtrain: allow adam-lr-too-high")).result.result

    assert [(one.rule, one.line) for one in review.findings] == [("adam-lr-too-high", 3)]
    assert review.suggested_config == hot.format("").replace("0.5", "1e-3")
    assert allowed.findings == ()
    assert "line 3" in unread.lower()


def test_run_runs_what_is_fine(notebook: Any) -> None:
    """With --run the cell runs after its review, as without the magic."""
    said = notebook(f"%%train_review --run\n{GOOD}ran")

    assert notebook.shell.user_ns["ran"] is True
    assert said.out.index("Risk Assessment") < said.out.index("True")


def test_run_does_not_run_what_is_critical(notebook: Any) -> None:
    """A critical finding is shown, and the cell is left alone with the reason."""
    said = notebook(f"%%train_review --run\n{CRITICAL}")

    assert "Critical" in said.out
    assert "Not run: the review found something critical" in said.out
    assert "ran" not in notebook.shell.user_ns


def test_the_cells_own_error_is_the_cells(notebook: Any) -> None:
    """An exception of a cell that ran is its own, with its own lines."""
    said = notebook("%%train_review --run\nx = 1\ny = x / 0")

    assert isinstance(said.error, ZeroDivisionError)
    assert "nbtrain" not in said.out.replace("nbtrain:", "").partition("ZeroDivisionError")[2]


def test_fix_puts_the_corrected_cell_below(notebook: Any) -> None:
    """--fix hands the corrected cell, comments kept, to the next input, and shows the diff; nothing runs."""
    cell = (
        "net = torch.nn.Linear(4, 2)\nopt = torch.optim.Adam(net.parameters(), lr=0.5)  # mine\nran = True\n"
    )
    said = notebook(f"%%train_review --fix\n{cell}")
    below = notebook.shell.rl_next_input
    nothing = notebook(f"%%train_review --fix\n{GOOD}").out

    assert below == cell.replace("0.5", "1e-3").rstrip()
    assert "-opt = torch.optim.Adam(net.parameters(), lr=0.5)  # mine" in said.out
    assert "The corrected cell stands below" in said.out and "below" not in nothing
    assert "Nothing to mend" in nothing
    assert "ran" not in notebook.shell.user_ns


def test_live_objects_are_reviewed(notebook: Any) -> None:
    """%train_review looks at the notebook's objects, all or the named ones, and returns the review."""
    notebook("hot = torch.optim.Adam(model.parameters(), lr=0.5)")
    everything, one = notebook("%train_review"), notebook("%train_review criterion")

    assert [finding.name for finding in everything.result.result.critical] == ["hot"]
    assert one.result.result.findings == ()


@pytest.mark.parametrize(
    "cell",
    [
        "# nothing",
        "for in",
        "x = '",
        "<script>alert(1)</script>",
        "%timeit x\n!ls\n?print",
        "lr = 1e999\nwhile True:\n    pass",
        "x = " + "(" * 300 + ")" * 300,
        "\0",
        "é = '\udcff'",
        "def f():\n\treturn 1\n        return 2",
        "await something()",
    ],
)
def test_hostile_cells_are_reviewed_or_said_to_be_unreadable(notebook: Any, cell: str) -> None:
    """Whatever stands in the cell, the review ends without an error, runs nothing and shows no raw HTML."""
    said = notebook(f"%%train_review\n{cell}")

    assert said.error is None
    html = said.result.result.report.to_html() if said.result.result else ""
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%train_review --run", "%%train_review --run"),
        ("%train_review modle", "Did you mean `model`"),
        ("%train_review missing.py", "There is no file `missing.py`"),
        ("%train_review --fast", "`--fast` is not an option"),
        ("%%train_review model\nx = 1", "takes no names"),
    ],
)
def test_wrong_calls_are_one_line(notebook: Any, line: str, said: str) -> None:
    """What was given and what to do, without a traceback."""
    typed = notebook(line)

    assert said in typed.err
    assert len(typed.err.strip().splitlines()) == 1


@pytest.mark.parametrize("line", ["%train_review --help", "%%train_review --help\nx = 1"])
def test_help(notebook: Any, line: str) -> None:
    """Both forms tell all three uses."""
    said = notebook(line).out

    assert "usage: %%train_review [--probe [--sanity]] [--fix] [--run]" in said
    assert "%train_review FILE" in said


LOOP = """\
from IPython.display import display
seen.append(1)
for x, y in train_loader:
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    print("a line of the cell")
    display("a display of the cell")
"""


def test_a_probe_runs_copies_and_shows_nothing_of_the_cell(notebook: Any) -> None:
    """%%train_review --probe takes two steps on copies, says so with the notebook's lines, and is silent."""
    notebook(
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "seen, model, criterion = [], torch.nn.Linear(4, 2), torch.nn.CrossEntropyLoss()\n"
        "optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)\n"
        "data = TensorDataset(torch.randn(64, 4), torch.randint(0, 2, (64,)))\n"
        "train_loader = DataLoader(data, batch_size=16, shuffle=True)\n"
        "before = {name: value.clone() for name, value in model.state_dict().items()}\n"
    )
    names = dict(notebook.shell.user_ns)
    said = notebook(f"%%train_review --probe\n{LOOP}")
    now = notebook.shell.user_ns

    assert "2 optimizer steps on copies" in said.out
    assert "zero_grad 5" in said.out
    assert "of the cell" not in said.out
    assert now["seen"] == []
    assert all((now["before"][name] == value).all() for name, value in now["model"].state_dict().items())
    assert all(now[name] is names[name] for name in ("seen", "model", "optimizer", "train_loader"))
    assert "loss" not in now and "display" not in now


def test_a_probe_needs_code(notebook: Any) -> None:
    """Without a cell or a file --probe is a usage error that says what it needs."""
    assert "%%train_review --probe" in notebook("%train_review --probe").err
