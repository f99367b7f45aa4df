"""How long a review takes: a 300-line cell in milliseconds, a 50,000-line file in seconds.

Run: python benchmarks/review_speed.py
"""

from __future__ import annotations

import sys
import time

from nbtrain.review import review_source

CELL_START = """\
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4), 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=500)
loader = DataLoader(data, batch_size=64, shuffle=True)
"""
CELL_LOOP = """\
for x, y in loader:
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    warmup.step()
"""
BLOCK = """\
def load_{n}(path, limit=10):
    rows = []
    for line in open(path):
        if len(rows) > limit:
            break
        rows.append([float(part) / {n} for part in line.split(",")])
    return rows

table_{n} = load_{n}("data_{n}.csv")
"""


def source(lines: int) -> str:
    """Return a training source of about `lines` lines, most of them data handling."""
    blocks = (lines - 15) // (BLOCK.count("\n"))
    return CELL_START + "".join(BLOCK.format(n=n + 1) for n in range(blocks)) + CELL_LOOP


def best_of(text: str, times: int) -> float:
    """Return the shortest of several reviews, in seconds."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        review_source(text)
        spent.append(time.perf_counter() - start)
    return min(spent)


def main() -> None:
    review_source("x = 1")  # imports and the walk over the rules are paid once a session
    cell, file = source(300), source(50_000)
    out = sys.stdout.write
    out(f"review of a {cell.count(chr(10))}-line cell: {best_of(cell, 7) * 1e3:.1f} ms (goal: under 100)\n")
    out(f"review of a {file.count(chr(10))}-line file: {best_of(file, 1):.2f} s (goal: under 5)\n")


if __name__ == "__main__":
    main()
