"""Reviews by their front door: one awful cell, silencing, files, hostile sources, the JSON shape."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nbtrain.cli.main import main
from nbtrain.errors import UsageError
from nbtrain.findings import Severity
from nbtrain.review import review_file, review_source
from nbtrain.review.engine import all_rules, run
from nbtrain.review.facts import ReviewFacts, gather
from nbtrain.review.rule import Rule

AWFUL = """\
import torch
from torch import nn, optim
from torch.utils.data import DataLoader

EPOCHS = 50
model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 6)
optimizer = optim.Adam(model.parameters(), lr=0.1, weight_decay=0.01)  # my favourite
head_optimizer = optim.SGD(head.parameters(), lr=1e-5)
train_loader = DataLoader(data, batch_size=4, shuffle=True)
tiny_loader = DataLoader(data, batch_size=2)
for epoch in range(EPOCHS):
    for i, (x, y) in enumerate(train_loader):
        with torch.autocast("cuda", dtype=torch.float16):
            loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
for x, y in tiny_loader:
    head_optimizer.zero_grad()
    nn.functional.mse_loss(head(x), y).backward()
    head_optimizer.step()
"""
LOOP = """\
import torch
optimizer = torch.optim.Adam(model.parameters(), lr={lr})
for x, y in train_loader:
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
"""


NINE = {
    "adam-lr-too-high", "sgd-lr-out-of-range", "transformer-no-warmup", "adam-coupled-weight-decay",
    "small-batch-no-accumulation", "accumulation-unscaled-loss", "missing-grad-clipping", "amp-no-gradscaler",
    "long-training-constant-lr",
}  # fmt: skip


def rules_of(source: str | None, **options: object) -> list[str]:
    findings = review_source(source, **options).findings  # type: ignore[arg-type]
    return [one.rule for one in findings if one.severity is not Severity.INFO]


def test_one_awful_cell_raises_all_nine() -> None:
    """The nine rules of the contract fire on one cell, critical ones first, on the right lines."""
    review = review_source(AWFUL)
    lines = {finding.rule: finding.line for finding in reversed(review.findings)}

    assert set(lines) >= NINE
    assert (lines["adam-lr-too-high"], lines["accumulation-unscaled-loss"], lines["sgd-lr-out-of-range"]) == (
        7,
        15,
        8,
    )
    severities = [finding.severity for finding in review.findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert review.risk == "high"


def test_the_awful_cell_is_mended_in_its_own_words() -> None:
    """The suggestion keeps names and comments, and reviews clean."""
    suggestion = review_source(AWFUL).suggested_config

    assert (
        "optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)  # my favourite"
        in suggestion
    )
    assert "(loss / 4).backward()" in suggestion
    assert rules_of(suggestion) == []


def test_the_report_has_its_tables_and_sections() -> None:
    """The Markdown holds both tables and every section that was promised."""
    text = review_source(AWFUL).to_markdown()

    for words in ("Critical", "Warnings", "Issue", "Current", "Recommended", "Suggested Config"):
        assert words in text
    for words in ("Confidence Assessment", "Risk Assessment", "Information Gaps", "Caveats"):
        assert words in text
    assert "Good Practices" in review_source(AWFUL.replace("optim.Adam(", "optim.AdamW(")).to_markdown()


def test_the_json_shape() -> None:
    """The dictionary is JSON and has the keys of the contract, for the review and for each finding."""
    data = review_source(AWFUL).to_dict()

    assert json.loads(json.dumps(data)) == data
    assert set(data) == {
        "findings", "good_practices", "confidence", "risk", "information_gaps", "caveats", "suggested_config",
        "silenced", "diff", "outside", "situation",
    }  # fmt: skip
    wanted = {"rule", "severity", "line", "current", "recommended", "evidence", "confidence"}
    assert all(wanted <= set(one) for one in data["findings"])
    assert all(type(one["severity"]) is str and type(one["confidence"]) is str for one in data["findings"])


def test_it_shows_itself_in_a_notebook() -> None:
    """A review displays as HTML, with plain text beside it."""
    bundle = review_source(AWFUL)._repr_mimebundle_()

    assert "adam-lr-too-high" in bundle["text/html"]
    assert "adam-lr-too-high" in bundle["text/plain"]


@pytest.mark.parametrize(
    "source",
    [
        LOOP.format(lr="0.1  # nbtrain: allow adam-lr-too-high")
        .replace("high)", "high")
        .replace("lr=0.1", "lr=0.1)"),
        "# nbtrain: allow adam-lr-too-high\n" + LOOP.format(lr=0.1),
        LOOP.format(lr=0.1).replace(
            "optimizer =", "# nbtrain: allow adam-lr-too-high, sgd-lr-out-of-range\noptimizer ="
        ),
    ],
)
def test_a_comment_silences_a_rule(source: str) -> None:
    """An allow comment beside the line, above it, or above all code silences that rule."""
    assert rules_of(LOOP.format(lr=0.1)) == ["adam-lr-too-high"]
    assert rules_of(source) == []


def test_an_allow_comment_elsewhere_silences_nothing() -> None:
    """A comment on another line, or for another rule, changes nothing."""
    source = LOOP.format(lr=0.1)

    assert rules_of(source + "# nbtrain: allow adam-lr-too-high\n") == ["adam-lr-too-high"]
    assert rules_of(source.replace("0.1)", "0.1)  # nbtrain: allow amp-no-gradscaler")) == [
        "adam-lr-too-high"
    ]


def test_a_misspelt_allow_is_said() -> None:
    """An allow comment for no rule becomes a caveat that names the nearest one."""
    review = review_source(LOOP.format(lr="1e-3") + "x = 1  # nbtrain: allow adam-lr-to-high\n")

    assert any("adam-lr-too-high" in one for one in review.caveats)


def test_a_rule_that_raises_is_a_caveat() -> None:
    """A rule that fails is named in the caveats; the others are heard."""

    def broken(facts: ReviewFacts):
        raise ZeroDivisionError("oops")
        yield

    outcome = run(
        gather(LOOP.format(lr=0.1), None), [Rule("broken-rule", Severity.WARNING, broken), *all_rules()]
    )

    assert any("broken-rule" in one and "oops" in one for one in outcome.caveats)
    assert [one.rule for one in outcome.findings] == ["adam-lr-too-high"]


HOSTILE = {
    "syntax error": "def f(:\n    pass\n",
    "null bytes": "x = 1\0\ny = 2\n",
    "parentheses": "(" * 5000 + ")" * 5000,
    "operators": "x = " + "-" * 20000 + "1",
    "sum": "x = " + "+".join(["1"] * 20000),
    "attributes": "x" + ".a" * 5000,
    "brackets": "[" * 300 + "]" * 300,
    "power": "x = 9**9**9**9\ny = 'a' * 10**12",
    "recursion": "def f(n):\n    return f(n) + f(n)\nf(1)",
    "explosion": "\n".join(f"def f{i}():\n    f{i + 1}(); f{i + 1}(); f{i + 1}()" for i in range(40))
    + "\nf0()",
    "lone surrogate": "x = '\ud800'\n",
    "nothing": "",
    "form feed": "\x0c\n\r\n",
    "open string": "x = '''abc\n",
    "dedent": "  x = 1\n y = 2\n",
    "other language": "%%bash\nrm -rf /\n",
    "unicode": "ﬁ = '🙂'; модель = 1\n",
    "aliases of aliases": "import yaml\nx = yaml.safe_load('''\na: &a0 [1]\n"
    + "".join(f"b{i}: &a{i + 1} [{','.join([f'*a{i}'] * 9)}]\n" for i in range(12))
    + "''')\n",
    "star": "def f(*a, **k): return f(*a, **k)\nf(*f, **f)\n",
    "walrus": "(x := [y for y in (z := 3, x)])\nmatch x:\n    case [1, *_]: pass\n    case _: pass\n",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_sources_never_crash(source: str) -> None:
    """No text makes the review raise, and every result renders."""
    review = review_source(source)

    assert review.findings == ()
    review.to_dict()
    review.to_markdown()


def test_what_could_not_be_read_is_said_and_the_rest_is_reviewed() -> None:
    """A syntax error leaves out its block only, and names its lines."""
    review = review_source("def broken(:\n    pass\n\n" + LOOP.format(lr=0.1))

    assert [one.rule for one in review.findings] == ["adam-lr-too-high"]
    assert review.findings[0].line == 5
    assert any("line" in one and "Not read" in one for one in review.caveats)


def test_nothing_is_executed(tmp_path: Path) -> None:
    """Reviewing runs no line of the source and imports nothing that it imports."""
    mark = tmp_path / "ran"
    source = f"import antigravity\nopen({str(mark)!r}, 'w')\nraise SystemExit(3)\n"

    review_source(source)

    assert not mark.exists()
    assert "antigravity" not in sys.modules


def test_nothing_trains_so_nothing_is_missing() -> None:
    """A cell that only builds is not accused of what only a loop could do; the report says so."""
    review = review_source(
        "import torch\nmodel = torch.nn.LSTM(3, 4)\nopt = torch.optim.AdamW(model.parameters())\n"
    )

    assert review.findings == ()
    assert any("no training step" in one for one in review.information_gaps)


def notebook(*sources: str | list[str]) -> str:
    cells = [{"cell_type": "markdown", "source": "# Title"}]
    cells += [{"cell_type": "code", "source": source, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


def test_a_notebook_file_is_reviewed_cell_by_cell(tmp_path: Path) -> None:
    """Findings in a notebook carry the cell, counted over all cells from 0, and the line within it."""
    path = tmp_path / "train.ipynb"
    first = ["%load_ext nbtrain\n", "!pip install x\n", "import torch\n", "LR = 0.5"]
    path.write_text(
        notebook(first, "%%bash\nls", "def broken(:", "\nopt = torch.optim.Adam(m.parameters(), lr=LR)")
    )

    review = review_file(path)

    found = [(one["rule"], one["cell"], one["line"]) for one in review.to_dict()["findings"]]
    assert found == [("adam-lr-too-high", 4, 2)]
    assert any("Cell 3 was not read" in one for one in review.caveats)
    assert any("Cell 2 was not read" in one for one in review.caveats)


def test_a_python_file_is_reviewed(tmp_path: Path) -> None:
    """A .py file is read whatever its bytes."""
    path = tmp_path / "train.py"
    path.write_bytes(b"\xef\xbb\xbf# caf\xe9\n" + LOOP.format(lr=0.1).encode())

    assert [one.rule for one in review_file(path).findings] == ["adam-lr-too-high"]


@pytest.mark.parametrize(
    ("name", "content"), [("gone.py", None), ("data.csv", "x"), ("bad.ipynb", "{"), ("no.ipynb", "[]")]
)
def test_a_file_that_cannot_be_reviewed_is_a_usage_error(
    tmp_path: Path, name: str, content: str | None
) -> None:
    """A missing file, another kind of file and a broken notebook are usage errors that name the file."""
    path = tmp_path / name
    if content is not None:
        path.write_text(content)

    with pytest.raises(UsageError, match=name):
        review_file(path)


def test_an_unreadable_source_is_not_called_good() -> None:
    """Of a source that is no Python the report says that nothing was reviewed, and where it broke."""
    review = review_source("def f(:\n    pass\n")

    assert review.broken
    assert "Not reviewed" in review.to_markdown()
    assert "Nothing to complain" not in review.to_markdown()
    assert any("line 1" in one for one in review.caveats)
    assert review.confidence == "low"


def test_a_broken_file_exits_with_1(tmp_path: Path) -> None:
    """A file that cannot run exits 1, also when what could be read is fine; a magic breaks nothing."""
    for name, text, status in (
        ("broken.py", "x = 1\ndef f(:\n", 1),
        ("whole.py", "x = 1\n", 0),
        ("magic.py", "%time x = 1\n!ls\nawait x\n", 0),
    ):
        (tmp_path / name).write_text(text)
        assert main(["review", str(tmp_path / name)]) == status, name


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    """A file is read by the encoding it declares; undeclared foreign bytes are named with their line."""
    bad = b"import torch\nname = 'caf\xe9'\n" + LOOP.format(lr=0.1).encode()
    (tmp_path / "bad.py").write_bytes(bad)
    (tmp_path / "good.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + bad)

    assert any("Line 2" in one for one in review_file(tmp_path / "bad.py").caveats)
    assert review_file(tmp_path / "good.py").caveats == ()
    assert [one.rule for one in review_file(tmp_path / "bad.py").findings] == ["adam-lr-too-high"]


def test_silenced_findings_are_counted() -> None:
    """The report says how many findings comments silence, and which; silencing alone lowers no confidence."""
    source = LOOP.format(lr="0.1)  # nbtrain: allow adam-lr-too-high").replace("high)\n", "high\n")
    review = review_source(source)

    assert review.silenced == (("adam-lr-too-high", 2),)
    assert any("1 finding silenced" in one and "adam-lr-too-high" in one for one in review.caveats)
    assert review.to_dict()["silenced"] == [{"rule": "adam-lr-too-high", "line": 2}]
    assert "Nothing to complain about" in review.to_markdown()


def test_another_librarys_trainer_is_named() -> None:
    """Training that a library does out of sight is named as not checked; nothing is called missing."""
    review = review_source(
        "from fastai.vision.all import *\nimport fastai.vision.all as f\n"
        "learn = f.vision_learner(dls, f.resnet34)\nlearn.fine_tune(3)\n"
    )

    assert review.findings == ()
    assert any("fastai" in one for one in review.information_gaps)


def test_a_cell_without_training_is_not_praised() -> None:
    """Where nothing makes or trains a model the report says so; a cell that only builds is judged."""
    nothing = review_source("print(1)")
    builds = review_source("import torch\nopt = torch.optim.AdamW(net.parameters(), lr=1e-3)\n")

    assert "No training was found" in nothing.to_markdown() and nothing.report.tone == "info"
    assert "Nothing to complain about" not in nothing.to_markdown() and not nothing.trains
    assert "Nothing to complain about" in builds.to_markdown()


def test_what_is_outside_is_named_with_where_to_go() -> None:
    """Architecture and data loading are named where the source shows them, with what looks at them."""
    network = (
        "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    )
    network += "        self.a = torch.nn.Linear(1, 1)\nnet = Net()\n"
    loading = "import webdataset as wds\nimport torch\nopt = torch.optim.AdamW(net.parameters())\n"

    assert any(
        "`Net`" in one and "%train inspect" in one for one in review_source(network).to_dict()["outside"]
    )
    assert any(
        "WebDataset" in one and "--probe" in one for one in review_source(loading).to_dict()["outside"]
    )
    assert review_source("print(1)").to_dict()["outside"] == []
