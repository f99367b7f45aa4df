"""Tests of nbtrain.commands.start and plan: from a line's arguments to a planned run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse, split_line
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError

REFUSAL = "I need logging configured before training. Which backend would you like to use?"


def started(line: str, objects: dict[str, Any], **settings: Any) -> Any:
    context = Context(namespace=objects, **{"log": "json", **settings})
    return command("start").run(parse(command("start"), split_line(line)), context)


def test_nothing_starts_before_it_is_asked_to(objects: dict[str, Any], tmp_path: Path) -> None:
    """start gives a planned run: no thread, no folder, with --yes or without."""
    run = started("--yes", objects)

    assert run.status == "planned"
    assert list(tmp_path.iterdir()) == []


def test_zero_is_a_value(objects: dict[str, Any]) -> None:
    """--seed 0, --keep 0 and --clip 0 are said, not left out."""
    options = started("--seed 0 --keep 0 --clip 0", objects).plan.work.options

    assert (options.seed, options.keep, options.clip) == (0, 0, None)
    assert {"seed", "keep", "clip"} <= options.given


def test_logging_is_asked_for_word_for_word(objects: dict[str, Any]) -> None:
    """Without a backend training is refused with the question, every backend and the option to add."""
    with pytest.raises(UsageError) as caught:
        started("", objects, log="")

    assert caught.value.message == REFUSAL
    assert all(f"--log {name}" in str(caught.value) for name in ("json", "tensorboard", "wandb", "mlflow"))
    assert '%config NBTrain.log = "json"' in str(caught.value)


def test_a_line_beats_the_settings(objects: dict[str, Any]) -> None:
    """--log and --dir of the line win over those set for the notebook."""
    options = started("--log csv --dir here", objects, runs_dir="there").plan.work.options

    assert (options.log, options.dir) == (("csv",), Path("here"))


def test_a_folder_from_the_settings_is_marked_as_chosen(objects: dict[str, Any]) -> None:
    """A folder that is not the default is marked in the plan, the default is not."""
    usual, other = started("", objects), started("", objects, runs_dir="there")

    assert "dir" not in usual.plan.work.options.given
    assert "dir" in other.plan.work.options.given


def test_metrics_are_functions_of_the_notebook(objects: dict[str, Any]) -> None:
    """--metric takes name=function, a bare name, and a function inside a module or object."""
    import torch

    def f1(output: Any, target: Any) -> float:
        return 0.5

    objects |= {"f1": f1, "torch": torch}
    metrics = started("--metric score=f1 --metric f1 --metric torch.dist", objects).plan.work.options.metrics

    assert metrics == {"score": f1, "f1": f1, "dist": torch.dist}


@pytest.mark.parametrize("word", ["f2", "x=f2", "model.nothing", "=", "f="])
def test_a_metric_that_is_no_function_is_named(word: str, objects: dict[str, Any]) -> None:
    """The message repeats what was typed and shows the form."""
    with pytest.raises(UsageError, match=r"is no function of this notebook. --metric f1=my_f1"):
        started(f"--metric {word}", objects)


@pytest.mark.parametrize("name", ["my-run", "1run", "class", "a.b", ""])
def test_a_run_is_bound_to_a_real_name_only(name: str, objects: dict[str, Any]) -> None:
    """--as refuses what cannot be a variable."""
    with pytest.raises(UsageError, match=r"is no name a variable can have"):
        started(f"--as '{name}'", objects)


def test_three_names_are_one_too_many(objects: dict[str, Any]) -> None:
    """The third name is said, with the form."""
    with pytest.raises(UsageError, match=r"`val_loader` is one name too many.*--val val_loader"):
        started("model train_loader val_loader", objects)


def test_names_of_the_kernel_are_not_the_persons(objects: dict[str, Any]) -> None:
    """What the kernel put into the namespace is no candidate."""
    import torch

    other = torch.nn.Linear(4, 2)
    run = started("", objects | {"theirs": other}, hidden=frozenset({"theirs"}))

    assert run.plan.work.model is objects["model"]


def test_a_terminal_is_sent_to_the_notebook() -> None:
    """Without variables training says where it can be done."""
    with pytest.raises(UsageError, match=r"Use %train in a notebook, or nbtrain\.train\(model, data\)"):
        command("plan").run(parse(command("plan"), []), Context())


def test_a_plan_is_a_report_and_touches_nothing(objects: dict[str, Any], tmp_path: Path) -> None:
    """plan rehearses and tells; parameters, random state and disk are as before."""
    import torch

    before = [p.clone() for p in objects["model"].parameters()]
    state = torch.get_rng_state()
    context = Context(namespace=objects, log="json")
    report = command("plan").run(parse(command("plan"), ["--epochs", "2"]), context)

    assert report.to_dict()["total_steps"] == 8
    assert all(torch.equal(a, b) for a, b in zip(before, objects["model"].parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert list(tmp_path.iterdir()) == []


def test_train_returns_at_once_and_leaves_its_report(objects: dict[str, Any]) -> None:
    """nbtrain.train trains in the background; its folder ends with report and curves."""
    run = nbtrain.train(
        objects["model"],
        objects["train_loader"],
        val=objects["val_loader"],
        optimizer=objects["optimizer"],
        max_epochs=2,
    )

    assert run.wait(60).status == "completed"
    assert run.dir.parent.resolve() == Path("runs").resolve()
    assert (run.dir / "report.md").read_text().startswith("#")
    assert (run.dir / "figures" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert nbtrain.last_run() is run


def test_the_picture_of_an_ended_run_is_drawn_once(
    objects: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks after the folder has it gets the same bytes; a new alert is drawn in; memory is bounded."""
    from nbtrain.commands import finish
    from nbtrain.findings import Finding, Severity

    run = nbtrain.train(objects["model"], objects["train_loader"], no_val=True, epochs=1)
    run.wait(60)
    first = finish.picture(run)
    assert first.png == (run.dir / "figures" / "curves.png").read_bytes()
    assert finish.picture(run) is first

    run._do.record.alerts.append(Finding("late", Severity.WARNING, "the tracker did not close", "", ""))
    second = finish.picture(run)
    assert "the tracker did not close" in second.text and finish.picture(run) is second

    monkeypatch.setattr(finish, "KEPT", 1)
    later = nbtrain.train(objects["model"], objects["train_loader"], no_val=True, epochs=1).wait(60)
    assert list(finish._drawn) == [later]


