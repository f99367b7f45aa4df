"""The pages: whole, in one form, found by each of their names, shown by explain in every form."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import nbtrain
from nbtrain.commands.explain import page_of_alert
from nbtrain.diagnose.knowledge import SECTIONS, page_of, pages, read_page

IDS = ("nan-loss", "convergence-stall", "resource-inefficiency", "exploding-gradients", "lr-exhausted")
PACKAGE = Path(nbtrain.__file__).parent
EVENTS = {"lr"}  # told of as an event, with no alert


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_has_every_section_and_can_be_shown(name: str) -> None:
    """Each page has a title, a summary and five sections with text, in Markdown, HTML and the terminal."""
    page = pages()[name]
    assert page.title and page.summary
    assert tuple(page.sections) == SECTIONS
    assert all(page.sections.values())
    report = page.report()
    assert "<ol" in report.to_html()
    text = report.to_text(width=80)
    for title in SECTIONS:
        assert title in text
    assert "1. " in text.split("What to do, in this order")[1]


def test_the_alerts_have_their_pages_under_each_name() -> None:
    """Ids, their other names and underscores lead to a page; no name leads to two."""
    assert set(IDS) <= set(pages())
    names = [name for page in pages().values() for name in (page.id, *page.also)]
    assert len(names) == len(set(names))
    for name in names:
        assert name in (page_of(name).id, *page_of(name).also)
    assert page_of("convergence_stall").id == "convergence-stall"
    assert page_of("loader-bound").id == "resource-inefficiency"
    assert page_of("no-such-thing") is None


def test_every_alert_that_the_source_can_raise_has_a_page() -> None:
    """Whatever id the training side gives to an alert, `%train explain ID` has a page on it."""
    makers = {"Finding", "tell", "_tell", "_say", "_note", "Change", "_raise", "finding", "_finding"}
    found = {}
    for part in ("running", "train", "watch"):
        for file in (PACKAGE / part).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                called = getattr(node, "func", None)
                name = getattr(called, "attr", getattr(called, "id", ""))
                first = node.args[0] if name in makers and node.args else None
                if isinstance(first, ast.Constant) and re.fullmatch(r"[a-z]+(-[a-z]+)*", str(first.value)):
                    found[first.value] = file.name
    ids = {one for one in found if one not in EVENTS}
    assert {"nan-loss", "not-kept", "weights-written", "steps-not-seen"} <= ids
    assert {one: found[one] for one in ids if page_of_alert(one) is None} == {}


def test_a_page_without_a_section_is_refused() -> None:
    """A page that lacks a section, or has them in another order, is refused by name."""
    with pytest.raises(ValueError, match="page half"):
        read_page("half", "# Title\n\nText.\n\n## Symptoms\n\n- one\n")
