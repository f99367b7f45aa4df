"""Types and ranges: what was read, held against the schema, with an error for each setting that does not
fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from nbtrain.config.problem import Problem
from nbtrain.config.reading import Node, plain_value
from nbtrain.config.settings import SYNONYMS, Settings
from nbtrain.config.unknown import nearest


def expected_of(setting: str) -> str:
    """Return what is expected of a setting, in words."""
    return Settings.model_fields[setting].description or "a value"


def example_of(setting: str) -> str:
    """Return a value as it would be written."""
    return str((Settings.model_fields[setting].examples or ["..."])[0])


def typed(nodes: Mapping[str, Node], key_of: Callable[[str], str]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the settings that fit the schema, and a problem for each that does not."""
    problems: dict[str, Problem] = {}
    values = {setting: node.plain() for setting, node in nodes.items()}
    while True:
        try:
            model = Settings(**values)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_context=False):
                setting = str(one["loc"][0])
                if setting not in problems:
                    problems[setting] = _problem(setting, nodes[setting], key_of(setting), one)
                values.pop(setting, None)
        else:
            return model.model_dump(include=set(values)), list(problems.values())


def _problem(setting: str, node: Node, key: str, error: Mapping[str, Any]) -> Problem:
    value, expected = node.plain(), expected_of(setting)
    name = key.rpartition(".")[2]
    inner = error["loc"][1:]
    where = "".join(f"[{part}]" for part in inner if isinstance(part, int))
    if inner and isinstance(value, list) and isinstance(inner[0], int) and inner[0] < len(value):
        item = node.value[inner[0]]
        value, node = item.plain(), item if not item.quoted or _is_number(item) else node
    return Problem(
        "InvalidConfig", key + where, value, expected, _suggestion(setting, name, node, value), node.line
    )


def _is_number(node: Node) -> bool:
    word = plain_value(node.text)
    return isinstance(word, (int, float)) and not isinstance(word, bool)


def _suggestion(setting: str, name: str, node: Node, value: Any) -> str:
    example = example_of(setting)
    wants_text = example_of(setting).isalpha() and not _choices(setting)
    if isinstance(value, str) and node.quoted and node.text.strip():
        word = plain_value(node.text.strip())
        if isinstance(word, (int, float)) and not wants_text:
            return f"Drop the quotes: `{name}: {node.text.strip()}`."
    if value is None:
        return f"A value is missing after the colon, for example `{name}: {example}`."
    if isinstance(value, str) and (known := _choices(setting)):
        close = nearest(value, [*known, *SYNONYMS.get(setting, {})])
        close = SYNONYMS.get(setting, {}).get(close, close) if close else None
        return f"Did you mean `{close}`?" if close else f"Allowed are {', '.join(known)}."
    if isinstance(value, float) and value.is_integer() and "whole number" in expected_of(setting):
        return f"Write it as a whole number: `{name}: {int(value)}`." if abs(value) < 10**15 else ""
    if isinstance(value, (bool, int, float)) and wants_text:
        return f'Put it in quotes: `{name}: "{node.text}"`.'
    return f"For example `{name}: {example}`."


def _choices(setting: str) -> tuple[str, ...]:
    """The words a setting allows; () where it is not one of a few."""
    waiting = [Settings.model_fields[setting].annotation]
    while waiting:
        kind = waiting.pop()
        arguments = get_args(kind)
        if arguments and all(isinstance(one, str) for one in arguments):
            return arguments
        waiting += [one for one in arguments if not isinstance(one, str)]
    return ()
