"""What names and values say: which count, what their words mean, how a value is put into words."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbtrain.notebook.names import best_name, counts, data_role, nearest, speaks_of_copy, speaks_of_loss
from nbtrain.notebook.wording import say


@pytest.mark.parametrize(
    "name", ["_", "__", "___", "_3", "_i", "_ii", "_i12", "_oh", "_dh", "In", "Out", "__name__", "exit"]
)
def test_the_shells_own_names_do_not_count(name):
    """IPython's history and helpers are not the person's variables."""
    assert not counts(name)


@pytest.mark.parametrize("name", ["model", "_model", "i", "Input", "inn", "_ix", "m_1"])
def test_the_persons_names_count(name):
    """Private and short names are names all the same."""
    assert counts(name)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train_loader", "train"),
        ("trainloader", "train"),
        ("TrainDL", "train"),
        ("dataloader_training", "train"),
        ('loaders["train"]', "train"),
        ("valid_dl", "val"),
        ("devset", "val"),
        ("validation_loader", "val"),
        ("testloader", "test"),
        ("test_iter", "test"),
        ("train_eval_loader", "mixed"),
        ("loader", ""),
        ("strain", ""),
        ("values", ""),
        ("latest", ""),
        ("contest_loader", ""),
        ("invalid", ""),
    ],
)
def test_words_tell_the_role_of_data(name, role):
    """Whole words count, in any spelling; words that merely contain them do not."""
    assert data_role(name) == role


def test_losses_and_copies_are_told_by_words():
    """`loss_fn` and `cross_entropy` are losses, `glossary` is not; `ema_net` is a copy, `cinema` is not."""
    assert all(map(speaks_of_loss, ["loss", "loss_fn", "criterion", "cross_entropy", "mse_loss", "my_loss2"]))
    assert not any(map(speaks_of_loss, ["glossary", "model", "lossless", "accuracy"]))
    assert all(map(speaks_of_copy, ["ema_net", "teacher", "best_model", "oldModel"]))
    assert not any(map(speaks_of_copy, ["cinema", "model", "threshold"]))


def test_the_best_of_several_names_is_the_usual_one():
    """Usual before unusual, public before private, words before letters, variables before ways."""
    assert best_name(["m", "_net", "net", "tmp"], "model") == "net"
    assert best_name(["x", "_hidden", "thing"], "model") == "thing"
    assert best_name(['d["a"]', "q"], "model") == "q"


def test_slips_of_the_pen_find_their_name():
    """Swapped letters, missing underscores and other case are recognised; another word is not."""
    known = ["train_loader", "model", "optimizer"]
    assert nearest("modle", known) == "model"
    assert nearest("TrainLoader", known) == "train_loader"
    assert nearest("banana", known) is None


class Shy:
    """Says nothing about itself."""

    def __repr__(self):
        raise RuntimeError("no")

    __len__ = __str__ = __repr__


class ShyList(list):
    """A list that will not be counted."""

    def __len__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (nn.Linear(2, 2), "a Linear with 6 parameters"),
        (nn.ReLU(), "a ReLU"),
        (torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.5), "an SGD with lr=0.5"),
        (DataLoader(TensorDataset(torch.zeros(3)), batch_size=3), "a DataLoader of 1 batch of 3, in order"),
        (TensorDataset(torch.zeros(1200)), "a data set (TensorDataset) of 1,200 samples"),
        (torch.zeros(2, 3), "a tensor of shape (2, 3)"),
        (nn.Linear, "the class Linear"),
        (torch, "the module torch"),
        (print, "the function print"),
        ((n for n in ()), "a generator"),
        (3, "the number 3"),
        (0.5, "the number 0.5"),
        (True, "True"),
        (None, "None"),
        ("a" * 60, "the text '" + "a" * 39 + "…'"),
        ([1], "a list of 1 item"),
        ({"a": 1, "b": 2}, "a dict of 2 items"),
        (Shy(), "a Shy"),
        (ShyList(), "a ShyList"),
    ],
)
def test_values_are_said_in_a_few_words(value, words):
    """What a beginner would call it, with its size; hostile objects by their class."""
    assert say(value) == words
