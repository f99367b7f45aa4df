"""Bad input: one line, what was passed, what is allowed, what to do; nothing on disk, nothing changed."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from setups import digits, loader, net
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, SubsetRandomSampler

import nbtrain
from nbtrain.errors import UsageError
from nbtrain.notebook.namespace import find_setup
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import make_plan


class Strings(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> str:
        return "a review"


class Empty:
    def __iter__(self) -> Any:
        return iter(())


def frozen() -> nn.Module:
    return net().requires_grad_(False)


FLOATS = [(x, y.float()) for x, y in loader()]
LATE = [(x, y + 1) for x, y in loader()]
PAIRS = [(x, torch.randn(len(x), 1)) for x, _ in loader()]
BINARY = [(x, (y > 0).long().unsqueeze(1)) for x, y in loader()]
CE, MSE, BCE = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()
LBFGS = partial(torch.optim.LBFGS, lr=0.1)

# what is passed -> the sentence; between `...` are torch's own words
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no parameters": ({"model": nn.ReLU()}, "has no trainable parameters: it holds no parameters at all."),
    "frozen": (
        {"model": frozen},
        "all 4 parameter tensors are frozen (requires_grad=False). Unfreeze what should learn",
    ),
    "lazy": (
        {"model": lambda: nn.Sequential(nn.LazyLinear(3))},
        "lazy layers whose sizes are not known yet. Run",
    ),
    "empty list": ({"data": []}, "empty"),
    "empty loader": ({"data": DataLoader(digits(0), batch_size=4)}, "its data set has 0 samples"),
    "drop_last leaves nothing": ({"data": loader(5, drop_last=True)}, "fewer than its batch size"),
    "gives nothing": ({"data": Empty()}, "Empty that yields nothing: there is no batch to look at"),
    "no tensors": (
        {"data": DataLoader(Strings(), batch_size=4)},
        "The training loader gives a list of 4 str, in which there is no tensor. Let the data set",
    ),
    "wrong dtype": (
        {"data": FLOATS},
        "The loss `loss` (CrossEntropyLoss) does not fit: output (16, 3) float32, target "
        "(16,) float32 (RuntimeError: ... It wants class numbers as int64: target.long().",
    ),
    "class out of range": (
        {"data": LATE},
        "The target holds class numbers from 1 to 3, and the output has 3 "
        "classes, 0 to 2: give the last layer 4 outputs, or renumber.",
    ),
    "functional": (
        {"data": FLOATS, "loss": F.cross_entropy},
        "The loss `loss` (cross_entropy) does not fit: output (16, 3)",
    ),
    "partial": (
        {"data": FLOATS, "loss": partial(F.cross_entropy, label_smoothing=0.1)},
        "The loss `loss` (cross_entropy) does not fit",
    ),
    "a person's own loss": (
        {"data": FLOATS, "loss": lambda output, y: F.cross_entropy(output, y)},
        "does not fit: output (16, 3) float32, target (16,) float32",
    ),
    "binary shapes": (
        {"data": BINARY, "loss": BCE},
        "does not fit: output (16, 3) float32, target (16, 1) int64",
    ),
    "not a scalar": (
        {"loss": nn.CrossEntropyLoss(reduction="none")},
        "gave a tensor of shape (16,); a loss is one",
    ),
    "no gradient": ({"model": lambda: Detached()}, "does not depend on any trainable parameter"),
    "no loss": (
        {"data": [(x, y, y) for x, y in loader()], "model": lambda: TwoOutputs(), "loss": None},
        "I found no loss: the notebook names none, the model's output has no `.loss`, and none is usual for",
    ),
    "device": ({"device": "cuda:7"}, "device is 'cuda:7', which cannot be used here"),
    "no such device": ({"device": "tpu9"}, "device is 'tpu9', which cannot be used here"),
    "LBFGS in fp16": (
        {"optimizer": LBFGS, "precision": "16"},
        "LBFGS evaluates the loss several times a step",
    ),
    "metrics without output": (
        {"loss": lambda model, batch: CE(model(batch[0]), batch[1]), "metrics": {"f1": max}},
        "The metrics (f1) need the model's output",
    ),
    "split and val": ({"val": loader(40), "split": 0.2}, "There is validation data already"),
    "split of one batch": (
        {"data": [next(iter(loader()))], "split": 0.5},
        "A list of 1 batch cannot be split.",
    ),
    "split of a sampler": (
        {"data": DataLoader(digits(), batch_size=4, sampler=SubsetRandomSampler([1])), "split": 0.5},
        "cannot be split by index",
    ),
    "empty split": ({"split": 0.001}, "split=0.001 of 100 samples leaves one side empty."),
    "no logging": (
        {"log": ""},
        "I need logging configured before training. Which backend would you like to use?",
    ),
    "unwritable": ({"dir": "/proc/nowhere"}, "Could not make a run folder"),
}


class Detached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = net()

    def forward(self, x: Any) -> Any:
        return self.inner(x).detach()


class TwoOutputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = net()

    def forward(self, x: Any, y: Any) -> Any:
        return [self.inner(x)]


def made(thing: Any) -> Any:
    return thing() if callable(thing) and not isinstance(thing, nn.Module) else thing


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(planned: Any, tmp_path: Path, name: str) -> None:
    """Each is refused in one line with what was passed and what to do; not even a runs folder is there."""
    given, text = BAD[name]
    given = {"data": loader(), "model": net, **given}
    model = made(given.pop("model"))
    if "optimizer" in given:
        given["optimizer"] = given["optimizer"](model.parameters())
    with pytest.raises(Exception) as refused:
        planned(model, given.pop("data"), **{"epochs": 2, **given}).start()

    said = str(refused.value)
    assert hasattr(refused.value, "suggestion"), f"{type(refused.value).__name__}: {said}"
    assert refused.value.suggestion
    assert all(part in said for part in text.split("...")), said
    assert "\n" not in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"epoch": 3}, "`epoch` is not an option of training. Did you mean `epochs`?"),
        ({"epochs": 0}, "`epochs` is 0; it must be a whole number, at least 1. For example epochs=10."),
        ({"epochs": 2.5}, "`epochs` is 2.5; it must be a whole number"),
        ({"epochs": float("inf")}, "`epochs` is inf; it must be a whole number"),
        ({"epochs": True}, "`epochs` is True"),
        ({"epochs": 1, "max_epochs": 2}, "`epochs` and `max_epochs` are two names for one option."),
        ({"clip": -1}, "`clip` is -1; it must be a number, 0 or more"),
        ({"split": 20}, "`split` is 20; it must lie between 0 and 1"),
        ({"precision": "8"}, "`precision` is '8'; allowed are 32, bf16, 16 and auto."),
        ({"log": "jsn"}, "`jsn` is not a logging backend. Did you mean `json`?"),
        ({"scheduler_step": "batch"}, "`scheduler_step` is 'batch'; allowed are step and epoch."),
        ({"metrics": {"f1": 3}}, "`metrics` holds 'f1', which is not a function."),
        ({"split": 0.2, "no_val": True}, "`split` asks for validation and `no_val` for none."),
    ],
)
def test_options_are_checked(words: dict[str, Any], text: str) -> None:
    """Each option says what it is, what is allowed and an example."""
    with pytest.raises(UsageError, match=re.escape(text)):
        TrainOptions.from_words(words)


def test_names_of_other_libraries_are_understood() -> None:
    """Lightning's, Hugging Face's and Keras's names mean ours, and None means not given."""
    options = TrainOptions.from_words(
        {
            "num_train_epochs": 3.0,
            "max_grad_norm": 1,
            "gradient_accumulation_steps": 2,
            "save_steps": 5,
            "seed": None,
        }
    )
    assert (options.epochs, options.clip, options.accumulate, options.checkpoint_every) == (3, 1.0, 2, 5)
    assert options.given == {"epochs", "clip", "accumulate", "checkpoint_every"}
    assert TrainOptions.from_words({"gradient_clip_val": 0}).clip is None


