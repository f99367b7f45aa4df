"""The plan's estimated time against the time the run took, for set-ups whose time goes to different places.

Run: `python benchmarks/estimated_time.py [--notebooks]`. With --notebooks the repository's two notebooks are
run too, up to the cell that trains, which takes some minutes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


class Slow(Dataset):
    """Samples that are waited for, or computed, for so many milliseconds."""

    def __init__(self, samples: int, ms: float, *, computes: bool = False) -> None:
        self.samples, self.ms, self.computes = samples, ms, computes

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Any:
        until = time.thread_time() + self.ms / 1e3
        while self.computes and time.thread_time() < until:
            pass
        if not self.computes:
            time.sleep(self.ms / 1e3)
        return torch.randn(32), index % 4


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 4))


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 32)), nn.Conv1d(1, 64, 5, padding=2), nn.ReLU(),
        nn.Conv1d(64, 64, 5, padding=2), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 32, 4),
    )  # fmt: skip


def wide() -> nn.Module:
    return nn.Sequential(nn.Linear(32, 4000), nn.ReLU(), nn.Linear(4000, 1000), nn.ReLU(), nn.Linear(1000, 4))


def in_memory(samples: int, batch_size: int = 32) -> DataLoader:
    data = TensorDataset(torch.randn(samples, 32), torch.randint(0, 4, (samples,)))
    return DataLoader(data, batch_size=batch_size, shuffle=True)


def waited_for(samples: int, workers: int) -> DataLoader:
    return DataLoader(Slow(samples, 5), batch_size=16, shuffle=True, num_workers=workers)


CASES: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "tiny model": (dense, lambda: in_memory(3200), None, {"epochs": 10}),
    "5 ms a sample": (dense, lambda: waited_for(160, 0), None, {"epochs": 2}),
    "5 ms a sample, 2 workers": (dense, lambda: waited_for(320, 2), None, {"epochs": 2}),
    "1 ms computed, 2 workers": (
        convolutions, lambda: DataLoader(Slow(640, 1, computes=True), batch_size=16, num_workers=2), None,
        {"epochs": 2},
    ),
    "large validation set": (
        convolutions, lambda: in_memory(640), lambda: in_memory(6400, 64), {"epochs": 3},
    ),
    "accumulate, val_every": (
        convolutions, lambda: in_memory(1280), lambda: in_memory(320, 64),
        {"epochs": 4, "accumulate": 4, "val_every": 3},
    ),
    "convolutions": (convolutions, lambda: in_memory(3200), None, {"epochs": 3}),
    "wide layers": (wide, lambda: in_memory(640), None, {"epochs": 2}),
}  # fmt: skip


def report(name: str, run: Any) -> None:
    """Train, and print predicted and real seconds."""
    expected = run.plan.estimate
    took = (run if run.id else run.start()).wait().progress.elapsed_s  # without a front end it starts at once
    parts = ", ".join(f"{part} {value:.2f}" for part, value in expected.parts.items() if value)
    print(
        f"{name:<26} {expected.seconds:8.2f} s predicted ({expected.low_s:.2f} to {expected.high_s:.2f}), "
        f"{took:8.2f} s real, {took / expected.seconds:5.2f} times; {parts}",
        flush=True,
    )


def synthetic(folder: str) -> None:
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.running.run import Run
    from nbtrain.train.options import TrainOptions
    from nbtrain.train.plan import make_plan
    from nbtrain.train.training import Training

    for name, (make, data, val, options) in CASES.items():
        model = make()
        roles = {"optimizer": torch.optim.AdamW(model.parameters()), "loss": nn.CrossEntropyLoss()}
        words = {"log": "json", "dir": folder, **options, **({} if val else {"no_val": True})}
        setup = find_setup({}, model=model, data=data(), val=val() if val else None, **roles)
        report(name, Run(Training(make_plan(setup, TrainOptions.from_words(words)))))


def notebooks(folder: str) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        os.chdir(path.parent)
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        for cell in json.loads(path.read_text())["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] != "code":
                continue
            if "= %train" in source:
                line = source[source.index("%train") + 7 :].splitlines()[0].replace("--yes", "")
                report(path.stem, shell.run_line_magic("train", f"{line} --dir {folder}"))
                break
            shell.run_cell(source)


def main() -> None:
    """Print a line for each case."""
    torch.set_num_threads(1)  # sums of two threads on a machine that others use differ from run to run
    with tempfile.TemporaryDirectory() as folder:
        synthetic(folder)
        if "--notebooks" in sys.argv:
            notebooks(folder)


if __name__ == "__main__":
    main()