def test_an_optimizer_that_was_forgotten_is_not_doubled() -> None:
    """nbtrain.train makes no optimizer beside one of the caller's that holds the model already."""
    import torch

    from nbtrain.commands.start import _refuse_a_second_optimizer

    model = torch.nn.Linear(2, 2)
    names = {"mine": torch.optim.SGD(model.parameters(), lr=0.1)}
    with pytest.raises(UsageError, match=r"`mine` \(SGD\) holds this model's parameters.*optimizer=mine"):
        _refuse_a_second_optimizer(model, names)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dir": 3}, "`dir` is 3; it must be a folder's path"),
        ({"name": 5}, "`name` is 5; it must be a text that is not empty"),
        ({"name": ""}, "`name` is ''; it must be a text that is not empty"),
        ({"epochs": 10**30}, "`epochs` is a number of 31 digits; more than 10,000,000 is taken for a slip"),
        ({"epochs": 10**400}, "`epochs` is a number of over 300 digits; more than 10,000,000"),
        ({"device": "toaster"}, "device is 'toaster', which cannot be used here. Allowed are cpu, cuda"),
    ],
)
def test_options_of_the_wrong_kind_are_said(objects: dict[str, Any], options: Any, said: str) -> None:
    """What was passed and what is allowed, before anything starts."""
    import nbtrain

    with pytest.raises(UsageError) as caught:
        nbtrain.train(objects["model"], objects["train_loader"], no_val=True,
                      optimizer=objects["optimizer"], **options)  # fmt: skip

    assert said in str(caught.value)


def test_a_run_is_loaded_by_a_text_or_a_path() -> None:
    """A number is refused in words."""
    import nbtrain

    with pytest.raises(UsageError, match="`run` is 3; allowed are a text and a"):
        nbtrain.load_run(3)


def test_an_estimate_above_a_week_is_said_first(objects: dict[str, Any]) -> None:
    """A number of epochs that takes weeks stands under what to know before the start."""
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.train.options import TrainOptions
    from nbtrain.train.plan import make_plan

    said = []
    for steps in (10**11, 2):
        words = {"log": "json", "no_val": True, "max_steps": steps}
        plan = make_plan(find_setup(objects), TrainOptions.from_words(words))
        said.append(any("days. If that is not meant" in warning for warning in plan.warnings))

    assert said == [True, False]


@pytest.mark.parametrize("role", ["model", "data", "optimizer", "loss", "scheduler", "val"])
def test_names_in_place_of_objects_are_told(objects: dict[str, Any], role: str) -> None:
    """nbtrain.train takes objects: a text in the place of one is named as that, not looked for."""
    given = {"model": objects["model"], "data": objects["train_loader"], "no_val": True, role: "thing"}
    with pytest.raises(UsageError, match=f"`{role}` is the text 'thing', and nbtrain.train takes the obj"):
        nbtrain.train(given.pop("model"), given.pop("data"), **given)


@pytest.mark.parametrize(("call", "said"), [("review", "a value of type int"), ("inspect", "the number 3")])
def test_what_cannot_be_looked_at_is_named(call: str, said: str) -> None:
    """review and inspect say what they were given and what they take."""
    with pytest.raises(UsageError, match=said):
        getattr(nbtrain, call)(3)
