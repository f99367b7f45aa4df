"""What only a GPU can show: overhead of a step where kernels are launched ahead, `--fast`, pauses for saves.

    python benchmarks/gpu.py [--steps 600] [--rounds 5] [--out benchmarks/results]

Without a GPU it says so and ends well. With one it prints its figures and writes them to
<out>/<date>-<device>.md. Owns this section and its file; what is measured is in the other benchmarks.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import torch
from checkpoint_stall import measure as measure_pauses
from checkpoint_stall import said as said_of_pauses
from loop_overhead import BATCH, STEPS_AN_EPOCH, Task, bare, followed, measure, with_nbtrain
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

WIDTH, LAYERS = 512, 4
BUSY_EPOCHS = 40  # of the set-up that --fast is tried on: long enough that compiling may pay back


def small_task(epochs: int) -> Task:
    """The step of `loop_overhead.py` on the GPU: what a framework adds to it is not hidden by kernels."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(BATCH * STEPS_AN_EPOCH, 16), torch.randint(0, 4, (BATCH * STEPS_AN_EPOCH,))
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    data = TensorDataset(inputs.cuda(), targets.cuda())
    return Task(model, optimizer, nn.CrossEntropyLoss(), DataLoader(data, BATCH, shuffle=True), epochs)


def encoder() -> tuple[nn.Module, DataLoader]:
    """A transformer over vectors, on the GPU, with data on the host."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, 8, 4 * WIDTH, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, LAYERS), nn.Linear(WIDTH, 8)).cuda()
    data = TensorDataset(torch.randn(2048, 64, WIDTH), torch.randn(2048, 64, 8))
    return model, DataLoader(data, batch_size=32, shuffle=True)


def convolutions() -> tuple[nn.Module, DataLoader]:
    """A small network of convolutions, likewise."""
    torch.manual_seed(0)
    blocks: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1)]
    for _ in range(6):
        blocks += [nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1)]
    model = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)).cuda()
    data = TensorDataset(torch.randn(1024, 3, 64, 64), torch.randint(0, 10, (1024,)))
    return model, DataLoader(data, batch_size=64, shuffle=True)


def fast_table(name: str, model: nn.Module, data: DataLoader, loss: nn.Module) -> list[str]:
    """Return what `--fast` would keep for a set-up, as rows of a table; nothing is trained."""
    from nbtrain.notebook.namespace import find_setup
    from nbtrain.train.options import TrainOptions
    from nbtrain.train.plan import make_plan

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    setup = find_setup({}, model=model, data=data, loss=loss, optimizer=optimizer, val=None, scheduler=None)
    with tempfile.TemporaryDirectory() as folder:
        said = {"log": "json", "fast": True, "no_val": True, "epochs": BUSY_EPOCHS, "dir": folder}
        trials = make_plan(setup, TrainOptions.from_words(said)).trials
    rows = [f"{name}: {trials.section().blocks[0].text}", ""]
    rows += ["| candidate | ms before | ms after | | why |", "|---|---|---|---|---|"]
    for one in trials.trials:
        ms = [f"{value:.3g}" if value is not None else "–" for value in (one.before_ms, one.after_ms)]
        rows.append(f"| {one.title} | {ms[0]} | {ms[1]} | {one.verdict} | {one.why} |")
    return [*rows, ""]


def overhead_table(epochs: int, rounds: int) -> list[str]:
    """Return the cost of a small step bare, by `%train` and by `%%train`."""
    contenders = {"bare loop": bare, "%train": with_nbtrain, "%%train": followed}
    costs = measure(contenders, epochs, rounds, new=small_task)
    rows = ["| | us a step | over the bare loop |", "|---|---|---|"]
    base = costs["bare loop"]
    return rows + [f"| {name} | {cost:.0f} | {cost - base:+.0f} |" for name, cost in costs.items()] + [""]


def page(options: Any) -> str:
    """Return the whole section as Markdown."""
    name = torch.cuda.get_device_name()
    lines = [
        f"# {date.today():%Y-%m-%d}, {name}", "",
        f"Python {sys.version.split()[0]}, torch {torch.__version__}, CUDA {torch.version.cuda}. Written by "
        "`benchmarks/gpu.py`.", "", "## A step", "",
        *overhead_table(max(1, options.steps // STEPS_AN_EPOCH), options.rounds), "## --fast", "",
        *fast_table("transformer", *encoder(), nn.MSELoss()),
        *fast_table("convolutions", *convolutions(), nn.CrossEntropyLoss()), "## Pauses for checkpoints", "",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        found = measure_pauses(50_000_000, options.rounds, "cuda", Path(folder))
    return "\n".join([*lines, "```", said_of_pauses(found), "```", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("No GPU here: this section is left out.")
        return
    text = page(options)
    device = re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name().lower()).strip("-")
    target = options.out / f"{date.today():%Y-%m-%d}-{device}.md"
    target.write_text(text)
    print(text)
    print(f"Written to {target}")


if __name__ == "__main__":
    main()