def test_data_that_can_be_read_only_once_is_refused_by_name() -> None:
    """A generator is refused before anything is taken from it."""
    data = iter(list(loader()))
    with pytest.raises(UsageError, match="it can be read only once, and every epoch reads all of it"):
        find_setup({}, model=net(), data=data, loss=CE)
    assert len(list(data)) == 7


def test_what_looks_wrong_but_runs_is_a_warning(planned: Any) -> None:
    """No validation data, patience without it, and a loss that broadcasts are said before the start."""
    wide = [(x, torch.randn(len(x))) for x, _ in loader()]
    torch.manual_seed(0)
    plan = planned(nn.Linear(8, 1), wide, loss=MSE, patience=3, no_val=False).plan
    said = " ".join(plan.warnings)

    assert "No validation data: overfitting cannot be seen. Three ways on: --val NAME" in said
    assert "patience is set, but without validation data nothing can stop early." in said
    assert "broadcasts output (16, 1) against target (16,)" in said
    assert "Before you start" in plan.report().to_markdown()


def test_a_persons_own_error_is_shown_in_the_plan_and_refuses_the_start(planned: Any, tmp_path: Path) -> None:
    """A slip in a person's own loss: the plan shows their frames, nothing starts, nothing is on disk."""

    def my_loss(output: Any, target: Any) -> Any:
        return CE(output, target) + bonus  # noqa: F821 - the slip

    run = planned(net(), loader(), loss=my_loss, epochs=1)
    said = run.plan.report().to_markdown()
    assert "NameError: name 'bonus' is not defined" in said and "+ bonus" in said
    with pytest.raises(UsageError, match="Nothing was started, and nothing is on disk") as caught:
        run.start()
    assert "+ bonus" in str(caught.value) and "nbtrain/train" not in str(caught.value)
    assert str(run.status) == "planned" and list(tmp_path.rglob("*")) == []


