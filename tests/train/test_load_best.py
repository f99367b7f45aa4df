"""The best weights of a run, back in a model with one line: all of them or none."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights
from torch import nn

from nbtrain.commands.runs import load_run
from nbtrain.diagnose.completion import completion_report
from nbtrain.errors import CheckpointCorrupted, UsageError, UserError


@pytest.fixture
def run(train: Any) -> Any:
    """Train at a rate that is right for two epochs and then ruins the model: the last step is not best."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    ruin = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0 if epoch < 2 else 40.0)
    yield train(
        model, loader(), val=loader(40), optimizer=optimizer, scheduler=ruin,
        scheduler_step="epoch", epochs=4, name="ruined",
    )  # fmt: skip
    assert model.training  # held until here, as a notebook's variable holds it


def loss_of(model: nn.Module) -> float:
    with torch.no_grad():
        parts = [(nn.functional.cross_entropy(model(x), y) * len(x), len(x)) for x, y in loader(40)]
    return float(sum(loss for loss, _ in parts)) / sum(size for _, size in parts)


def test_the_trained_model_gets_its_best_weights_back(run: Any) -> None:
    """After run.load_best() the model has the best validation loss again; a copy can have it instead."""
    model, best = run.objects.model, run.latest["best_val_loss"]
    assert run.latest["best_val_step"] < run.progress.step and loss_of(model) > best
    other = net(seed=9)

    assert run.load_best(other) is other and loss_of(other) == pytest.approx(best)
    assert loss_of(model) > best
    assert run.load_best() is model and same_weights(model, other)


def test_the_line_in_the_report_works(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the report says is run as it stands, in a folder above, by a process that has only the files."""
    monkeypatch.chdir(run.dir.parent.parent)
    report = completion_report(load_run(run.dir), curves=False)
    [line] = [text for text in report.to_dict()["recommendations"] if "load_best" in text]
    code = line.split("`")[1]
    assert code == f"nbtrain.load_run('{Path('runs') / run.id}').load_best(model)"
    import nbtrain

    model = net(seed=9)
    exec(code, {"nbtrain": nbtrain, "model": model})
    assert loss_of(model) == pytest.approx(run.latest["best_val_loss"])
    assert code in completion_report(run, curves=False).to_text(400)


def test_the_last_weights_need_no_loading(train: Any) -> None:
    """Where the last step was the best, the model in memory is named as the one that has them."""
    model = net()
    adam = torch.optim.Adam(model.parameters(), 0.01)
    run = train(model, loader(), val=loader(), epochs=12, optimizer=adam)
    assert run.latest["best_val_step"] == run.progress.step
    first, *rest = completion_report(run, curves=False).to_dict()["recommendations"]

    assert not any("load_best" in text for text in [first, *rest])
    assert "load_best" in "".join(completion_report(load_run(run.dir)).to_dict()["recommendations"])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: nn.Linear(8, 3), r"`weight` is missing, `bias` is missing, `0\.weight` has no place and 3"),
        (lambda: net()[:3].append(nn.Linear(12, 5)), r"`3\.weight` is \(3, 12\) there and \(5, 12\) here"),
        (lambda: 3, "needs a model to put the weights into, not a int"),
    ],
    ids=["other layers", "another size", "no model"],
)
def test_another_model_is_refused_unchanged(run: Any, model: Any, said: str) -> None:
    """The first differences are named, and not one weight was written."""
    target = model()
    before = copy.deepcopy(target)
    with pytest.raises(UsageError, match=said):
        load_run(run.dir).load_best(target)

    assert not isinstance(target, nn.Module) or same_weights(target, before)


def test_a_wrapped_model_takes_the_weights(run: Any) -> None:
    """A compiled model, and one in DataParallel, take the weights of the plain one."""
    for wrap in (torch.compile, nn.DataParallel):
        model = net(seed=9)
        load_run(run.dir).load_best(wrap(model))
        assert loss_of(model) == pytest.approx(run.latest["best_val_loss"])


def test_a_model_under_training_is_not_overwritten(run: Any, train: Any) -> None:
    """While a run trains a model, nothing is loaded into it."""
    model = net()
    other = train(model, loader(), val=loader(40), epochs=10**6, wait=False)
    with pytest.raises(UsageError, match="is training this model right now"):
        run.load_best(model)
    other.stop()


def test_what_is_missing_is_said(run: Any, train: Any, planned: Any) -> None:
    """Before the start, without validation, without checkpoints, with damaged files: each is told."""
    with pytest.raises(UsageError, match="has not been started"):
        planned(net(), loader(), epochs=1).load_best()
    model = net()
    plain = train(model, loader(), epochs=1)
    with pytest.warns(UserWarning, match="no validation loss to tell"):
        plain.load_best()
    for folder in (run.dir / "checkpoints").glob("step-*"):
        data = bytearray((folder / "model.pt").read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "model.pt").write_bytes(data)
    with pytest.raises(CheckpointCorrupted):
        run.load_best()
    for folder in list((plain.dir / "checkpoints").glob("step-*")):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    with pytest.raises(UserError, match="kept no checkpoint"):
        plain.load_best()
