"""What the inspector is told about live objects, and that looking changes none of them."""

from __future__ import annotations

import json
import warnings

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as schedulers
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from nbtrain.notebook.describe import (
    describe_loader,
    describe_model,
    describe_optimizer,
    describe_scheduler,
    model_signature,
)
from nbtrain.notebook.sample import sample_batch


class Tied(nn.Module):
    """An embedding whose weight the head uses again."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.body(self.embed(x)))


def rows(model, **options):
    described = describe_model(model, **options)
    json.dumps(described)  # whatever it holds must travel to the page
    return described, {
        row[0]: dict(zip(described["columns"], row, strict=True)) for row in described["modules"]
    }


def test_rows_come_depth_first_with_paths_and_depths():
    """The order and depth of rows is that of the tree."""
    described, _ = rows(Tied())
    assert [(row[0], row[1], row[2]) for row in described["modules"]] == [
        ("", 0, "Tied"),
        ("embed", 1, "Embedding"),
        ("body", 1, "Sequential"),
        ("body.0", 2, "Linear"),
        ("body.1", 2, "ReLU"),
        ("body.2", 2, "BatchNorm1d"),
        ("head", 1, "Linear"),
    ]


def test_tied_weights_count_once_and_say_whose_they_are():
    """The tied head shows its own size, names the embedding, and adds nothing to the total."""
    described, by_path = rows(Tied())
    assert by_path["head"]["shared_with"] == "embed" and by_path["embed"]["shared_with"] == ""
    assert by_path["head"]["own_params"] == by_path["head"]["total_params"] == 40
    assert described["total_params"] == by_path[""]["total_params"] == 40 + 20 + 8
    assert described["total_params"] == sum(p.numel() for p in Tied().parameters())


def test_a_module_used_twice_has_two_rows_and_one_count():
    """The second use of a layer names the first and does not add up; a cycle cannot hang the walk."""
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    described, by_path = rows(model)
    assert by_path["2"]["shared_with"] == "0"
    assert described["total_params"] == by_path[""]["total_params"] == 12
    model.add_module("itself", model)
    assert rows(model)[1]["itself"]["class"] == "Sequential"


def test_states_speak_of_a_module_with_its_parts():
    """Frozen, trainable, mixed and none, from the leaves up."""
    model = Tied()
    model.body[0].requires_grad_(False)
    states = {path: row["state"] for path, row in rows(model)[1].items()}
    assert states == {
        "": "mixed",
        "embed": "trainable",
        "body": "mixed",
        "body.0": "frozen",
        "body.1": "none",
        "body.2": "trainable",
        "head": "trainable",
    }


def test_held_by_names_the_group_or_none():
    """Which optimizer group trains a layer, `none` for a trainable one left out, empty without parameters."""
    model = Tied()
    model.body[2].requires_grad_(False)
    optimizer = torch.optim.SGD(
        [{"params": model.embed.parameters()}, {"params": [model.body[0].weight]}], lr=0.1
    )
    _, by_path = rows(model, optimizers={"opt": optimizer}, output_shapes={"head": "32 × 10"})
    assert by_path["embed"]["held_by"] == "opt[0]"
    assert by_path["head"]["held_by"] == "opt[0]"
    assert by_path["body.0"]["held_by"] == "opt[1], none"
    assert by_path["body.1"]["held_by"] == by_path["body.2"]["held_by"] == ""
    assert by_path["head"]["output_shape"] == "32 × 10"
    assert all(row["held_by"] == "" for row in rows(model)[1].values())


def test_types_and_devices_are_collected_upwards():
    """A half-precision layer shows in its row and above; meta and lazy parameters are no obstacle."""
    model = nn.Sequential(nn.Linear(2, 2).half(), nn.Linear(2, 2, device="meta"), nn.LazyLinear(3))
    described, by_path = rows(model)
    assert by_path["0"]["dtype"] == "float16"
    assert by_path["2"]["dtype"] == "float32 (not initialised)" and by_path["2"]["own_params"] == 0
    assert (by_path["1"]["device"], by_path[""]["device"]) == ("meta", "cpu, meta")
    assert described["total_params"] == 12


def test_quantised_scalar_and_parameterless_modules_are_described():
    """Packed int8 weights, 0-dim parameters and an empty module give rows, not exceptions."""

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.by = nn.Parameter(torch.tensor(2.0))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces the end of this API
        quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)), {nn.Linear})
    assert rows(Scale())[0]["total_params"] == 1
    assert rows(quantised)[0]["total_params"] == 0
    assert rows(nn.Identity())[1][""]["state"] == "none"


def test_ten_thousand_modules_are_all_there():
    """A deep model has a row for each of its modules and the right sum at the root."""
    model = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.LayerNorm(2)) for _ in range(2_500)))
    described = describe_model(model, optimizers={"optimizer": torch.optim.SGD(model.parameters(), lr=0.1)})
    assert len(described["modules"]) == 10_001
    assert described["total_params"] == described["modules"][0][4] == 2_500 * 10


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.body[0].requires_grad_(False),
        lambda model: model.eval(),
        lambda model: model.double(),
        lambda model: setattr(model, "head", nn.Linear(4, 2)),
        lambda model: model.body.append(nn.ReLU()),
        lambda model: setattr(model.body[0], "bias", None),
    ],
    ids=["freeze", "eval", "dtype", "replace", "append", "remove"],
)
def test_the_signature_notices(change):
    """What the table shows cannot change without the signature changing; it is equal when nothing did."""
    model = Tied()
    before = model_signature(model)
    assert model_signature(model) == before
    change(model)
    assert model_signature(model) != before


def test_the_signature_ignores_a_training_step():
    """New weights are no change of the table: the poller stays quiet while it trains."""
    model = Tied()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model_signature(model)
    model(torch.arange(4)).sum().backward()
    optimizer.step()
    assert model_signature(model) == before


# --- optimizer ----------------------------------------------------------------------------------------------


def test_optimizer_groups_carry_every_setting_and_count():
    """lr first, betas as a list, tensors and parameters counted, nothing JSON cannot hold."""
    model = Tied()
    optimizer = torch.optim.AdamW(
        [{"params": model.embed.parameters(), "weight_decay": 0.0}, {"params": model.body.parameters()}],
        lr=3e-4,
    )
    described = describe_optimizer(optimizer, "opt")
    json.dumps(described)
    first, second = described["groups"]
    assert (described["name"], described["class"]) == ("opt", "AdamW")
    assert (first["lr"], first["weight_decay"], first["betas"]) == (3e-4, 0.0, [0.9, 0.999])
    assert (first["tensors"], first["params"], second["tensors"], second["params"]) == (1, 40, 4, 28)
    assert next(iter(first)) == "lr"


def test_learning_rates_kept_as_tensors_are_numbers():
    """A tensor lr reads as the number it was given, not as its float32 neighbour; infinities are words."""
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(2))], lr=torch.tensor(0.1), foreach=False)
    optimizer.param_groups[0]["cap"] = float("inf")
    optimizer.param_groups[0]["closure"] = print
    group = describe_optimizer(optimizer)["groups"][0]
    assert group["lr"] == 0.1
    assert group["cap"] == "Infinity"
    assert "closure" not in group


# --- scheduler ----------------------------------------------------------------------------------------------

SCHEDULERS = {
    "StepLR": lambda o: schedulers.StepLR(o, 5),
    "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [3, 7]),
    "CosineAnnealingWarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 5),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=40),
    "CyclicLR": lambda o: schedulers.CyclicLR(o, 0.01, 0.1, 5, scale_fn=lambda x: 1 / x),
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda epoch: 0.9**epoch),
    "SequentialLR": lambda o: schedulers.SequentialLR(
        o, [schedulers.LinearLR(o, total_iters=5), schedulers.CosineAnnealingLR(o, 10)], [5]
    ),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler(
        [schedulers.LinearLR(o, total_iters=5), schedulers.ExponentialLR(o, 0.9)]
    ),
}


def state_of(scheduler, optimizer):
    parts = getattr(scheduler, "_schedulers", [scheduler])
    return repr([{k: v for k, v in vars(part).items() if k != "optimizer"} for part in parts]), repr(
        optimizer
    )


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_the_curve_is_what_the_scheduler_then_does_and_it_is_untouched(kind):
    """Rates played ahead equal the rates of real steps; scheduler and optimizer are as before the look."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.1, momentum=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR's own construction warns in some versions of torch
        scheduler = SCHEDULERS[kind](optimizer)
    before = state_of(scheduler, optimizer)
    described = describe_scheduler(scheduler, "scheduler", steps=25)
    assert state_of(scheduler, optimizer) == before
    assert described["now"] == optimizer.param_groups[0]["lr"]
    real = []
    for _ in range(25):
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
        real.append(optimizer.param_groups[0]["lr"])
    assert described["lrs"] == pytest.approx(real)
    assert described["class"] == kind


