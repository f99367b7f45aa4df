"""Print the confusion matrix of planted faults and healthy runs: `python -m tests.faults.confusion [SEED]`.

The cases were made with seed 0; another seed has weights and batches that nobody looked at before.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import replace

from nbtrain.diagnose.diagnosis import Diagnosis, diagnose_history
from nbtrain.diagnose.history import NO_STEPS, History
from tests.faults.cases import FAULTY, HEALTHY, Case


def judged(case: Case, seed: int = 0) -> dict[str, Diagnosis]:
    """Diagnose a case twice: by epoch alone, as from a metrics.json, and with its steps."""
    history = case.history(seed)
    return {"epochs": diagnose_history(by_epoch(history)), "steps": diagnose_history(history)}


def by_epoch(history: History) -> History:
    broken = tuple(one for one in history.broken if one.epoch is not None)
    seeds = {name: by_epoch(one) for name, one in history.seeds.items()}
    return replace(history, steps=NO_STEPS, broken=broken, seeds=seeds)


def is_right(case: Case, found: Diagnosis) -> bool:
    return (found.primary in case.right) if case.right else found.primary is None


def main(seed: int) -> None:
    """Train and diagnose every case; print each, the matrix and the two rates."""
    matrix: Counter[tuple[str, str]] = Counter()
    right, accused = 0, 0
    for case in [*FAULTY, *HEALTHY]:
        began = time.perf_counter()
        planted = " / ".join(sorted(case.right)) or "healthy"
        for form, found in judged(case, seed).items():
            primary = found.primary or "none"
            good = is_right(case, found)
            right += good and bool(case.right)
            accused += not good and not case.right
            matrix[planted, primary] += 1
            others = ", ".join(one.check for one in found.findings if one.check != found.primary)
            sign, took = "ok " if good else "BAD", time.perf_counter() - began
            print(f"{sign} {case.name:44} {form:7} {primary:22} also: {others}  {took:.1f} s")
    print("\nplanted (rows) -> primary finding")
    for (planted, primary), count in sorted(matrix.items()):
        print(f"  {planted:44} -> {primary:22} {count}")
    print(f"\nfaulty: primary right in {right} of {2 * len(FAULTY)} diagnoses of {len(FAULTY)} runs")
    print(f"healthy: {accused} of {2 * len(HEALTHY)} diagnoses of {len(HEALTHY)} runs accused")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
