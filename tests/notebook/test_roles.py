"""Loss, scheduler, data, and names the person typed: what is chosen or refused, and in which words."""

from __future__ import annotations

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler as schedulers
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from nbtrain.errors import UsageError
from nbtrain.notebook.namespace import find_setup


def refused(namespace, **given):
    """The text of the UsageError, which must be one line."""
    with pytest.raises(UsageError) as caught:
        find_setup(namespace, **given)
    text = str(caught.value)
    assert "\n" not in text
    return text


def without(space, *names):
    return {name: value for name, value in space.items() if name not in names}


# --- loss ---------------------------------------------------------------------------------------------------


def loss_of(space, **given):
    loss = find_setup(space, **given).loss
    return None if loss is None else loss.name


def test_tools_that_were_imported_are_no_second_loss(nb):
    """A metric of a library and a helper of the loop leave the criterion alone; one's own loss does not."""

    def hamming_loss(y_true, y_pred):
        return 0.0

    def loss_epoch(model, dl):
        return 0.0

    def cross_entropy(output, target):
        return F.mse_loss(output, target)

    hamming_loss.__module__ = "sklearn.metrics._classification"
    assert loss_of(nb.notebook(hamming_loss=hamming_loss, loss_epoch=loss_epoch)) == "criterion"
    assert "`--loss cross_entropy`" in refused(nb.notebook(cross_entropy=cross_entropy))


def test_the_only_loader_named_as_validation_data_is_said(nb):
    """With `--val` on the only loader, the message names it and both ways on, not "no DataLoader"."""
    space = without(nb.notebook(), "train_loader", "val_loader", "train_set", "val_set")
    space["batches"] = nb.notebook()["train_loader"]
    said = refused(space, val="batches")

    assert "`batches`" in said and "only loader" in said and "no DataLoader" not in said
    assert "--split 0.2" in said and "--val batches" in said


def test_a_module_of_a_near_name_is_not_suggested(nb):
    """A wrong name is not answered with an imported module, whatever it is called."""
    assert "`np`" not in refused({**nb.notebook(), "np": np}, val="nope")


def test_arrays_in_double_precision_become_single_precision_tensors(nb):
    """The line that makes a loader of numpy arrays casts what numpy made float64, so that it fits a model."""
    space = without(nb.notebook(), "train_loader", "val_loader", "train_set", "val_set")
    space = {name: value for name, value in space.items() if not name.startswith(("x", "y"))}
    said = refused({**space, "X_train": np.zeros((8, 3)), "y_train": np.zeros(8, dtype=int)})

    assert "torch.as_tensor(X_train, dtype=torch.float32), torch.as_tensor(y_train))" in said


def test_what_is_read_once_hides_no_loader(nb, tmp_path):
    """An endless iterator, files and a log beside the one loader: the loader is taken."""
    space = without(nb.notebook(), "train_loader")
    loader = DataLoader(space["train_set"], batch_size=8, shuffle=True)
    with (tmp_path / "log").open("w") as log:
        space |= {"loader": loader, "train_files": tmp_path.glob("*"), "train_log": log}
        assert find_setup(space).train.name == "loader"
        space |= {"train_iter": itertools.cycle(loader), "val_iter": itertools.cycle(space["val_loader"])}
        setup = find_setup(space)

    assert (setup.train.name, setup.val.name) == ("loader", "val_loader")


def test_two_different_criteria_are_listed(nb):
    """Never a guess between losses: both are named, with what to type."""
    text = refused(nb.notebook(loss_fn=nn.MSELoss()))
    assert (
        text
        == "There are 2 losses here: `criterion` (a CrossEntropyLoss) and `loss_fn` (an MSELoss). Say which: "
        "`--loss criterion` or `--loss loss_fn`."
    )
    assert loss_of(nb.notebook(loss_fn=nn.MSELoss()), loss="loss_fn") == "loss_fn"


