"""Searches with real trials: objects stay untouched, whatever happens is a state, and a stopped one goes
on."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nbtrain
from nbtrain.errors import UsageError
from nbtrain.running import active

CONFIG = """\
model: {architecture: mlp, hidden_size: 8}
data: {train: d.npz, split: auto}
optimizer: {learning_rate: 1e-2}
training: {epochs: 2, batch_size: 16, device: cpu}
reproducibility: {seed: 42}
"""


@pytest.mark.filterwarnings("error:.*has been overridden:UserWarning")
def test_a_scheduler_goes_with_the_copies(objects: dict[str, Any]) -> None:
    """A copied scheduler drives the copied optimizer from the trial's rate on, without a warning of torch."""
    optimizer = objects["optimizer"]
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
    search = on(objects, space={"lr": [0.1]}, n_trials=1, scheduler=scheduler).wait()
    run = nbtrain.load_run(next(Path("search/runs").iterdir()))

    assert list(search.trials["state"]) == ["completed"], search.trials["reason"].iloc[0]
    assert run.history["lr"].iloc[0] == pytest.approx(0.1) and run.history["lr"].iloc[-1] < 0.02
    assert optimizer.param_groups[0]["lr"] == 1e-3 and scheduler.last_epoch == 0


def on(objects: dict[str, Any], **how: Any) -> Any:
    """Search on the objects, and wait."""
    names = {"optimizer": "optimizer", "loss": "criterion", "val": "val_loader"}
    given = {role: objects[name] for role, name in names.items()}
    options = {**given, "epochs": 2, "n_trials": 3, **how}
    return nbtrain.search(objects["model"], objects["train_loader"], **options)


def test_live_objects_are_searched_on_copies_and_the_best_can_be_applied(objects: dict[str, Any]) -> None:
    """Weights, settings and dropout are as before the search; apply() sets the best on request."""
    model, optimizer = objects["model"], objects["optimizer"]
    before = {name: one.clone() for name, one in model.state_dict().items()}
    space = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "dropout": [0.0, 0.4], "batch_size": [8, 32]}
    search = on(objects, space=space, n_trials=2).wait()

    assert str(search.status) == "completed", search.error
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert optimizer.param_groups[0]["lr"] == 1e-3 and model[2].p == 0.1 and not optimizer.state
    assert search.best_value == search.trials["value"].min()
    assert set(search.best) == {"lr", "dropout", "batch_size"}
    said = search.apply()
    assert optimizer.param_groups[0]["lr"] == search.best["lr"] and model[2].p == search.best["dropout"]
    assert "batch_size" in said
    search.load_best(model)
    assert not torch.equal(model[0].weight, before["0.weight"])
    kept = [one for one in Path("search/runs").glob("*/checkpoints") if any(one.iterdir())]
    assert [one.parent.name for one in kept] == [search.best_trial.run], "checkpoints of the best alone stay"


def test_the_best_of_a_factory_is_a_configuration_that_trains_its_model(
    objects: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """best.yaml names the function with its best arguments, and plans a run on the notebook's variables."""
    from nbtrain.commands._table import command
    from nbtrain.commands.parse import parse
    from nbtrain.commands.spec import Context

    def make(width: int, lr: float) -> Any:
        model = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))
        return model, torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    context = Context(namespace={**objects, "make": make, "space": {"width": [8], "lr": [0.1]}})
    line = [
        "train_loader",
        "--factory",
        "make",
        "--search-space",
        "space",
        "--n-trials",
        "1",
        "--epochs",
        "1",
    ]
    chosen = command("search")
    search = chosen.run(parse(chosen, [*line, "--loss", "criterion"]), context).start().wait()
    assert str(search.status) == "completed", search.trials
    plan = command("plan")
    planned = plan.run(parse(plan, ["--config", "search/best.yaml"]), context)
    said = planned.to_text() if hasattr(planned, "to_text") else str(planned)
    assert "make" in said and "train_loader" in said and "the model is taken" in said


