"""The report of a diagnosis: one model for every form, hostile names harmless, the change ready to use."""

from __future__ import annotations

import json
from pathlib import Path

import html5lib
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from nbtrain.diagnose.check import LEVELS
from nbtrain.diagnose.diagnosis import Diagnosis, diagnose_history
from nbtrain.diagnose.reader import read_history
from nbtrain.report.json import json_ready

CASES = Path(__file__).resolve().parents[1] / "cases" / "diagnose"
HOSTILE = "<script>alert(1)</script> | `x` [a](javascript:b) $y$ \x1b[31m"


def case(name: str, **options: object) -> Diagnosis:
    return diagnose_history(read_history(CASES / f"{name}.json"), **options)


def test_the_json_is_that_of_the_contract() -> None:
    """`primary`, and findings with check, severity, evidence, confidence whole recommendations."""
    found = case("overfitting/bad-gap")
    data = json.loads(json.dumps(json_ready(found.to_dict()), allow_nan=False))

    assert data["primary"] == "overfitting"
    for finding in data["findings"]:
        assert {"check", "severity", "evidence", "confidence", "recommendations"} <= set(finding)
        assert isinstance(finding["evidence"], str) and finding["severity"] in ("critical", "warning", "info")
        assert finding["confidence"] in ("certain", "likely", "possible")
        for advice in finding["recommendations"]:
            assert {"action", "impact", "effort", "risk", "expected"} <= set(advice)
    healthy = case("loss-spikes/good-calm").to_dict()
    assert healthy["primary"] is None and healthy["findings"] == []
    assert healthy["looked_at"] and healthy["not_looked_at"] and "No problem found" in healthy["headline"]


def test_recommendations_are_ranked() -> None:
    """The most to gain for the least stands first; what stands later is never worth more."""
    for path in CASES.glob("*/bad-*.json"):
        for finding in diagnose_history(read_history(path)).findings:
            worth = [
                2 * LEVELS.index(one.impact) - LEVELS.index(one.effort) - LEVELS.index(one.risk)
                for one in finding.recommendations
            ]
            assert worth == sorted(worth, reverse=True)


def test_every_form_tells_the_same() -> None:
    """Terminal, Markdown and HTML name the finding, its numbers, what to do, how to check, the scope."""
    found = case("overfitting/bad-gap")
    page = BeautifulSoup(found.report.to_html(), "html5lib").get_text()
    for text in (str(found), found.to_markdown(), page):
        plain = " ".join(text.replace("\\", "").replace("│", " ").split())
        assert "points above validation accuracy" in plain and "the limit is" in plain
        assert "How to check" in plain and "What was looked at" in plain and "Weight decay" in plain
        assert "train explain overfitting" in plain


def test_tables_have_headers_and_figures_words() -> None:
    """Each table names its columns; the figure is described with the evidence that is marked on it."""
    found = case("overfitting/bad-gap")
    page = BeautifulSoup(found.report.to_html(), "html5lib")
    images = page.find_all("img")

    assert images and all("overfitting" in image["alt"] and "epochs" in image["alt"] for image in images)
    tables = page.find_all("table", class_="nbr-table")
    assert tables and all(table.find("th", scope="col") for table in tables)


def test_hostile_names_and_texts_stay_text(tmp_path: Path) -> None:
    """Names of runs, layers, columns and baselines become no markup in HTML, Markdown, terminal or YAML."""
    rows = [
        {
            "epoch": at,
            "train_loss": 2.3,
            "val_loss": 2.3,
            f"memory {HOSTILE}_mem": 100 + 9 * at,
            "layer_grad_norms": {f"a{HOSTILE}": 1e-9, f"b{HOSTILE}": 1.0},
        }
        for at in range(1, 20)
    ]
    path, report = tmp_path / "metrics.json", tmp_path / "R.md"
    path.write_text(json.dumps({"run_id": HOSTILE, "epochs": rows}))
    report.write_text(f"# {HOSTILE}\n\n**{HOSTILE}**\n\n| Batch size | {HOSTILE.replace('|', '')} |\n")
    found = diagnose_history(read_history(path), baseline=report, source=HOSTILE)

    assert {"vanishing-gradients", "memory-growing"} <= {one.check for one in found.findings}
    html = found.report.to_html()
    html5lib.HTMLParser(strict=False).parse(html)
    page = BeautifulSoup(html, "html5lib")
    assert page.find("script") is None and page.find("a") is None
    assert "<script>alert(1)</script>" in page.get_text()
    rendered = BeautifulSoup(MarkdownIt("commonmark").enable("table").render(found.to_markdown()), "html5lib")
    assert rendered.find("script") is None and rendered.find("a") is None
    assert "\x1b" not in str(found) and "\x1b" not in html
    assert YAML(typ="safe").load(found.config())["based_on"] == HOSTILE


def test_the_change_is_a_config_that_says_why() -> None:
    """The YAML names the finding, the changed settings with what they were, how to check; at most three."""
    found = case("lr-exhausted/bad-decays-too-fast")
    data = YAML(typ="safe").load(found.config())

    assert data["mode"] == "optimization" and data["diagnosis"] == "lr-exhausted"
    assert data["changes"] == found.changes and 1 <= len(data["changes"]) <= 5
    assert data["verify"] and "# " in found.config()
    assert case("loss-spikes/good-calm").config() == ""


def test_a_baselines_settings_make_the_advice_concrete(tmp_path: Path) -> None:
    """Batch size, rate and weight decay of the baseline's report are the numbers that advice changes."""
    report = tmp_path / "baseline_results.md"
    report.write_text(
        "# Baseline: digits\n\n**Converged.**\n\n| Setting | Value |\n| --- | --- |\n| Batch size | 64 |\n"
        "| Learning rate | 3e-4 |\n\n- **Weight decay**: 0.002\n- Owner: somebody\n"
    )
    found = case("overfitting/bad-gap", baseline=report)
    busy = case("resource-inefficiency/bad-idle", baseline=report)
    lost = case("divergence/bad-rises", baseline=report)

    assert "now 0.002" in str(found) and "somebody" not in str(found)
    assert busy.changes["batch_size"] == 128
    assert lost.changes["lr"] == pytest.approx(3e-5)


def test_the_report_is_saved_with_its_figures(tmp_path: Path) -> None:
    """`save` writes Markdown and links to pictures beside it that exist."""
    path = case("overfitting/bad-gap").save(tmp_path / "new" / "diagnostic_report.md")
    text = path.read_text()

    assert text.startswith("# Diagnosis") and "(diagnostic_report_figures/figure-1.png)" in text
    assert (path.parent / "diagnostic_report_figures" / "figure-1.png").read_bytes()[:4] == b"\x89PNG"


def test_the_next_step_is_that_of_the_cause() -> None:
    """Where the first finding follows from another, next step, cell and config are the other's."""
    found = case("divergence/bad-grew-and-broke")
    cause = found.found.cause

    assert cause is not None and (found.primary, cause.check) == ("nan-loss", "divergence")
    text = found.to_markdown().split("## Next step")[1].split("\n## ")[0].replace("\\", "")
    assert "Begin with the cause, `divergence`" in text
    assert cause.recommendations[0].action.split(" ")[0] in text
    assert set(found.changes) <= {key for one in cause.recommendations for key in one.change}
    written = YAML(typ="safe").load(found.config())
    assert (written["diagnosis"], written["cause"]) == ("nan-loss", "divergence")