def test_a_schedule_that_ends_says_when():
    """OneCycleLR gives the steps it has left, and words for the end."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.1, momentum=0.9)
    described = describe_scheduler(schedulers.OneCycleLR(optimizer, 0.1, total_steps=12), steps=50)
    assert (len(described["lrs"]), described["note"]) == (12, "The schedule ends in 12 steps.")


def test_plateau_has_no_curve_and_says_why():
    """What depends on the validation loss is not drawn."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.1)
    described = describe_scheduler(schedulers.ReduceLROnPlateau(optimizer))
    assert described["lrs"] == [] and "validation loss" in described["note"]


def test_a_scheduler_that_keeps_the_model_does_not_copy_it():
    """A person's schedule that holds a model is played on a copy of itself alone."""
    model = Tied()

    class Mine(schedulers.LRScheduler):
        def __init__(self, optimizer, model):
            self.model = model
            super().__init__(optimizer)

        def get_lr(self):
            assert self.model is model
            return [0.5**self.last_epoch for _ in self.base_lrs]

    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    assert describe_scheduler(Mine(optimizer, model), steps=3)["lrs"] == [0.5, 0.25, 0.125]


def test_a_scheduler_that_cannot_be_copied_leaves_the_curve_out():
    """An exception inside somebody's schedule is a note, not a failure of the inspector."""

    class Stubborn(schedulers.StepLR):
        def __deepcopy__(self, memo):
            raise RuntimeError("no copies")

    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.1)
    described = describe_scheduler(Stubborn(optimizer, 2))
    assert described["lrs"] == [] and "RuntimeError" in described["note"]