def test_what_the_run_may_not_meet_is_no_refusal(planned: Any) -> None:
    """Data that a worker prepares, weights that leave samples out, a second try: said, and started."""

    class Needy(Dataset):
        ready = False

        def __len__(self) -> int:
            return 32

        def __getitem__(self, index: int) -> Any:
            if not Needy.ready:
                raise RuntimeError("not prepared")
            return digits()[index]

    def prepare(worker: int) -> None:
        Needy.ready = True

    data = DataLoader(Needy(), batch_size=8, num_workers=1, worker_init_fn=prepare)
    run = planned(net(), data, loss=CE, epochs=1)
    assert "The rehearsal of one batch failed" in run.plan.report().to_markdown()
    assert str(run.start().wait(60).status) == "completed"


def test_the_plan_marks_what_was_set(planned: Any, tmp_path: Path) -> None:
    """Lines say value and origin; what differs from a default is marked; nothing is on disk."""
    plan = planned(net(), loader(), epochs=4, clip=1.0, accumulate=2, name="first").plan
    lines = {line.label: line for line in plan.lines}

    assert (plan.total_steps, plan.steps_per_epoch) == (16, 4)
    assert (lines["Gradient clipping"].value, lines["Gradient clipping"].marked) == (
        "total norm at most 1",
        True,
    )
    assert not lines["Precision"].marked
    assert lines["Optimizer"].origin == "assumed"
    assert "first" in plan.report().to_markdown()
    assert plan.to_dict()["config"]["training"]["accumulate"] == 2
    assert not (tmp_path / "runs").exists()


def test_planning_works_where_gradients_are_off(tmp_path: Path) -> None:
    """A notebook that has switched gradients off can still plan and train."""
    setup = find_setup({}, model=net(), data=loader(), loss=CE)
    with torch.no_grad():
        plan = make_plan(setup, TrainOptions.from_words({"log": "json", "no_val": True, "dir": tmp_path}))

    assert plan.rehearsal.loss is not None


def test_a_one_cycle_that_ends_before_the_run_is_refused(planned: Any) -> None:
    """A OneCycleLR with fewer steps left than the run takes is refused with both numbers."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
    with pytest.raises(UsageError, match=r"10 of its 10 steps left, and this run takes 21"):
        planned(model, loader(), optimizer=optimizer, scheduler=scheduler, epochs=3)


def test_what_was_set_on_optimizer_and_loss_is_in_the_plan(planned: Any) -> None:
    """Settings that differ from torch's defaults are told: Nesterov, smoothed labels, weights of classes."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 2.5]), label_smoothing=0.05)
    run = planned(model, loader(), optimizer=optimizer, loss=loss)
    said = {one.label: one.value for one in run.plan.lines}

    assert said["Optimizer"].endswith("lr=0.1, weight_decay=0, momentum=0.9, nesterov=True")
    assert said["Loss"].endswith("weight=(1, 2, 2.5), label_smoothing=0.05")
    plain = {one.label: one.value for one in planned(net(), loader(), loss=nn.CrossEntropyLoss()).plan.lines}
    assert "=" not in plain["Loss"]


