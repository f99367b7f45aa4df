"""With the frames at hand: the module's path, both shapes, the person's names, and nothing kept alive."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

from nbtrain.explain import MemoryNeed, explain_exception

NET = """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear1 = nn.Linear(width, 16)

    def forward(self, h):
        return self.linear1(h)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList([Block(16), Block(16), Block(32)])

    def forward(self, x):
        for layer in self.encoder.layers:
            x = layer(x)
        return x

classifier = Net()
classifier(torch.ones(4, 16))
"""


def test_a_module_is_found_in_the_model(fails: Callable[..., Any]) -> None:
    """A failing layer deep in a model is named by its path, with both shapes, and fixed by the person's names."""
    failed = fails(NET)
    found = explain_exception(failed.error, names=failed.names)

    assert found.pattern == "linear-features"
    assert found.module == "encoder.layers.2.linear1"
    assert "`encoder.layers.2.linear1` takes 32 features" in found.what and "(4, 16)" in found.what
    assert found.code == "self.linear1 = nn.Linear(16, 16)  # in Block.__init__"
    assert "return self.linear1(h)" in found.where
    values = {value.name: (value.shape, value.dtype, value.device) for value in found.values}
    assert values["h"] == ("(4, 16)", "float32", "cpu")
    assert values["encoder.layers.2.linear1.weight"] == ("(16, 32)", "float32", "cpu")


def test_a_model_that_no_variable_holds_is_named_from_its_root(fails: Callable[..., Any]) -> None:
    """Where only the frames know the model, the path begins at its root, and no variable is invented."""
    failed = fails(NET.replace("classifier = Net()\nclassifier(", "Net()("))
    found = explain_exception(failed.error, names=failed.names)

    assert found.module == "encoder.layers.2.linear1"
    assert found.code == "self.linear1 = nn.Linear(16, 16)  # in Block.__init__"


@pytest.mark.parametrize(
    ("cell", "pattern", "code"),
    [
        (
            "net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))\nnet(torch.ones(2, 8, 9))",
            "linear-features", "net[1] = nn.Linear(72, 5)",
        ),
        (
            "cnn = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1))\ngrey = torch.ones(2, 1, 8, 8)\ncnn(grey)",
            "conv-channels", "cnn[0] = nn.Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
        ),
        (
            "fc = nn.Linear(4, 2)\nfeatures = torch.ones(3, 4, dtype=torch.float64)\nfc(features)",
            "dtype-mismatch", "features = features.to(torch.float32)",
        ),
        (
            "picks, table = torch.tensor([1.0]), torch.ones(3)\ntable[picks]",
            "index-dtype", "picks = picks.long()",
        ),
        ("w = torch.ones(3, requires_grad=True)\n(w * 2).backward()", "backward-not-scalar", "(w * 2).mean().backward()"),
        ("seen = torch.tensor([True])\n1 - seen", "bool-arithmetic", "~seen"),
        ("hidden = nn.LSTM(4, 8)(torch.ones(5, 3, 4))\nhidden.mean(0)", "output-is-tuple", "hidden[0].mean(0)"),
        (
            "scores, labels = torch.ones(3, 4), torch.zeros(3).long()\nscores.gather(1, labels)",
            "gather-sizes", "scores.gather(1, labels.unsqueeze(-1)).squeeze(-1)",
        ),
        (
            "head = nn.Linear(2, 2)\nhead.weight = torch.zeros(2, 2)",
            "parameter-overwritten", "with torch.no_grad():\n    head.weight.copy_(torch.zeros(2, 2))",
        ),
        ("width = 5\nnn.Linear(width / 2, 1)", "size-not-whole", "nn.Linear(width // 2, 1)"),
        ("head = nn.Linear(2, 2)\nhead.paramters()", "module-attribute", "head.parameters()"),
        (
            "scores, labels = torch.ones(4, 3), torch.tensor([1, 2, 3, 3])\nF.cross_entropy(scores, labels)",
            "cross-entropy-class-range", "labels = labels - 1",
        ),
        (
            "scores, labels = torch.ones(4, 3), torch.ones(4)\nnn.CrossEntropyLoss()(scores, labels)",
            "cross-entropy-target-dtype", "labels = labels.long()",
        ),
        (
            "out, wanted = torch.ones(4, 1), torch.ones(4)\nnn.BCEWithLogitsLoss()(out, wanted)",
            "bce-target-shape", "wanted = wanted.unsqueeze(-1)",
        ),
        (
            "words = nn.Embedding(10, 4)\nids = torch.tensor([3, 11])\nwords(ids)",
            "embedding-range", "words = nn.Embedding(12, 4)",
        ),
        (
            "emb = nn.Sequential(nn.Linear(2, 2))\nstate = {f'module.{k}': v for k, v in emb.state_dict().items()}\n"
            "saved = state\ndel state\nemb.load_state_dict(saved)",
            "state-dict-prefix",
            'saved = {key.removeprefix("module."): value for key, value in saved.items()}\nemb.load_state_dict(saved)',
        ),
        ("losses = torch.ones(3, requires_grad=True) * 2\nlosses.backward()", "backward-not-scalar", "losses.mean().backward()"),
    ],
)  # fmt: skip
def test_the_fix_has_the_persons_names(cell: str, pattern: str, code: str, fails: Callable[..., Any]) -> None:
    """The fix is a line of code with the names of the cell, and that line runs there."""
    failed = fails(cell)
    found = explain_exception(failed.error, names=failed.names)

    assert (found.pattern, found.code) == (pattern, code)
    exec(found.code, failed.names)


