"""Rows from the training thread to the pump: complete, in order, exact."""

from __future__ import annotations

import math
import threading

import pytest
import torch

from nbtrain.telemetry.recorder import KEPT_NUMEL, PACK_ROWS, PACK_SECONDS, Recorder, Rows, Taken


def filled(steps: int, *, norm: object = 2.0, samples: int = 4) -> Recorder:
    recorder = Recorder()
    for step in range(1, steps + 1):
        value = torch.tensor(norm) if isinstance(norm, float) else norm
        recorder.add(step, Taken(torch.tensor(float(step)), value, samples), 0.1 * step, 0.5, now=0.0)
    return recorder


def test_rows_come_whole_and_in_order() -> None:
    """What is drained is what was added, value for value, once."""
    recorder = filled(3 * PACK_ROWS + 5)
    rows = recorder.drain()
    assert rows.steps.tolist() == list(range(1, 3 * PACK_ROWS + 1)), "whole packs only"
    recorder.flush()
    rest = recorder.drain()
    whole = Rows.joined([rows, rest])

    assert (
        whole.steps.tolist() == [int(loss) for loss in whole.train_loss] == list(range(1, 3 * PACK_ROWS + 6))
    )
    assert set(whole.grad_norm) == {2.0}
    assert whole.lr.tolist() == [0.1 * step for step in whole.steps]
    assert whole.step_time_s.sum() == 0.5 * len(whole.steps)
    assert recorder.drain() is None
    assert recorder.flush() is None


def test_a_slow_loop_shows_its_rows_soon() -> None:
    """A row is packed at the latest when the next comes PACK_SECONDS later."""
    recorder = Recorder()
    recorder.add(1, Taken(torch.tensor(1.0), None, 1), 0.1, 1.0, now=100.0)
    recorder.add(2, Taken(torch.tensor(1.0), None, 1), 0.1, 1.0, now=100.0 + PACK_SECONDS / 2)
    assert recorder.drain().steps.tolist() == [1]
    recorder.add(3, Taken(torch.tensor(1.0), None, 1), 0.1, 1.0, now=100.1 + PACK_SECONDS)
    assert recorder.drain().steps.tolist() == [2, 3]


GRADIENTS = [torch.tensor([[3.0, 0.0], [0.0, 4.0]]), torch.tensor([12.0])]


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        (13.0, 13.0),
        (GRADIENTS, 13.0),
        (tuple(torch._foreach_norm(GRADIENTS)), 13.0),
        ((torch.tensor(5.0, dtype=torch.bfloat16), torch.tensor(12.0)), 13.0),
        ([torch.tensor(-13.0)], 13.0),
        (None, math.nan),
        ((), math.nan),
    ],
)
def test_a_norm_may_be_the_total_or_what_makes_it_up(norm: object, expected: float) -> None:
    """Totals, gradients, norms of gradients, mixed types and nothing at all give the norm that they are."""
    recorder = filled(5, norm=norm)
    recorder.flush()
    assert recorder.drain().grad_norm.tolist() == pytest.approx([expected] * 5, nan_ok=True)


def test_steps_with_and_without_gradients_may_follow_each_other() -> None:
    """A pack in which some steps have no gradients, or other ones, keeps each row's own norm."""
    recorder = Recorder()
    for step, norm in enumerate([None, torch.tensor(5.0), GRADIENTS, GRADIENTS[:1], ()], start=1):
        recorder.add(step, Taken(torch.tensor(1.0), norm, 1), 0.1, 0.1, now=0.0)
    recorder.flush()
    assert recorder.drain().grad_norm.tolist() == pytest.approx([math.nan, 5, 13, 5, math.nan], nan_ok=True)


def test_a_rate_kept_in_a_tensor_is_the_one_of_its_step() -> None:
    """An lr tensor that the scheduler writes into is recorded as it was at each step."""
    recorder, lr = Recorder(), torch.tensor(1.0)
    for step in range(1, 4):
        recorder.add(step, Taken(torch.tensor(1.0), None, 1), lr, 0.1, now=0.0)
        lr.mul_(0.5)
    recorder.flush()
    assert recorder.drain().lr.tolist() == [1.0, 0.5, 0.25]


