"""Print how well the review does on the labelled scripts beside this file: precision and recall, overall and
by rule.

    python tests/corpus/score.py            all scripts
    python tests/corpus/score.py --aside    the third that was kept aside while the rules were written
    python tests/corpus/score.py --open     all others
    python tests/corpus/score.py --wrong    also what was missed and what was said too much

What was planted in a script stands in labels.json, or in its first line as `# expect: RULE, ...`, which the
review does not get to see. A planted fault counts as found when its rule speaks, with whatever severity.
What is said of a correct script, or of a faulty one beyond its faults, counts against precision; notes
(severity info) do not, for they judge habits, not faults.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from nbtrain.findings import Severity
from nbtrain.review import review_source

HERE = Path(__file__).resolve().parent
CORRECT_CASES = HERE.parent / "cases" / "review" / "corpus"
EXPECTS = "# expect:"


@dataclass
class Score:
    """Counts over scripts. Lists hold (script, rule)."""

    found: list[tuple[str, str]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    extra: list[tuple[str, str]] = field(default_factory=list)
    correct: int = 0
    critical_on_correct: list[tuple[str, str]] = field(default_factory=list)
    warned_correct: set[str] = field(default_factory=set)
    caveats: list[str] = field(default_factory=list)

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


@dataclass(frozen=True)
class Script:
    """A labelled script. `planted`: the rules that must speak; `aside`: not looked at before the end."""

    name: str
    text: str
    planted: frozenset[str]
    aside: bool = False


def scripts() -> list[Script]:
    """Return every script with its label."""
    held = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
    found = []
    for path in [*sorted((HERE / "scripts").glob("*.py")), *sorted(CORRECT_CASES.glob("good*.py"))]:
        text = path.read_text(encoding="utf-8")
        planted, aside = frozenset(held["planted"].get(path.name, ())), path.name in held["aside"]
        first, _, rest = text.partition("\n")
        if first.startswith(EXPECTS):
            said = {one.strip() for one in first.removeprefix(EXPECTS).split(",")}
            text, planted = f"\n{rest}", frozenset(said - {"nothing"})
        found.append(Script(path.name, text, planted, aside))
    return found


def score(chosen: list[Script]) -> Score:
    """Review the scripts and compare with what was planted."""
    total = Score()
    for script in chosen:
        report = review_source(script.text)
        said = {one.rule for one in report.findings}
        loud = {one.rule for one in report.findings if one.severity is not Severity.INFO}
        total.found += [(script.name, rule) for rule in sorted(script.planted & said)]
        total.missed += [(script.name, rule) for rule in sorted(script.planted - said)]
        total.extra += [(script.name, rule) for rule in sorted(loud - script.planted)]
        total.caveats += [f"{script.name}: {one}" for one in report.caveats if "failed" in one]
        if not script.planted:
            total.correct += 1
            total.critical_on_correct += [
                (script.name, one.rule) for one in report.findings if one.severity is Severity.CRITICAL
            ]
            total.warned_correct |= {script.name} if loud else set()
    return total


def chosen(arguments: list[str]) -> list[Script]:
    """Return the scripts that the command line asks for."""
    if "--aside" in arguments:
        return [one for one in scripts() if one.aside]
    return [one for one in scripts() if not (one.aside and "--open" in arguments)]


def main(arguments: list[str]) -> None:
    asked = chosen(arguments)
    total = score(asked)
    rules = Counter(rule for _, rule in total.found)
    missed = Counter(rule for _, rule in total.missed)
    extra = Counter(rule for _, rule in total.extra)
    print(f"{'rule':38} {'planted':>7} {'recall':>7} {'extra':>6}")
    for rule in sorted({*rules, *missed, *extra}):
        planted = rules[rule] + missed[rule]
        share = f"{rules[rule] / planted:.0%}" if planted else "-"
        print(f"{rule:38} {planted:7} {share:>7} {extra[rule]:6}")
    print(
        f"\n{len(asked)} scripts, {total.correct} of them correct: recall {total.recall:.1%}, "
        f"precision {total.precision:.1%}, correct scripts untouched {total.untouched:.1%}, "
        f"critical findings on correct scripts {len(total.critical_on_correct)}"
    )
    if "--wrong" in arguments:
        for title, pairs in (("missed", total.missed), ("too much", total.extra)):
            for name, rule in pairs:
                print(f"{title}: {name}: {rule}")
    print(*total.caveats, sep="\n", end="\n" if total.caveats else "")


if __name__ == "__main__":
    main(sys.argv[1:])
