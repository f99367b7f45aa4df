"""Digests of losses: journaled, read in spite of damage, compared."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from nbtrain.train.replay import LossJournal, Replay, digest, digests, read_digests


def journaled(folder: Path, *blocks: tuple[list[int], list[float]]) -> Path:
    (folder / "logs").mkdir(exist_ok=True)
    journal = LossJournal(folder, on_trouble=pytest.fail)
    for steps, losses in blocks:
        journal.append(np.array(steps), np.array(losses))
    journal.close()
    return folder / "logs" / "replay.jsonl"


def test_digests_come_back(tmp_path: Path) -> None:
    """Blocks with gaps, NaN and infinities are read back step by step, those past a step alone."""
    journaled(tmp_path, ([1, 2, 5], [0.5, math.nan, 2.0]), ([6], [math.inf]))
    found = read_digests(tmp_path, after=1)

    assert found == {2: digest(2, math.nan), 5: digest(5, 2.0), 6: digest(6, math.inf)}


def test_steps_done_again_replace_the_earlier(tmp_path: Path) -> None:
    """After a step back the later digests of a step count, and those past it of the first time are gone."""
    journaled(tmp_path, ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]), ([2, 3], [2.5, 3.0]))

    assert read_digests(tmp_path, after=0) == {1: digest(1, 1.0), 2: digest(2, 2.5), 3: digest(3, 3.0)}


def test_a_torn_journal_keeps_its_whole_lines(tmp_path: Path) -> None:
    """Cut at every byte of the last line, the lines before it are read."""
    path = journaled(tmp_path, ([1], [1.0]), ([2], [2.0]))
    data = path.read_bytes()
    start = data.index(b"\n") + 1
    for cut in range(start, len(data)):
        path.write_bytes(data[:cut])
        assert read_digests(tmp_path, after=0) == {1: digest(1, 1.0)}


def test_one_bit_makes_a_difference() -> None:
    """A loss whose last bit differs has another digest; the same loss at another step too; NaN is NaN."""
    loss = 0.1
    near = math.nextafter(loss, 1)

    assert len({digest(1, loss), digest(1, near), digest(2, loss), digest(1, -loss)}) == 4
    assert len(digest(1, loss)) == 16
    assert digests(np.array([3]), np.array([loss])) == [{"step": 3, "digests": digest(3, loss)}]


def test_a_replay_says_what_came_of_it() -> None:
    """All the same, the first difference, or nothing to compare: each in words."""
    known = {step: digest(step, float(step)) for step in range(11, 48)}
    same = Replay(known, 10)
    same.take(range(11, 48), map(float, range(11, 48)))
    other = Replay(known, 10)
    other.take(range(11, 20), [float(step) if step != 13 else 0.0 for step in range(11, 20)])

    assert (same.is_done, same.verdict()) == (True, "replayed 37 steps, bit-identical")
    assert other.verdict() == "replayed 9 steps: differs from step 13 on, not exact"
    assert (Replay({}, 10).is_done, Replay({}, 10).verdict()) == (True, "")


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    """A journal that cannot be opened is told in words, and appending to it does nothing."""
    said: list[str] = []
    journal = LossJournal(tmp_path / "gone", said.append)
    journal.append(np.array([1]), np.array([1.0]))
    journal.close()

    assert len(said) == 1 and "logs/replay.jsonl could not be written" in said[0]
