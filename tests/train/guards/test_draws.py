"""The functions in front of torch's random ops: beside compilers, transforms, modes and traces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from setups import loader, net
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from nbtrain.running.guards import draws, streams


@pytest.fixture(autouse=True)
def beside_a_run(train: Any) -> Iterator[None]:
    """Have a run live meanwhile, without draws of its own; its generator must not move."""
    run = train(net(), list(loader()), epochs=100_000, wait=False)
    before = torch.default_generator.get_state()
    yield
    assert run.status.alive
    assert torch.equal(before, torch.default_generator.get_state()), "the run's generator was drawn from"
    run.stop()
    run.wait(60)


def moved(cell: Any) -> Any:
    """Call, and make sure that the notebook's stream was drawn from."""
    before = torch.get_rng_state()
    value = cell()
    assert not torch.equal(before, torch.get_rng_state())
    return value


def test_compiled_code_stays_compiled() -> None:
    """torch.compile in a cell compiles as ever, and its draws are the notebook's."""
    from torch._dynamo.testing import CompileCounterWithBackend

    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(lambda x: nn.functional.dropout(x * 2) + torch.randn(4), backend=counter)

    moved(lambda: compiled(torch.ones(4)))
    moved(lambda: compiled(torch.ones(4)))
    assert counter.frame_count == 1


@pytest.mark.slow
def test_inductors_draws_are_the_notebooks() -> None:
    """Generated code draws its seeds from the notebook's stream too."""
    compiled = torch.compile(lambda x: nn.functional.dropout(x * 2) + torch.randn(4))

    moved(lambda: compiled(torch.ones(4)))
    moved(lambda: compiled(torch.ones(4)))


def test_gradients_flow_through_a_cells_dropout() -> None:
    """Autograd sees the same ops as ever."""
    x = torch.ones(100, requires_grad=True)

    moved(lambda: nn.functional.dropout(x, 0.5).sum().backward())
    assert set(x.grad.unique().tolist()) == {0.0, 2.0}


def test_fused_dropout_is_taken_apart() -> None:
    """The dropout of GPUs, which takes no generator, drops and scales as it should, with gradients."""
    x = torch.ones(1000, requires_grad=True)
    out, kept = moved(lambda: torch.native_dropout(x, 0.25, True))
    out.sum().backward()

    assert torch.equal(out, kept * torch.tensor(1 / 0.75))
    assert torch.equal(x.grad, kept * torch.tensor(1 / 0.75))
    assert 0.6 < kept.float().mean() < 0.9
    assert torch.native_dropout(x, 1.0, True)[0].abs().sum() == 0
    assert torch.equal(torch.native_dropout(x, 0.5, False)[0], x)


def test_shapes_on_paper_draw_nothing() -> None:
    """Under FakeTensorMode nothing is drawn and nothing fails."""
    before = torch.get_rng_state()
    with FakeTensorMode():
        assert nn.functional.dropout(torch.randn(3, 4)).shape == (3, 4)
        assert torch.randperm(5).shape == (5,)

    assert torch.equal(before, torch.get_rng_state())


def test_another_mode_still_sees_every_op() -> None:
    """A dispatch mode of the person's own sees the ops of its block, random ones too."""
    seen: list[str] = []

    class Counts(TorchDispatchMode):
        def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(op.overloadpacket.__name__)
            return op(*args, **(kwargs or {}))

    with Counts():
        moved(lambda: torch.randn(3) + 1)

    assert seen[:2] == ["randn", "add"]


def test_vmap_draws_as_it_was_told() -> None:
    """Under vmap each lane draws its own numbers, or all the same, as asked."""
    lanes = moved(
        lambda: torch.vmap(lambda x: x + torch.randn(3), randomness="different")(torch.zeros(4, 3))
    )
    same = moved(lambda: torch.vmap(lambda x: nn.functional.dropout(x), randomness="same")(torch.ones(4, 9)))

    assert len(lanes.unique(dim=0)) == 4
    assert len(same.unique(dim=0)) == 1


def test_a_trace_keeps_no_generator() -> None:
    """torch.jit.trace records the plain op; what it draws while tracing is the notebook's."""
    traced = moved(
        lambda: torch.jit.trace(lambda x: x + torch.rand_like(x), torch.ones(3), check_trace=False)
    )

    assert "generator" not in str(traced.graph).lower().replace("none", "")


def test_large_draws_leave_other_threads_their_turn() -> None:
    """Draws of all sizes and kinds of values work: none, one, many, half precision, complex."""
    for size in ((), (0,), (1,), (3, 0, 2), (1000,)):
        assert torch.randn(size).shape == torch.Size(size)
    assert torch.randn(3, dtype=torch.float16).dtype == torch.float16
    assert torch.randn(3, dtype=torch.complex64).is_complex()
    with pytest.raises(RuntimeError):
        torch.randint(5, 5, (3,))


def test_each_op_that_draws_has_a_function_in_front() -> None:
    """Whatever torch tags as random and takes a generator, or has a twin that does, is seen to."""
    seen_to = {op for op, _ in draws._kernels()}
    for name in ("rand", "randn", "randint", "randperm", "bernoulli", "multinomial", "native_dropout"):
        assert any(op.overloadpacket.__name__ == name for op in seen_to), name
    for name in ("bernoulli_", "normal_", "uniform_", "random_"):
        packet = getattr(torch.ops.aten, name)
        missing = [overload for overload in packet.overloads() if getattr(packet, overload) not in seen_to]
        assert not missing, (packet, missing)
    assert streams.in_use()
