"""lr-find: as a line, from Python, its report, and the suggestion set on request."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError


def say(line: str, objects: dict[str, Any]) -> Any:
    """Run the verb as `%train lr-find LINE` does."""
    verb = command("lr-find")
    return verb.run(parse(verb, line.split()), Context(namespace=objects))


@pytest.fixture
def learning(objects: dict[str, Any]) -> dict[str, Any]:
    """The set-up with two groups and a schedule; its model learns within a few steps."""
    import torch

    model = objects["model"]
    groups = [{"params": model[0].parameters(), "lr": 1e-3}, {"params": model[2].parameters(), "lr": 2e-3}]
    optimizer = torch.optim.Adam(groups)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    return {**objects, "optimizer": optimizer, "scheduler": scheduler}


def test_a_line_finds_the_objects_and_changes_nothing(learning: dict[str, Any]) -> None:
    """Model, loss, data and optimizer come from the notebook; the rate stays as it was."""
    found = say("--end 1 --steps 60", learning)

    assert found.verified
    assert found.suggestion == found.valley
    assert len(found.lrs) == len(found.losses) > 20
    assert [group["lr"] for group in learning["optimizer"].param_groups] == [1e-3, 2e-3]
    assert found.optimizer_name == "optimizer"


def test_the_report_names_the_suggestion_the_reason_and_the_proof(learning: dict[str, Any]) -> None:
    """As text, Markdown, HTML and JSON: the rate, both ways to read it, and what was verified."""
    found = say("--end 1 --steps 60", learning)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    text = repr(found)

    assert told["suggestion"] == found.suggestion
    assert (told["method"], told["verified"], told["changed"]) == ("valley", True, [])
    assert told["lrs"] == found.lrs
    assert f"Suggested: lr = {found.suggestion:g}" in text
    for word in ("Valley", "Steepest", "Verified", "weights", "optimizer state", "random generators"):
        assert word in text
    assert "blake2b" in found.report().to_markdown()
    html = found._repr_mimebundle_()["text/html"]
    assert html.count("data:image/png;base64,") == 2


def test_apply_sets_every_group_in_its_ratio_and_tells_the_schedule(learning: dict[str, Any]) -> None:
    """With --apply the first group has the suggestion, the second twice that, the schedule its height."""
    found = say("--end 1 --steps 60 --apply", learning)
    rate = found.suggestion
    optimizer, scheduler = learning["optimizer"], learning["scheduler"]

    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([rate, 2 * rate])
    assert scheduler.base_lrs == pytest.approx([rate, 2 * rate])
    assert f"`optimizer` now has lr = {rate:g} (was 0.001), its 2 groups in their ratio." in repr(found)


def test_from_python_the_callers_optimizer_is_taken(learning: dict[str, Any]) -> None:
    """nbtrain.lr_find(model, loader) uses the one optimizer of the caller that holds the model."""
    names = {"nbtrain": nbtrain, **learning}
    exec("found = nbtrain.lr_find(model, train_loader, loss=criterion, end=1.0, steps=60)", names)
    exec("found.apply(0.5)", names)

    assert [group["lr"] for group in learning["optimizer"].param_groups] == [0.5, 1.0]
    assert learning["scheduler"].base_lrs == pytest.approx([0.5, 1.0])


def test_without_an_optimizer_the_usual_one_is_tested_and_none_is_set(objects: dict[str, Any]) -> None:
    """The test works; there is nothing to set a rate on, which is said."""
    del objects["optimizer"]
    found = say("--steps 60", objects)

    assert found.optimizer_name == "AdamW"
    assert not found.can_apply
    with pytest.raises(UsageError, match="has no optimizer"):
        found.apply(1e-3)


def test_a_curve_that_shows_nothing_is_said_and_applies_nothing(objects: dict[str, Any]) -> None:
    """No suggestion is invented, and --apply leaves the optimizer alone."""
    objects["criterion"] = lambda output, target: output.sum() * 0 + 1
    found = say("--apply --steps 20", objects)

    assert found.suggestion is None
    assert "No suggestion" in repr(found)
    assert found.to_dict()["suggestion"] is None
    assert objects["optimizer"].param_groups[0]["lr"] == 0.1
    with pytest.raises(UsageError, match="no suggestion to apply"):
        found.apply()


def test_an_optimizer_that_is_gone_is_not_set(learning: dict[str, Any]) -> None:
    """The result keeps nothing alive; a later click says what happened."""
    found = say("--end 1 --steps 60", learning)
    learning.clear()
    import gc

    gc.collect()
    assert not found.can_apply
    with pytest.raises(UsageError, match="is gone"):
        found.apply()


def test_while_a_run_trains_the_model_nothing_is_applied(learning: dict[str, Any], tmp_path: Any) -> None:
    """The optimizer is the run's then."""
    found = say("--end 1 --steps 60", learning)
    run = nbtrain.train(
        learning["model"], learning["train_loader"], optimizer=learning["optimizer"], no_val=True,
        epochs=100_000, dir=tmp_path,
    )  # fmt: skip
    with pytest.raises(UsageError, match="is training this model"):
        found.apply()
    with pytest.raises(UsageError, match="is training this model"):
        say("", learning)
    run.stop()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("model train_loader other", "one name too many"),
        ("--start 1 --end 0.1", "upwards"),
        ("--steps 3", "at least 10"),
        ("--stpes 30", "Did you mean `--steps`"),
        ("nothing", "nothing"),
    ],
)
def test_lines_that_make_no_sense_are_refused(line: str, said: str, objects: dict[str, Any]) -> None:
    """Each in words, before anything is trained."""
    with pytest.raises(UsageError, match=said):
        say(line, objects)


def test_a_terminal_is_told_that_it_needs_a_notebook() -> None:
    """There are no objects in a terminal."""
    verb = command("lr-find")
    with pytest.raises(UsageError, match=r"nbtrain\.lr_find"):
        verb.run(SimpleNamespace(objects=[]), Context())
