"""The replay of a step that is not finite names what made it so, and leaves no trace."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbtrain.train.autopsy.replay import Scene, examine
from nbtrain.train.autopsy.verdict import Autopsy, Course
from nbtrain.train.batch import make_task

CPU = torch.device("cpu")
CALM = Course(losses=[1.2, 1.1, 1.0], lr=0.1, weights_before=3.0, weights_now=3.1)


def autopsy(model: nn.Module, batch: Any, loss: Any = None, course: Course = CALM, **more: Any) -> Autopsy:
    loss = loss if loss is not None else nn.MSELoss()
    scene = Scene(model, make_task(model, loss, batch), loss, CPU, [batch], first_batch=7, epoch=2, **more)
    return examine(scene, course)


def data(columns: int = 4, samples: int = 8, outputs: int = 2) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(samples, columns), torch.randn(samples, outputs)


class Applied(nn.Module):
    """A linear layer, a formula on its output, another linear layer."""

    def __init__(self, formula: Callable[[Tensor], Tensor], *, before: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.last, self.formula = nn.Linear(4, 4), nn.Linear(4, 2), formula
        self.scale = before

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.formula(self.first(x) * self.scale))


def test_a_nan_in_one_feature_is_named_with_sample_and_feature() -> None:
    """The data are to blame, by batch, sample and feature."""
    x, y = data()
    x[5, 3] = math.nan
    found = autopsy(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), (x, y))
    assert (found.cause, found.place, found.direction) == ("data", "input", "forward")
    assert "batch 7 of epoch 2" in found.what
    assert "1 NaN of 32 values: feature 3 of sample 5" in found.what


def test_a_column_of_infinite_values_is_counted() -> None:
    """A feature that is broken throughout is told from single bad values."""
    x, y = data()
    x[:, 1] = math.inf
    found = autopsy(nn.Linear(4, 2), (x, y))
    assert found.cause == "data"
    assert "8 infinite of 32 values" in found.what
    assert "all in feature 1" in found.what


def test_an_infinite_target_is_named() -> None:
    """A target that is infinite is found though the model is fine."""
    x, y = data()
    y[2, 1] = math.inf
    found = autopsy(nn.Linear(4, 2), (x, y))
    assert (found.cause, found.place) == ("data", "target")
    assert "feature 1 of sample 2" in found.what


def test_a_batch_with_names_is_named_by_key() -> None:
    """Batches that are mappings name the key."""
    x, y = data()
    x[0, 0] = math.nan

    class Keyed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.inner(tokens)

    found = autopsy(Keyed(), {"tokens": x, "labels": y})
    assert (found.cause, found.place) == ("data", "batch['tokens']")


FORMULAS: dict[str, tuple[Callable[[Tensor], Tensor], str, str]] = {
    "log of 0": (lambda h: torch.log(torch.relu(h)), "log", "the logarithm of 0"),
    "log of a negative": (torch.log, "log", "the logarithm of a negative number"),
    "zero variance": (lambda h: (h * 0 - (h * 0).mean(0)) / (h * 0).std(0), "div", "a division by 0"),
    "division": (lambda h: h / (h - h), "div", "a division by 0"),
    "division in place": (lambda h: torch.ones_like(h).div_((h - h).detach()) * h, "div_", "a division by 0"),
    "exp": (lambda h: torch.exp(h * 1000) / torch.exp(h * 1000).sum(1, keepdim=True), "exp", "exponential"),
    "root of a negative": (torch.sqrt, "sqrt", "the root of a negative number"),
    "reciprocal": (lambda h: torch.relu(h).reciprocal(), "reciprocal", "a division by 0"),
    "mean of nothing": (lambda h: h + h[h > 1e9].mean(), "mean", "a mean over nothing"),
    "std of one": (lambda h: h / h[:1].std(0), "std", "a deviation of a single value"),
    "acos": (lambda h: torch.acos(h * 10), "acos", "an inverse of sine or cosine"),
}


@pytest.mark.filterwarnings("ignore:std.*degrees of freedom")
@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_outside_its_domain_is_named(name: str) -> None:
    """The function, why it failed, its inputs and the line it stands in are said."""
    formula, called, reason = FORMULAS[name]
    found = autopsy(Applied(formula), data())
    assert (found.cause, found.direction) == ("formula", "forward"), found
    assert f"`{called.strip('_')}` in the forward of Applied" in found.what
    assert reason in found.what
    assert (
        "self.last(self.formula(" in found.evidence
        or "lambda h" in found.evidence
        or called in found.evidence
    )
    assert "it was given (" in found.evidence


BACKWARDS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "sqrt at 0": (lambda h: torch.sqrt(h * 0), "`sqrt`"),
    "a root behind where": (lambda h: torch.where(h > 0, torch.sqrt(h), h), "`sqrt`"),
    "a logarithm behind where": (lambda h: torch.where(h > 1e9, torch.log(h * 0), h), "`log`"),
    "power at 0": (lambda h: (h * 0).pow(0.5), "`pow`"),
}


@pytest.mark.parametrize("name", BACKWARDS)
def test_a_backward_that_fails_though_forward_is_finite_is_named(name: str) -> None:
    """The gradient's own fault is told from the forward's, with the function that has it."""
    formula, called = BACKWARDS[name]
    found = autopsy(Applied(formula), data())
    assert (found.cause, found.direction) == ("formula", "backward"), found
    assert called in found.what
    assert "though its forward is finite" in found.what


def test_a_layer_is_named_by_its_path() -> None:
    """A bad formula within a module of its own is named by the module's path and class."""

    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sqrt(x * 0)

    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), Root()), nn.Linear(4, 2))
    found = autopsy(model, data())
    assert "`1.1` (Root)" in found.what
    assert found.direction == "backward"
    assert "return torch.sqrt(x * 0)" in found.evidence


