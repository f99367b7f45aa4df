"""The pages on what may go wrong with a training: symptoms, causes, proofs, what to do and not to do.

They are Markdown files beside this module, one subject each, named by the id of the check or alert.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from nbtrain.report.model import Block, Code, Items, Report, Section, Text

SECTIONS = (
    "Symptoms", "Causes", "How to confirm", "What to do, in this order", "What not to do",
)  # fmt: skip
_ALSO = "Also: "
_NAMED = 4  # pages named in a sentence
_ITEM = re.compile(r"(?:- |\d+\. )")


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        id: its file's name, e.g. "nan-loss". title: one sentence. also: other ids it explains.
        summary: what it is about. sections: title -> Markdown, in the order of SECTIONS.
    """

    id: str
    title: str
    also: tuple[str, ...]
    summary: str
    sections: dict[str, str]

    def report(self) -> Report:
        """Return the page to be shown."""
        shown = tuple(Section(title, _blocks(text)) for title, text in self.sections.items())
        if judged := how_it_is_judged(self.id):
            shown = (*shown, Section("How a diagnosis judges it", (Text(judged),)))
        data = {"page": self.id, "also": list(self.also), "summary": self.summary, "sections": self.sections}
        return Report(self.title, shown, self.summary, "info", data)


def how_it_is_judged(name: str) -> str:
    """Return what a check looks at and its thresholds, from its own docstring; "" where there is no check."""
    from nbtrain.diagnose.engine import check_named

    check = check_named(name)
    if check is None:
        return ""
    told = re.search(r"^What it does\n(.*?)(?=^\S|\Z)", check.documentation, re.MULTILINE | re.DOTALL)
    return " ".join(told[1].split()) if told else ""


@cache
def pages() -> dict[str, Page]:
    """Return all pages by id."""
    folder = files("nbtrain.diagnose") / "pages"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".md"):
            name = file.name.removesuffix(".md")
            found[name] = read_page(name, file.read_text(encoding="utf-8"))
    return found


def page_of(word: str) -> Page | None:
    """Return the page that explains an id, whichever of its names; None when there is none."""
    wanted = word.strip().lower().replace("_", "-")
    known = pages()
    return known.get(wanted) or next((page for page in known.values() if wanted in page.also), None)


def where_explained(rules: Iterable[str]) -> str:
    """Return how to open the pages on alerts, by their ids, in a sentence; "" where there is none."""
    from nbtrain.watch.habit import known_habits

    habits = {habit.id for habit in known_habits()}
    known = [rule for rule in dict.fromkeys(rules) if rule in habits or page_of(rule) is not None]
    shown = ", ".join(f"`%train explain {rule}`" for rule in known[:_NAMED])
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return f"What it means and what to do: {shown}{more}." if known else ""


def read_page(name: str, text: str) -> Page:
    """Take a page's Markdown apart.

    Raises:
        ValueError: a heading is missing, or in another order.
    """
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    title, _, rest = head.strip().partition("\n")
    also: tuple[str, ...] = ()
    if rest.strip().startswith(_ALSO):
        line, _, rest = rest.strip().partition("\n")
        also = tuple(word.strip() for word in line.removeprefix(_ALSO).split(","))
    sections = {}
    for part in parts:
        heading, _, body = part.partition("\n")
        sections[heading.strip()] = body.strip()
    if not title.startswith("# ") or tuple(sections) != SECTIONS:
        raise ValueError(f"page {name}: needs a title and the sections {', '.join(SECTIONS)}, in this order")
    return Page(name, title.removeprefix("# "), also, " ".join(rest.split()), sections)


def _blocks(text: str) -> tuple[Block, ...]:
    """Return paragraphs and lists as report blocks."""
    blocks: list[Block] = []
    for part in re.split(r"\n\s*\n", text):
        if _ITEM.match(part):
            items = re.split(rf"\n(?={_ITEM.pattern})", part)
            said = tuple(" ".join(_ITEM.sub("", item, count=1).split()) for item in items)
            blocks.append(Items(said, ordered=part[0].isdigit()))
        elif part.startswith("```"):
            blocks.append(Code(part.strip("`").partition("\n")[2].rstrip()))
        else:
            blocks.append(Text(" ".join(part.split())))
    return tuple(blocks)
