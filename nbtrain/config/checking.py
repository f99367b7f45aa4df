"""Check a configuration as a whole: the settings it makes, or every error and warning at once.

read -> tell the dialect -> unknown and missing keys -> types and ranges -> what does not go together
     -> paths and data -> what only this machine can tell (given by the caller)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrain.config import paths, relations
from nbtrain.config.dialects import SECTIONS, Dialect, dialect_of
from nbtrain.config.kinds import example_of, expected_of, typed
from nbtrain.config.left_by_runs import as_sections
from nbtrain.config.problem import Problem
from nbtrain.config.reading import Node, read_file, read_text
from nbtrain.config.unknown import unknown_key
from nbtrain.errors import InvalidConfig


@dataclass(frozen=True)
class Place:
    """Where a configuration is checked.

    Attributes:
        folder: the configuration's own; data paths are taken from it, then from the working folder.
        names: the notebook's variables; None in a terminal.
        devices: kinds of devices and how many of each there are (`{"cpu": 1, "cuda": 2}`); None: not looked.
        packages: says whether a package can be imported.
        judges: each given the checked configuration, and returns (errors, warnings): memory and the like.
    """

    folder: Path = Path()
    names: frozenset[str] | None = None
    devices: Mapping[str, int] | None = None
    packages: Callable[[str], bool] = lambda name: True
    judges: tuple[Callable[[Checked], tuple[list[Problem], list[Problem]]], ...] = ()


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        dialect: the one it was told to be, None where the file could not be read.
        said: setting -> value, as the configuration says it. lines: setting -> line.
        errors, warnings: everything, in the order of the file. files: what was seen of the data, by setting.
        place: where it was checked. path: the file, "" for a text.
    """

    dialect: Dialect | None
    said: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    place: Place = Place()
    path: str = ""

    @property
    def valid(self) -> bool:
        """True without an error."""
        return not self.errors

    def key(self, setting: str) -> str:
        """Return the key under which the dialect has a setting."""
        return (self.dialect or SECTIONS).key_of(setting)

    def problem(self, setting: str, expected: str, suggestion: str = "", **more: Any) -> Problem:
        """Return a problem with a setting as it stands."""
        kind, value = more.pop("kind", "InvalidConfig"), more.pop("value", self.said.get(setting))
        return Problem(
            kind, self.key(setting), value, expected, suggestion, self.lines.get(setting), tuple(more.items())
        )

    def raise_if_invalid(self) -> None:
        """Raise all errors as one InvalidConfig.

        Raises:
            InvalidConfig: there is at least one.
        """
        if self.valid:
            return
        first = self.errors[0]
        more = f" And {len(self.errors) - 1} more: see `validate`." if len(self.errors) > 1 else ""
        line = f"line {first.line}: " if first.line else ""
        text = f"{self.path or 'The configuration'}, {line}{first.sentence()}"
        details = {name: value for name, value in first.details.items() if name != "suggestion"}
        raise InvalidConfig(
            f"{text}{more}", suggestion="", **details, errors=[one.as_error() for one in self.errors]
        )


