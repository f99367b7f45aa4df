"""Write a configuration: as YAML that can be read again, as a report, and as what is different between
two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from nbtrain.config.checking import Checked
from nbtrain.config.reading import plain_value
from nbtrain.config.resolved import Configuration, ordered
from nbtrain.report.model import Block, Cell, KeyValues, Note, Report, Section, Table

ORIGINS = {
    "config": "you set it", "option": "you set it on the line", "mode": "by the mode", "default": "default",
    "data": "from the data", "diagnosis": "from the diagnosis", "search": "by the search",
}  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z_./][\w./:@+-]*")


def as_yaml(configuration: Configuration, *, comments: bool = True) -> str:
    """Return YAML in the dialect with sections, each value with where it comes from."""
    origins = {key: configuration.origins.get(setting, "") for key, setting in ordered()}
    lines = (
        ["# The configuration of this run, every value decided. Train it again with --config."]
        if comments
        else []
    )
    above: list[str] = []
    for key, setting in ordered():
        if setting not in configuration.values:
            continue
        *sections, name = key.split(".")
        for depth, section in enumerate(sections):
            if above[: depth + 1] != sections[: depth + 1]:
                lines.append(f"{'  ' * depth}{section}:")
        above = sections
        said = f"{'  ' * len(sections)}{name}: {_value(configuration.values[setting])}"
        origin = origins[key]
        mark = "" if not comments or origin in ("config", "") else f"  # {ORIGINS[origin]}"
        lines.append(said + mark)
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """Write a value so that this reader and any other takes it for the same."""
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and plain_value(value) == value
        and ": " not in value
    ):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    if isinstance(value, float):
        text = repr(value)  # 1e-05: other readers need the point to see a number
        return text if "e" not in text or "." in text else text.replace("e", ".0e", 1)
    return json.dumps(value, ensure_ascii=False)


def flow_value(value: Any) -> str:
    """Write any plain value in one line: lists in brackets, mappings in braces."""
    if isinstance(value, Mapping):
        pairs = [f"{json.dumps(str(key))}: {flow_value(one)}" for key, one in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _value(value)


def shown_value(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(shown_value, value))
    return str(value)


def settings_section(configuration: Configuration) -> Section:
    """Return every setting with its origin; what differs from the defaults is marked."""
    rows = tuple(
        (
            key,
            Cell(shown_value(configuration.values[setting]), mark=configuration.differs(setting)),
            Cell(ORIGINS.get(configuration.origins.get(setting, ""), ""), tone="muted"),
        )
        for key, setting in ordered()
        if setting in configuration.values
    )
    return Section("Configuration", (KeyValues(rows),))


def checked_report(checked: Checked, configuration: Configuration | None) -> Report:
    """Return what a check found: every error and warning with its line, then the final configuration."""
    sections = []
    if checked.errors:
        sections.append(Section("Errors", _problems(checked, critical=True)))
    if checked.warnings:
        sections.append(Section("Warnings", _problems(checked, critical=False)))
    if checked.files:
        rows = tuple(
            (
                checked.key(name),
                str(seen["path"]),
                "" if seen["line_count"] is None else f"{seen['line_count']:,}",
            )
            for name, seen in checked.files.items()
        )
        sections.append(Section("Data", (Table(("Key", "Path", "Samples"), rows, numeric=(2,)),)))
    if configuration is not None:
        sections.append(settings_section(configuration))
    dialect = checked.dialect
    told = f"Dialect ({dialect.id}), told by {dialect.told_by}." if dialect else ""
    if checked.valid:
        warned = (
            f", {len(checked.warnings)} warning{'s' * (len(checked.warnings) != 1)}"
            if checked.warnings
            else ""
        )
        headline, tone = f"✓ Config valid{warned}. {told}", ""
    else:
        n = len(checked.errors)
        headline, tone = (
            f"{n} error{'s' * (n != 1)}: nothing can be trained from it as it stands. {told}",
            "critical",
        )
    return Report(
        f"Configuration: {checked.path or 'text'}", tuple(sections), headline.strip(), tone,
        checked_data(checked, configuration),
    )  # fmt: skip


def checked_data(checked: Checked, configuration: Configuration | None) -> dict[str, Any]:
    """Return the JSON of the contract."""
    return {
        "valid": checked.valid,
        "dialect": checked.dialect.id if checked.dialect else None,
        "errors": [one.as_error() for one in checked.errors],
        "warnings": [one.as_warning() for one in checked.warnings],
        "data": {checked.key(name): dict(seen) for name, seen in checked.files.items()},
        "config": configuration.section() if configuration is not None else None,
    }


def _problems(checked: Checked, *, critical: bool) -> tuple[Block, ...]:
    found = checked.errors if critical else checked.warnings
    return tuple(
        Note(
            one.sentence(),
            tone="critical" if critical else "warning",
            title=f"line {one.line}" if one.line else "",
        )
        for one in found
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (key, value before, value after) of each setting that is not the same in two configurations."""
    return [
        (key, before.get(setting), after.get(setting))
        for key, setting in ordered()
        if before.get(setting) != after.get(setting)
    ]


def diff_report(before: Configuration, after: Configuration) -> Report:
    """Return the changes between two configurations as a table."""
    changed = differences(before.values, after.values)
    rows = tuple((key, _or_none(first), Cell(_or_none(second), mark=True)) for key, first, second in changed)
    columns = ("Setting", before.path or "before", after.path or "after")
    sections = (Section("Changes", (Table(columns, rows),)),) if rows else ()
    n = len(rows)
    headline = f"{n} setting{'s' * (n != 1)} differ{'s' * (n == 1)}." if n else "The two are the same."
    data = {"changes": [{"field": key, "before": first, "after": second} for key, first, second in changed]}
    return Report("Configurations compared", sections, headline, data=data)


def _or_none(value: Any) -> str:
    return "not set" if value is None else shown_value(value)
