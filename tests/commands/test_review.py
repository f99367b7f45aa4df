"""Tests of nbtrain.commands.review: which source or objects a review is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError

TOO_HIGH = "import torch\nnet = torch.nn.Linear(4, 2)\nopt = torch.optim.Adam(net.parameters(), lr=0.1)\n"


def reviewed(*words: str, **context: Any) -> Any:
    return command("review").run(parse(command("review"), list(words)), Context(**context))


def rules(review: Any) -> list[str]:
    return [finding.rule for finding in review.findings]


def test_a_source_a_file_and_a_cell_are_read_alike() -> None:
    """The same code gives the same finding as text, as a file and as a cell."""
    Path("train.py").write_text(TOO_HIGH)

    assert "adam-lr-too-high" in rules(nbtrain.review(TOO_HIGH))
    assert "adam-lr-too-high" in rules(nbtrain.review("train.py"))
    assert "adam-lr-too-high" in rules(nbtrain.review(Path("train.py")))
    assert "adam-lr-too-high" in rules(reviewed(namespace={}, cell=TOO_HIGH))
    assert "adam-lr-too-high" in rules(reviewed("train.py"))


def test_without_a_source_the_callers_objects_are_reviewed() -> None:
    """nbtrain.review() in a cell looks at the notebook's variables."""
    variables: dict[str, Any] = {}
    exec(TOO_HIGH + "import nbtrain\nfound = nbtrain.review()\n", variables)

    assert "adam-lr-too-high" in rules(variables["found"])


def test_only_the_named_objects_are_reviewed() -> None:
    """A name limits the review to that object."""
    variables: dict[str, Any] = {}
    exec(TOO_HIGH, variables)

    assert rules(reviewed("net", namespace=variables)) == []
    assert "adam-lr-too-high" in rules(reviewed("opt", namespace=variables))


@pytest.mark.parametrize(
    ("words", "context", "said"),
    [
        (["missing.py"], {}, "There is no file `missing.py`"),
        ([], {}, "nbtrain review train.py"),
        (["model"], {}, "and `model` is none"),
        (["modle"], {"namespace": {"model": 1}}, "Did you mean `model`"),
        (["--run"], {"namespace": {}}, "%%train_review --run"),
        (["--run", "a.py"], {}, "there is none"),
        (["a.py", "b.py"], {}, "One file at a time"),
        (["model"], {"namespace": {"model": 1}, "cell": "x = 1"}, "takes no names"),
    ],
)
def test_what_cannot_be_reviewed_is_said(words: list[str], context: dict[str, Any], said: str) -> None:
    """Each wrong call names what was given and what to do."""
    with pytest.raises(UsageError) as caught:
        reviewed(*words, **context)

    assert said in str(caught.value)
