"""The contract of a followed loop, over every style of the corpus."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
import torch
from corpus import HABITS, LOOPS, Outcome, Told, code_of, followed_block, outcome, seeded
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from nbtrain.running.run import Run
from nbtrain.watch import judging, seams
from nbtrain.watch.options import WatchOptions
from nbtrain.watch.watching import Watching

PLACES = [
    (torch.autograd, "_engine_run_backward"),
    (torch.amp.GradScaler, "scale"), (torch.amp.GradScaler, "step"), (torch.amp.GradScaler, "update"),
    (DataLoader, "__iter__"), (_BaseDataLoaderIter, "__next__"),
    (torch.nn.utils.clip_grad, "_clip_grads_with_norm_"),
    *((owner, name) for owner, name, _ in judging.KERNELS),
]  # fmt: skip
UNTOUCHED = [getattr(owner, name) for owner, name in PLACES]


def run_plainly(path: Path) -> Outcome:
    told = Told()
    seeded()
    exec(code_of(path), told.names())
    return outcome(told)


IN_BACKGROUND = (
    "accumulation_divided", "closures_and_generators", "function", "gan", "handmade_trainer",
    "optimizer_per_parameter", "workers",
)


@pytest.mark.parametrize("name", IN_BACKGROUND)
def test_in_the_background_it_is_the_plain_one_too(name: str, tmp_path: Path) -> None:
    """In its own thread, as %%train runs it: the same weights, generators and numbers."""
    path = next(loop for loop in LOOPS if loop.stem == name)
    plain, told = run_plainly(path), Told()
    code, names = code_of(path), told.names()
    seeded()
    run = Run(Watching(WatchOptions(log=("json",), dir=tmp_path), {}, body=lambda: exec(code, names)))
    run.start().wait(60)
    followed = outcome(told)

    assert str(run.status) == "completed", run.error
    assert all(torch.equal(a, b) for a, b in zip(plain.tensors, followed.tensors, strict=True))
    assert plain.generators == followed.generators
    assert run.history.train_loss.tolist() == pytest.approx([loss for _, loss, _ in told.steps])
    assert not seams.is_open()


@pytest.mark.parametrize("path", LOOPS, ids=lambda path: path.stem)
def test_a_followed_loop_is_the_plain_one_and_seen_as_it_is(path: Path, tmp_path: Path) -> None:
    """Followed == plain, bit for bit; steps, losses, epochs as the loop recorded; hooks come off."""
    plain = run_plainly(path)
    told = Told()
    names = told.names()
    seeded()
    with followed_block(tmp_path) as run:
        exec(code_of(path), names)
    followed = outcome(told)

    assert str(run.status) == "completed", run.error
    for one, other in zip(plain.tensors, followed.tensors, strict=True):
        assert torch.equal(one, other)
    assert plain.generators == followed.generators
    history = run.history
    assert list(history.index) == list(range(1, len(told.steps) + 1))
    for row, (name, loss, backwards) in zip(history.itertuples(), told.steps, strict=True):
        assert math.isclose(row.train_loss, loss, rel_tol=1e-7), (row.Index, row.train_loss, loss)
        assert row.backwards == backwards
        assert name is None or row.optimizer == name
        assert row.grad_norm > 0 and row.lr == row.lr
    if told.epochs is not None:
        assert list(run.epochs.epoch) == list(range(1, told.epochs + 1))
    if told.rates is not None:
        assert run.epochs.lr.tolist() == told.rates
    validated = run.epochs["val_loss"].dropna().tolist() if "val_loss" in run.epochs else []
    assert validated == pytest.approx(told.validations, rel=1e-6)
    quiet = HABITS | {"not-kept", "loss-not-seen", "steps-not-seen", "nothing-seen", "nan-loss"}
    assert not {alert.rule for alert in run.alerts} & quiet
    assert not seams.is_open() and not seams.missing and sys.getprofile() is None
    assert not _global_optimizer_pre_hooks and not _global_optimizer_post_hooks
    assert all(now is before for now, before in zip((getattr(*p) for p in PLACES), UNTOUCHED, strict=True))
