"""Situations with other usual numbers: told from evidence, named in the report, and judged accordingly."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbtrain.review import review_source

SCRIPTS = Path(__file__).parents[1] / "corpus" / "scripts"


@pytest.mark.parametrize(
    ("script", "situations"),
    [
        ("hf_glue", {"fine-tuning"}),
        ("argparse_image_classifier", {"vision-sgd"}),
        ("gan_functions", {"gan"}),
        ("dqn_cartpole", {"reinforcement-learning"}),
        ("ddpm", {"diffusion"}),
        ("gpt_pretraining", {"llm-pretraining"}),
        ("tabular_regression", set()),
        ("seq2seq_transformer", set()),
    ],
)
def test_a_situation_is_told_and_named(script: str, situations: set[str]) -> None:
    """Each is recognised in a whole script; the report says what showed it and what it changes."""
    review = review_source((SCRIPTS / f"{script}.py").read_text())
    told = review.to_dict()["situation"]

    assert {one["id"] for one in told} == situations
    assert all(one["evidence"] in review.to_markdown().replace("\\", "") and one["changes"] for one in told)


AGENT = """\
import gymnasium as gym
import torch
from torch.utils.data import DataLoader

env = gym.make("CartPole-v1")
net = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
optimizer = torch.optim.Adam(net.parameters(), lr={lr})
for epoch in range(200):
    state, _ = env.reset()
    state, reward, done, _, _ = env.step(0)
    train_loader = DataLoader(memory, batch_size=8)
    for s, a, target in train_loader:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(s).gather(1, a), target).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
"""


def test_reinforcement_learning_is_not_judged_by_supervised_thresholds() -> None:
    """Small batches, order and long constant rates are left alone for an agent; a rate of 0.1 is not."""
    fine, hot = review_source(AGENT.format(lr="1e-3")), review_source(AGENT.format(lr="0.1"))
    elsewhere = review_source(
        AGENT.format(lr="1e-3")
        .replace("gymnasium as gym", "simulator as gym")
        .replace("    state, reward, done, _, _ = env.step(0)\n", "")
    )

    loud = [{one.rule for one in review.findings if str(one.severity) != "info"} for review in (fine, hot)]
    assert loud == [set(), {"adam-lr-too-high"}]
    rules = {one.rule for one in elsewhere.findings}
    assert rules >= {"small-batch-no-accumulation", "long-training-constant-lr"}
    assert any("check_env" in one for one in fine.to_dict()["outside"])


def test_recommended_rates_are_those_of_the_situation() -> None:
    """The usual rate of a situation is recommended; for images the one of their batch."""
    gan = (SCRIPTS / "gan_functions.py").read_text().replace("lr=2e-4", "lr=0.5")
    pictures = (
        "import torch\nfrom torch.utils.data import DataLoader\nimport torchvision\n"
        "net = torchvision.models.resnet18()\n"
        "opt = torch.optim.SGD(net.parameters(), lr=1e-5, momentum=0.9)\n"
        "train_loader = DataLoader(data, batch_size=64, shuffle=True)\n"
        "for x, y in train_loader:\n    opt.zero_grad()\n"
        "    torch.nn.functional.cross_entropy(net(x), y).backward()\n    opt.step()\n"
    )

    rates = {one.recommended for one in review_source(gan).findings if one.rule == "adam-lr-too-high"}
    assert rates == {"lr=2e-4 (1e-4 to 4e-4)"}
    assert [
        one.recommended for one in review_source(pictures).findings if one.rule == "sgd-lr-out-of-range"
    ] == ["lr=0.025 (0.01 to 0.1)"]


JUDGED = """
import torch

class Judge:
    def reset(self):
        self.at = 0

    def step(self, given):
        self.at += given
        return {returned}

judge = Judge()
net = torch.nn.Linear(4, 2)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for x in train_loader:
    optimizer.zero_grad()
    loss = -torch.distributions.Normal(net(x), 1.0).log_prob(torch.zeros(2)).sum()
    loss.backward()
    optimizer.step()
    judge.step(loss.item())
"""


@pytest.mark.parametrize(
    ("returned", "situations"),
    [("self.at > 5", []), ("torch.tensor(self.at), 1.0, self.at > 5", ["reinforcement-learning"])],
)
def test_an_environment_gives_more_than_one_value(returned: str, situations: list[str]) -> None:
    """A class with reset and step is an environment only where a step gives what, how good, and an end."""
    told = review_source(JUDGED.format(returned=returned)).to_dict()["situation"]

    assert [one["id"] for one in told] == situations
