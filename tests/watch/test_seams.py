"""While a loop is followed torch is what it was: to other code, to compilers, to copies and files."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from corpus import followed_block
from setting import X, Y
from torch import Tensor, nn

from nbtrain.watch import seams
from nbtrain.watch.following import current


class WithLoss(nn.Module):
    """A model that computes its own loss."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        out = self.body(x)
        return out, F.cross_entropy(out, y)


def test_compilers_copies_and_files_see_no_difference(tmp_path: Path) -> None:
    """Scripting, tracing, torch.func, deep copies and pickles work in a followed loop as elsewhere."""

    def bce(x: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(x, y)

    model = WithLoss()
    with followed_block(tmp_path) as run:
        scripted = torch.jit.script(model)
        scripted(X, Y)[1].backward()
        torch.jit.script(bce)(X, X.sigmoid())
        graph = torch.fx.symbolic_trace(model).graph
        function = pickle.loads(pickle.dumps(F.cross_entropy))
        copied = copy.deepcopy(model)
        file = io.BytesIO()
        torch.save(model, file)
        torch.func.grad(lambda w: F.mse_loss(X @ w, torch.zeros(100, 2)))(torch.ones(4, 2))
        torch.vmap(lambda x: F.mse_loss(x, x * 2))(X)
    file.seek(0)

    assert function is F.cross_entropy
    assert any(node.target is F.cross_entropy for node in graph.nodes)
    assert not copied._forward_hooks and not copied.body[0].weight._backward_hooks
    assert type(torch.load(file, weights_only=False)) is WithLoss
    assert "not-kept" not in {alert.rule for alert in run.alerts}


def test_a_second_listener_in_between_is_respected() -> None:
    """What somebody else lays over a seam meanwhile stays; ours passes through to torch."""
    before = torch.autograd._engine_run_backward
    with seams.opened():
        ours = torch.autograd._engine_run_backward
        assert ours is not before

        def theirs(*args: object, **keywords: object) -> object:
            return ours(*args, **keywords)

        torch.autograd._engine_run_backward = theirs
    try:
        assert torch.autograd._engine_run_backward is theirs
        weight = torch.ones(1, requires_grad=True)
        (weight * 2).backward()
        assert weight.grad.item() == 2 and current() is None
    finally:
        torch.autograd._engine_run_backward = before


@pytest.mark.slow
def test_a_compiled_loop_is_the_same_to_the_bit(tmp_path: Path) -> None:
    """Compiled model and compiled step: same weights and losses, no more graphs, every step seen."""
    from torch._dynamo import reset
    from torch._dynamo.utils import counters

    def loop() -> tuple[list[Tensor], list[float], int]:
        torch.manual_seed(1)
        reset()
        counters.clear()
        model = WithLoss()
        compiled = torch.compile(model, backend="aot_eager")
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        step = torch.compile(lambda: optimizer.step(), backend="aot_eager")
        losses = []
        for n in range(6):
            optimizer.zero_grad()
            loss = compiled(X, Y)[1]
            loss.backward()
            (optimizer.step if n % 2 else step)()
            losses.append(loss.item())
        weights = [p.detach().clone() for p in model.parameters()]
        return weights, losses, counters["stats"]["unique_graphs"]

    plain = loop()
    with followed_block(tmp_path) as run:
        followed = loop()

    assert all(torch.equal(a, b) for a, b in zip(plain[0], followed[0], strict=True))
    assert plain[1:] == followed[1:]
    assert run.history.train_loss.tolist() == plain[1]
