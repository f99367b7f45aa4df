"""Facts of a source: data flow to the numbers, and what a training step does."""

from __future__ import annotations

import pytest

from nbtrain.notebook.source import SourceFacts, read_source

ADAM = "torch.optim.Adam(model.parameters(), lr={})\n"
STEP = "optimizer.zero_grad()\n    loss = criterion(model(x), y)\n    loss.backward()\n    optimizer.step()\n"


def rates(source: str) -> list[tuple[float, ...]]:
    facts: SourceFacts = read_source("import torch\n" + source)
    return [optimizer.lrs[0].values for optimizer in facts.optimizers]


@pytest.mark.parametrize(
    "source",
    [
        "LR = 0.5\n" + ADAM.format("LR"),
        "base = 5\n" + ADAM.format("base / 10"),
        "cfg = {'optim': {'lr': 0.5}}\n" + ADAM.format("cfg['optim']['lr']"),
        "cfg = dict(lr=0.1)\ncfg.update(lr=0.5)\n" + ADAM.format("cfg.get('lr', 1e-3)"),
        "from types import SimpleNamespace\nc = SimpleNamespace(lr=0.5)\n" + ADAM.format("c.lr"),
        "class Config:\n    lr = 0.5\n" + ADAM.format("Config.lr"),
        "class C:\n    def __init__(self, lr=0.5):\n        self.lr = lr\n" + ADAM.format("C().lr"),
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.1\n"
        + ADAM.format("C(lr=0.5).lr"),
        "from typing import NamedTuple\nclass C(NamedTuple):\n    lr: float = 0.5\n" + ADAM.format("C().lr"),
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--learning-rate', default='0.5', type=float)\n"
        "a, _ = p.parse_known_args()\n" + ADAM.format("a.learning_rate"),
        "import argparse\np = argparse.ArgumentParser()\n"
        "g = p.add_argument_group('x')\ng.add_argument('--lr', default=0.5)\n"
        "kw = vars(p.parse_args())\n" + ADAM.format("kw['lr']"),
        "import click\n@click.command()\n@click.option('--lr', default=0.5)\ndef main(lr):\n    "
        + ADAM.format("lr")
        + "main()",
        "from functools import partial\nmake = partial(torch.optim.Adam, lr=0.5)\nmake(model.parameters())",
        "make = lambda m, lr: " + ADAM.format("lr") + "make(model, 0.5)",
        "def make(m, *, lr):\n    return " + ADAM.format("lr") + "kw = {'lr': 0.5}\nmake(model, **kw)",
        "getattr(torch.optim, 'Adam')(model.parameters(), 0.5)",
        "make = {'adam': torch.optim.Adam}\nmake['adam'](model.parameters(), lr=0.5)",
        "big = True\n" + ADAM.format("0.5 if big else 1e-3"),
        "lr = float('0.5')\n" + ADAM.format("lr"),
        "lr, wd = 0.5, 0.1\n" + ADAM.format("lr"),
        "def outer():\n    lr = 0.5\n    def inner():\n        return "
        + ADAM.format("lr")
        + "    return inner()\nouter()",
        "match 'a':\n    case 'a':\n        lr = 0.5\n    case _:\n        lr = 1e-3\n" + ADAM.format("lr"),
        "try:\n    lr = 0.5\nfinally:\n    pass\n" + ADAM.format("lr"),
        "from torch.optim import Adam as Opt\nOpt(model.parameters(), lr=0.5)",
        "args = (0.5,)\ntorch.optim.Adam(model.parameters(), *args)",
    ],
)
def test_a_rate_is_followed_to_its_number(source: str) -> None:
    """The learning rate is found through constants, configs, parsers, classes, functions and partials."""
    assert rates(source) == [(0.5,)]


@pytest.mark.parametrize(
    "expression", ["load()['lr']", "float(input())", "os.environ['LR']", "trial.suggest_float('lr', 1, 2)"]
)
def test_what_cannot_be_known_is_not_guessed(expression: str) -> None:
    """A rate that comes from outside is unknown."""
    assert rates(ADAM.format(expression)) == [()]


def test_an_undecided_branch_leaves_both_values() -> None:
    """Where a branch cannot be decided, both rates stay possible."""
    assert rates("lr = 1e-3\nif flag():\n    lr = 0.5\n" + ADAM.format("lr")) == [(0.5, 1e-3)]


def test_a_number_changed_in_a_loop_is_no_constant() -> None:
    """What a loop's body moves is not taken for its first value."""
    assert rates("lr = 0.5\nfor _ in range(3):\n    " + ADAM.format("lr") + "    lr *= 0.1\n") == [()]


def test_a_step_is_described() -> None:
    """Epochs, batch, accumulation, clipping and schedule of a hand-written step are read with their lines."""
    source = (
        "import torch\nfrom torch.utils.data import DataLoader\n"
        "loader = DataLoader(data, batch_size=8)\noptimizer = torch.optim.AdamW(model.parameters())\n"
        "for epoch in range(2, 42):\n"
        "    for i, (x, y) in enumerate(loader):\n"
        "        (torch.nn.functional.mse_loss(model(x), y) / 4).backward()\n"
        "        if i % 4 == 3:\n"
        "            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
        "            optimizer.step()\n"
        "            optimizer.zero_grad()\n"
    )
    (step,) = read_source(source).trainings

    assert (step.line, step.owner, step.looped) == (10, "person", True)
    assert step.epochs is not None
    assert step.epochs.values == (40.0,)
    assert step.batch is not None
    assert step.batch.batch_size.values == (8.0,)
    assert step.accumulation is not None
    assert (step.accumulation.k.values, step.accumulation.divided.state) == ((4.0,), "yes")
    assert (step.clipped.state, step.changes_lr.state, step.warmed_up.state) == ("yes", "no", "no")


def test_a_loop_without_backward_trains_nothing() -> None:
    """A step that no backward pass leads to is no training."""
    assert read_source("for x in loader:\n    optimizer.step()\n").trainings == ()


def test_a_step_in_a_helper_belongs_to_the_loop_that_calls_it() -> None:
    """Functions are read where they are called, so that the loops around the call count."""
    source = (
        "import torch\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "def step(x, y):\n    opt.zero_grad()\n"
        "    loss = criterion(model(x), y)\n    loss.backward()\n    opt.step()\n"
        "for epoch in range(50):\n    for x, y in train_loader:\n        step(x, y)\n"
    )
    (step,) = read_source(source).trainings

    assert step.epochs is not None
    assert step.epochs.values == (50.0,)


@pytest.mark.parametrize(
    ("function", "state"),
    [
        ("lambda s: min(1.0, s / 100)", "yes"),
        ("lambda s: 0.95 ** s", "no"),
        ("lambda s: s / 100 if s < 100 else 1.0", "yes"),
        ("table.get", "unknown"),
    ],
)
def test_a_lambda_schedule_is_tried_on_paper(function: str, state: str) -> None:
    """Whether a factor function ramps up is worked out, and is unknown where it cannot be."""
    source = (
        "import torch\noptimizer = torch.optim.AdamW(model.parameters())\n"
        f"schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, {function})\n"
        "for x, y in loader:\n    " + STEP + "    schedule.step()\n"
    )

    assert read_source(source).trainings[0].warmed_up.state == state
