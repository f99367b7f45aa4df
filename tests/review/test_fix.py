"""`--fix`: what is corrected, what stays, and what is written."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from nbtrain.cli.main import main
from nbtrain.notebook.ipython_syntax import to_python
from nbtrain.review import review_file, review_source
from nbtrain.review.engine import run
from nbtrain.review.facts import gather

HEAD = """\
import torch
from torch import nn

model = nn.Linear(8, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
"""
ORDER = (
    HEAD
    + """\
for epoch in range(5):
    scheduler.step()  # every epoch
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        nn.utils.clip_grad_norm_(  # keep it calm
            model.parameters(), 1.0
        )
        loss.backward()
        optimizer.zero_grad()

        optimizer.step()
"""
)
ORDERED = (
    HEAD
    + """\
for epoch in range(5):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()

        nn.utils.clip_grad_norm_(  # keep it calm
            model.parameters(), 1.0
        )
        optimizer.step()
        optimizer.zero_grad()
    scheduler.step()  # every epoch
"""
)
EVALUATION = (
    HEAD.replace(
        "nn.Linear(8, 2)", "nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))"
    )
    + """\
for epoch in range(5):
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()
    right = 0
    for x, y in val_loader:  # unseen
        right += (model(x).argmax(1) == y).sum().item()
    print(f"{right}")
"""
)
HOT = "import torch\nopt = torch.optim.Adam(net.parameters(), lr=0.5)  # mine\n"


def rules(source: str) -> list[str]:
    return [one.rule for one in review_source(source).findings if str(one.severity) != "info"]


def test_a_comment_within_a_value_is_not_lost() -> None:
    """A value over several lines with a comment in it is left to the person."""
    source = "import torch\nopt = torch.optim.Adam(net.parameters(), lr=(\n    0.5 *  # mine\n    2\n))\n"

    assert "adam-lr-too-high" in rules(source)
    assert review_source(source).suggested_config in ("", source)


def test_misplaced_lines_move_with_their_comments() -> None:
    """Clipping, zero_grad and scheduler.step() go where they belong, comments and line breaks with them."""
    assert {"clip-misplaced", "zero-grad-misplaced", "scheduler-before-optimizer-step"} <= set(rules(ORDER))
    assert review_source(ORDER).suggested_config == ORDERED
    assert rules(ORDERED) == []


def test_one_fix_brings_the_next_with_it() -> None:
    """An evaluation put into eval mode asks for train mode before the next epoch: both are written."""
    fixed = review_source(EVALUATION).suggested_config

    assert {"missing-eval-mode", "missing-no-grad"} <= set(rules(EVALUATION))
    assert rules(fixed) == []
    assert (
        "model.train()" in fixed
        and "    with torch.no_grad():\n        for x, y in val_loader:  # unseen" in fixed
    )


def _scripts() -> list[tuple[str, str]]:
    file = Path(__file__).parents[1] / "corpus" / "score.py"
    spec = importlib.util.spec_from_file_location("corpus_of_fixes", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["corpus_of_fixes"] = module
    spec.loader.exec_module(module)
    return [(one.name, one.text) for one in module.scripts()]


@pytest.mark.slow  # every script of the corpus is reviewed, corrected and reviewed again
def test_fixed_scripts_of_the_corpus_review_clean() -> None:
    """Of each script the fix takes away every finding that carries one, brings no new one, and parses."""
    corrected, whole = 0, 0
    for name, text in _scripts():
        outcome = run(gather(text, None))
        mendable = Counter(
            one.rule for one, edits in zip(outcome.findings, outcome.edits, strict=True) if edits
        )
        fixed = review_source(text).suggested_config
        assert bool(fixed) == bool(mendable), name
        if not fixed:
            continue
        ast.parse(to_python(fixed).text)
        had = Counter(one.rule for one in outcome.findings)
        left = Counter(one.rule for one in run(gather(fixed, None)).findings)
        assert left <= had - mendable, (name, left - (had - mendable))
        corrected, whole = corrected + 1, whole + (not left)
    assert corrected >= 90 and whole >= 25


def test_a_terminal_shows_the_diff_and_writes_only_where_asked(tmp_path: Path, capsys) -> None:
    """--fix prints a diff; --output writes a new file, and replaces one only with --overwrite."""
    path, target = tmp_path / "train.py", tmp_path / "fixed.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n" + HOT.replace("\n", "\r\n").encode())
    before = path.read_bytes()

    assert main(["review", str(path), "--fix"]) == 1
    assert "+opt = torch.optim.Adam(net.parameters(), lr=1e-3)  # mine" in capsys.readouterr().out
    assert path.read_bytes() == before and not target.exists()
    main(["review", str(path), "--fix", "--output", str(target)])
    assert target.read_bytes() == before.replace(b"lr=0.5", b"lr=1e-3")
    target.write_text("mine")
    assert main(["review", str(path), "--fix", "--output", str(target)]) == 2
    assert target.read_text() == "mine" and "--overwrite" in capsys.readouterr().err
    main(["review", str(path), "--fix", "--output", str(target), "--overwrite"])
    assert target.read_bytes() == before.replace(b"lr=0.5", b"lr=1e-3")
    assert main(["review", str(path), "--output", str(target)]) == 2
    assert main(["review", str(path), "--fix", "--output", str(tmp_path / "x.ipynb")]) == 2


def test_a_notebook_is_corrected_cell_by_cell(tmp_path: Path) -> None:
    """Magics, other languages, broken cells, outputs (whatever they hold) and metadata stay."""
    sources: list[str | list[str]] = [
        "%load_ext nbtrain\n!pip list", "%%bash\nls", "def broken(:", "#%% mine\nx = 1",
        ["%%time\n", "import torch\n", "opt = torch.optim.Adam(m.parameters(), lr=0.5)"], "",
    ]  # fmt: skip
    cells = [{"cell_type": "markdown", "source": "# Title", "metadata": {}}]
    more = {"outputs": ["half \ud83d a sign"], "metadata": {"a": 1}}
    cells += [{"cell_type": "code", "source": one, **more} for one in sources]
    document = {"cells": cells, "nbformat": 4, "metadata": {"kernel": "mine"}}
    path, target = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    path.write_text(json.dumps(document, indent=1))

    main(["review", str(path), "--fix", "--output", str(target)])
    written = json.loads(target.read_text())
    wanted = json.loads(json.dumps(document))
    wanted["cells"][5]["source"][2] = "opt = torch.optim.Adam(m.parameters(), lr=1e-3)"

    assert written == wanted
    assert [one.rule for one in review_file(target).findings] == []
