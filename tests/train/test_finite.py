"""NaN never reaches the weights: steps whose gradients are not finite are left out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from setups import loader, net, same_weights, twins
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nbtrain.train.batch import make_task
from nbtrain.train.finite import Guard, all_finite, blend, host_norm, values_of
from nbtrain.train.precision import choose_precision
from nbtrain.train.step import Stepper

CE = nn.CrossEntropyLoss()
CPU = torch.device("cpu")
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True),
    "sgd-fused": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, fused=True),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
    "adamw-fused": lambda p: torch.optim.AdamW(p, lr=1e-2, fused=True),
    "adagrad-fused": lambda p: torch.optim.Adagrad(p, lr=1e-2, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.3, max_iter=4),
}
FUSED = [name for name in OPTIMIZERS if name.endswith("fused")]


def broken(at: int, value: float = float("nan"), batches: int = 7) -> list[Any]:
    """Batches of 16, the one at place `at` with one bad number in it."""
    data = [(x.clone(), y) for x, y in loader(16 * batches)]
    data[at][0][3, 2] = value
    return data


def stepper(model: nn.Module, optimizer: Any, *, precision: str = "32", **options: Any) -> Stepper:
    task = make_task(model, CE, next(iter(loader())))
    return Stepper(
        model, optimizer, task=task, precision=choose_precision(precision, CPU), device=CPU, **options
    )


def trained(one: Stepper, groups: list[Any]) -> list[bool]:
    """Take the steps; return which of them were left out."""
    one.model.train()
    return [bool(one.step(group, number, 1.0 * number).skipped) for number, group in enumerate(groups, 1)]


def on_a_device(one: Stepper) -> Stepper:
    """Let the verdicts stay tensors, as on an accelerator."""
    one.guard.on_host = False
    return one


def state_of(optimizer: Any) -> list[Tensor]:
    return [value for state in optimizer.state.values() for value in state.values() if torch.is_tensor(value)]


# --- a run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    ("options", "step"),
    [
        ({}, 5),
        ({"clip": 0.5}, 5),
        ({"accumulate": 2}, 3),
        ({"precision": "bf16", "clip": 1.0, "accumulate": 2}, 3),
    ],
)
def test_a_run_ends_with_the_weights_before_the_bad_step(
    train: Any, name: str, options: dict[str, Any], step: int
) -> None:
    """NaN in a batch ends the run there: weights, statistics and checkpoint are those of the step before."""
    ours, theirs = twins(norm=True)
    batches = broken(4)
    short = stepper(theirs, OPTIMIZERS[name](theirs.parameters()), clip=options.get("clip"),
                    precision=options.get("precision", "32"))  # fmt: skip
    size = options.get("accumulate", 1)
    trained(short, [batches[at : at + size] for at in range(0, 4, size)])
    run = train(ours, batches, optimizer=OPTIMIZERS[name](ours.parameters()), epochs=3, **options)

    assert (str(run.status), run.progress.step) == ("diverged", step)
    assert same_weights(ours, theirs)
    assert run.stop_reason.startswith(
        f"the loss became NaN or infinite at step {step}; that step was not taken, the weights are those "
        "before it. The input of batch"
    )
    (alert,) = [alert for alert in run.alerts if alert.rule == "nan-loss"]
    assert (str(alert.severity), alert.step) == ("critical", step)
    weights, _ = run.checkpoints.load(run.checkpoints.all()[0])
    assert all(torch.equal(value, weights[key]) for key, value in theirs.state_dict().items())


def test_a_loss_may_be_finite_where_its_gradient_is_not(train: Any) -> None:
    """The root of zero has no gradient: the step is left out although its loss is a number."""

    class Length(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) * (self.inner[0].weight.sum() * x).square().sum(1, keepdim=True).sqrt()

    data = [(x.clone(), y) for x, y in loader()]
    data[3][0][5] = 0.0
    model = Length()
    before = copy.deepcopy(model)
    run = train(model, data[3:], optimizer=torch.optim.Adam(model.parameters()), epochs=1)

    assert torch.isfinite(torch.tensor(run.history["train_loss"].tolist())).all()
    assert (str(run.status), run.progress.step) == ("diverged", 1)
    assert "the gradient norm became NaN or infinite at step 1; that step was not taken" in run.stop_reason
    assert same_weights(model, before)


def test_targets_that_are_all_ignored_end_no_run(train: Any) -> None:
    """A loss that is NaN with harmless gradients is taken as by hand."""
    data = [*loader()]
    data[2] = (data[2][0], torch.full_like(data[2][1], -100))
    run = train(net(), data, epochs=2)

    assert str(run.status) == "completed"
    assert run.history["train_loss"].isna().sum() == 2
    assert run.epochs["train_loss"].notna().all()


@pytest.mark.parametrize("name", ["sgd", *FUSED])
def test_a_verdict_that_only_the_device_knows_ends_the_run_too(
    train: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the host knows, all further steps are left out; the run ends as diverged, its weights finite."""
    made = Guard.__init__

    def as_on_a_device(self: Guard, *args: Any, **keywords: Any) -> None:
        made(self, *args, **keywords)
        self.on_host = False

    monkeypatch.setattr(Guard, "__init__", as_on_a_device)
    ours, theirs = twins(norm=True)
    data = broken(4)
    trained(stepper(theirs, OPTIMIZERS[name](theirs.parameters())), [[batch] for batch in data[:4]])
    run = train(ours, data, optimizer=OPTIMIZERS[name](ours.parameters()), epochs=10**6)

    assert str(run.status) == "diverged"
    assert "at step 5" in run.stop_reason
    assert all_finite([*ours.parameters(), *ours.buffers()])
    if name in FUSED:
        assert run.progress.step > 5
        assert same_weights(ours, theirs)


