"""The Markdown of reports: exact form, and texts that no Markdown reader takes for markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from markdown_it import MarkdownIt
from PIL import Image

from nbtrain.report.markdown import to_markdown
from nbtrain.report.model import Cell, Report, Section, Table, Text
from nbtrain.report.plain import one_line
from tests.report.conftest import HOSTILE, report_of

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def rendered(markdown: str) -> BeautifulSoup:
    return BeautifulSoup(GITHUB.render(markdown), "html5lib")


def skeleton(tag: Tag) -> list[object]:
    children = [child for child in tag.children if isinstance(child, Tag) and child.name != "br"]
    return [tag.name, sorted(set(tag.attrs) - {"class"}), [skeleton(child) for child in children]]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text and "\n" not in text])
def test_no_markup_is_born_from_a_text(text: str) -> None:
    """Rendered, a hostile text yields the elements that a plain word yields, and not one more."""
    found, expected = (skeleton(rendered(report_of(t).to_markdown()).body) for t in (text, "word"))

    assert found == expected


def test_a_text_of_many_lines_yields_paragraphs_only() -> None:
    """Headings, lists, quotes and rules at the start of a text's lines stay text."""
    for text in (text for text in HOSTILE if "\n" in text):
        page = rendered(Report("t", (Section("s", (Text(text),)),)).to_markdown())

        assert {tag.name for tag in page.body.find_all()} <= {"h1", "h2", "p", "br"}


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
@pytest.mark.parametrize("code", [False, True])
def test_a_cell_stays_a_cell(text: str, code: bool) -> None:
    """Pipes, newlines and backticks leave a table at its number of cells, and the reader sees the text."""
    report = Report("t", (Section("s", (Table(("a", "b"), ((Cell(text, code=code), "end"),)),)),))
    cells = rendered(report.to_markdown()).select("tbody td")

    assert [one_line(cell.get_text()) for cell in cells] == [one_line(text), "end"]


def test_formulas_and_links_are_not_made() -> None:
    """Dollar signs are escaped, and a bare address is not turned into a link by GitHub."""
    markdown = Report("t", (Section("s", (Text("$x$ https://x.y www.x.y"),)),)).to_markdown()

    assert r"\$x\$" in markdown and "https:" not in markdown and "www." not in markdown


def test_exact_form(small_report: Report) -> None:
    """The whole text of a small report is as written here."""
    assert small_report.to_markdown() == (
        "# Review of cell 3\n\n**\\! 2 findings**\n\n## Findings\n\n*Two findings*\n\n"
        "| Issue | Current | Value |\n| --- | --- | ---: |\n"
        "| lr too high | `lr=0.1` | 1,234 |\n| no clipping | – | 5 (\\*) |\n\n(\\*) not the default\n\n"
        "> **Note**  \n> Nothing was changed.\n\n## More\n\n- one\n- two\n\n"
        "<details>\n<summary>Code</summary>\n\n*Fix*\n\n```python\nx = 1\n```\n\n</details>\n"
    )


def test_figures_go_into_the_folder_and_are_linked(tmp_path: Path) -> None:
    """With a folder every figure is a PNG there and a link; without one, its description."""
    report = report_of("word")
    markdown = to_markdown(report, tmp_path / "my figures")
    links = re.findall(r"!\[word\]\((.*?)\)", markdown)

    assert links == ["my%20figures/figure-1.png"]
    for link in links:
        with Image.open(tmp_path / "my figures" / Path(link).name) as picture:
            assert picture.width == 1800
    assert "*Figure:* word" in to_markdown(report)
