"""Write rules.md from the docstring of each review rule, so that the page cannot go stale.

`make map` writes it; `python docs/rules.py --check` says whether it is up to date.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nbtrain.review.engine import all_rules
from nbtrain.review.explain import documentation
from nbtrain.review.rule import Rule

PAGE = Path(__file__).resolve().parent / "rules.md"
HEAD = """\
# Review rules

What `%train_review` and `nbtrain review` look for. Written by `make map` from the rules' own docstrings;
`%train explain RULE` shows the same in a notebook. `critical`: the result is wrong or the run is lost;
`warning`: it usually costs quality or time; `info`: worth knowing. A comment `# nbtrain: allow RULE` on a
line
silences that rule there, above all code in the whole source.
"""


def family_of(rule: Rule) -> str:
    return rule.check.__module__.split(".")[-2]


def page() -> str:
    rules = sorted(all_rules(), key=lambda rule: (family_of(rule), rule.id))
    parts = [HEAD, "| rule | severity | what |", "|---|---|---|"]
    for rule in rules:
        summary = rule.documentation.strip().partition("\n")[0]
        parts.append(f"| [{rule.id}](#{rule.id}) | {rule.severity} | {summary} |")
    for family, members in groupby(rules, key=family_of):
        parts += ["", f"## {family.capitalize()}"]
        for rule in members:
            summary, sections = documentation(rule)
            parts += ["", f"### {rule.id}", "", f"{summary} Severity: {rule.severity}."]
            for title, text in sections.items():
                parts += ["", f"**{title}**", "", text]
    return "\n".join(parts) + "\n"


def main(arguments: list[str]) -> int:
    wanted = page()
    if "--check" in arguments:
        behind = not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != wanted
        if behind:
            print("docs/rules.md is behind the rules. Run: make map")
        return int(behind)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
