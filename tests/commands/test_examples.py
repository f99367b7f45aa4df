"""The examples in every verb's help, run as they stand where there is what they name."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import nbtrain
from nbtrain.commands._table import TABLE, command
from nbtrain.commands.parse import parse, split_line
from nbtrain.commands.spec import Context
from nbtrain.errors import UsageError

RUN = "digits-20260101-120000-ab12"
CONFIG = """\
model: {architecture: "pkg.module:factory"}
data: {train: test.npz, val: test.npz, test: test.npz}
optimizer: {learning_rate: %s}
training: {epochs: 1, batch_size: 32, device: cpu}
reproducibility: {seed: 42}
"""
PACKAGE = """\
from torch import nn

def factory():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

make = factory
"""
SCRIPT = '''\
"""Train a custom transformer on TinyStories."""
import torch
from torch import nn

def main():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)
    for _ in range(40):
        loss = model(torch.randn(8, 4)).square().mean()
        loss.backward()
        optimizer.step()

if __name__ == "__main__":
    main()
'''
# verbs that speak to a run while it trains
CONTROLS = ("pause", "wait", "stop", "save", "set")
LATE = {"search", "export", "bench"}  # seconds each


class Trainer:
    """What people keep a model in."""

    def __init__(self, model: Any) -> None:
        self.model = model


def notebook() -> dict[str, Any]:
    """Give what the examples name: a model for 28 x 28 images, loaders, names, a space."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    x, y = torch.randn(32, 1, 28, 28), torch.arange(32) % 10
    loaders = {
        name: DataLoader(TensorDataset(x + at, y), batch_size=16)
        for at, name in enumerate(("train_loader", "val_loader", "test_loader"))
    }
    return {
        "model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.01),
        "criterion": nn.CrossEntropyLoss(), **loaders, "trainer": Trainer(model),
        "names": [f"digit {at}" for at in range(10)],
        "space": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name."""
    import numpy as np
    import torch

    folder = tmp_path_factory.mktemp("place")
    things, seen = notebook(), []

    def looked(output: Any, target: Any) -> Any:  # in the twelfth validation the run is stopped
        seen.append(1)
        if len(seen) > 2 * 11:
            nbtrain.last_run().stop(after="epoch")
        return (output.argmax(1) == target).float().mean()

    things["optimizer"].param_groups[0]["lr"] = 1e-7  # nothing is learned: there is something to diagnose
    run = nbtrain.train(
        things["model"], things["train_loader"], val=things["val_loader"], optimizer=things["optimizer"],
        loss=things["criterion"], epochs=60, metrics={"looked": looked}, log="json", dir=folder / "made",
        name="digits",
    ).wait(60)  # fmt: skip
    assert str(run.status) == "stopped" and len(run.epochs) < 20
    for root, name in (
        ("runs", RUN),
        ("runs", "mine"),
        ("runs", "base"),
        ("runs", "opt"),
        ("experiments/runs", RUN),
    ):
        shutil.copytree(run.dir, folder / root / name)
        for manifest in (folder / root / name).rglob("*.json"):
            manifest.write_text(manifest.read_text().replace(run.id, name))
    (folder / "logs").mkdir()
    shutil.copy(run.dir / "logs" / "metrics.json", folder / "logs")
    for at, name in enumerate(("training_config", "baseline", "optimized", "base")):
        (folder / f"{name}.yaml").write_text(CONFIG % f"{at + 1}e-3")
    (folder / "space.yaml").write_text("search_space: {learning_rate: [1e-3, 1e-2], batch_size: [16, 32]}\n")
    (folder / "train.py").write_text(SCRIPT)
    cell = {"cell_type": "code", "source": SCRIPT, "metadata": {}, "outputs": [], "execution_count": None}
    (folder / "experiment.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    (folder / "pkg").mkdir()
    (folder / "pkg" / "module.py").write_text(PACKAGE)
    draw = np.random.default_rng(0)
    np.savez(folder / "test.npz", x=draw.normal(size=(64, 1, 28, 28)).astype("float32"), y=np.arange(64) % 10)
    for name in ("old", "new"):
        torch.save(notebook()["model"].state_dict(), folder / f"{name}.pt")
    shutil.rmtree(folder / "made")
    return folder


@pytest.fixture
def here(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder to work in."""
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def say(verb: str, example: str, things: dict[str, Any] | None) -> Any:
    chosen = command(verb)
    front = "nbtrain" if things is None else "%train"
    log = "" if things is None else "json"
    return chosen.run(parse(chosen, split_line(example), front=front), Context(namespace=things, log=log))


def examples(*, late: bool) -> list[Any]:
    """(verb, example, in a notebook?) of all verbs that need no run that trains."""
    found = []
    for verb in TABLE:
        if verb in CONTROLS or (verb in LATE) is not late:
            continue
        chosen = command(verb)
        found += [(verb, one, True) for one in chosen.with_objects]
        found += [(verb, one, chosen.notebook_only) for one in chosen.examples]
    return [pytest.param(*one, id=f"{one[0]} {one[1]}{'' if one[2] else ' (terminal)'}") for one in found]


def run_example(verb: str, example: str, in_notebook: bool) -> None:
    things = notebook() if in_notebook else None
    value = say(verb, example, things)
    data = getattr(value, "to_dict", dict)()
    assert value is not None and "details" not in data, data
    if hasattr(value, "start") and str(value.status) == "planned":
        value.start()
    if hasattr(value, "wait"):
        value.wait(120)
        assert str(value.status) == "completed", value.status


@pytest.mark.parametrize(("verb", "example", "in_notebook"), examples(late=False))
def test_an_example_does_what_help_says(
    verb: str, example: str, in_notebook: bool, here: Path, monkeypatch: Any
) -> None:
    """Each example of each verb runs to its end: with objects in a notebook, the others in a terminal."""
    if verb == "explain":
        said = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
    run_example(verb, example, in_notebook)


@pytest.mark.parametrize("verb", CONTROLS)
def test_what_is_said_to_a_run_that_trains(verb: str, here: Path) -> None:
    """Each example of pause, save, set, stop and wait is obeyed by a run that trains meanwhile."""
    chosen = command(verb)
    for example in (*chosen.with_objects, *chosen.examples):
        things = notebook()
        run = say(
            "start", "model train_loader --val val_loader --epochs 100000 --name digits --yes", things
        ).start()
        if verb == "wait":
            run.stop(after="epoch")
        assert say(verb, example, things) is not None
        if verb == "pause":
            assert "goes on" in say("resume", "", things)
        if verb != "stop":
            run.stop()
        assert str(run.wait(60).status) == "stopped"


@pytest.fixture(scope="module")
def workshop(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder in which one example finds what the one before it has left."""
    return Path(shutil.copytree(place, tmp_path_factory.mktemp("workshop") / "here"))


@pytest.mark.slow  # a minute: twenty trials, twice, and five exports
@pytest.mark.parametrize(("verb", "example", "in_notebook"), examples(late=True))
def test_an_example_of_export_bench_and_search_does_what_help_says(
    verb: str, example: str, in_notebook: bool, workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which the verbs stand: what is exported is benched, what is searched goes on."""
    monkeypatch.chdir(workshop)
    if verb == "search" and "--resume" not in example:
        shutil.rmtree("search", ignore_errors=True)
    if "--device cuda" in example and not has_a_gpu():
        with pytest.raises(UsageError, match="cuda"):
            run_example(verb, example, in_notebook)
        return
    run_example(verb, example, in_notebook)


def has_a_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
