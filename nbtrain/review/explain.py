"""Show what a rule is about: its own docstring, as a report."""

from __future__ import annotations

import re

from nbtrain.report.model import Block, Code, Report, Section, Text
from nbtrain.review.engine import rule_named
from nbtrain.review.rule import SECTIONS, Rule

FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def explain_rule(rule_id: str) -> Report:
    """Return a rule's documentation.

    Args:
        rule_id: `adam-lr-too-high`; underscores are accepted.

    Raises:
        UsageError: there is no such rule; names the nearest ids.
    """
    rule = rule_named(rule_id)
    summary, sections = documentation(rule)
    shown = tuple(Section(title, blocks_of(text)) for title, text in sections.items())
    tone = "critical" if rule.severity == "critical" else "warning"
    data = {"rule": rule.id, "severity": str(rule.severity), "summary": summary, "sections": sections}
    return Report(rule.id, shown, summary, tone, data)


def documentation(rule: Rule) -> tuple[str, dict[str, str]]:
    """Return the one-line summary of a rule and its sections by title."""
    summary, _, rest = rule.documentation.strip().partition("\n")
    found: dict[str, str] = {}
    title = ""
    for line in rest.split("\n"):
        if line in SECTIONS:
            title = line
            found[title] = ""
        elif title:
            found[title] += line + "\n"
    return summary, {name: text.strip() for name, text in found.items()}


def blocks_of(text: str) -> tuple[Block, ...]:
    """Return prose and fenced code as report blocks, in order."""
    blocks: list[Block] = []
    at = 0
    for match in FENCE.finditer(text):
        blocks += _prose(text[at : match.start()])
        blocks.append(Code(match[2].rstrip(), match[1] or "text"))
        at = match.end()
    return tuple(blocks + _prose(text[at:]))


def _prose(text: str) -> list[Block]:
    return [Text(" ".join(part.split())) for part in text.split("\n\n") if part.strip()]
