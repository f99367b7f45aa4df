"""Rules a reader can rely on everywhere: no machine's paths, no stray prints, a promise on every test."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# An absolute path below a folder of one machine or one person, not inside a URL or a longer path.
MACHINE_PATH = re.compile(
    r"(?<![\w./:-])/(?:home|root|Users|work|workspace|mnt)/[\w.-]+|[A-Z]:\\+Users\\+\w+"
)
MAY_PRINT = ("nbtrain/cli/", "nbtrain/magics/", "nbtrain/__main__.py")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "core", "stuff"}


def project_files() -> list[Path]:
    """List what is in the repository or about to be: tracked files and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    kept = (
        "nbtrain",
        "tests",
        "js",
        "docs",
        "notebooks",
        "binder",
        "benchmarks",
    )  # an unpacked archive has no git
    return [path for name in kept for path in (ROOT / name).rglob("*") if path.is_file()]


def python_files(*folders: str) -> list[Path]:
    wanted = [ROOT / folder for folder in folders]
    found = [
        p for p in project_files() if p.suffix == ".py" and any(p.is_relative_to(folder) for folder in wanted)
    ]
    assert found, "nothing to check is a check that cannot fail"
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def machine_paths(text: str) -> list[str]:
    return [match.group() for match in MACHINE_PATH.finditer(text)]


def prints(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node.lineno


def silent_handlers(text: str) -> Iterator[int]:
    """Yield the lines of handlers that swallow any exception and give no reason in a comment."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        broad = node.type is None or (
            isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
        )
        empty = all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
        if broad and empty and not any("#" in line for line in lines[node.lineno - 1 : node.end_lineno]):
            yield node.lineno


def test_no_file_names_a_path_of_one_machine() -> None:
    """Nothing in the repository holds an absolute path below somebody's home or work folder."""
    found = {}
    for path in project_files():
        try:
            hits = machine_paths(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue  # pictures
        if hits:
            found[name_of(path)] = hits

    assert found == {}


@pytest.mark.parametrize("part", ["home/ann", "root/x", "Users/ann", "work/main"])
def test_the_path_check_can_fail(part: str) -> None:
    """A home or work folder is found in a sentence and in quotes, and not in a URL."""
    path = "/" + part

    assert machine_paths(f'open("{path}/a.txt") and see {path}') == [path, path]
    assert machine_paths(f"https://example.org{path}") == []


def test_the_library_does_not_print() -> None:
    """Commands return values and the fronts show them: no print( outside the fronts."""
    found = [
        f"{name_of(path)}:{line}"
        for path in python_files("nbtrain")
        if not name_of(path).startswith(MAY_PRINT)
        for line in prints(ast.parse(path.read_text()))
    ]

    assert found == []


def test_no_failure_is_swallowed_without_a_reason() -> None:
    """An `except Exception` that does nothing says in a comment why that is right."""
    found = [
        f"{name_of(path)}:{line}"
        for path in python_files("nbtrain")
        for line in silent_handlers(path.read_text())
    ]

    assert found == []


def test_the_handler_check_can_fail() -> None:
    """A silent handler is reported, one with a reason or with a narrow type is not."""
    silent = "try:\n    f()\nexcept Exception:\n    pass\n"
    reasoned = "try:\n    f()\nexcept Exception:\n    pass  # the panel may be gone\n"
    narrow = "try:\n    f()\nexcept KeyError:\n    pass\n"

    assert [list(silent_handlers(text)) for text in (silent, reasoned, narrow)] == [[3], [], []]


def test_modules_are_named_after_their_subject() -> None:
    """No module is called utils, helpers, base or the like."""
    found = [name_of(path) for path in python_files("nbtrain") if path.stem in VAGUE_NAMES]

    assert found == []


def test_modules_say_what_they_own() -> None:
    """Every module of the library that holds code opens with a docstring."""
    found = [
        name_of(path)
        for path in python_files("nbtrain")
        if (tree := ast.parse(path.read_text())).body and not ast.get_docstring(tree)
    ]

    assert found == []


def test_every_test_states_its_promise() -> None:
    """Every test function has a docstring of one sentence or two on one line."""
    found = []
    for path in python_files("tests"):
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                promise = ast.get_docstring(node) or ""
                if not promise or "\n" in promise:
                    found.append(f"{name_of(path)}:{node.lineno} {node.name}")

    assert found == []


def test_no_test_stands_on_mocks() -> None:
    """Tests use real parts: none imports a mocking library."""
    mocks = re.compile(
        r"^\s*(?:from|import)\s+(?:unittest\.mock|unittest\s+import\s+mock|mock\b|pytest_mock)", re.M
    )

    assert [name_of(path) for path in python_files("tests") if mocks.search(path.read_text())] == []


def test_notebooks_are_stored_without_outputs() -> None:
    """Notebooks in the repository hold no outputs and no counts: a diff is about what was written."""
    notebooks = [path for path in project_files() if path.suffix == ".ipynb" and "cases" not in path.parts]
    cells = [(name_of(path), cell) for path in notebooks for cell in json.loads(path.read_text())["cells"]]

    assert notebooks
    assert [name for name, cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
