"""What happens in a source, in order: steps with helpers read in place, passes, calls, provenance."""

from __future__ import annotations

import pytest

from nbtrain.notebook.source import read_source
from nbtrain.notebook.story import Cycle, Story
from nbtrain.notebook.symbolic.provenance import any_behind, behind, operations
from nbtrain.notebook.symbolic.roles import is_model

HELPERS = """\
import torch
from torch import nn

class Trainer:
    def __init__(self, model, lr=1e-3):
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)

    def clear(self):
        self.optimizer.zero_grad()

    def update(self, loss):
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        for x, y in loader:
            self.model(x)

    def fit(self, loader, val_loader, epochs=3):
        for epoch in range(epochs):
            self.model.train()
            for x, y in loader:
                self.clear()
                self.update(nn.functional.cross_entropy(self.model(x), y))
            self.evaluate(val_loader)

net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
Trainer(net).fit(train_loader, val_loader)
"""


def story_of(source: str) -> Story:
    return read_source(source).story


def only_cycle(source: str) -> Cycle:
    (cycle,) = story_of(source).cycles
    return cycle


def test_a_step_is_told_in_the_order_in_which_it_happens() -> None:
    """Methods of the source are read where they are called; events come in execution order."""
    cycle = only_cycle(HELPERS)
    told = [e.kind for e in cycle.events if e.kind in ("zero-grad", "backward", "clip", "optim-step", "mode")]

    assert told == ["mode", "zero-grad", "backward", "clip", "optim-step", "mode"]
    assert (cycle.name, cycle.owner, cycle.hidden) == ("self.optimizer", "person", "")
    assert cycle.in_turn(cycle.of("zero-grad")[0])
    assert not cycle.in_turn(cycle.of("mode")[0])


def test_an_evaluation_is_no_training() -> None:
    """A loop that only runs the model is a pass; one under `torch.no_grad` is known to keep no graph."""
    (evaluation,) = story_of(HELPERS).passes

    assert evaluation.loop is not None
    assert evaluation.quiet is True
    assert [event.data["train"] for event in story_of(HELPERS).of("mode")] == [True, False]


def test_an_unknown_function_that_gets_the_loss_hides_the_step() -> None:
    """What an imported function does with loss or optimizer is not known; the cycle says whose."""
    source = """\
import torch
from mine import backward_pass
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in train_loader:
    loss = torch.nn.functional.cross_entropy(model(x), y)
    {}
    loss.backward()
    optimizer.step()
"""
    assert only_cycle(source.format("backward_pass(loss, optimizer)")).hidden == "mine.backward_pass"
    assert only_cycle(source.format("losses.append(loss.item())")).hidden == ""


def test_where_logits_come_from_is_remembered() -> None:
    """The last operation on a model's output is found through its forward, its views and an attribute."""
    source = """\
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
    def forward(self, x):
        return torch.softmax(self.fc(x), dim=-1)
net = Net()
nn.CrossEntropyLoss()(net(x).view(-1, 2), y)
"""
    (loss,) = story_of(source).of("loss")

    assert [op and op.path for op in operations(loss.data["args"][0])] == ["torch.softmax"]
    assert any_behind(loss.data["args"][0], is_model, graph=True) is not None


def test_a_cut_graph_leads_to_no_model() -> None:
    """No gradient is followed through `.detach()`; without following gradients the model is still found."""
    source = "import torch\nloss = torch.nn.functional.mse_loss(model(x).detach(), y)\n"
    (loss,) = story_of(source).of("loss")

    assert any_behind(loss.subject, is_model, graph=True) is None
    assert any_behind(loss.subject, is_model) is not None
    assert next(behind(loss.subject))[0] is loss.subject


def test_calls_are_found_by_name_whatever_the_import() -> None:
    """A function is found under its alias, a method by `.name`, in order of execution."""
    source = "from torch import manual_seed as ms\nimport torch\nms(1)\ntorch.manual_seed(2)\nloss.item()\n"
    story = story_of(source)

    assert [event.line for event in story.calls("manual_seed")] == [3, 4]
    assert [event.line for event in story.calls(".item", "torch.manual_seed")] == [3, 4, 5]
    assert story.calls("seed") == []


@pytest.mark.parametrize(
    "source",
    [
        "import yaml\nyaml.safe_load('lr: !!bool maybe')",
        "import yaml\nyaml.safe_load(\"lr: !!int ''\")",
        "n = 0x" + "f" * 5000 + "\ns = f'{n}'",
        "s = 'x' * 1\n" + "s = f'{s}{s}x'\n" * 40,
    ],
    ids=[
        "a YAML bool that is none",
        "an empty YAML integer",
        "a number of thousands of digits",
        "a text of terabytes",
    ],
)
def test_odd_constants_are_read_past(source: str) -> None:
    """Settings that do not parse, and texts that grow without bound, leave the value unknown."""
    assert [event.line for event in story_of(f"{source}\nprint(1)").calls("print")] == [
        source.count("\n") + 2
    ]