def test_equal_criteria_and_evaluation_criteria_are_no_ambiguity(nb):
    """Two CrossEntropyLoss() are the same loss; one named for validation is not the training loss."""
    assert loss_of(nb.notebook(ce=nn.CrossEntropyLoss())) == "criterion"
    assert loss_of(nb.notebook(val_criterion=nn.CrossEntropyLoss(label_smoothing=0.1))) == "criterion"
    weighted = nb.notebook(loss_fn=nn.CrossEntropyLoss(weight=torch.ones(3)))
    assert refused(weighted).startswith("There are 2 losses here")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("criterion", F.cross_entropy),
        ("cross_entropy", F.cross_entropy),
        ("loss_fn", functools.partial(F.cross_entropy, label_smoothing=0.1)),
        ("my_loss", lambda output, target: (output - target).mean()),
        ("compute_loss", lambda model, batch: model(batch[0]).sum()),
    ],
)
def test_functions_named_like_a_loss_are_losses(nb, name, function):
    """F.cross_entropy under a name, a partial of it, a person's own function of two values."""
    assert loss_of({**without(nb.notebook(), "criterion"), name: function}) == name


def test_functions_about_losses_are_not_losses(nb):
    """Plotting, evaluating or logging losses, and the last loss value itself, are not the loss."""
    space = without(nb.notebook(), "criterion")

    def plot_loss(history, ax): ...
    def evaluate_loss(model, loader): ...
    def loss_history(path, epoch): ...
    def loss_of_three(a, b, c): ...

    space |= {f.__name__: f for f in (plot_loss, evaluate_loss, loss_history, loss_of_three)}
    space |= {"loss": torch.tensor(0.3), "losses": [0.3, 0.2], "train_loss": 0.3}
    assert loss_of(space) is None


def test_two_loss_functions_are_listed(nb):
    """from torch.nn.functional import cross_entropy, mse_loss: which one is asked."""
    space = {**without(nb.notebook(), "criterion"), "cross_entropy": F.cross_entropy, "mse_loss": F.mse_loss}
    assert "Say which: `--loss cross_entropy` or `--loss mse_loss`." in refused(space)
    assert loss_of(space, loss="none") is None
    assert loss_of(space, loss=False) is None


def test_a_criterion_beside_a_function_is_asked_about(nb):
    """Only the name says which is meant: asked; a helper and an import are left aside, and said."""
    space = nb.notebook()
    exec("def smooth_loss(output, target): return criterion(output, target) + output.mean()", space)
    assert (
        refused(without(space, "__builtins__"))
        == "There are 2 losses here: `criterion` (a CrossEntropyLoss) and `smooth_loss` (the function"
        " smooth_loss that calls `criterion`). Say which: `--loss criterion` or `--loss smooth_loss`."
    )
    assert "`--loss loss_fn`" in refused(nb.notebook(loss_fn=F.mse_loss))
    setup = find_setup(nb.notebook(mse_loss=F.mse_loss))
    assert setup.loss.name == "criterion"
    assert setup.remarks[0].startswith("`mse_loss` could be a loss too and is not used: it was imported")
    space = {"__name__": "__main__"}
    exec("class FocalLoss:\n  def __call__(self, output, target): return focal_loss(output, target)", space)
    exec("def focal_loss(output, target): ...", space)
    setup = find_setup(nb.notebook(criterion=space["FocalLoss"](), focal_loss=space["focal_loss"]))
    assert "it is part of `criterion`" in setup.remarks[0]


def test_own_loss_classes_are_losses(nb):
    """A module or plain class named like a loss; a `ModelWithLoss` that holds the model is the model."""

    class FocalLoss(nn.Module):
        def forward(self, output, target):
            return output.mean()

    class DiceLoss:
        def __call__(self, output, target):
            return output.mean()

    space = without(nb.notebook(), "criterion")
    assert loss_of({**space, "focal": FocalLoss()}) == "focal"
    assert loss_of({**space, "dice": DiceLoss()}) == "dice"

    class ModelWithLoss(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x, y):
            return F.cross_entropy(self.inner(x), y)

    setup = find_setup({**space, "wrapped": ModelWithLoss(space["model"])})
    assert (setup.model.name, setup.loss) == ("wrapped", None)