class Wide(nn.Module):
    """Fails in the ways a trial can fail."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.layer = how, nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "memory" and self.training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        if self.how == "fails" and self.training:
            raise ValueError("a shape that does not fit")
        return self.layer(x) * (float("nan") if self.how == "nan" else 1.0)


def test_what_goes_wrong_is_a_state_of_its_trial(objects: dict[str, Any]) -> None:
    """An exception, NaN, no memory and a factory that raises end their own trials; the others go on."""

    def make(how: str) -> Any:
        if how == "unmade":
            raise RuntimeError("no such layer")
        return Wide(how)

    search = nbtrain.search(
        factory=make, data=objects["train_loader"], val=objects["val_loader"], loss=objects["criterion"],
        space={"how": ["fine", "fails", "nan", "memory", "unmade"]}, method="grid", epochs=1,
    ).wait()  # fmt: skip
    states = dict(zip(search.trials["how"], search.trials["state"], strict=True))

    assert states == {
        "fine": "completed", "fails": "failed", "nan": "diverged", "memory": "out of memory",
        "unmade": "failed",
    }  # fmt: skip
    assert str(search.status) == "completed" and search.best == {"how": "fine"}
    reasons = dict(zip(search.trials["how"], search.trials["reason"], strict=True))
    assert "no such layer" in reasons["unmade"] and "shape that does not fit" in reasons["fails"]


def test_a_search_stopped_in_a_trial_goes_on_in_it_and_draws_what_it_would_have_drawn(
    objects: dict[str, Any],
) -> None:
    """The trial is taken up from its checkpoint; values and losses are those of one never stopped."""
    space = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "dropout": [0.0, 0.4]}
    how = {"space": space, "n_trials": 3, "epochs": 3, "method": "bayesian"}
    whole = on(objects, output="whole", **how).wait()
    slow = _Slow(objects["train_loader"])
    cut = on({**objects, "train_loader": slow}, output="cut", **how)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (cut.run is not None and cut.run.progress.epoch >= 2):
        time.sleep(0.01)
    cut.stop()
    cut.wait(60)
    assert str(cut.status) == "stopped"
    assert list(cut.trials["state"])[-1] == "interrupted"
    with pytest.raises(UsageError, match="--resume"):
        on(objects, output="cut", **how)
    with pytest.raises(UsageError, match="another `search_space`"):
        on(objects, output="cut", resume=True, **{**how, "space": {"lr": [1.0]}})
    slow.pause_s = 0.0
    again = on({**objects, "train_loader": slow}, output="cut", resume=True, **how).wait()

    done = again.trials[again.trials["state"] == "completed"]
    first = whole.trials.sort_values("lr").reset_index()[["lr", "dropout", "value"]]
    assert done.sort_values("lr").reset_index()[["lr", "dropout", "value"]].equals(first)
    taken_up = again.all_trials[len(cut.trials)]
    assert taken_up.again == len(cut.trials) - 1
    assert taken_up.run == cut.all_trials[-1].run, "the same run, from its checkpoint"
    assert len(taken_up.curve) == 3, "with the validations from before"


class _Slow:
    """A loader that takes its time, so that a search can be stopped in a trial."""

    def __init__(self, loader: Any) -> None:
        self.loader, self.pause_s, self.dataset, self.batch_size = (
            loader,
            0.02,
            loader.dataset,
            loader.batch_size,
        )

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Any:
        for batch in self.loader:
            time.sleep(self.pause_s)
            yield batch


@pytest.mark.slow
def test_a_trial_behind_the_median_is_pruned(objects: dict[str, Any]) -> None:
    """With four good trials known, one with a rate that learns nothing ends before its last epoch."""
    search = on(
        objects, space={"lr": [0.1, 0.08, 0.06, 0.05, 1e-9]}, method="grid", n_trials=None, pruner="median",
        epochs=5
    ).wait()  # fmt: skip
    pruned = search.trials[search.trials["lr"] == 1e-9].iloc[0]

    assert pruned["state"] == "pruned" and "median" in pruned["reason"]
    assert len(next(one for one in search.all_trials if one.state == "pruned").curve) < 5
    assert search.best["lr"] != 1e-9


def test_stopping_the_run_of_a_trial_ends_the_search_and_skip_goes_on(objects: dict[str, Any]) -> None:
    """%train stop means the search, not the one trial in it; search.skip() is for that."""
    objects["train_loader"] = _Slow(objects["train_loader"])
    search = on(objects, space={"lr": [0.1, 0.05, 0.01]}, method="grid", n_trials=None, epochs=20)
    until = time.monotonic() + 60
    while time.monotonic() < until and not search.skip():
        time.sleep(0.01)
    while time.monotonic() < until and not (active.alive() and len(search.trials) == 2):
        time.sleep(0.01)
    active.alive()[0].stop()
    search.wait(60)

    assert list(search.trials["state"]) == ["pruned", "interrupted"]
    assert str(search.status) == "stopped" and "by hand" in search.stop_reason


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with its data."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    np.savez(tmp_path / "d.npz", x=x, y=(x.sum(1) > 0).astype("int64"))
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path / "c.yaml"


def test_a_configuration_is_searched_and_the_best_one_trains_to_the_same(config: Path) -> None:
    """best.yaml is taken by start --config and gives the loss of its trial; CSV and report are there."""
    from nbtrain.cli.main import main

    (config.parent / "space.yaml").write_text("search_space: {learning_rate: [1e-3, 3e-2]}\nmethod: grid\n")
    assert main(["search", "--config", "c.yaml", "--search-space", "space.yaml", "--output", "out"]) == 0
    rows = list(csv.DictReader(Path("out/trials.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["completed"] * 2
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert Path("out/figures/search.png").read_bytes()[:4] == b"\x89PNG"
    assert "Best val_loss" in Path("out/report.md").read_text()
    assert main(["start", "--config", "out/best.yaml", "--output-dir", "again"]) == 0
    run = nbtrain.load_run(next(Path("again").iterdir()))
    assert run.epochs["val_loss"].min() == float(best["val_loss"])


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"learning_rat": [1]}, "Did you mean `learning_rate`"), ({"learning_rate": [2]}, "at most 1"),
        ({"seed": [1, 2]}, "all trials share"), ({"optimizer": ["adamw", "adm"]}, "adam"),
    ],
)  # fmt: skip
def test_a_space_no_configuration_can_have_is_refused_before_anything_is_written(
    config: Path, space: dict[str, Any], told: str
) -> None:
    """Unknown settings and values out of range are said; no folder is made."""
    with pytest.raises(UsageError, match=told):
        nbtrain.search(config=config, space=space)
    assert not Path("search").exists()


def test_resume_needs_a_search_to_go_on_with(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--resume` with a folder that holds none says so, and makes none."""
    from nbtrain.cli.main import main

    assert main(["search", "--resume", "--output", "nowhere"]) == 2
    assert "no search in nowhere" in capsys.readouterr().err and not Path("nowhere").exists()


