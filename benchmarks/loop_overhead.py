"""What a training step costs over a bare PyTorch loop: one model, one data set, interleaved in one process.

A tiny model on purpose: its step is mostly Python, so what a framework adds to it stands out. Each contender
trains N and then 2 N steps, round after round in changing order; the fastest of each leg counts, because what
else the machine does can only slow it down. The difference over N is a step's cost, start and end taken out.

    python benchmarks/loop_overhead.py [--steps 1000] [--rounds 10] [--only nbtrain,ignite] [--json FILE]

Owns the contest. The other libraries are in `peers.py`, each only where installed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peers import PEERS
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset

BATCH = 32
STEPS_AN_EPOCH = 200
GOALS_US = {"nbtrain": 60.0, "followed": 40.0}  # goals of the project, everything on
GOAL_READS = 0.05  # host reads of device values a step


@dataclass(frozen=True)
class Task:
    """A fresh model with its optimizer, loss and data; `epochs` passes of STEPS_AN_EPOCH steps."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: nn.Module
    loader: DataLoader
    epochs: int


def new_task(epochs: int) -> Task:
    torch.manual_seed(0)
    inputs = torch.randn(BATCH * STEPS_AN_EPOCH, 16)
    targets = torch.randint(0, 4, (BATCH * STEPS_AN_EPOCH,))
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=BATCH, shuffle=True)
    return Task(model, optimizer, nn.CrossEntropyLoss(), loader, epochs)


def bare(task: Task) -> None:
    task.model.train()
    for _ in range(task.epochs):
        for inputs, targets in task.loader:
            task.optimizer.zero_grad(set_to_none=True)
            loss = task.loss(task.model(inputs), targets)
            loss.backward()
            task.optimizer.step()


def with_nbtrain(task: Task) -> None:
    """Train in the background with panel, gradient norms and JSON files; wait for the end."""
    import nbtrain
    from nbtrain.widgets.panel import RunPanel

    with tempfile.TemporaryDirectory() as folder:
        run = nbtrain.train(
            task.model,
            task.loader,
            optimizer=task.optimizer,
            loss=task.loss,
            log="json",
            epochs=task.epochs,
            no_val=True,
            checkpoint_every=10**9,  # an epoch here lasts 60 ms: saving at each would measure the disk
            name="overhead",
            dir=folder,
        )
        run.watchers.append(RunPanel(run))
        run.wait()
        if run.progress.step != run.progress.total_steps:
            raise RuntimeError(f"the run ended early: {run.status} {run.error or run.stop_reason}")


def followed_by_nbtrain(task: Task) -> None:
    """Run the bare loop as `%%train` does, followed, with panel, gradient norms and JSON files."""
    import nbtrain
    from nbtrain.widgets.panel import RunPanel

    with tempfile.TemporaryDirectory() as folder:
        with nbtrain.watch(log="json", name="overhead", dir=folder) as run:
            run.watchers.append(RunPanel(run))
            bare(task)
        if run.progress.step != task.epochs * STEPS_AN_EPOCH:
            raise RuntimeError(f"the run ended early: {run.status} {run.error or run.stop_reason}")


# --- time ---------------------------------------------------------------------------------------------------


def seconds(contender: Callable[[Task], None], epochs: int) -> float:
    task = new_task(epochs)
    began = time.perf_counter()
    contender(task)
    return time.perf_counter() - began


def measure(contenders: dict[str, Callable[[Task], None]], epochs: int, rounds: int) -> dict[str, float]:
    """Return for each contender the cost of one step in microseconds."""
    short: dict[str, list[float]] = {name: [] for name in contenders}
    long: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender(new_task(1))  # imports, caches, the first backward
    for number in range(rounds):
        order = list(contenders)
        random.Random(number).shuffle(order)
        for name in order:
            short[name].append(seconds(contenders[name], epochs))
            long[name].append(seconds(contenders[name], 2 * epochs))
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    steps = epochs * STEPS_AN_EPOCH
    return {name: (min(long[name]) - min(short[name])) / steps * 1e6 for name in contenders}


# --- host reads ---------------------------------------------------------------------------------------------


class HostReads(TorchDispatchMode):
    """Counts what makes the host wait for a device value: `.item()`, `float()`, `bool()`, `torch.equal`."""

    READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func in self.READS
        return func(*args, **(kwargs or {}))


