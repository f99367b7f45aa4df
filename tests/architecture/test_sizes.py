"""Sizes to live by: a module, function or class that outgrows them is split, not excused."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {"module": 400, "function": 60, "class": 250, "parameters": 7}

# Breach -> its size, e.g. "nbtrain/x.py function fit": 75. It started empty and may only shrink:
# an entry that is no longer needed, or larger than needed, fails too.
ALLOWED: dict[str, int] = {}


def code_files() -> list[Path]:
    python = [*ROOT.glob("nbtrain/**/*.py"), *ROOT.glob("benchmarks/*.py"), ROOT / "hatch_build.py"]
    scripts = [*ROOT.glob("js/src/**/*.js"), *ROOT.glob("js/src/**/*.ts"), *ROOT.glob("js/*.mjs")]
    return sorted(path for path in [*python, *scripts] if path.is_file())


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count what a caller can pass by name or place, without self, cls, *args and **kwargs."""
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in named)


def measured(where: str, text: str) -> Iterator[tuple[str, str, int]]:
    """Yield (what is measured, its kind, its size) for one file."""
    yield f"{where} module", "module", len(text.splitlines())
    if not where.endswith(".py"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{where} function {node.name}", "function", node.end_lineno - node.lineno + 1
            yield f"{where} parameters of {node.name}", "parameters", parameters(node)
        elif isinstance(node, ast.ClassDef):
            yield f"{where} class {node.name}", "class", node.end_lineno - node.lineno + 1


def breaches(files: list[tuple[str, str]]) -> dict[str, int]:
    return {
        what: size
        for where, text in files
        for what, kind, size in measured(where, text)
        if size > LIMITS[kind]
    }


def test_sizes_stay_within_the_limits() -> None:
    """No module, function, class or parameter list is longer than the house allows."""
    found = breaches([(path.relative_to(ROOT).as_posix(), path.read_text()) for path in code_files()])

    assert found == ALLOWED, f"limits are {LIMITS}; the allow-list may only shrink"


def test_the_size_check_can_fail() -> None:
    """A file with one breach of each kind is reported with four breaches."""
    body = "".join(f"    x{i} = {i}\n" for i in range(61))
    function = "def long(a, b, c, d, e, f, g, *, h):\n" + body
    big_class = "class Big:\n" + "".join(f"    y{i} = {i}\n" for i in range(251))
    text = function + big_class + "\n" * 100

    assert sorted(breaches([("nbtrain/x.py", text)])) == [
        "nbtrain/x.py class Big",
        "nbtrain/x.py function long",
        "nbtrain/x.py module",
        "nbtrain/x.py parameters of long",
    ]


def test_every_source_tree_is_measured() -> None:
    """The check sees the library and the build hook, so it cannot pass by measuring nothing."""
    names = {path.relative_to(ROOT).as_posix() for path in code_files()}

    assert {"nbtrain/__init__.py", "nbtrain/findings.py", "hatch_build.py"} <= names
