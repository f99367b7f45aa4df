"""Every side at every batch size: times, memory, and what each gets right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor

from nbtrain.errors import UsageError
from nbtrain.exported.feed import Feed
from nbtrain.exported.judging import find_classes
from nbtrain.exported.outputs import place_of_logits
from nbtrain.exported.runners.module import ModuleRunner
from nbtrain.exported.runners.runner import Runner, torch_device
from nbtrain.latency.timing import CALLS, Timed, time_sides

LIMIT_MS = 50.0
MOST_SECONDS = 60.0  # of judging what the sides get right
MOST_FEEDS = 16  # different inputs of a batch size


@dataclass(frozen=True)
class Loading:
    """A side to be made.

    Attributes:
        make: loads it, so that its memory is seen. file_bytes: None for no file. least_bytes: it takes at
        least so many; a growth below is not all of it.
    """

    name: str
    make: Callable[[], Runner]
    file_bytes: int | None = None
    least_bytes: int = 0


@dataclass(frozen=True)
class Asked:
    """What is measured how.

    Attributes:
        batch_sizes: the first one is judged. limit_ms: of the 99th percentile. calls: of each side.
    """

    batch_sizes: tuple[int, ...] = (1,)
    device: str = "cpu"
    limit_ms: float = LIMIT_MS
    calls: int = CALLS


@dataclass(frozen=True)
class Side:
    """What one side came to.

    Attributes:
        timed: one for each batch size. right, judged: against the targets; judged 0 without.
        memory_bytes: by which its loading and running raised the process (on a GPU: the device). None where
            that is not seen.
    """

    name: str
    kind: str
    timed: tuple[Timed, ...]
    right: int = 0
    judged: int = 0
    file_bytes: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Bench:
    """All sides.

    Attributes:
        agree: side -> share of predicted classes that are the first side's. drawn: inputs are random.
        load: processes that ran or waited when it began, on average over a minute; None: not known here.
    """

    asked: Asked
    sides: tuple[Side, ...]
    device_said: str
    threads: int
    drawn: bool
    agree: Mapping[str, float]
    load: float | None = None


def bench_sides(
    loading: Sequence[Loading], feeds: Sequence[Feed], asked: Asked, *, loss: Any = None,
    progress: Callable[[str], Any] | None = None,
) -> Bench:  # fmt: skip
    """Load every side, judge it on the data, and time all of them in turn.

    Args:
        loading: the first is the one that is judged against the limit. feeds: real batches, or drawn ones.
        loss: says how predictions are read. progress: told what is done.

    Raises:
        UsageError: a side does not run on this data or device.
    """
    say = progress or (lambda said: None)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    device = torch_device(asked.device)
    runners: dict[str, Runner] = {}
    memory: dict[str, int | None] = {}
    for one in loading:
        say(f"loading {one.name}")
        with _growth(device) as grown:
            runners[one.name] = one.make()
            _first_call(one.name, runners[one.name], feeds[0].resized(max(asked.batch_sizes)))
        memory[one.name] = grown[0] if (grown[0] or 0) > one.least_bytes else None
    say(f"judging on {sum(feed.size for feed in feeds)} samples")
    right, judged, agree = _judge(runners, feeds, loss)
    timed: dict[str, list[Timed]] = {name: [] for name in runners}
    for size in asked.batch_sizes:
        say(f"timing batches of {size}")
        for name, one in time_sides(runners, _of_size(feeds, size), calls=asked.calls).items():
            timed[name].append(one)
    sides = tuple(
        Side(
            one.name, runners[one.name].kind, tuple(timed[one.name]), right.get(one.name, 0), judged,
            one.file_bytes, memory[one.name],
        )
        for one in loading
    )  # fmt: skip
    drawn = any(feed.drawn for feed in feeds)
    return Bench(asked, sides, _device_said(device), torch.get_num_threads(), drawn, agree, load)


def _first_call(name: str, runner: Runner, feed: Feed) -> None:
    try:
        runner.run(feed)
    except UsageError as error:
        raise UsageError(
            f"{name}, batches of {feed.size}: {error.message}", suggestion=error.suggestion
        ) from None
    except Exception as error:  # whatever the person's forward raises
        raise UsageError(
            f"{name} does not run with {feed.size} samples: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}",
            suggestion="Check --batch-size and the shapes of the data.",
        ) from error


def _of_size(feeds: Sequence[Feed], size: int) -> list[Feed]:
    """Return different inputs of a batch size: whole batches cut, or filled up with their own samples."""
    found = []
    for feed in feeds:
        for start in range(0, max(feed.size - size, 0) + 1, size):
            place = [start + i for i in range(size)]
            found.append(_rows(feed, [i % feed.size for i in place]))
            if len(found) >= MOST_FEEDS:
                return found
    return found


def _rows(feed: Feed, rows: list[int]) -> Feed:
    index = torch.tensor(rows)

    def cut(value: Any) -> Any:
        return value[index] if isinstance(value, Tensor) and feed.batched(value) else value

    kwargs = {name: cut(value) for name, value in feed.kwargs.items()}
    return Feed(tuple(map(cut, feed.args)), kwargs, None, feed.names, len(rows), feed.drawn)


def _judge(
    runners: Mapping[str, Runner], feeds: Sequence[Feed], loss: Any
) -> tuple[dict[str, int], int, dict[str, float]]:
    """Return what each side gets right, how much was judged, and the share of classes as the first side's."""
    right = dict.fromkeys(runners, 0)
    same = dict.fromkeys(runners, 0)
    judged = predicted = 0
    classes = None
    began = time.perf_counter()
    for place, feed in enumerate(feeds):
        if place and time.perf_counter() - began > MOST_SECONDS:
            break
        outputs = {name: runner.run(feed) for name, runner in runners.items()}
        if place == 0:
            classes = _classes(runners, outputs, feed, loss)
        if classes is None:
            return {}, 0, {}
        first = None
        for name, found in outputs.items():
            logits = found[classes.place].float()
            said = classes.predict(logits)
            first = said if first is None else first
            same[name] += int((said == first).sum())
            if classes.hits is not None and isinstance(feed.target, Tensor):
                hits, counted = classes.count(logits, feed.target)
                right[name] += hits
                judged += counted if name == next(iter(runners)) else 0
        predicted += first.numel()
    return right, judged, {name: count / predicted for name, count in same.items()}


def _classes(
    runners: Mapping[str, Runner], outputs: Mapping[str, list[Tensor]], feed: Feed, loss: Any
) -> Any:
    """Read the predictions as the module returns them; without one, as the first output of the first side."""
    module = next((one for one in runners.values() if isinstance(one, ModuleRunner)), None)
    if module is not None:
        output = module.output(feed)
        place = place_of_logits(output)
        name = next(name for name, one in runners.items() if one is module)
        logits = outputs[name][place] if place is not None else None
        return find_classes(output if logits is None else logits, logits, place, loss, feed.target)
    logits = next(iter(outputs.values()))[0]
    return find_classes(logits, logits, 0, loss, feed.target)


@contextmanager
def _growth(device: torch.device) -> Iterator[list[int | None]]:
    """Give a list that holds, after the block, by how many bytes memory grew in it."""
    found: list[int | None] = [None]
    before = _used(device)
    yield found
    found[0] = max(0, _used(device) - before)


def _used(device: torch.device) -> int:
    """Return the bytes in use: of the GPU by everybody, so that runtimes beside torch are seen; else of this
    process.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # device sync: memory is read between calls, never within one
        free, total = torch.cuda.mem_get_info(device)
        return total - free
    return int(psutil.Process().memory_info().rss)


def _device_said(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