# --- one step ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("clip", [None, 0.5])
def test_without_holding_the_bad_step_alone_is_missing(name: str, clip: float | None) -> None:
    """A guard that does not hold trains as if the bad batch were not there, optimizer state too."""
    ours, theirs = twins(norm=True)
    data = broken(2, float("inf"))
    one = stepper(ours, OPTIMIZERS[name](ours.parameters()), clip=clip)
    one.guard.hold = False
    other = stepper(theirs, OPTIMIZERS[name](theirs.parameters()), clip=clip)

    left_out = trained(one, [[batch] for batch in data])
    trained(other, [[batch] for batch in data[:2] + data[3:]])
    assert left_out == [False, False, True, False, False, False, False]
    assert same_weights(ours, theirs)
    pairs = zip(state_of(one.optimizer), state_of(other.optimizer), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("clip", [None, 0.5])
def test_fused_optimizers_skip_on_the_device(name: str, clip: float | None) -> None:
    """Told by a tensor, a fused optimizer skips the bad step; holding, all steps that follow."""
    ours, theirs = twins(norm=True)
    data = broken(2)
    one = on_a_device(stepper(ours, OPTIMIZERS[name](ours.parameters()), clip=clip))
    other = stepper(theirs, OPTIMIZERS[name](theirs.parameters()), clip=clip)
    trained(other, [[batch] for batch in data[:2]])

    assert trained(one, [[batch] for batch in data]) == [False, False] + [True] * 5
    assert same_weights(ours, theirs)
    one.guard.release()
    assert trained(one, [[batch] for batch in data[3:]]) == [False] * 4
    trained(other, [[batch] for batch in data[3:]])
    assert same_weights(ours, theirs)


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop", "sgd-fused"])
def test_other_optimizers_get_gradients_of_zero_on_a_device(name: str) -> None:
    """Weights and state stay finite, and good steps are those of a loop by hand, to the bit."""
    ours, theirs = twins(norm=True)
    data = broken(6)
    one = on_a_device(stepper(ours, OPTIMIZERS[name](ours.parameters())))
    trained(one, [[batch] for batch in data[:6]])
    trained(stepper(theirs, OPTIMIZERS[name](theirs.parameters())), [[batch] for batch in data[:6]])
    assert same_weights(ours, theirs)

    assert trained(one, [[data[6]]] * 3) == [True] * 3
    assert all_finite([*ours.parameters(), *ours.buffers(), *state_of(one.optimizer)])


@pytest.mark.parametrize("device_decides", [False, True])
def test_a_bad_first_step_of_fused_sgd_leaves_no_garbage(device_decides: bool) -> None:
    """Momentum buffers that torch would leave unfilled are zero, or not there yet."""
    model = net()
    one = stepper(model, OPTIMIZERS["sgd-fused"](model.parameters()))
    one.guard.on_host = not device_decides
    before = copy.deepcopy(model)
    trained(one, [[broken(0)[0]]])

    assert same_weights(model, before)
    assert all(float(value.abs().sum()) == 0 for value in state_of(one.optimizer))


@pytest.mark.parametrize("clip", [None, 1e30])
@pytest.mark.parametrize("sampled", [False, True])
def test_a_norm_that_overflows_is_no_bad_gradient(clip: float | None, sampled: bool) -> None:
    """Gradients of 1e25 are finite though their norm is not: the step is taken as by hand."""
    ours, theirs = twins()
    data = [(x * 1e25, y) for x, y in loader(16)]
    one = stepper(ours, torch.optim.SGD(ours.parameters(), lr=1e-30), clip=clip)
    one.sampler._due = 0.0 if sampled else 1e9
    optimizer = torch.optim.SGD(theirs.parameters(), lr=1e-30)
    CE(theirs(data[0][0]), data[0][1]).backward()
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip)
    optimizer.step()

    assert trained(one, [data]) == [False]
    assert same_weights(ours, theirs)