def test_objects_refuse_what_they_do_not_have(objects: dict[str, Any]) -> None:
    """A setting the optimizer lacks, dropout without layers, no validation: each is said beforehand."""
    with pytest.raises(UsageError, match="momentun"):
        on(objects, space={"momentun": [0.9]})
    with pytest.raises(UsageError, match="no dropout to set"):
        model = nn.Linear(4, 2)
        adam = torch.optim.AdamW(model.parameters())
        on({**objects, "model": model, "optimizer": adam}, space={"dropout": [0.1]})
    with pytest.raises(UsageError, match="validation"):
        on(objects, space={"lr": [0.1]}, val=None)
    with pytest.raises(UsageError, match="gives val_loss, val_acc"):
        on(objects, space={"lr": [0.1]}, metric="val_accuracy")
    assert not Path("search").exists()


def test_the_review_warns_of_a_value_in_the_space_and_only_of_that(objects: dict[str, Any]) -> None:
    """A learning rate of 1 for Adam is named with its rule; the usual ones are not."""
    from nbtrain.commands.searched import red_flags
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.search.reading import space_of
    from nbtrain.search.subject import OfObjects

    subject = OfObjects(find_setup(objects), {"epochs": 1})
    (said,) = red_flags(subject, space_of({"lr": [1e-4, 1e-3, 1.0], "dropout": [0.1, 0.3]}))
    assert said.startswith("lr 1:") and "adam-lr-too-high" in said
    assert red_flags(subject, space_of({"lr": [1e-4, 1e-3]})) == []