def test_a_criterion_inside_the_model_is_the_models_own(nb):
    """A loss that is a part of the model is not applied a second time; said in a remark."""
    space = nb.notebook()
    space["model"].criterion = space["criterion"]
    setup = find_setup(space)
    assert setup.loss is None
    assert setup.remarks[0].startswith("`criterion` is a part of `model`, so the model's own loss is used")


# --- scheduler ----------------------------------------------------------------------------------------------


def test_the_scheduler_of_this_optimizer_is_found(nb):
    """By `scheduler.optimizer is`, under any name; one of another living optimizer is ignored."""
    space = nb.notebook(other=nb.Net())
    space["other_opt"] = torch.optim.SGD(space["other"].parameters(), lr=0.1)
    space["s1"] = schedulers.StepLR(space["other_opt"], 3)
    space["s2"] = schedulers.CosineAnnealingLR(space["optimizer"], 10)
    assert find_setup(space, model="model").scheduler.name == "s2"
    assert find_setup(space, model="other").scheduler.name == "s1"
    assert find_setup(space, model="model", scheduler="none").scheduler is None


def test_parts_of_a_sequential_scheduler_do_not_compete(nb):
    """warmup and cosine left in variables belong to the SequentialLR that runs them."""
    space = nb.notebook()
    space["warmup"] = schedulers.LinearLR(space["optimizer"], total_iters=3)
    space["cosine"] = schedulers.CosineAnnealingLR(space["optimizer"], 10)
    space["both"] = schedulers.SequentialLR(space["optimizer"], [space["warmup"], space["cosine"]], [3])
    assert find_setup(space).scheduler.name == "both"
    assert refused(without(space, "both")).startswith(
        "2 schedulers drive `optimizer`: `warmup` (LinearLR) and `cosine` (CosineAnnealingLR). Say which: "
        "`--scheduler warmup` or `--scheduler cosine`"
    )


def test_a_scheduler_of_a_gone_optimizer_is_refused_with_the_line(nb):
    """The optimizer cell was run again: the schedule would drive nothing."""
    space = nb.notebook()
    space["scheduler"] = schedulers.StepLR(space["optimizer"], 5, gamma=0.3)
    space["optimizer"] = torch.optim.Adam(space["model"].parameters(), lr=1e-3)
    assert (
        refused(space)
        == "`scheduler` (StepLR) drives another optimizer than `optimizer`: `optimizer` was made again after"
        " it, and its learning rate would never change. Make it again: scheduler ="
        " torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.3) - or train without it: del"
        " scheduler"
    )
    assert "drives another optimizer" in refused(space, scheduler="scheduler")
    space["new_scheduler"] = schedulers.StepLR(space["optimizer"], 5)
    setup = find_setup(space)
    assert setup.scheduler.name == "new_scheduler"
    assert setup.remarks == ("`scheduler` (StepLR) drives an optimizer that is gone, and is not used.",)


def test_own_scheduler_classes_are_schedulers(nb):
    """A class with `.optimizer`, `step` and `get_last_lr` drives like torch's own."""

    class Warm:
        def __init__(self, optimizer):
            self.optimizer = optimizer

        def step(self): ...
        def get_last_lr(self): ...

    space = nb.notebook()
    space["warm"] = Warm(space["optimizer"])
    setup = find_setup(space)
    assert (setup.scheduler.name, setup.optimizer.name) == ("warm", "optimizer")


# --- training and validation data ---------------------------------------------------------------------------


def data_of(space, **given):
    setup = find_setup(space, **given)
    return setup.train.name, None if setup.val is None else setup.val.name


def loaders(nb, **named):
    return {**without(nb.notebook(), "train_loader", "val_loader"), **named}


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("trainloader", "valloader"),
        ("train_dl", "dev_dl"),
        ("dl_train", "dl_valid"),
        ("trainIter", "evalIter"),
        ("TRAIN", "VAL"),
    ],
)
def test_names_tell_roles_however_they_are_written(nb, train, val):
    """The many ways people write train and validation."""
    one = DataLoader(nb.data(), batch_size=8)
    two = DataLoader(nb.data(), batch_size=8)
    assert data_of(loaders(nb, **{val: two, train: one})) == (train, val)