def test_the_host_reads_nothing_through_the_device_to_decide() -> None:
    """Neither with clipping nor without is there a read that would wait for an accelerator."""
    reads: list[Any] = []

    class Reads(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default):
                reads.append(func)
            return func(*args, **(kwargs or {}))

    data = [[batch] for batch in loader()]
    for clip in (None, 1.0):
        for device_decides in (False, True):
            model = net(norm=True)
            one = stepper(model, OPTIMIZERS["sgd"](model.parameters()), clip=clip)
            one.guard.on_host = not device_decides
            trained(one, data[:1])
            one.model.train()
            with Reads():
                for number, group in enumerate(data, 2):
                    one.step(group, number, 10.0 * number)
    assert reads == []


def test_sparse_and_complex_gradients_are_looked_at() -> None:
    """NaN in the values of a sparse gradient, or in an imaginary part, is found."""
    table = nn.EmbeddingBag(20, 3, sparse=True)
    batch = (torch.randint(0, 20, (8, 4)), torch.randint(0, 3, (8,)))
    for device_decides in (False, True):
        one = stepper(table, torch.optim.SparseAdam(table.parameters(), lr=0.1))
        one.guard.on_host, one.guard.hold = not device_decides, False
        assert trained(one, [[batch]]) == [False]
        before = table.weight.detach().clone()
        hook = table.weight.register_hook(lambda gradient: gradient * float("nan"))
        assert trained(one, [[batch]]) == [True]
        hook.remove()
        assert torch.isfinite(table.weight).all()
        assert device_decides or torch.equal(table.weight, before)

    parameter = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    guard = Guard(torch.optim.SGD([parameter], lr=0.1), [parameter], hold=False)
    bad = torch.tensor([1, 1j, complex(0, float("inf"))])
    assert guard.look(values_of([None, bad])) is True
    assert guard.look(values_of([torch.ones(3, dtype=torch.complex64)])) is False