@pytest.mark.parametrize(("scale", "warned"), [(1e5, True), (10.0, False)])
def test_targets_far_from_the_outputs_are_said(planned: Any, scale: float, warned: bool) -> None:
    """Prices in the hundred thousands are a warning with the way on; tens, or a trained model, are none."""
    prices = [(x, scale * (1 + 0.3 * torch.randn(len(x), 1))) for x, _ in loader()]
    model = nn.Sequential(net(), nn.Linear(3, 1))
    said = " ".join(planned(model, prices, loss=nn.MSELoss()).plan.warnings)
    assert ("Standardise them" in said) == warned

    with torch.no_grad():
        model[-1].bias += scale
    assert "Standardise" not in " ".join(planned(model, prices, loss=nn.MSELoss()).plan.warnings)


def test_a_schedule_that_was_used_is_said(planned: Any) -> None:
    """A scheduler that was stepped before is a warning with the rate it goes on from."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    scheduler.step()
    run = planned(model, loader(), optimizer=optimizer, scheduler=scheduler, epochs=3)

    (said,) = [text for text in run.plan.warnings if "has been stepped 1 times before" in text]
    assert "lr=0.01 now" in said
    assert "lr=0.1 (scheduled; 0.01 now)" in str(run.plan.report())


def test_the_rate_of_a_schedule_is_its_height(planned: Any) -> None:
    """Where a scheduler warms up, the plan shows the rate it rises to, and the one of the first step."""
    model = net()
    for rate in (0.1, torch.tensor(0.1)):
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=100)
        run = planned(model, loader(), optimizer=optimizer, scheduler=scheduler, epochs=3)

        assert "lr=0.5 (scheduled; 0.02 now), weight_decay=0.01" in str(run.plan.report())


def test_a_model_given_as_validation_data_is_refused(planned: Any) -> None:
    """Validation data that is a model is refused in one line."""
    with pytest.raises(UsageError, match=r"is a model \(Sequential\)"):
        planned(net(), loader(), val=net())


def test_without_validation_the_plan_promises_none(planned: Any) -> None:
    """With --no-val no line speaks of validation accuracy, of evaluations, or of when they are."""
    rate = {"rate": lambda output, target: (output.argmax(1) == target).float().mean()}
    plan = planned(net(), loader(), epochs=2, metrics=rate, no_val=True).plan
    lines = {line.label: line.value for line in plan.lines}

    assert lines["Metrics"] == "accuracy (train_acc)" and lines["Validation"] == "none"
    assert "evaluations" not in lines["Rising loss"]
    assert "Without validation data nothing measures the metric rate." in plan.warnings
    judged = {line.label: line.value for line in planned(net(), loader(), val=loader()).plan.lines}
    assert judged["Metrics"] == "accuracy (train_acc, val_acc)"
    assert judged["Validation"] == "at each epoch's end" and "evaluations" in judged["Rising loss"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_steps": 2}, "2 steps in"), ({"epochs": 2}, "2 epochs (8 steps) in"),
        ({"max_steps": 6}, "1 epoch (6 steps) in"),
    ],
)
def test_what_a_model_was_trained_for_counts_whole_epochs(planned: Any, options: Any, said: str) -> None:
    """An epoch that was broken off is no epoch that the model was trained for."""
    model = net()
    planned(model, loader(64), **options).start().wait(60)
    (warning,) = [one for one in planned(model, loader(64)).plan.warnings if "trained before" in one]
    assert f"in this kernel: {said}" in warning


def test_a_resumed_run_counts_once(planned: Any) -> None:
    """A run that was gone on with trained the model once, for all of its steps."""
    model = net()
    first = planned(model, loader(64), epochs=1).start().wait(60)
    plan_of_more = {"epochs": 3, "resume": first.id}
    nbtrain.train(model, loader(64), loss=CE, no_val=True, dir=first.dir.parent, **plan_of_more).wait(60)
    (warning,) = [one for one in planned(model, loader(64)).plan.warnings if "trained before" in one]
    assert f"3 epochs (12 steps) in {first.id}." in warning


def test_a_function_is_named_where_no_loss_fits(planned: Any) -> None:
    """When nbtrain finds no loss to choose, the error names the notebook's function that may be it."""
    space = {"__name__": "__main__"}
    exec("def rmse(a, b): return ((a - b) ** 2).mean() ** 0.5", space)
    there = {"model": nn.Linear(8, 1), "loader": [(x, torch.randn(len(x))) for x, _ in loader()], **space}
    options = TrainOptions.from_words({"log": "json", "no_val": True})
    with pytest.raises(UsageError, match="If a function of the notebook is the loss, say `--loss rmse`"):
        make_plan(find_setup(there), options)
    assert make_plan(find_setup(there, loss="rmse"), options).work.criterion is space["rmse"]
