"""All benchmarks in order, each in a process of its own, and what they printed in one page.

    python benchmarks/run.py [--only overhead,stall] [--quick] [--list]

Each part can be run alone, with options of its own: its file is named beside it. Owns the order; measures
nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Part:
    """A benchmark: its name, its file with the options it is given, and those of a quick look."""

    name: str
    what: str
    command: tuple[str, ...]
    quick: tuple[str, ...] = ()


PARTS = (
    Part(
        "overhead", "a step by %train and %%train, over a bare loop and beside other libraries",
        ("loop_overhead.py",), ("--steps", "400", "--rounds", "2"),
    ),
    Part(
        "stall", "how long a training pauses for a checkpoint", ("checkpoint_stall.py",),
        ("--parameters", "5e6", "--rounds", "2"),
    ),
    Part("history", "memory of a run of a million steps", ("long_history.py",)),
    Part("panel", "an update of the panel", ("panel_update.py",)),
    Part("review", "a review of a cell and of a long file", ("review_speed.py",)),
    Part("gpu", "what only a GPU can show", ("gpu.py",), ("--steps", "200", "--rounds", "2")),
)  # fmt: skip


def run(part: Part, *, quick: bool) -> bool:
    """Run one part and say how long it took; return whether it went well."""
    file, *more = part.command
    command = [sys.executable, str(HERE / file), *more, *(part.quick if quick else ())]
    print(f"== {part.name}: {part.what}", flush=True)
    began = time.perf_counter()
    root = str(HERE.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    ended = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
    took = time.perf_counter() - began
    print(f"   {took:.0f} s{'' if ended.returncode == 0 else f', FAILED ({ended.returncode})'}\n", flush=True)
    return ended.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", help="parts, separated by commas")
    parser.add_argument("--quick", action="store_true", help="few rounds: whether it runs, not what it costs")
    parser.add_argument("--list", action="store_true", help="say which parts there are")
    options = parser.parse_args()
    if options.list:
        for part in PARTS:
            print(f"{part.name:10} {part.what} (benchmarks/{part.command[0]})")
        return 0
    wanted = options.only.split(",") if options.only else [part.name for part in PARTS]
    if unknown := set(wanted) - {part.name for part in PARTS}:
        names = ", ".join(part.name for part in PARTS)
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {names}")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} processors{load}. What else the machine does makes figures larger.\n")
    went_well = [run(part, quick=options.quick) for part in PARTS if part.name in wanted]
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main())