# --- loader -------------------------------------------------------------------------------------------------


def test_loader_facts_and_the_fields_of_a_sample():
    """Sizes, order, and shape, type and range of each part of a batch."""
    data = TensorDataset(torch.linspace(-1, 1, 40).view(10, 4), torch.arange(10) % 3)
    loader = DataLoader(data, batch_size=4, shuffle=True, drop_last=True)
    described = describe_loader(loader, "train_loader", sample=sample_batch(loader))
    json.dumps(described)
    sample = described.pop("sample")
    assert described == {
        "name": "train_loader",
        "class": "DataLoader",
        "dataset": "TensorDataset",
        "samples": 10,
        "batch_size": 4,
        "batches": 2,
        "workers": 0,
        "shuffle": True,
        "drop_last": True,
        "pin_memory": False,
    }
    assert [part["field"] for part in sample] == ["[0]", "[1]"]
    assert (sample[0]["shape"], sample[0]["dtype"], sample[0]["min"]) == ([4, 4], "float32", -1.0)
    assert (sample[1]["role"], sample[1]["max"]) == ("target", 2)


def test_loaders_that_tell_little_are_described_with_none():
    """A stream and a list have no length of samples, workers or order: None, never a wrong number."""

    class Stream(IterableDataset):
        def __iter__(self):
            yield torch.zeros(2)

    stream = describe_loader(DataLoader(Stream(), batch_size=4))
    assert (stream["samples"], stream["batches"], stream["shuffle"], stream["batch_size"]) == (
        None,
        None,
        None,
        4,
    )
    batches = describe_loader([(torch.zeros(2, 3), torch.zeros(2))] * 3)
    assert (batches["batches"], batches["workers"], batches["dataset"], batches["sample"]) == (
        3,
        None,
        "",
        [],
    )


def test_samples_with_nan_bool_text_and_nothing_have_a_range_or_none():
    """NaN is the word "NaN"; bool has a range, text and empty tensors have none."""
    sample = {
        "x": torch.tensor([float("nan"), 1.0]),
        "mask": torch.tensor([True, False]),
        "text": ["a"],
        "e": torch.zeros(0),
    }
    fields = {
        part["field"]: (part["min"], part["max"]) for part in describe_loader([], sample=sample)["sample"]
    }
    assert fields["['x']"] == ("NaN", "NaN")
    assert fields["['mask']"] == (False, True)
    assert fields["['text']"] == fields["['e']"] == (None, None)
