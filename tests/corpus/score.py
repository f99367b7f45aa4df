"""Print how well the review does on the labelled scripts beside this file: precision and recall, overall and by rule.

    python tests/corpus/score.py            all scripts
    python tests/corpus/score.py --aside    the third that was kept aside while the rules were written
    python tests/corpus/score.py --open     the other two thirds
    python tests/corpus/score.py --wrong    also what was missed and what was said too much

A planted fault counts as found when its rule speaks, with whatever severity. What is said of a correct script, or of a
faulty one beyond its faults, counts against precision; notes (severity info) do not, for they judge habits, not faults.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from nbtrain.findings import Severity
from nbtrain.review import review_source

HERE = Path(__file__).parent


@dataclass
class Score:
    """Counts over scripts. Lists hold (script, rule)."""

    found: list[tuple[str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    extra: list[tuple[str, str]] = field(default_factory=list)
    correct: int = 0
    critical_on_correct: list[tuple[str, str]] = field(default_factory=list)
    warned_correct: set[str] = field(default_factory=set)

    @property
    def recall(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.missed))

    @property
    def precision(self) -> float:
        return len(self.found) / max(1, len(self.found) + len(self.extra))

    @property
    def untouched(self) -> float:
        """The part of the correct scripts of which nothing but notes is said."""
        return 1 - len(self.warned_correct) / max(1, self.correct)


def labels() -> tuple[dict[str, list[str]], set[str]]:
    """Return the planted rules of each script, and the scripts kept aside."""
    held = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
    return held["planted"], set(held["aside"])


def score(names: list[str]) -> Score:
    """Review the scripts and compare with what was planted."""
    planted, _ = labels()
    total = Score()
    for name in names:
        findings = review_source((HERE / "scripts" / name).read_text(encoding="utf-8")).findings
        said = {one.rule for one in findings}
        loud = {one.rule for one in findings if one.severity is not Severity.INFO}
        wanted = set(planted[name])
        total.found += [(name, rule) for rule in sorted(wanted & said)]
        total.missed += [(name, rule) for rule in sorted(wanted - said)]
        total.extra += [(name, rule) for rule in sorted(loud - wanted)]
        if not wanted:
            total.correct += 1
            total.critical_on_correct += [
                (name, one.rule) for one in findings if one.severity is Severity.CRITICAL
            ]
            total.warned_correct |= {name} if loud else set()
    return total


def chosen(arguments: list[str]) -> list[str]:
    """Return the scripts that the command line asks for."""
    planted, aside = labels()
    if "--aside" in arguments:
        return sorted(aside)
    return sorted(set(planted) - aside) if "--open" in arguments else sorted(planted)


def main(arguments: list[str]) -> None:
    names = chosen(arguments)
    total = score(names)
    rules = Counter(rule for _, rule in total.found)
    missed = Counter(rule for _, rule in total.missed)
    extra = Counter(rule for _, rule in total.extra)
    print(f"{'rule':38} {'planted':>7} {'recall':>7} {'extra':>6}")
    for rule in sorted({*rules, *missed, *extra}):
        planted = rules[rule] + missed[rule]
        share = f"{rules[rule] / planted:.0%}" if planted else "-"
        print(f"{rule:38} {planted:7} {share:>7} {extra[rule]:6}")
    print(
        f"\n{len(names)} scripts, {total.correct} of them correct: recall {total.recall:.1%}, "
        f"precision {total.precision:.1%}, correct scripts untouched {total.untouched:.1%}, "
        f"critical findings on correct scripts {len(total.critical_on_correct)}"
    )
    if "--wrong" in arguments:
        for title, pairs in (("missed", total.missed), ("too much", total.extra)):
            for name, rule in pairs:
                print(f"{title}: {name}: {rule}")


if __name__ == "__main__":
    main(sys.argv[1:])