def test_samplers_tell_where_names_do_not(nb):
    """The shuffled one trains, the other one in order validates, and a remark says why."""
    space = loaders(
        nb, dl1=DataLoader(nb.data(), batch_size=8), dl2=DataLoader(nb.data(), batch_size=8, shuffle=True)
    )
    assert data_of(space) == ("dl2", "dl1")
    assert find_setup(space).remarks[0].startswith("`dl1` is taken as validation data")
    weighted = DataLoader(nb.data(40), batch_size=8, sampler=WeightedRandomSampler([1.0] * 40, 40))
    assert data_of(loaders(nb, a=DataLoader(nb.data(), batch_size=8), b=weighted))[0] == "b"


def test_data_sets_tell_where_loaders_do_not(nb):
    """The name of a loader's data set, and torchvision's `train` flag, count as evidence."""
    space = without(nb.notebook(), "train_loader", "val_loader")
    space |= {
        "a": DataLoader(space["val_set"], batch_size=8),
        "b": DataLoader(space["train_set"], batch_size=8),
    }
    assert data_of(space) == ("b", "a")
    seen, unseen = nb.data(), nb.data()
    seen.train, unseen.train = True, False
    space = loaders(nb, one=DataLoader(unseen, batch_size=8), two=DataLoader(seen, batch_size=8))
    assert data_of(space) == ("two", None)


def test_equal_loaders_are_listed(nb):
    """Two loaders that both could train: listed with size and order."""
    space = loaders(
        nb,
        first=DataLoader(nb.data(), batch_size=8, shuffle=True),
        second=DataLoader(nb.data(), shuffle=True),
    )
    assert (
        refused(space)
        == "2 loaders could be the training data: `first` (DataLoader of 5 batches of 8, shuffled) and"
        " `second` "
        "(DataLoader of 40 batches of 1, shuffled). Say which: `%train model first` or `%train model second`."
    )
    assert data_of(space, data="second", val=False) == ("second", None)


def test_train_loader_beside_another_loader(nb):
    """What but the name speaks for it is said in the plan; where nothing does, the two are listed."""
    other = DataLoader(nb.data(), batch_size=4, shuffle=True)
    text = refused(nb.notebook(loader=other))
    assert text.endswith("Say which: `%train model train_loader` or `%train model loader`.")

    def remark(**named):
        setup = find_setup(nb.notebook(**named))
        assert (setup.train.name, setup.val.name) == ("train_loader", "val_loader")
        return setup.remarks

    assert remark(loader=DataLoader(nb.data())) == (
        "`loader` (DataLoader of 40 batches of 1, in order) is not used: it reads in order, and"
        " `train_loader` is shuffled.",
    )
    assert remark(loader=DataLoader(nb.data(10), shuffle=True)) == (
        "`loader` (DataLoader of 10 batches of 1, shuffled) is not used: it has 10 samples, and"
        " `train_loader` 40.",
    )
    whole = nb.data(40)
    parts = {
        "train_loader": DataLoader(Subset(whole, range(30)), shuffle=True),
        "val_loader": DataLoader(Subset(whole, range(30, 40))),
    }
    assert remark(**parts, loader=DataLoader(whole, shuffle=True))[0].endswith(
        "is not used: it also holds the samples of `val_loader`, and `train_loader` does not."
    )
    assert remark(**parts, loader=other)[0].endswith(
        "is not used: `train_loader` and `val_loader` are parts of one data set, and it is of another."
    )