def check_file(
    path: str | os.PathLike[str], place: Place | None = None, *, supplied: Iterable[str] = (),
    overlaid: Mapping[str, Any] | None = None,
) -> Checked:  # fmt: skip
    """Check a file. A file that cannot be read is a check with that one error.

    Args:
        place: where; None takes the file's folder and no notebook. supplied: settings that a mode gives,
        which
            the file need not make. overlaid: settings of a command line, which count for more than the
            file's.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(path).expanduser()
    place = place or Place(path.resolve().parent)
    try:
        root = read_file(path)
    except InvalidConfig as error:
        return _unread(error, place, str(path))
    return check(root, place, supplied=supplied, overlaid=overlaid, path=str(path))


def check_text(text: str, place: Place | None = None, **how: Any) -> Checked:
    """Check a text, as `check_file` does a file."""
    place = place or Place(Path.cwd())
    try:
        root = read_text(text)
    except InvalidConfig as error:
        return _unread(error, place, "")
    return check(root, place, **how)


def _unread(error: InvalidConfig, place: Place, path: str) -> Checked:
    details = error.details
    problem = Problem(
        "InvalidConfig", details.get("field", ""), details.get("value"), details.get("expected", str(error)),
        error.suggestion, details.get("line"),
    )  # fmt: skip
    return Checked(None, errors=(problem,), place=place, path=path)


def check(
    root: Node, place: Place, *, supplied: Iterable[str] = (), overlaid: Mapping[str, Any] | None = None,
    path: str = "",
) -> Checked:  # fmt: skip
    """Check what was read."""
    root, not_taken = as_sections(root)
    dialect = dialect_of(root)
    overlaid = dict(overlaid or {})
    found, errors = _flat(root, dialect)
    said, bad = typed({name: node for name, (_, node) in found.items()}, dialect.key_of)
    # a problem is told of the key that stands there, also where a setting has several
    errors += [_at(problem, found, dialect) for problem in bad]
    lines = {name: node.line for name, (_, node) in found.items()}
    wrong = {name for name in found if name not in said}
    errors += _missing(dialect, root, set(found) | set(supplied) | set(overlaid))
    checked = Checked(dialect, {**said, **overlaid}, lines, place=place, path=path)
    warnings = not_taken
    files: dict[str, Mapping[str, Any]] = {}
    for judge in (relations.judge, lambda one: paths.judge(one, files), *place.judges):
        more, told = judge(checked)
        errors += more
        warnings += told
    unsaid = "seed" not in checked.said and "seed" not in wrong and "seed" not in supplied
    if unsaid and dialect.id != "a":
        warnings.append(Problem("DefaultSeed", dialect.key_of("seed"), None, "a seed", "42 is taken."))
    return Checked(dialect, checked.said, lines, _in_order(errors), _in_order(warnings), files, place, path)


def _at(problem: Problem, found: Mapping[str, tuple[str, Node]], dialect: Dialect) -> Problem:
    setting = dialect.keys.get(problem.field.partition("[")[0])
    if setting not in found:
        return problem
    key, _ = found[setting]
    suggestion = problem.suggestion.replace(problem.field.rpartition(".")[2], key.rpartition(".")[2])
    return Problem(problem.kind, key, problem.value, problem.expected, suggestion, problem.line, problem.more)


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    unique = {(one.field, one.expected): one for one in problems}
    return tuple(sorted(unique.values(), key=lambda one: one.line or 10**9))


def _flat(root: Node, dialect: Dialect) -> tuple[dict[str, tuple[str, Node]], list[Problem]]:
    """Return setting -> (its key, its node), and what is wrong with the keys."""
    found: dict[str, tuple[str, Node]] = {}
    errors: list[Problem] = []
    sections = dialect.sections
    waiting = [("", root)]
    while waiting:
        above, node = waiting.pop()
        for name, child in node.value.items():
            key = f"{above}{name}"
            if key in dialect.keys:
                setting = dialect.keys[key]
                if setting in found:
                    other = found[setting][0]
                    errors.append(Problem(
                        "InvalidConfig", key, child.plain(),
                        f"one of `{other}` and `{key}`, which mean the same",
                        "Take one of the two out.", child.line,
                    ))  # fmt: skip
                else:
                    found[setting] = (key, child)
            elif key in sections:
                if isinstance(child.value, dict):
                    waiting.append((f"{key}.", child))
                elif child.value is not None:
                    inside = sorted(one for one in dialect.keys if one.startswith(f"{key}."))
                    errors.append(Problem(
                        "InvalidConfig", key, child.plain(), "a section: keys indented below it",
                        f"For example `{inside[0]}`.", child.line,
                    ))  # fmt: skip
            else:
                errors.append(unknown_key(key, child, dialect))
    return found, errors


def _missing(dialect: Dialect, root: Node, there: set[str]) -> list[Problem]:
    missing = []
    for keys in dialect.required:
        if any(dialect.keys[key] in there for key in keys):
            continue
        setting = dialect.keys[keys[0]]
        others = f" (or `{'`, `'.join(keys[1:])}`)" if len(keys) > 1 else ""
        above, _, name = keys[0].rpartition(".")
        under = f" under `{above}`" if above else ""
        suggestion = f"Add `{name}: {example_of(setting)}`{under}{others}."
        if setting == "seed":
            suggestion = f"Add `seed: 42`{under}, so that a second run gives the same."
        missing.append(Problem("InvalidConfig", keys[0], None, expected_of(setting), suggestion))
    return missing