@pytest.mark.slow
def test_several_processes_share_one_search_and_a_dead_one_loses_its_trial_alone(config: Path) -> None:
    """Two jobs do four trials, each once; one whose process is killed is failed, the rest go on."""
    import os
    import signal

    search = nbtrain.search(
        config=config, space={"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}, n_trials=4, jobs=2,
        epochs=40,
    )  # fmt: skip
    until = time.monotonic() + 120
    pids: set[int] = set()
    while time.monotonic() < until and len(pids) < 2:
        pids = {one.user_attrs["owner"]["pid"] for one in search._study._frozen(running=True)
                if "owner" in one.user_attrs and one.user_attrs.get("run")}  # fmt: skip
        time.sleep(0.05)
    assert len(pids) == 2 and os.getpid() not in pids
    os.kill(pids.pop(), signal.SIGKILL)
    search.wait(200)

    states = list(search.trials["state"])
    assert len(states) == 4 and states.count("failed") == 1 and states.count("completed") == 3, search.trials
    assert "signal 9" in search.trials[search.trials["state"] == "failed"].iloc[0]["reason"]


def test_random_over_lists_tries_nothing_twice(tmp_path: Path) -> None:
    """Of six combinations six random trials are asked for, all different, in another order than a grid's."""
    from nbtrain.search.options import SearchOptions
    from nbtrain.search.reading import space_of
    from nbtrain.search.study import Study

    space = space_of({"a": [1, 2, 3], "b": ["x", "y"]})
    study = Study(tmp_path, space, SearchOptions.from_words({"n_trials": 20}))
    study.prepare()
    drawn = []
    while (asked := study.ask()) is not None:
        drawn.append(asked[1])
        study.tell(asked[0], "completed", value=1.0)
    study.close()

    assert study.wanted == 6 and len({repr(one) for one in drawn}) == 6
    assert drawn != space.grid() and sorted(map(repr, drawn)) == sorted(map(repr, space.grid()))


def test_each_trial_draws_for_itself(tmp_path: Path) -> None:
    """Over a range eight trials draw eight values, in brackets too, and a second search the same."""
    from nbtrain.search.options import SearchOptions
    from nbtrain.search.reading import space_of
    from nbtrain.search.study import Study

    drawn = {}
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        how = SearchOptions.from_words({"n_trials": 8, "method": "bayesian", "pruner": "hyperband"})
        study = Study(tmp_path / name, space_of({"lr": {"low": 1e-5, "high": 1.0, "log": True}}), how)
        drawn[name] = []
        while (asked := study.ask()) is not None:
            drawn[name].append(asked[1]["lr"])
            study.judged(asked[0], 1, asked[1]["lr"])
            study.tell(asked[0], "completed", value=asked[1]["lr"])
        study.close()

    assert len(set(drawn["one"])) == 8
    assert drawn["one"] == drawn["other"]


def test_a_factory_is_not_given_names_that_it_does_not_have(objects: dict[str, Any]) -> None:
    """A name that is neither a parameter of the factory nor a setting is refused, not handed over."""

    def make(width: int = 8, kind: str = "adam") -> Any:
        model = nn.Linear(4, 2)
        return model, torch.optim.Adam(model.parameters())

    loaders = objects["train_loader"], objects["val_loader"]
    with pytest.raises(UsageError, match="`lrr` is no setting of Adam"):
        nbtrain.search(loaders[0], val=loaders[1], factory=make, space={"lrr": [1e-3]})
    with pytest.raises(UsageError, match="Linear has no dropout"):
        nbtrain.search(loaders[0], val=loaders[1], factory=make, space={"width": [8], "dropout": [0.0, 0.1]})
    assert not Path("search").exists()


def test_a_value_for_which_there_is_no_memory_is_a_trial(objects: dict[str, Any]) -> None:
    """A factory that runs out of memory or fails for one value: trials with that state, and a best one."""

    def make(width: int) -> Any:
        if width == 16:
            raise MemoryError("no room")
        if width == 32:
            raise KeyError("width")
        model = nn.Linear(4, 2)
        return model, torch.optim.Adam(model.parameters())

    loaders = objects["train_loader"], objects["val_loader"]
    found = nbtrain.search(
        loaders[0], val=loaders[1], factory=make, space={"width": [8, 16, 32]}, method="grid", epochs=1
    ).wait(60)
    states = [one["state"] for one in found.report().data["trials"]]
    assert sorted(states) == ["completed", "failed", "out of memory"] and found.best == {"width": 8}


def test_a_search_goes_on_in_python_as_it_was(objects: dict[str, Any]) -> None:
    """resume=True takes space, method, seed and number of trials from the folder where they are not said."""
    space = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}
    how = {"optimizer": objects["optimizer"], "val": objects["val_loader"], "epochs": 1}
    first = nbtrain.search(
        objects["model"], objects["train_loader"], space=space, n_trials=2, method="bayesian", seed=7, **how
    ).wait(60)
    again = nbtrain.search(
        objects["model"], objects["train_loader"], n_trials=3, resume=True, **how
    ).wait(60)
    drawn = [[one["values"] for one in search.report().data["trials"]] for search in (first, again)]
    assert drawn[1][:2] == drawn[0] and len(drawn[1]) == 3
    assert again.report().data["method"] == "bayesian"
    with pytest.raises(UsageError, match="no search in elsewhere"):
        nbtrain.search(objects["model"], objects["train_loader"], output="elsewhere", resume=True, **how)
