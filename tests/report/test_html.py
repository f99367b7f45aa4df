"""The HTML of reports: structure, accessibility, themes, and texts that stay texts."""

from __future__ import annotations

import html5lib
import pytest
from bs4 import BeautifulSoup, Tag

from nbtrain.report.model import Report, Section, Text
from nbtrain.report.plain import plain
from tests.report.conftest import HOSTILE, html_of


def parse(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html5lib")


def skeleton(tag: Tag) -> list[object]:
    """Return the names and attribute names of all elements; of spans and code, what is in them."""
    return [tag.name, sorted(set(tag.attrs) - {"class"}), inside(tag)]


def inside(tag: Tag) -> list[object]:
    found: list[object] = []
    for child in tag.children:
        if isinstance(child, Tag):
            found += inside(child) if child.name in ("span", "code") else [skeleton(child)]
    return found


def skeleton_of(html: str) -> list[object]:
    return skeleton(parse(html).body)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_no_element_or_attribute_is_born_from_a_text(text: str) -> None:
    """Whatever the texts are, elements and attributes are those of a report of plain words."""
    assert skeleton_of(html_of(text)) == skeleton_of(html_of("word"))


@pytest.mark.parametrize("text", HOSTILE)
def test_the_text_a_reader_sees_is_the_text_given(text: str) -> None:
    """A text comes out of the page as it went in, but for control characters and a name's backticks."""
    html = Report("t", (Section("s", (Text(text),)),)).to_html()

    assert parse(html).select_one("p.nbr-text").get_text() == plain(text).replace("`code`", "code")


def test_html_is_well_formed(hostile: str) -> None:
    """A strict parser finds no error in the fragment."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parseFragment(html_of(hostile))

    assert parser.errors == []


def test_html_can_be_encoded(hostile: str) -> None:
    """A lone surrogate in a name does not break the message that carries the report."""
    html_of(hostile).encode("utf-8")


def test_every_table_has_headers_with_a_scope() -> None:
    """A screen reader is told what each header is the header of."""
    page = parse(html_of("word"))

    assert page.select("table.nbr-table thead th[scope=col]")
    assert all(th.get("scope") in ("col", "row") for th in page.select("th"))
    assert all(table.select("th") for table in page.select("table"))


def test_every_picture_has_its_description_and_is_embedded() -> None:
    """Figures are PNG data with alternative text; without a style sheet only the light one shows."""
    pictures = parse(html_of("word")).select("img")

    assert pictures and all(picture["alt"] == "word" for picture in pictures)
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in pictures)
    assert [picture.has_attr("hidden") for picture in pictures] == [False, True] * (len(pictures) // 2)


def test_no_script_and_one_style() -> None:
    """A fragment runs nothing, loads nothing, and carries its style sheet once, scoped to itself."""
    html = html_of("word")
    page = parse(html)
    css = page.select_one("style").string

    assert not page.select("script, link, iframe, object") and "url(" not in css and "@import" not in css
    assert len(page.select("style")) == 1
    assert css.count("{") > 50
    unscoped = [
        selector
        for rule in css.split("}")
        for selector in rule.rpartition("{")[0].split("{")[-1].split(",")
        if selector.strip() and not selector.strip().startswith("@") and ".nbt-report" not in selector
    ]
    assert unscoped == []


def test_both_themes_are_styled(small_report: Report) -> None:
    """JupyterLab's attribute, VS Code's class and the system's preference each reach the dark palette."""
    css = parse(small_report.to_html()).select_one("style").string

    for hook in (
        '[data-jp-theme-light="false"]',
        "body.vscode-dark",
        "prefers-color-scheme: dark",
        "var(--jp-",
    ):
        assert hook in css


def test_html_structure(small_report: Report) -> None:
    """Title, headline, sections, tables, notes, folds and code are the elements a reader expects."""
    page = parse(small_report.to_html())

    assert page.select_one("h2").get_text() == "Review of cell 3"
    assert [h.get_text() for h in page.select("h3")] == ["Findings", "More"]
    assert page.select_one(".nbr-headline-warning").get_text(strip=True) == "!2 findings"
    assert page.select_one("caption").get_text() == "Two findings"
    assert page.select_one("details > summary").get_text() == "Code"
    assert page.select_one("details pre code").get_text() == "x = 1"
    assert "(not the default)" in page.select("tbody tr")[1].get_text()
    assert [li.get_text() for li in page.select("ul li")] == ["one", "two"]


def test_names_between_backticks_are_code() -> None:
    """`name` is set as code, escaped first; backticks without a partner on their line stay as they are."""
    text = "`a<b>` and ``two`` and `open\nclosed` and `c`"
    page = parse(Report("t", (Section("s", (Text(text),)),)).to_html())

    assert [code.decode_contents() for code in page.select("p code")] == ["a&lt;b&gt;", "c"]
    assert page.select_one("p.nbr-text").get_text() == "a<b> and ``two`` and `open\nclosed` and c"