@contextmanager
def counted_in_every_thread() -> Iterator[list[HostReads]]:
    """Enter a HostReads here and in each thread that starts meanwhile: modes are local to a thread."""
    modes: list[HostReads] = []
    original = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        with HostReads() as mode:
            modes.append(mode)
            original(thread)

    threading.Thread.run = run
    try:
        with HostReads() as mode:
            modes.append(mode)
            yield modes
    finally:
        threading.Thread.run = original


def host_reads_a_step(contender: Callable[[Task], None], epochs: int) -> float:
    with counted_in_every_thread() as modes:
        contender(new_task(epochs))
    return sum(mode.count for mode in modes) / (epochs * STEPS_AN_EPOCH)


# --- where it goes ------------------------------------------------------------------------------------------


def pump_us_a_step(epochs: int) -> float:
    """Processor time of nbtrain's second thread, its last round left out, in microseconds a step.

    Rows to memory and disk, alerts, the panel. It takes the interpreter from the training meanwhile, so it is
    a part of what a step costs over the bare loop; the rest is the training thread's own.
    """
    from nbtrain.running.pump import Pump

    original, spent = Pump._round, [0.0]

    def timed(pump: Pump, action: Callable[[], Any]) -> None:
        began = time.thread_time()
        original(pump, action)
        if not pump._end.is_set():
            spent[0] += time.thread_time() - began

    Pump._round = timed
    try:
        with_nbtrain(new_task(epochs))
    finally:
        Pump._round = original
    return spent[0] / (epochs * STEPS_AN_EPOCH) * 1e6


# --- the contest --------------------------------------------------------------------------------------------


def available(only: set[str] | None) -> dict[str, Callable[[Task], None]]:
    """Collect the contenders that are installed; say which are not."""
    contenders: dict[str, Callable[[Task], None]] = {
        "bare loop": bare, "nbtrain": with_nbtrain, "followed": followed_by_nbtrain,
    }  # fmt: skip
    for peer in PEERS:
        if only is not None and peer.name not in only:
            continue
        if missing := peer.missing():
            print(f"{peer.name}: left out, `{missing}` is not installed", file=sys.stderr)
        else:
            contenders[peer.name] = peer.train
    return {name: train for name, train in contenders.items() if only is None or name in only | {"bare loop"}}


def results(costs: dict[str, float], reads: dict[str, float]) -> list[dict[str, Any]]:
    base = costs["bare loop"]
    return [
        {"name": name, "step_us": cost, "over_us": cost - base, "ratio": cost / base, "reads": reads[name]}
        for name, cost in costs.items()
    ]


def show(rows: list[dict[str, Any]], pump_us: float | None) -> None:
    print(f"{'':14} {'us a step':>10} {'over bare':>10} {'ratio':>7} {'host reads a step':>18}")
    for row in rows:
        numbers = f"{row['step_us']:10.0f} {row['over_us']:+10.0f} {row['ratio']:7.2f} {row['reads']:18.3f}"
        print(f"{row['name']:14} {numbers}")
    for row in rows:
        if row["name"] in GOALS_US:
            goal = GOALS_US[row["name"]]
            print(f"{row['name']} adds {row['over_us']:.0f} us a step (goal: at most {goal:.0f}),", end=" ")
            print(f"{row['reads']:.3f} host reads a step (goal: at most {GOAL_READS}).")
    ours = next((row for row in rows if row["name"] == "nbtrain"), None)
    if ours:
        print(f"Of nbtrain's the second thread (rows, files, alerts, panel) takes {pump_us:.0f} us,", end=" ")
        print(f"the training thread {ours['over_us'] - pump_us:.0f} us.")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--steps", type=int, default=1000, help="steps of the short leg; the long one has twice as many"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--threads", type=int, default=1, help="torch threads; 1 keeps a tiny model from jitter"
    )
    parser.add_argument("--only", help="contenders besides the bare loop, separated by commas")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    epochs = max(1, options.steps // STEPS_AN_EPOCH)
    contenders = available(set(options.only.split(",")) if options.only else None)
    reads = {name: host_reads_a_step(train, epochs) for name, train in contenders.items()}
    rows = results(measure(contenders, epochs, options.rounds), reads)
    pump_us = pump_us_a_step(2 * epochs) if "nbtrain" in contenders else None
    show(rows, pump_us)
    if options.json:
        found = {"torch": torch.__version__, "rows": rows, "pump_us": pump_us}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
