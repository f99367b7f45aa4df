"""Precision and recall of the review rules on a corpus of whole scripts, correct ones and ones with
planted faults.

Run: python tests/corpus/score.py. Each script says in its first line what the review must name: `# expect:
RULE, ...`
or `# expect: nothing`. Critical findings and warnings count, notes do not, unless they are expected.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nbtrain.findings import Severity
from nbtrain.review import review_source

HERE = Path(__file__).resolve().parent
CORRECT_CASES = HERE.parent / "cases" / "review" / "corpus"


@dataclass
class Score:
    """What was found of what was planted, by rule, and what else was said."""

    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    correct: int = 0
    untouched: int = 0
    critical_on_correct: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        planted = self.found.total() + self.missed.total()
        return self.found.total() / planted if planted else 1.0

    @property
    def precision(self) -> float:
        said = self.found.total() + self.false.total()
        return self.found.total() / said if said else 1.0


def expected_of(text: str) -> set[str]:
    first = text.partition("\n")[0].removeprefix("# expect:").strip()
    return set() if first == "nothing" else {one.strip() for one in first.split(",")}


def sources() -> list[tuple[str, str, set[str]]]:
    """Return (name, source, expected rules) of each script."""
    planted = sorted((HERE / "scripts").glob("*.py"))
    found = [(path.name, path.read_text(), expected_of(path.read_text())) for path in planted]
    return found + [(path.name, path.read_text(), set()) for path in sorted(CORRECT_CASES.glob("good*.py"))]


def score() -> Score:
    """Review every script and count."""
    total = Score()
    for name, source, wanted in sources():
        findings = review_source(source).findings
        said = {one.rule for one in findings if one.severity is not Severity.INFO or one.rule in wanted}
        total.found.update(said & wanted)
        total.missed.update(wanted - said)
        total.false.update(said - wanted)
        if said != wanted:
            total.remarks.append(f"{name}: missed {sorted(wanted - said)}, too much {sorted(said - wanted)}")
        if not wanted:
            total.correct += 1
            total.untouched += not said
            total.critical_on_correct += any(one.severity is Severity.CRITICAL for one in findings)
    return total


def main() -> int:
    total = score()
    print(f"{'rule':34} {'found':>6} {'missed':>7} {'false':>6}")
    for rule in sorted({*total.found, *total.missed, *total.false}):
        print(f"{rule:34} {total.found[rule]:6} {total.missed[rule]:7} {total.false[rule]:6}")
    print(*total.remarks, sep="\n")
    planted = total.found.total() + total.missed.total()
    print(f"recall {total.recall:.1%} of {planted}, precision {total.precision:.1%}")
    print(
        f"correct scripts untouched {total.untouched} of {total.correct}, critical on "
        f"{total.critical_on_correct}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