def test_a_compiled_model_is_looked_into_too() -> None:
    """Compiled code runs as it is written while it is replayed, so that places and lines are known."""
    model = torch.compile(nn.Sequential(nn.Linear(4, 4), Applied(torch.log)), backend="eager")
    model(data()[0])
    found = autopsy(model, data())
    # torch before 2.6 cannot be told to run compiled code as it is written
    place = "`1` (Applied)" if hasattr(torch.compiler, "set_stance") else "OptimizedModule"
    assert (found.cause, place in found.what) == ("formula", True), found


def test_an_embedding_row_that_is_nan_is_named() -> None:
    """Weights that were broken before are told from data and formulas, with the row."""
    model = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    with torch.no_grad():
        model[0].weight[4] = math.nan
    found = autopsy(model, (torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.randn(2, 2)))
    assert (found.cause, found.place) == ("weights", "0.weight")
    assert "row 4" in found.what


def test_a_buffer_that_is_broken_is_named() -> None:
    """Statistics of a batch norm in eval mode count as weights."""
    model = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    model[1].eval()
    model[1].running_mean[1] = math.nan
    found = autopsy(model, data())
    assert (found.cause, found.place) == ("weights", "1.running_mean")


class Attention(nn.Module):
    """One head of attention; `mask` may hold −inf, or be multiplied on."""

    def __init__(self, *, multiplied: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.query, self.key, self.value = (nn.Linear(4, 4) for _ in range(3))
        self.multiplied = multiplied

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        scores = self.query(x) @ self.key(x).transpose(1, 2)
        if self.multiplied:
            scores = scores + padding[:, None, :].float() * float("-inf")
        else:
            scores = scores.masked_fill(padding[:, None, :], float("-inf"))
        return torch.softmax(scores, -1) @ self.value(x)


def test_zero_times_infinity_in_a_mask_is_named() -> None:
    """0 x inf in an attention mask is found where it is multiplied, not where it shows."""
    padding = torch.zeros(2, 3, dtype=torch.bool)
    padding[0, 2] = True
    batch = (torch.randn(2, 3, 4), padding, torch.randn(2, 3, 4))
    found = autopsy(Attention(multiplied=True), batch)
    assert found.cause == "formula"
    assert "`mul`" in found.what
    assert "0 × ∞" in found.what


def test_a_row_masked_throughout_blames_the_softmax() -> None:
    """An infinite value written on purpose is no fault; the softmax over nothing but such values is."""
    padding = torch.zeros(2, 3, dtype=torch.bool)
    padding[1] = True
    batch = (torch.randn(2, 3, 4), padding, torch.randn(2, 3, 4))
    found = autopsy(Attention(multiplied=False), batch)
    assert "`softmax`" in found.what
    assert "a row that is −∞ throughout" in found.what
    assert "masked_fill" in found.evidence


def test_a_loss_function_of_ones_own_is_named() -> None:
    """What fails in the loss is not put down to the model."""

    def my_loss(output: Tensor, target: Tensor) -> Tensor:
        return torch.log(output.sigmoid() - 1).mean()

    found = autopsy(nn.Linear(4, 2), data(), my_loss)
    assert found.cause == "formula"
    assert "`log` in the loss function `my_loss`" in found.what
    assert "torch.log(output.sigmoid() - 1)" in found.evidence


def test_a_criterion_with_every_target_ignored_says_so() -> None:
    """Cross-entropy over no target at all is a mean over nothing."""
    x, _ = data()
    found = autopsy(nn.Linear(4, 2), (x, torch.full((8,), -100)), nn.CrossEntropyLoss())
    assert found.cause == "formula"
    assert "every target is ignored" in found.what


def test_a_custom_autograd_function_is_named_by_its_module() -> None:
    """A function that torch's hooks do not see is found by the module around it."""

    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * float("nan")

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return grad

    class Wrapped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Broken.apply(x)

    found = autopsy(nn.Sequential(nn.Linear(4, 2), Wrapped()), data())
    assert "Wrapped" in found.what


def half(dtype: torch.dtype) -> Callable[[], Any]:
    return lambda: torch.autocast("cpu", dtype=dtype)


def test_an_overflow_of_float16_is_told_from_a_formula() -> None:
    """What is finite in float32 is put down to the type, with the number it would have been."""
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[0].weight.fill_(1000.0)
        model[1].weight.fill_(100.0)
    batch = (torch.ones(8, 4), torch.zeros(8, 2))
    found = autopsy(model, batch, autocast=half(torch.float16))
    assert (found.cause, found.direction) == ("overflow", "forward")
    assert "float16 overflowed in `1` (Linear)" in found.what
    assert "1.6" in found.what, "4 x 1000 x 4 x 100"


def test_a_backward_that_overflows_in_float16_is_told() -> None:
    """Gradients that only half precision cannot hold are put down to it."""
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 2, bias=False))

    def steep(output: Tensor, target: Tensor) -> Tensor:
        return output.float().sum() * 1e6  # the gradient of the output does not fit into float16

    found = autopsy(model, data(), steep, autocast=half(torch.float16), scaler=None)
    assert (found.cause, found.direction) == ("overflow", "backward")