def test_a_fixed_line_really_fixes(fails: Callable[..., Any]) -> None:
    """After the proposed line the same call goes through."""
    cell = "net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(72, 5))\nimages = torch.ones(2, 1, 8, 8)\nnet(images)"
    failed = fails(cell)
    found = explain_exception(failed.error, names=failed.names)
    exec(found.code, failed.names)

    assert failed.names["net"](failed.names["images"]).shape == (2, 5)


def test_no_name_is_invented(fails: Callable[..., Any]) -> None:
    """A layer and a value that no variable holds get no variable's name, or one that says what it stands for."""
    found = explain_exception(fails("nn.Linear(784, 10)(torch.randn(32, 100))").error)
    assert found.code == "nn.Linear(100, 10)"

    found = explain_exception(fails("F.cross_entropy(torch.ones(4, 3), torch.ones(4))").error)
    assert found.code == "target = target.long()  # target stands for a value that has no name here"


def test_nothing_is_kept_alive(fails: Callable[..., Any]) -> None:
    """An explanation is text: it holds no frame, no tensor and no model."""
    failed = fails("big = torch.ones(7, 3)\nnn.Linear(4, 2)(big)")
    found = explain_exception(failed.error, names=failed.names)
    alive = weakref.ref(failed.names.pop("big"))
    failed.error.__traceback__ = None
    failed.error.__context__ = None
    del failed
    for name in ("last_exc", "last_value", "last_traceback", "last_type"):
        sys.__dict__.pop(name, None)
    fails("1 / 0")  # the shell holds the last failure
    gc.collect()

    assert found.values and alive() is None


def test_objects_that_refuse_to_be_looked_at_do_no_harm(fails: Callable[..., Any]) -> None:
    """An exception without a text, and values whose every attribute raises, are explained all the same."""
    hostile = (
        "class Hostile:\n    def __getattr__(self, name):\n        raise RuntimeError(name)\n    def __repr__(self):\n        raise ValueError\n"
        "    def __eq__(self, other):\n        raise TypeError\n\nmodel, thing = Hostile(), Hostile()\n"
    )
    failed = fails(hostile + "linear(torch.ones(2, 3))")
    assert explain_exception(failed.error, names=failed.names).pattern == "linear-features"

    failed = fails("class Mute(Exception):\n    def __str__(self):\n        raise ValueError\n\nraise Mute")
    assert explain_exception(failed.error).pattern is None


def test_hostile_texts_are_shown_as_text(fails: Callable[..., Any]) -> None:
    """Names and messages with markup in them are neither tags in HTML nor cells in Markdown."""
    failed = fails("raise ValueError('<img src=x onerror=alert(1)> | `a` \\x1b[31m')")
    report = explain_exception(failed.error).report()

    assert BeautifulSoup(report.to_html(), "html.parser").find("img") is None
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(report.to_markdown())
    assert BeautifulSoup(page, "html.parser").find("img") is None
    assert "\x1b" not in report.to_text() and "\x1b" not in report.to_html()


def test_memory_is_told_where_it_was_short(fails: Callable[..., Any]) -> None:
    """What is known of memory, and the batches that fit, stand in every form of the report; elsewhere they do not."""
    need = MemoryNeed((("activations", 6 * 2**30), ("weights", 2**30)), 8 * 2**30, ((16, 2), (8, 4)))
    short = explain_exception(fails("torch.empty(10**15)").error, memory=need)
    report = short.report()

    assert short.to_dict()["memory"]["fits"][0] == {"batch_size": 16, "accumulate": 2}
    assert all(word in report.to_text() for word in ("activations", "6", "Batch size", "16"))
    assert "activations" in report.to_html() and "activations" in report.to_markdown()
    assert explain_exception(fails("linear(torch.ones(2, 3))").error, memory=need).memory is None


def test_short_memory_proposes_batches_with_the_same_samples(fails: Callable[..., Any]) -> None:
    """Out of memory names the loader and smaller batches that keep the samples of a step."""
    cell = "train_loader = DataLoader(TensorDataset(torch.ones(64, 2)), batch_size=32)\ntorch.empty(10**15)"
    failed = fails(cell)
    found = explain_exception(failed.error, names=failed.names)

    assert "`train_loader`" in found.fix and "16 with 2 accumulated" in found.fix
    assert found.code == "%train --accumulate 2  # with batch_size=16 in train_loader"


def test_an_explanation_comes_back_from_its_dict(fails: Callable[..., Any]) -> None:
    """What a manifest keeps of an explanation is the explanation, without its memory."""
    from nbtrain.explain import Explanation

    found = explain_exception(fails(NET).error)
    data = found.to_dict()

    assert Explanation.from_dict(data) == found
    assert {"pattern", "title", "what", "why", "fix", "where"} <= data.keys()
    assert data["fix"].endswith(found.code)
