"""The reports of comparisons: the same in every form, safe with hostile names, readable without seeing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt

import nbtrain
from nbtrain.commands.compare import COMMAND as COMPARE
from nbtrain.commands.parse import parse
from nbtrain.commands.report import COMMAND as REPORT
from nbtrain.commands.spec import Command, Context
from nbtrain.compare.decision import Health, decide
from nbtrain.compare.pair import compare_sides
from nbtrain.compare.trial import Side, Trial
from nbtrain.report.model import Report
from tests.compare.conftest import Writer, rows

HOSTILE = '<script>alert(1)</script>|`x` $y$ ![i](http://e.x/i) "q"'
PNG = b"\x89PNG\r\n\x1a\n"


def do(command: Command, *words: str) -> object:
    return command.run(parse(command, list(words), front="nbtrain"), Context())


def test_compare_writes_the_report_and_comparison_png(write: Writer, tmp_path: Path) -> None:
    """--output writes Markdown that links to the comparison.png beside it, with the verdict of the object."""
    found = do(
        COMPARE, "--baseline", str(write("base", rows(0.7))), "--optimized", str(write("opt", rows(0.8))),
        "--output", "out/comparison.md",
    )  # fmt: skip
    text = (tmp_path / "out/comparison.md").read_text()

    assert found.verdict == "better"
    assert (tmp_path / "out/comparison.png").read_bytes().startswith(PNG)
    assert "](comparison.png)" in text
    assert found.report.headline in text.replace("\\", "")


@pytest.mark.parametrize("several", [False, True])
def test_hostile_names_stay_text(write: Writer, several: bool) -> None:
    """Names of runs, metrics and settings become no element of HTML and no image or link of Markdown."""
    epochs = [{**row, "val_<img src=x>|acc": 0.5} for row in rows()]
    config = {f"opt|{HOSTILE}": HOSTILE}
    paths = [
        write(f"r{at}", epochs, run_id=f"{HOSTILE}{at}", config={**config, "lr": at})
        for at in range(2 + several)
    ]
    found = nbtrain.compare(*paths)
    page = BeautifulSoup(found.to_html(), "html5lib")
    rendered = BeautifulSoup(MarkdownIt("commonmark").enable("table").render(found.to_markdown()), "html5lib")

    assert not page.find_all(["script", "a"])
    assert {image["src"][:22] for image in page.find_all("img")} == {"data:image/png;base64,"}
    assert not rendered.find_all(["script", "img", "a"])
    assert len({len(row.find_all(["td", "th"])) for row in rendered.find("table").find_all("tr")}) == 1
    assert "<script>alert(1)</script>|" in page.get_text()


def test_it_is_readable_without_seeing_it(seeds: Callable[..., Path]) -> None:
    """Every table has column and row headers, every figure a text with names and numbers."""
    found = nbtrain.compare(seeds("base", [0.7, 0.72]), seeds("opt", [0.8, 0.82]))
    page = BeautifulSoup(found.to_html(), "html5lib")

    for table in page.select("table.nbr-table"):
        assert table.select("thead th[scope=col]")
        assert len(table.select("tbody th[scope=row]")) == len(table.select("tbody tr"))
    for image in page.find_all("img"):
        assert "base" in image["alt"]
        assert re.search(r"\d\.\d", image["alt"])


def test_every_form_tells_the_same(write: Writer) -> None:
    """Terminal, Markdown, HTML and JSON carry one verdict and one improvement."""
    found = nbtrain.compare(write("base", rows(0.7)), write("opt", rows(0.8)))
    points = f"{100 * found.metrics[0]['absolute']:+.2f} points"

    assert points in str(found)
    assert points in found.to_html()
    assert points in found.to_markdown().replace("\\", "")
    assert found.to_dict()["verdict"] == "better"
    assert set(found._repr_mimebundle_()) == {"text/html", "text/plain", "text/markdown"}


def test_only_what_is_beyond_the_noise_is_coloured(seeds: Callable[..., Path]) -> None:
    """A metric whose difference is no more than the noise of the seeds stands in no colour of a winner."""
    level = nbtrain.compare(seeds("a", [0.80, 0.81, 0.79]), seeds("b", [0.795, 0.812, 0.803])).report
    gain = nbtrain.compare(seeds("c", [0.70, 0.71, 0.69]), seeds("d", [0.80, 0.812, 0.80])).report

    def tones(report: Report) -> set[str]:
        table = next(section for section in report.sections if section.title == "Metrics").blocks[0]
        return {row[3].tone for row in table.rows}

    assert tones(level) == {""}
    assert tones(gain) == {"good"}


def test_more_than_two_sides_are_a_table_and_parallel_coordinates(write: Writer, tmp_path: Path) -> None:
    """Each side is compared with the first; the figure has an axis a differing setting and a metric."""
    paths = [write(f"r{at}", rows(0.6 + 0.1 * at), config={"lr": 10.0**-at}) for at in range(4)]
    found = do(COMPARE, *map(str, paths), "--output", "many.md")
    data = found.to_dict()

    assert [one["verdict"] for one in data["comparisons"]] == ["better"] * 3
    assert data["leader"] == "r3"
    assert (tmp_path / "parallel.png").read_bytes().startswith(PNG)
    assert "lr from 0.001 to 1" in found.to_markdown()
    json.dumps(data, allow_nan=False)


def test_many_tests_are_held_to_holms_limits(seeds: Callable[..., Path]) -> None:
    """A p just below 0.05 wins alone, and no longer among five sides of which no other does."""
    base = seeds("base", [0.780, 0.800, 0.820, 0.800])
    slight = seeds("slight", [0.825, 0.850, 0.815, 0.835])
    alone = nbtrain.compare(base, slight)
    others = [seeds(f"s{at}", [0.781, 0.801 + at / 1e4, 0.819, 0.801]) for at in range(4)]

    assert 0.01 < alone.metrics[0]["p_value"] < 0.05
    assert alone.verdict == "better"
    assert nbtrain.compare(base, slight, *others).verdict == "no-significant-difference"


def test_the_optimization_report_has_its_parts(seeds: Callable[..., Path], tmp_path: Path) -> None:
    """report --baseline --optimized writes every part as Markdown with figures, and one HTML file alone."""
    beside = {
        "dataset": {"name": "d", "sha256": "aa"},
        "environment": {"torch": "2.4", "git": {"commit": "abc"}},
    }
    base = seeds("base", [0.78, 0.79, 0.80], config={"lr": 1e-2}, **beside)
    opt = seeds("opt", [0.88, 0.89, 0.90], config={"lr": 1e-3}, **beside)
    found = do(
        REPORT, "--baseline", str(base), "--optimized", str(opt), "--output", "optimization_results.md",
        "--html", "results.html",
    )  # fmt: skip
    text = (tmp_path / "optimization_results.md").read_text()
    page = BeautifulSoup((tmp_path / "results.html").read_text(), "html5lib")
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    for title in ("Decision", "Configuration changes", "Metrics", "Training profile", "Reproducibility"):
        assert f"## {title}" in text
    assert (found.decision, data["decision"]) == ("production", "production")
    assert data["reasons"]
    assert data["config_differences"] == [{"field": "lr", "baseline": 0.01, "optimized": 0.001}]
    assert data["profiles"]["baseline"]["epoch_s"]["mean"] == 2
    assert data["profiles"]["optimized"]["gpu_util"]["median"] == 80
    assert {one["name"]: one["same"] for one in data["reproducibility"]}["data hash"] is True
    assert data["diagnosis"]["after"]["primary"] is None
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / name).read_bytes().startswith(PNG)
    assert page.html["lang"] == "en"
    assert page.title.get_text() == found.report.title
    assert all(image["src"].startswith("data:") for image in page.find_all("img"))
    assert not page.find_all(["script", "link", "iframe"])


def test_an_optimization_report_needs_both_sides() -> None:
    """One side alone is a usage error that names the missing option."""
    with pytest.raises(nbtrain.errors.UsageError, match="--optimized"):
        do(REPORT, "--baseline", "base")


def health(*ids: str) -> Health:
    found = tuple((check, "warning", f"about {check}") for check in ids)
    return Health(ids[0] if ids else None, found, 1, 1)


def side(name: str, accuracy: float) -> Side:
    import pandas as pd

    table = pd.DataFrame({"epoch": [1.0], "val_acc": [accuracy], "val_loss": [1.0]})
    return Side(name, (Trial(name, table),))


@pytest.mark.parametrize(
    ("gain", "before", "after", "decision"),
    [
        (0.1, health("overfitting"), health(), "production"),
        (0.1, health(), health("resource-inefficiency"), "production"),
        (0.1, health("underfitting"), health("underfitting"), "iterate"),
        (0.1, health(), health("data-quality"), "collect-data"),
        (0.01, health("overfitting"), health("overfitting"), "collect-data"),
        (0.01, health("underfitting"), health("underfitting"), "iterate"),
        (-0.1, health(), health(), "iterate"),
    ],
)
def test_the_decision_follows_verdict_and_diagnosis(
    gain: float, before: Health, after: Health, decision: str
) -> None:
    """Production for a better and healthy training, data where it is doubted, else iterate."""
    found = decide(compare_sides(side("a", 0.7), side("b", 0.7 + gain)), before, after)

    assert found.word == decision
    assert found.reasons


def test_what_cannot_be_compared_goes_to_no_production(write: Writer) -> None:
    """A diverged side is another iteration, with the reason."""
    found = do(REPORT, "--baseline", str(write("a", rows())), "--optimized", str(write("b", [])))

    assert found.decision == "iterate"
    assert "empty" in found.reasons[0]
