"""YAML is read safely: hostile files are refused in words, numbers are numbers, lines are known."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import pytest

from nbtrain.config.reading import read_file, read_text
from nbtrain.errors import InvalidConfig, UsageError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "python tag": ("a: !!python/object/apply:os.system ['touch /tmp/nbtrain-was-run']", "tag"),
    "own tag": ("a: !thing 1", "tag"),
    "binary tag": ("a: !!binary aGVsbG8=", "tag"),
    "alias bomb": (BOMB, "aliases counted"),
    "merge bomb": ("a: &a {x: 1}\n" + "b: &b {<<: *a, y: 2}\n" + "c: *d", "names none"),
    "self alias": ("a: &a [*a]", "names none"),
    "deep flow": ("a: " + "[" * 20_000, "levels"),
    "deep flow pairs": ("a: " + "{a: " * 12_000, "levels"),
    "deep blocks": ("\n".join(" " * i + "a:" for i in range(300)), "levels"),
    "many values": ("a: [" + "1," * 30_000 + "]", "values"),
    "many keys": ("\n".join(f"k{i}: 1" for i in range(5_000)), "values"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "stands in line 1"),
    "duplicate inside": ("a:\n  b: 1\n  b: 2", "stands in line 2"),
    "tab": ("a:\n\tb: 1", "tab"),
    "list on top": ("- 1\n- 2", "a list"),
    "word on top": ("hello", "single value"),
    "empty": ("", "empty"),
    "comments alone": ("# nothing\n", "empty"),
    "two documents": ("a: 1\n---\nb: 2", "second begins"),
    "unclosed": ("a: [1, 2", "YAML"),
    "unclosed quote": ('a: "x', "YAML"),
    "null byte": ("a: \0", "YAML"),
    "mapping as a key": ("? {a: 1}\n: 2", "a name before the colon"),
    "no colon": ("a: 1\nb\nc: 2", "YAML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str, tmp_path: Path) -> None:
    """A hostile file is an InvalidConfig that says what is wrong, and nothing in it is run."""
    text, said = HOSTILE[name]
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig, match=said):
        read_file(path)
    assert not Path("/tmp/nbtrain-was-run").exists()


def test_not_utf8(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are refused with the byte and its line."""
    path = tmp_path / "c.yaml"
    path.write_bytes("a: 1\nb: Größe\n".encode("latin-1"))
    with pytest.raises(InvalidConfig, match="UTF-8") as caught:
        read_file(path)
    assert caught.value.details["line"] == 2


def test_large_file_is_not_read(tmp_path: Path) -> None:
    """A file of 100 MB is refused with its size, without being read into memory."""
    path = tmp_path / "c.yaml"
    with path.open("wb") as handle:
        handle.truncate(100 * 2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidConfig, match="104,857,600 bytes"):
        read_file(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def _calls(text: str) -> int:
    """Count the calls it takes to read a text: a measure of time that does not depend on the machine."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        with contextlib.suppress(InvalidConfig):
            read_text(text)
    finally:
        sys.setprofile(None)
    return count


def test_no_text_takes_long() -> None:
    """The slowest hostile texts of the size allowed take no more work than a few ordinary ones."""
    ordinary = _calls("\n".join(f"key_{i}: {i}.5" for i in range(900)))
    for text in ("a: " + "[" * 60_000, BOMB, "a: [" + "1," * 30_000 + "]", "a: " + "x" * 60_000):
        assert _calls(text) < 5 * ordinary


def test_missing_file() -> None:
    """A file that is not there is a usage error, a folder an invalid configuration."""
    with pytest.raises(UsageError, match="no configuration file"):
        read_file("nowhere.yaml")
    with pytest.raises(InvalidConfig, match="folder"):
        read_file(".")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-4", 1e-4), ("1E5", 1e5), ("1.", 1.0), (".5", 0.5), ("-3", -3), ("1_000", 1000), ("0x10", 16),
        ("true", True), ("Yes", True), ("off", False), ("~", None), ("null", None), ("1.2.3", "1.2.3"),
        ("'1e-4'", "1e-4"), ('"5"', "5"), ("2026-01-01", "2026-01-01"), ("cuda:0", "cuda:0"),
    ],
)  # fmt: skip
def test_words(word: str, value: object) -> None:
    """Numbers are numbers, also 1e-4; what stands in quotes is a text."""
    found = read_text(f"a: {word}").plain()["a"]
    assert found == value
    assert type(found) is type(value)


def test_lines_and_merging() -> None:
    """Each value knows the line of its key, and anchors and merges are read as YAML has them."""
    root = read_text("a: &x\n  b: 1\n  c: 2\nd:\n  <<: *x\n  c: 3\ne: *x\n")
    assert root.plain() == {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}, "e": {"b": 1, "c": 2}}
    assert root.value["a"].value["c"].line == 3
    assert root.value["d"].value["c"].line == 6


def test_bom(tmp_path: Path) -> None:
    """A file that begins with a byte order mark is read."""
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_file(path).plain() == {"a": 1, "b": 2}
