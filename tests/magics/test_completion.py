"""Tab behind %train."""

from __future__ import annotations

from typing import Any

import pytest

from nbtrain.commands._table import TABLE
from nbtrain.magics.completion import candidates


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%train st", ["start", "status", "stop"]),
        ("run = %train --ep", ["--epochs"]),
        ("%train --log ", ["json", "csv", "tensorboard", "wandb", "mlflow"]),
        ("%train model --precision b", ["bf16"]),
        ("%train stop --af", ["--after"]),
        ("%train stop --after ", ["step", "epoch"]),
        ("%train_review --r", ["--run"]),
        ("%train stop --h", ["--help"]),
        ("%train model ", []),
        ("train st", []),
    ],
)
def test_what_may_stand_there(text: str, found: list[str]) -> None:
    """Verbs first, then the options of the verb, then the words of the option; else nothing of ours."""
    assert candidates(text) == found


def test_every_verb_is_offered() -> None:
    """After %train and a space all verbs are there."""
    assert candidates("%train ") == list(TABLE)


@pytest.mark.filterwarnings("ignore:`Completer.complete`:PendingDeprecationWarning")
@pytest.mark.parametrize("line", ["%train stat", "run = %train stat"])
def test_the_shell_offers_it(line: str, shell: Any) -> None:
    """IPython's own completer asks, and no longer after unloading."""
    shell.run_line_magic("load_ext", "nbtrain")
    _, offered = shell.complete("stat", line, len(line))
    shell.run_line_magic("unload_ext", "nbtrain")
    _, later = shell.complete("stat", line, len(line))

    assert "status" in offered
    assert "status" not in later


@pytest.mark.filterwarnings("ignore:`Completer.complete`:PendingDeprecationWarning")
def test_names_of_the_notebook_are_still_offered(notebook: Any) -> None:
    """Variables of the notebook are completed too, those of the kernel are not."""
    line = "%train model train_l"

    assert notebook.shell.complete("train_l", line, len(line))[1] == ["train_loader"]
    assert "In" not in notebook.shell.complete("I", "%train I", 8)[1]


def test_the_options_of_a_cell_of_ones_own() -> None:
    """Behind %%train stand the options of a followed loop and their words, no verbs and no names."""
    assert candidates("%%train --sa") == ["--save-every", "--save-steps"]
    assert candidates("%%train --on-nan ") == ["alert", "stop"]
    assert candidates("%%train --log t") == ["tensorboard"]
    assert candidates("%%train m", ["model"]) == []