def test_what_is_named_like_a_loader_and_is_none_is_said(nb):
    """A generator, an empty list, a list of no batches: refused in their own words, never passed over."""
    batch = (torch.zeros(4, 4), torch.zeros(4, dtype=torch.int64))
    for odd, said in (
        ((batch for _ in range(3)), "`train_loader` is a generator: it can be read only once"),
        ([], "`train_loader` is empty: its length is 0, so there is nothing for training."),
        ([1, 2], "`train_loader` is a list of 2 items, the first of them no batch of tensors"),
    ):
        assert refused(nb.notebook(train_loader=odd)).startswith(said)
        assert refused(nb.notebook(train_loader=odd, loader=DataLoader(nb.data()))).startswith(said)
    samples = [(torch.zeros(4), 1)] * 8
    assert data_of(loaders(nb, train_data=samples, loader=DataLoader(samples, batch_size=4)))[0] == "loader"

    class Feed:
        def __iter__(self):
            return iter([batch])

    assert data_of(nb.notebook(train_loader=Feed())) == ("train_loader", "val_loader")
    setup = find_setup(nb.notebook(val_loader=[]))
    assert setup.val is None
    assert setup.remarks[0].startswith("No validation: `val_loader` is empty: its length is 0")


def test_test_data_is_never_validation_by_itself(nb):
    """A test loader is left alone, and the remark says why and what to type."""
    space = nb.notebook(test_loader=DataLoader(nb.data(), batch_size=8))
    assert data_of(space) == ("train_loader", "val_loader")
    setup = find_setup(without(space, "val_loader"))
    assert setup.val is None
    assert setup.remarks[0].startswith("`test_loader` looks like test data and is not used for validation")
    assert "`--val test_loader` uses it all the same" in setup.remarks[0]
    assert find_setup(without(space, "val_loader"), val="test_loader").val.name == "test_loader"


def test_only_evaluation_data_is_not_trained_on(nb):
    """With a test loader only, nothing is trained on unless it is said."""
    space = loaders(nb, test_loader=DataLoader(nb.data(), batch_size=8))
    text = refused(space)
    assert text.startswith(
        "There is no training data among the variables, only what looks like validation or test data"
    )
    assert "`%train model test_loader`" in text
    assert data_of(space, data="test_loader") == ("test_loader", None)


def test_several_validation_loaders_are_listed(nb):
    """Two named like validation: which one is asked."""
    text = refused(nb.notebook(valid_small=DataLoader(nb.data(), batch_size=4)))
    assert "Say which: `--val val_loader` or `--val valid_small`." in text


def test_validation_on_training_data_is_said(nb):
    """The same data set, or subsets that overlap, is a remark with numbers; split samplers are fine."""
    whole = nb.data(40)
    same = nb.notebook(train_loader=DataLoader(whole, shuffle=True), val_loader=DataLoader(whole))
    assert (
        "reads the same data set as `train_loader`: overfitting cannot be seen" in find_setup(same).remarks[0]
    )
    overlap = nb.notebook(
        train_loader=DataLoader(Subset(whole, range(30)), shuffle=True),
        val_loader=DataLoader(Subset(whole, range(25, 40))),
    )
    assert (
        find_setup(overlap)
        .remarks[0]
        .startswith("5 of the 15 samples of `val_loader` are also in `train_loader`")
    )
    split = nb.notebook(
        train_loader=DataLoader(whole, sampler=SubsetRandomSampler(range(30))),
        val_loader=DataLoader(whole, sampler=SubsetRandomSampler(range(30, 40))),
    )
    assert find_setup(split).remarks == ()


def test_loaders_in_a_dict_are_found_by_key(nb):
    """dataloaders["train"] and ["val"], as tutorials have it."""
    both = {"train": DataLoader(nb.data(), shuffle=True), "val": DataLoader(nb.data())}
    assert data_of(loaders(nb, dataloaders=both)) == ('dataloaders["train"]', 'dataloaders["val"]')


