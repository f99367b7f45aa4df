"""Write the map in architecture.md from what each file says of itself, so that the map cannot go stale.

A file's clause is the first sentence of its docstring (or first comment, in JavaScript). `make map` rewrites
the part between the two marks; `python docs/map.py --check` says whether it is up to date.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
MARKS = ("<!-- map: written by `make map` from the files' own first sentences -->", "<!-- end of map -->")
# Top to bottom, as an import may point; then what stands beside the library.
PARTS = (
    "magics", "cli", "commands", "widgets", "review", "diagnose", "compare", "explain", "memory",
    "checkpoints", "evaluation", "export", "latency", "exported", "search", "launching", "housekeeping",
    "train", "watch", "running", "telemetry", "notebook", "runs", "config", "report",
)  # fmt: skip


def first_sentence(text: str) -> str:
    """Take the first sentence of the first paragraph, without its full stop."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"\.(?:\s|$)", paragraph, maxsplit=1)[0]


def clause(path: Path) -> str:
    """Say in the file's own words what it is; empty when it does not say."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return first_sentence(ast.get_docstring(ast.parse(text)) or "")
    comment = re.match(r"\s*(?:/\*+(.*?)\*/|((?://[^\n]*\n)+))", text, re.S)
    if not comment:
        return ""
    return first_sentence(re.sub(r"^\s*(?:\*|//+)\s?", "", comment[1] or comment[2], flags=re.M))


def files_of(folder: Path, *patterns: str) -> list[Path]:
    """List the files of a folder that hold something, sub-folders after the files beside them."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.read_bytes().strip()}
    return sorted(found, key=lambda path: (path.parent.as_posix(), path.name != "__init__.py", path.name))


def rows(folder: Path, *patterns: str) -> list[str]:
    listed = files_of(folder, *patterns)
    return [f"- `{path.relative_to(folder).as_posix()}`: {clause(path)}" for path in listed]


def section(title: str, lines: list[str]) -> str:
    return "\n".join([f"### {title}", "", *lines, ""]) if lines else ""


def map_text() -> str:
    library = ROOT / "nbtrain"
    parts = [section(f"`nbtrain/{part}/`", rows(library / part, "**/*.py")) for part in PARTS]
    known = {library / part for part in PARTS}
    for extra in sorted(path.parent for path in library.glob("*/__init__.py") if path.parent not in known):
        parts.append(section(f"`nbtrain/{extra.name}/`", rows(extra, "**/*.py")))
    parts.append(section("`nbtrain/`: the front door and the ground", rows(library, "*.py")))
    parts.append(section("`js/`", rows(ROOT / "js", "src/**/*.js", "src/**/*.ts", "src/**/*.css", "*.mjs")))
    parts.append(section("`docs/`", rows(ROOT / "docs", "*.py")))
    parts.append(section("`benchmarks/`", rows(ROOT / "benchmarks", "*.py")))
    shared = ("*.py", "architecture/*.py", "browser/*.py", "notebooks/*.py")
    parts.append(section("`tests/`: besides the mirror of the library", rows(ROOT / "tests", *shared)))
    return "\n".join(part for part in parts if part)


def page_with_map(page: str) -> str:
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    return f"{before}{MARKS[0]}\n\n{map_text()}\n{MARKS[1]}{after}"


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    wanted = page_with_map(page)
    if "--check" in arguments:
        silent = [line for line in wanted.splitlines() if re.fullmatch(r"- `[^`]+`: *", line)]
        if silent:
            print("These files do not say in their first sentence what they are:", *silent, sep="\n")
        if page != wanted:
            print("docs/architecture.md is behind the files. Run: make map")
        return int(bool(silent) or page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