class Counting(nn.Module):
    """A buffer replaced by another tensor in each forward, one that grows, one that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net(norm=True)
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("seen", torch.zeros(0))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
            self.seen = torch.cat([self.seen, x.detach().mean()[None]])
            self.steps += 1
        return self.inner(x)


def test_buffers_of_every_kind_are_put_back() -> None:
    """Replaced, grown and counting buffers are those before the bad step."""
    ours = Counting()
    theirs = copy.deepcopy(ours)
    data = broken(3)
    one = stepper(ours, OPTIMIZERS["adam"](ours.parameters()))
    one.guard.hold = False
    assert trained(one, [[batch] for batch in data]) == [False] * 3 + [True] + [False] * 3
    trained(stepper(theirs, OPTIMIZERS["adam"](theirs.parameters())), [[b] for b in data[:3] + data[4:]])
    assert same_weights(ours, theirs)


def test_under_a_scaler_statistics_are_kept_unless_the_batch_was_bad() -> None:
    """An overflow in fp16 moves the statistics as in a loop by hand; NaN in the batch does not."""
    ours, theirs = twins(norm=True)
    data = broken(3)
    optimizer, scaler = torch.optim.SGD(theirs.parameters(), lr=0.1), torch.amp.GradScaler("cpu", 2.0**126)
    theirs.train()
    for x, y in data[:3]:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.float16):
            loss = CE(theirs(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    one = stepper(ours, torch.optim.SGD(ours.parameters(), lr=0.1), precision="16")
    one.scaler = torch.amp.GradScaler("cpu", 2.0**126)

    assert trained(one, [[batch] for batch in data[:3]]) == [True] * 3, "nothing overflowed"
    assert same_weights(ours, theirs)
    assert trained(one, [[data[3]]]) == [True]
    assert same_weights(ours, theirs)


def test_a_line_search_may_look_where_nothing_is_finite() -> None:
    """LBFGS that meets infinity on its way and turns back is a step like any other."""

    class Barrier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([3.0]))

        def forward(self, x: Tensor) -> Tensor:
            value = (self.w - 1.0).square().sum() * 50 + 0 * x.sum()
            return value + (0 * self.w).sqrt().sum() if float(self.w.detach()) < -5 else value

    ours, theirs = Barrier(), Barrier()
    batch = (torch.ones(2, 1),)
    options = {"lr": 100.0, "max_iter": 4, "line_search_fn": "strong_wolfe"}
    optimizer, met = torch.optim.LBFGS(theirs.parameters(), **options), []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = theirs(batch[0])
        loss.backward()
        met.append(bool(torch.isfinite(theirs.w.grad)))
        return loss

    optimizer.step(closure)
    assert met[0]
    assert not all(met), "the search met nothing infinite"
    assert torch.isfinite(theirs.w).all()
    mine = torch.optim.LBFGS(ours.parameters(), **options)
    one = Stepper(
        ours, mine, task=make_task(ours, None, batch), precision=choose_precision("32", CPU), device=CPU
    )
    assert trained(one, [[batch]]) == [False]
    assert same_weights(ours, theirs)


KINDS = (
    torch.float32,
    torch.bfloat16,
    torch.float16,
    torch.float64,
    torch.int64,
    torch.bool,
    torch.complex64,
)


@pytest.mark.parametrize("kind", KINDS)
def test_blending_is_exact_to_the_bit(kind: torch.dtype) -> None:
    """Where nothing is replaced every bit stays, signs of zero too; where it is, no NaN is left."""
    values = torch.tensor([-0.0, 1.5, float("nan"), float("-inf"), 3.0, 0.0])
    old = torch.arange(6.0).to(kind)
    for when in (0.0, 1.0):
        target = (values if kind.is_floating_point or kind.is_complex else values.nan_to_num(7, 1, 2)).to(
            kind
        )
        before = target.clone()
        blend([target], [old], torch.tensor(when))
        expected = old if when else before
        assert target.untyped_storage().tolist() == expected.untyped_storage().tolist()
        blend([target], None, torch.tensor(when))
        assert torch.equal(target, torch.zeros_like(old)) if when else True


def test_all_finite_is_exact() -> None:
    """One NaN or infinity among many is found; large numbers, whose norm overflows, are finite."""
    many = [torch.randn(50), torch.full((3,), 3e38), torch.arange(4), torch.empty(0)]
    assert all_finite(many)
    assert all_finite([])
    for bad in (float("nan"), float("inf"), float("-inf")):
        assert not all_finite([*many, torch.tensor([1.0, bad], dtype=torch.bfloat16)])


def test_finite_runs_are_not_touched_by_the_check() -> None:
    """Gradients are the same bits after they were looked at."""
    gradients = [torch.randn(5, 3), torch.tensor([-0.0, 1e-45, 3e38]), torch.randn(4, 2).t()]
    before = [gradient.clone() for gradient in gradients]
    parameter = nn.Parameter(torch.ones(1))
    guard = Guard(torch.optim.SGD([parameter]), [parameter], hold=True)

    assert guard.look(gradients) is False
    for gradient, old in zip(gradients, before, strict=True):
        assert gradient.contiguous().view(torch.int32).equal(old.contiguous().view(torch.int32))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_small_models_norm_is_that_of_clipping(kind: torch.dtype) -> None:
    """The norm taken over all gradients end to end is the one that clip_grad_norm_ returns."""
    parameters = [nn.Parameter(torch.zeros(size, dtype=kind)) for size in ((3, 4), (5,), (), (2, 1, 2))]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    parameters[0].grad = parameters[0].grad.t().contiguous().t()
    expected = torch.nn.utils.clip_grad_norm_(parameters, 1e9)
    assert host_norm([p.grad for p in parameters]) == pytest.approx(float(expected), rel=1e-6)


def test_norms_that_one_pass_cannot_give_are_taken_otherwise() -> None:
    """No gradient, half precision, squares that overflow, NaN: no number is made up."""
    assert host_norm([]) is None
    assert host_norm([torch.ones(2, dtype=torch.bfloat16)]) is None
    assert host_norm([torch.full((2,), 1e30)]) is None
    assert host_norm([torch.tensor([1.0, float("nan")])]) is None