def test_lists_of_batches_and_own_iterables_are_data(nb):
    """A list of (x, y) batches, and a class with `__iter__` and `__len__`; lists of anything else are not."""
    batches = [(torch.zeros(4, 4), torch.zeros(4, dtype=torch.int64))] * 3

    class Batcher:
        def __init__(self):
            self.batch_size = 4

        def __iter__(self):
            return iter(batches)

        def __len__(self):
            return 3

    clutter = {
        "history": [1.0, 2.0],
        "pairs": [(1, 2)],
        "weights": [torch.zeros(2)],
        "samples": [(torch.zeros(2), 1)],
    }
    assert data_of(loaders(nb, batches=batches, **clutter)) == ("batches", None)
    assert data_of(loaders(nb, feed=Batcher(), **clutter)) == ("feed", None)
    assert data_of(nb.notebook(predictions=batches)) == ("train_loader", "val_loader")


def test_a_data_set_without_a_loader_is_told_how_to_be_wrapped(nb):
    """The line that wraps it, with the person's own name; X and y get a TensorDataset."""
    space = loaders(nb)
    assert (
        refused(space)
        == "There is no DataLoader among the variables; `train_set` is a data set (TensorDataset) of 40"
        " samples. Wrap it: train_loader = torch.utils.data.DataLoader(train_set, batch_size=32,"
        " shuffle=True)"
    )
    assert refused(space, data="train_set").startswith(
        "`train_set` is a data set (TensorDataset) of 40 samples, and training data must come in batches."
        " Wrap it:"
    )
    bare = without(space, "train_set", "val_set")
    text = refused(
        {**bare, "X_train": np.zeros((5, 4)), "y_train": torch.zeros(5), "X_test": np.zeros((5, 4))}
    )
    made = "TensorDataset(torch.as_tensor(X_train, dtype=torch.float32), y_train)"
    assert f"{made}, batch_size=32, shuffle=True)" in text
    assert refused(bare).startswith("There is no training data among the variables: no DataLoader")


def test_empty_loaders_are_refused(nb):
    """Nothing in the data set, a batch larger than the data with drop_last, an empty list."""
    assert (
        refused(nb.notebook(train_loader=DataLoader(TensorDataset(torch.zeros(0, 4)))))
        == "`train_loader` is empty: its data set has 0 samples, so there is nothing for training. "
        "Check the cell that fills it (a wrong path, a filter that keeps nothing)."
    )
    text = refused(nb.notebook(train_loader=DataLoader(nb.data(5), batch_size=8, drop_last=True)))
    assert (
        "gives no batch: its data set has 5 samples, fewer than its batch size 8, and drop_last=True" in text
    )
    assert refused(nb.notebook(), data=[]).startswith(
        "`data` is empty: its length is 0, so there is nothing for tr"
    )
    text = refused(nb.notebook(unused=[]), val="unused")
    assert text.startswith("`unused` is empty: its length is 0, so there is nothing for validation.")


def test_streams_without_a_length_are_data(nb):
    """An IterableDataset's loader has no length: taken, not called empty."""

    class Stream(IterableDataset):
        def __iter__(self):
            yield torch.zeros(4), 1

    assert data_of(loaders(nb, loader=DataLoader(Stream(), batch_size=2)))[0] == "loader"


# --- what the person named ----------------------------------------------------------------------------------


def test_unknown_names_get_the_nearest_and_what_it_holds(nb):
    """A slip of the pen: the nearest variable of that role, with what it is."""
    space = nb.notebook()
    assert (
        refused(space, model="modle")
        == "There is no variable `modle` in this notebook. Did you mean `model` (Net, 67 parameters)?"
    )
    assert "Did you mean `train_loader` (DataLoader of 5 batches of 8, shuffled)?" in refused(
        space, data="trainloader"
    )
    assert "Did you mean `optimizer` (Adam, lr=0.001)?" in refused(space, optimizer="optimiser")
    assert refused(space, model="zzz").endswith("There is `model`.")
    assert refused(space, scheduler="zzz").endswith(
        "There is no scheduler among the variables; allowed is a learning-rate scheduler."
    )