@pytest.mark.parametrize("on_device", [False, True])
def test_steps_that_were_skipped_are_told(on_device: bool) -> None:
    """Skipped or not arrives with each row, from the host or the device; an epoch's means leave them out."""
    recorder = Recorder()
    for step in range(1, 5):
        loss, norm = (torch.tensor(math.nan), None) if step == 3 else (torch.tensor(2.0), torch.tensor(1.0))
        skipped = torch.tensor(float(step == 3)) if on_device and step > 1 else step == 3
        recorder.add(step, Taken(loss, norm, 4, skipped), 0.1, 0.1, now=0.0)
    row = recorder.take_epoch()

    assert recorder.drain().skipped.tolist() == [False, False, True, False]
    assert (row["train_loss"], row["grad_norm"]) == (2.0, 1.0)


def test_an_epochs_means_are_exact() -> None:
    """The loss is the mean over samples, norms over steps, in float64; each call starts anew."""
    recorder, losses, sizes = Recorder(), [], []
    for step in range(1, 1001):
        size = 7 if step % 10 else 3
        loss = torch.rand(())
        losses.append(loss.double() * size)
        sizes.append(size)
        recorder.add(step, Taken(loss, torch.tensor(float(step)), size), 0.1, 0.1, now=0.0)
    row = recorder.take_epoch()

    assert row["train_loss"] == pytest.approx(float(sum(losses)) / sum(sizes), rel=1e-12)
    assert (row["grad_norm"], row["grad_norm_max"]) == (500.5, 1000.0)
    assert all(math.isnan(value) for value in recorder.take_epoch().values())
    assert len(recorder.drain().steps) == 1000, "the pump misses nothing of it"


def test_two_threads_lose_nothing() -> None:
    """While one thread adds and another drains, each row arrives once and in order."""
    recorder, seen, done = Recorder(), [], threading.Event()

    def drain() -> None:
        while not done.is_set() or recorder._packs:
            if (rows := recorder.drain()) is not None:
                seen.extend(rows.steps.tolist())

    pump = threading.Thread(target=drain)
    pump.start()
    loss = torch.tensor(1.0)
    for step in range(5000):
        recorder.add(step, Taken(loss, loss, 1), 0.1, 0.1, now=0.0)
    recorder.flush()
    done.set()
    pump.join()

    assert seen == list(range(5000))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64])
def test_gradients_are_held_for_few_steps_where_they_are_large(kind: torch.dtype) -> None:
    """A pack ends before the gradients it holds take much memory; the norms are right in each type."""
    recorder = Recorder()
    gradients = [torch.full((KEPT_NUMEL // 20, 2), 2.0, dtype=kind), torch.zeros(3, dtype=kind)]
    for step in range(1, 31):
        recorder.add(step, Taken(torch.tensor(1.0), gradients, 1), 0.1, 0.1, now=0.0)
    rows = recorder.drain()

    assert len(rows.steps) == 27, "packs of nine"
    assert rows.grad_norm.tolist() == pytest.approx([2.0 * (KEPT_NUMEL // 20 * 2) ** 0.5] * 27, rel=5e-3)


def test_parameters_that_take_turns_keep_their_norms() -> None:
    """Steps that reach other parameters, as many of other sizes, have each its own norm."""
    recorder, ones = Recorder(), [torch.ones(4), torch.ones(12), torch.ones(9), torch.ones(16)]
    for step in range(1, 5):
        recorder.add(step, Taken(torch.tensor(1.0), ones[step % 2 :: 2], 1), 0.1, 0.1, now=0.0)
    recorder.flush()
    assert recorder.drain().grad_norm.tolist() == pytest.approx([28**0.5, 13**0.5] * 2)


def test_norms_that_are_known_stand_beside_norms_on_the_device() -> None:
    """Plain numbers, 0-d tensors, parts and no gradient at all, alone or in one pack."""
    recorder = Recorder()
    kinds = [2.5, torch.tensor(3.0), [torch.tensor(3.0), torch.tensor(4.0)], None]
    for step, norm in enumerate([2.5, 0.5], 1):
        recorder.add(step, Taken(torch.tensor(1.0), norm, 1), 0.1, 0.1, now=0.0)
    recorder.flush()
    assert recorder.drain().grad_norm.tolist() == [2.5, 0.5]
    for step, norm in enumerate(kinds, 3):
        recorder.add(step, Taken(torch.tensor(1.0), norm, 1), 0.1, 0.1, now=0.0)
    recorder.flush()
    assert recorder.drain().grad_norm.tolist() == pytest.approx([2.5, 3.0, 5.0, float("nan")], nan_ok=True)