def test_bfloat16_has_the_range_of_float32() -> None:
    """A formula that overflows in bfloat16 overflows in float32 too, and is called a formula."""
    found = autopsy(Applied(lambda h: torch.exp(h.float() * 1000)), data(), autocast=half(torch.bfloat16))
    assert found.cause == "formula"


def test_a_rate_that_is_too_high_is_told_by_the_losses_before() -> None:
    """A loss that ran away over the last steps is put down to the steps, not to the function it ends in."""
    model = nn.Linear(4, 2)
    with torch.no_grad():
        model.weight.mul_(1e25)
    course = Course(losses=[1.0, 40.0, 1e9, 1e20, 1e37], lr=50.0)
    found = autopsy(model, data(), course=course)
    assert found.cause == "learning-rate"
    assert "from 1 to 1.000e37" in found.what
    assert "lr=50" in found.evidence


def test_a_rate_that_is_too_high_is_told_by_the_weights() -> None:
    """When it took one step, the weights show it."""
    model = nn.Linear(4, 2)
    with torch.no_grad():
        model.weight.mul_(1e25)
    found = autopsy(model, data(), course=Course([1.0], 1e25, weights_before=1.5, weights_now=1.5e25))
    assert found.cause == "learning-rate"
    assert "weights have grown" in found.what


def test_bad_data_go_before_everything_else() -> None:
    """A NaN in the data is the cause also when the loss was rising."""
    x, y = data()
    x[0, 0] = math.nan
    assert autopsy(nn.Linear(4, 2), (x, y), course=Course([1.0, 99.0], 9.0)).cause == "data"


def test_nan_in_the_batch_that_the_model_takes_out_is_not_blamed() -> None:
    """Missing values that forward replaces are not the cause of a NaN that comes later."""
    x, y = data()
    x[3, 2] = math.nan
    found = autopsy(Applied(lambda h: torch.log(h - h)), (torch.nan_to_num(x), y))
    assert found.cause == "formula"

    class Filled(Applied):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.where(torch.isnan(x), torch.zeros_like(x), x))

    found = autopsy(Filled(lambda h: torch.log(h - h)), (x, y))
    assert found.cause == "formula"
    assert "`log`" in found.what


def test_what_depends_on_chance_is_replayed_with_the_same_draws() -> None:
    """With the generator rewound a rare draw is met again; without, it says that chance decides."""

    class Rare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) / (torch.rand(()) > 0.05)

    seed = next(s for s in range(1000) if torch.rand((), generator=torch.Generator().manual_seed(s)) < 0.05)
    model, batch = Rare(), data()
    found = autopsy(model, batch, rewind=lambda: torch.manual_seed(seed))
    assert (found.cause, "a division by 0" in found.what) == ("formula", True)
    torch.manual_seed(next(s for s in range(99) if s != seed))
    assert autopsy(model, batch).cause == "unknown"


def test_a_replay_leaves_no_trace() -> None:
    """Weights, buffers, gradients, modes, hooks and random generators are as they were."""
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    batch = data()
    model(batch[0]).sum().backward()
    batch[0][1, 1] = math.nan
    good = data()
    before, grads = copy.deepcopy(model.state_dict()), [p.grad for p in model.parameters()]
    drawn = torch.get_rng_state()

    assert autopsy(model, batch).cause == "data"
    assert autopsy(model, good).cause == "unknown", "a finite step is followed to the end of its backward"

    assert all(torch.equal(a, b) for a, b in zip(before.values(), model.state_dict().values(), strict=True))
    assert all(p.grad is grad for p, grad in zip(model.parameters(), grads, strict=True))
    assert torch.equal(drawn, torch.get_rng_state())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_without_memory_it_says_so() -> None:
    """A replay that does not fit ends in words, not in an error."""

    class Hungry(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    found = autopsy(Hungry(4, 2), data())
    assert (found.cause, "not enough memory" in found.what) == ("not-examined", True)