@pytest.mark.parametrize(
    ("role", "value", "says"),
    [
        (
            "model",
            "Net",
            (
                "`Net` is the class Net, and the model must be a torch.nn.Module. Make one of it first: model"
                " = Net(...)"
            ),
        ),
        ("model", "train_loader", "The model comes first, then the data: `%train MODEL DATA`."),
        ("model", "epochs", "`epochs` is the number 5, and the model must be a torch.nn.Module."),
        ("data", "model", "`model` is a Net with 67 parameters, which cannot be training data"),
        ("data", "epochs", "`epochs` is the number 5, which cannot be training data"),
        ("data", "frame", "`frame` is a DataFrame of shape (2, 1), which cannot be training data"),
        ("data", "x", "`x` is a tensor of shape (4, 4), which cannot be training data"),
        ("data", "batch", "one tensor each, so it looks like one batch"),
        ("data", "stream", "`stream` is a generator: it can be read only once, and every epoch"),
        ("optimizer", "Adam", "Make one of it: optimizer = Adam(model.parameters(), lr=...)"),
        ("optimizer", "sched", "It is a scheduler: --scheduler sched"),
        ("optimizer", "model", "the optimizer must be a torch.optim optimizer"),
        ("loss", "value", "It is a value already computed; give the criterion that computes it."),
        ("loss", "MSELoss", "Make one of it: criterion = MSELoss()"),
        ("scheduler", "optimizer", "and the scheduler must be a learning-rate scheduler"),
    ],
)
def test_the_wrong_kind_of_object_is_named_for_what_it_is(nb, role, value, says):
    """What was passed, what is allowed, what to do."""
    space = nb.notebook(
        Adam=torch.optim.Adam, MSELoss=nn.MSELoss, value=torch.tensor(0.5), x=torch.zeros(4, 4),
        batch=(torch.zeros(4, 4), torch.zeros(4)), stream=(n for n in range(3)),
        frame=pd.DataFrame({"a": [1, 2]}),
    )  # fmt: skip
    space["sched"] = schedulers.StepLR(space["optimizer"], 3)
    assert says in refused(space, **{role: value})


def test_ways_to_objects_are_followed(nb):
    """Attributes and items, quoted or not, as a shell would pass them; a wrong turn says where."""
    space = nb.notebook()
    kept = SimpleNamespace(
        net=space["model"], loaders={"train": space["train_loader"]}, many=[space["val_loader"]]
    )
    space = {"kept": kept, **space}
    setup = find_setup(space, model="kept.net", data="kept.loaders[train]", val="kept.many[0]")
    assert setup.model.value is space["model"] and setup.train.value is space["train_loader"]
    assert (setup.model.name, setup.train.name, setup.val.name) == (
        "kept.net",
        "kept.loaders[train]",
        "kept.many[0]",
    )
    assert find_setup(space, data='kept.loaders["train"]').train.value is space["train_loader"]
    assert (
        refused(space, model="kept.nett")
        == "`kept.nett` leads nowhere: `kept` is a SimpleNamespace and has no .nett (AttributeError). Look at"
        " what `kept` holds."
    )
    assert "is not a name or a way to an object" in refused(space, model="kept(1)")


def test_objects_are_taken_as_they_are_and_named_by_the_notebook(nb):
    """nbtrain.train(model, loader, ...): objects, named by their variables, or by their role without one."""
    space = nb.notebook()
    model = nb.Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    setup = find_setup(space, model=model, optimizer=optimizer, data=space["train_loader"])
    assert (setup.model.name, setup.optimizer.name, setup.train.name) == (
        "model",
        "optimizer",
        "train_loader",
    )
    assert setup.model.value is model
    alone = find_setup({}, model=model, data=space["val_loader"], optimizer=optimizer, loss=F.cross_entropy)
    assert (alone.train.name, alone.loss.name, alone.val) == ("data", "loss", None)


def test_errors_carry_candidates_for_programs(nb):
    """`to_dict` has the candidates' names beside the sentence."""
    with pytest.raises(UsageError) as caught:
        find_setup(nb.notebook(loss_fn=nn.MSELoss()))
    told = caught.value.to_dict()
    assert told["error"] == "UsageError"
    assert [one["name"] for one in told["details"]["candidates"]] == ["criterion", "loss_fn"]
