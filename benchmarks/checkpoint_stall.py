"""How long a training pauses for a checkpoint: written while it waits, and written beside it.

    python benchmarks/checkpoint_stall.py [--parameters 50e6] [--rounds 5] [--device cpu] [--dir FOLDER]

The same snapshot of a model and its AdamW is saved in turns both ways, through the code of a run. The pause
is what the training thread waits, from the look whether the weights are finite until it may go on. The share
of a run is told for an interval of a minute. Owns the measuring; saving is the library's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from nbtrain.running.state import State
from nbtrain.runs.checkpoint import CheckpointStore
from nbtrain.runs.plain import tensor_bytes
from nbtrain.train.callbacks.checkpoint import Checkpoints

WIDTH = 1024  # of the layers: weights of 4 MB each, as in networks of such a size


def trained_once(parameters: int, device: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a model of about so many parameters and an AdamW that has its moments."""
    layers = max(1, round(parameters / (WIDTH * WIDTH)))
    model = nn.Sequential(*(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(layers))).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    model(torch.randn(2, WIDTH, device=device)).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return model, optimizer


def measure(parameters: int, rounds: int, device: str, folder: Path) -> dict[str, Any]:
    """Save in turns; return milliseconds of pause both ways, of writing, and bytes."""
    model, optimizer = trained_once(parameters, device)
    state, work = State(10**6, 1, None), SimpleNamespace(model=model)
    troubles: list[str] = []
    checkpoints = Checkpoints(
        CheckpointStore(folder / "checkpoints"), every=10**9, keep=0,
        capture=lambda **how: {"optimizer": optimizer.state_dict()}, on_trouble=troubles.append,
        on_saved=lambda info: None,
    )  # fmt: skip
    pauses: dict[bool, list[float]] = {False: [], True: []}
    whole = []
    for number in range(rounds + 1):
        for wait in (True, False) if number % 2 else (False, True):
            state.step += 1
            began = time.perf_counter()
            checkpoints.save(work, state, wait=wait)
            paused = time.perf_counter() - began
            checkpoints.settle()
            if number:  # the first brings the memory of the copy, once a run
                pauses[wait].append(paused * 1e3)
                whole.append((time.perf_counter() - began) * 1e3)
    if troubles:
        raise RuntimeError(troubles[0])
    return {
        "device": device, "parameters": sum(p.numel() for p in model.parameters()),
        "bytes": tensor_bytes(model.state_dict()) + tensor_bytes(dict(optimizer.state)),
        "waiting_ms": pauses[True], "beside_ms": pauses[False], "written_ms": whole,
    }  # fmt: skip


def said(found: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    waiting, beside = found["waiting_ms"], found["beside_ms"]
    lines = [
        f"{found['parameters'] / 1e6:.0f} million parameters with AdamW on {found['device']}, "
        f"{found['bytes'] / 1e6:.0f} MB a checkpoint",
        f"{'':24}{'median ms':>10}{'fastest':>10}{'of a minute':>13}",
    ]
    for name, times in (("the training waits", waiting), ("written beside it", beside)):
        middle = statistics.median(times)
        lines.append(f"{name:24}{middle:>10.0f}{min(times):>10.0f}{middle / 600:>12.2f}%")
    ratio = statistics.median(waiting) / statistics.median(beside)
    best = min(waiting) / min(beside)
    lines.append(f"The pause is {ratio:.1f} times shorter beside it (of the fastest: {best:.1f}).")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parameters", type=float, default=50e6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dir", type=Path, help="a folder on the disk that is meant (a temporary one)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        found = measure(int(options.parameters), options.rounds, options.device, Path(folder))
    print(said(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
