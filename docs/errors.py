"""Write errors.md from the docstring of each error pattern, so that the page cannot go stale.

`make map` writes it; `python docs/errors.py --check` says whether it is up to date.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nbtrain.explain.matching import all_patterns
from nbtrain.explain.pattern import SECTIONS, Pattern

PAGE = Path(__file__).resolve().parent / "errors.md"
HEAD = """\
# Errors explained

What `%train explain`, `nbtrain explain < traceback.txt` and `nbtrain.explain(error)` know, and what stands
under the traceback of a failed run. Written by `make map` from the patterns' own docstrings; `%train explain
ID` shows the same in a notebook. With the exception at hand the explanation names your variables, the
module's path in the model, the shapes, and the line that fixes it. An error that is not here is called
unknown, and nothing is guessed.

![An error explained: what it is, why, the fix, and what the layer was given](images/explain-light.png)

![The same in a dark theme](images/explain-dark.png)
"""


def family_of(pattern: Pattern) -> str:
    return pattern.module.split(".")[-2]


def page() -> str:
    patterns = sorted(all_patterns(), key=lambda pattern: (family_of(pattern), pattern.id))
    parts = [HEAD, "| error | what |", "|---|---|"]
    parts += [f"| [{pattern.id}](#{pattern.id}) | {pattern.title} |" for pattern in patterns]
    for family, members in groupby(patterns, key=family_of):
        about = (sys.modules[f"nbtrain.explain.patterns.{family}"].__doc__ or "").strip()
        parts += ["", f"## {family.capitalize()}", "", about]
        for pattern in members:
            parts += ["", f"### {pattern.id}", "", pattern.title]
            for name in SECTIONS:
                parts += ["", f"**{name}**", "", pattern.section(name)]
    return "\n".join(parts) + "\n"


def main(arguments: list[str]) -> int:
    wanted = page()
    if "--check" in arguments:
        behind = not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != wanted
        if behind:
            print("docs/errors.md is behind the patterns. Run: make map")
        return int(behind)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
