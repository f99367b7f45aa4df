"""Write checks.md from the docstring of each diagnosis check, so that the page cannot go stale.

`make map` writes it; `python docs/checks.py --check` says whether it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nbtrain.diagnose.check import SECTIONS
from nbtrain.diagnose.document import TITLES
from nbtrain.diagnose.engine import all_checks

PAGE = Path(__file__).resolve().parent / "checks.md"
HEAD = """\
# Diagnosis checks

What `%train diagnose` and `nbtrain diagnose` look for, in the order in which findings are acted on. Written
by `make map` from the checks' own docstrings. `%train explain ID` shows the page on each: symptoms, causes,
how to confirm, what to do and what not to do. `nan-loss`, `divergence` and `exploding-gradients` are
critical, all others warnings; what is only possible is said as info and is never the primary finding.

![A diagnosis: findings, curves with the evidence marked, what to do next](images/diagnosis-light.png)

In a notebook a button under the report puts the change into a new cell. An alert in the panel opens its page.
"""


def page() -> str:
    checks = all_checks()
    parts = [HEAD, "| id | title | what |", "|---|---|---|"]
    for check in checks:
        summary = check.documentation.strip().partition("\n")[0]
        parts.append(f"| [{check.id}](#{check.id}) | {TITLES[check.id]} | {summary} |")
    for check in checks:
        parts.append(f"\n## {check.id}\n")
        parts.append(_text(check.documentation))
    return "\n".join(parts) + "\n"


def _text(documentation: str) -> str:
    """Return a docstring as Markdown: its sections are paragraphs with a bold beginning."""
    summary, *rest = documentation.strip().split("\n\n")
    parts = [summary]
    for part in rest:
        title, _, body = part.partition("\n")
        if title.strip() in SECTIONS:
            parts.append(f"**{title.strip()}.** {' '.join(body.split())}")
        else:
            parts.append(" ".join(part.split()))
    return "\n\n".join(parts)


def main() -> int:
    if "--check" in sys.argv[1:]:
        current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        if current != page():
            print("docs/checks.md is not what the checks say now: run `make map`.")
            return 1
        return 0
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
