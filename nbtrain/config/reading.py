"""YAML text -> a tree of nodes that know their lines.

Only the parser of ruamel.yaml is used: nothing in a file can make an object, whatever its tags say. What
would
cost time or memory (size, depth, number of values, aliases that multiply) is refused before it does.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrain.config.problem import Problem
from nbtrain.errors import InvalidConfig, UsageError

# A configuration has a hundred lines; the parser reads about 100 KB and 8,000 values a second.
MOST_BYTES = 64 * 1024
MOST_VALUES = 2_000
DEEPEST = 12
MOST_DIGITS = 400

_INT = re.compile(r"[-+]?[0-9][0-9_]*")
_BASED = re.compile(r"[-+]?0(?:x[0-9a-fA-F_]+|o[0-7_]+|b[01_]+)")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_CORE = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_WORDS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
_NULLS = ("", "~", "null", "Null", "NULL")
# brackets one in the other, which the parser looks ahead over again and again before it tells of the first
_BRACKETS = re.compile(rf"(?:[\[{{]\s*){{{DEEPEST + 1}}}")
_SPECIAL = {".nan": math.nan, ".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf}


@dataclass(frozen=True)
class Node:
    """A value of the file.

    Attributes:
        value: a dict of names to nodes, a list of nodes, or a plain value.
        line: 1-based line of its key, or of itself in a list. quoted: it was written in quotes.
        text: a plain value as written. weight: values below it, those of aliases counted each time.
    """

    value: Any
    line: int
    quoted: bool = False
    text: str = ""
    weight: int = 1

    def plain(self) -> Any:
        """Return the value without its lines."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read_file(path: str | os.PathLike[str]) -> Node:
    """Read a YAML file.

    Raises:
        UsageError: there is no such file.
        InvalidConfig: it is too large, no UTF-8, no YAML, or no mapping; says where.
    """
    path = Path(path).expanduser()
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise invalid("a YAML file", f"{path} is a folder or a device.")
        with path.open("rb") as handle:
            data = handle.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise UsageError(
            f"There is no configuration file {path}.",
            suggestion="Give the path of a YAML file; `validate --new baseline` writes one.",
            path=str(path),
        ) from error
    except OSError as error:
        raise invalid("a file that can be read", f"{path}: {error.strerror or error}.") from error
    if len(data) > MOST_BYTES:
        size = max(found.st_size, len(data))
        raise invalid(
            f"a configuration of at most {MOST_BYTES // 1024} KiB, and {path} has {size:,} bytes",
            "Is it the file that was meant?",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise invalid(
            f"UTF-8 text, and byte {error.start} is none", "Save the file as UTF-8.", line=line
        ) from error
    return read_text(text)


def read_text(text: str) -> Node:
    """Read YAML text whose top is a mapping.

    Raises:
        InvalidConfig: it is no YAML, too large or too deep, or uses tags; says where.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > MOST_BYTES:
        raise invalid(
            f"a configuration of at most {MOST_BYTES // 1024} KiB", "Is it the text that was meant?"
        )
    if found := _BRACKETS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise invalid(f"at most {DEEPEST} levels, and this is deeper", "Are brackets missing?", line=line)
    try:
        root = _Builder().build(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _no_yaml(text, error.problem or "", mark.line + 1 if mark else None) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise _no_yaml(text, str(error).split("\n")[0], None) from None
    if root is None or (root.value is None and not root.quoted):
        raise invalid("a mapping of settings, and the file is empty", "`validate --new baseline` writes one.")
    if not isinstance(root.value, dict):
        kind = "a list" if isinstance(root.value, list) else "a single value"
        raise invalid(
            f"a mapping of settings (`key: value`), and the file holds {kind}",
            "`validate --new baseline` writes one to begin with.",
            line=root.line,
        )
    return root


def invalid(expected: str, suggestion: str, *, line: int | None = None, field: str = "") -> InvalidConfig:
    """Return the error for a file that cannot be read as a whole."""
    problem = Problem("InvalidConfig", field, None, expected, suggestion, line)
    where = f" (line {line})" if line else ""
    return InvalidConfig(
        f"Expected is {expected}{where}.", **_without_suggestion(problem), suggestion=suggestion
    )


def _without_suggestion(problem: Problem) -> dict[str, Any]:
    return {name: value for name, value in problem.details.items() if name != "suggestion"}


def _no_yaml(text: str, problem: str, line: int | None) -> InvalidConfig:
    lines = text.split("\n")
    here = lines[line - 1] if line and line <= len(lines) else ""
    if "\\t" in problem or "\t" in here:
        return invalid("blanks, and there is a tab", "YAML indents with blanks only.", line=line)
    problem = " ".join(problem.split())[:120]
    return invalid(
        f"YAML, and this is none: {problem}" if problem else "YAML, and this is none",
        "Look for a missing colon, blank, quote or bracket there or in the line before.",
        line=line,
    )


@dataclass
class _Open:
    """A mapping or list whose end has not come."""

    line: int
    anchor: str | None
    items: Any
    key: Node | None = None
    merged: dict[str, Node] = field(default_factory=dict)
    weight: int = 1


class _Builder:
    """Makes nodes of the parser's events, without recursion."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._count = 0

    def build(self, events: Iterator[Any]) -> Node | None:
        """Return the top node of the one document, None without one."""
        documents = 0
        for event in events:
            kind, line = type(event).__name__, event.start_mark.line + 1
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise invalid("one document, and a second begins (`---`)", "Take it out.", line=line)
            elif kind == "ScalarEvent":
                self._check_tag(event, line)
                self._put(_scalar(event, line), event.anchor)
            elif kind == "AliasEvent":
                self._put(self._aliased(event.anchor, line), None)
            elif kind in ("MappingStartEvent", "SequenceStartEvent"):
                self._check_tag(event, line)
                self._open(_Open(line, event.anchor, {} if kind[0] == "M" else []))
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                self._close()
        return self._root

    def _check_tag(self, event: Any, line: int) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            raise invalid(f"at most {MOST_VALUES:,} values", "Is it the file that was meant?", line=line)
        tag = event.tag
        if tag is not None and str(tag) not in _CORE and str(tag) != "!":
            said = str(tag).replace("tag:yaml.org,2002:", "!!")[:80]
            raise invalid(
                f"plain values, and there is the tag `{said}`", "Take the tag out: no code is run.", line=line
            )

    def _open(self, opened: _Open) -> None:
        if len(self._stack) >= DEEPEST:
            raise invalid(
                f"at most {DEEPEST} levels, and this is deeper", "Are brackets missing?", line=opened.line
            )
        self._stack.append(opened)

    def _close(self) -> None:
        done = self._stack.pop()
        items = done.items
        if isinstance(items, dict) and done.merged:
            items = {**done.merged, **items}
        node = Node(items, done.line, weight=done.weight)
        self._put(node, done.anchor)

    def _aliased(self, name: str, line: int) -> Node:
        node = self._anchors.get(name)
        if node is None:
            raise invalid(f"an anchor, and `*{name[:40]}` names none before it", "Write it out.", line=line)
        return Node(node.value, line, node.quoted, node.text, node.weight)

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        top.weight += node.weight
        if top.weight > MOST_VALUES:  # aliases of aliases: billions of values in a few lines
            raise invalid(
                f"at most {MOST_VALUES:,} values, aliases counted each time", "Write it out.", line=node.line
            )
        if isinstance(top.items, list):
            top.items.append(node)
        elif top.key is None:
            if isinstance(node.value, (dict, list)):
                raise invalid("a name before the colon", "Write `name: value`.", line=node.line)
            top.key = node
        else:
            self._pair(top, top.key, node)
            top.key = None

    def _pair(self, top: _Open, key: Node, node: Node) -> None:
        name = key.text
        if name == "<<" and not key.quoted:
            for part in node.value if isinstance(node.value, list) else [node]:
                if not isinstance(part.value, dict):
                    raise invalid("a mapping after `<<`", "Write the values out.", line=key.line)
                top.merged = {**part.value, **top.merged}
            return
        if name in top.items:
            before = top.items[name].line
            raise invalid(
                f"each key once, and `{name[:60]}` stands in line {before} already",
                "Take one of the two out.", line=key.line, field=name[:60],
            )  # fmt: skip
        top.items[name] = Node(node.value, key.line, node.quoted, node.text, node.weight)


def _scalar(event: Any, line: int) -> Node:
    text = event.value
    quoted = event.style is not None and event.style in "'\"|>"
    tag = str(event.tag or "")
    if quoted and tag in ("", "!", "tag:yaml.org,2002:str"):
        return Node(text, line, quoted=True, text=text)
    if tag.endswith(":str") or tag == "!":
        return Node(text, line, quoted=True, text=text)
    return Node(plain_value(text), line, text=text)


def plain_value(text: str) -> Any:
    """Return what a word without quotes is: a number (`1e-4` is one), true or false, nothing, else itself."""
    if text in _NULLS:
        return None
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    if len(text) <= MOST_DIGITS:
        if _INT.fullmatch(text):
            return int(text.replace("_", ""))
        if _BASED.fullmatch(text):
            return int(text.replace("_", ""), 0)
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
    return text
