"""explain on errors, as processes and in Python: standard input, files, exit status, the last error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbtrain
from nbtrain.commands.errors_explained import decoded
from nbtrain.errors import UsageError

ROOT = Path(nbtrain.__file__).parents[1]
KEYS = {"pattern", "title", "what", "why", "fix", "where"}
SHAPES = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x100 and 784x10)"
TRACED = (
    f'Traceback (most recent call last):\n  File "train.py", line 12, in <module>\n    model(x)\n{SHAPES}\n'
)
NO_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pandas", "matplotlib", "numpy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
from nbtrain.cli.main import main
sys.exit(main(["explain", "--json"]))
"""


def run(*words: str, given: bytes = b"", command: tuple[str, ...] = ("-m", "nbtrain")) -> Any:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, *command, *words], input=given, env=env, capture_output=True)


def test_a_traceback_on_stdin_is_explained_as_text() -> None:
    """`nbtrain explain < traceback.txt` prints what, why, how to fix it and where, and ends with 0."""
    said = run("explain", given=TRACED.encode())
    text = said.stdout.decode()

    assert said.returncode == 0
    assert all(
        part in text
        for part in ("What it is", "Why it happens", "How to fix it", "train.py, line 12: model(x)")
    )


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        (TRACED.encode(), "linear-features"), (TRACED.encode("utf-16"), "linear-features"),
        (b"\xff\xfe\x00\xd8 broken \xff\n" + TRACED.encode(), None),
        (b"\xe9t\xe9\n" + TRACED.encode(), "linear-features"),
        (b"KeyError: 'a'\n", None), (b"", None), (b"no error here\n", None),
    ],
    ids=["utf-8", "utf-16", "damaged", "latin-1", "unknown", "empty", "none"],
)  # fmt: skip
def test_json_is_one_object_of_the_contract(given: bytes, pattern: str | None) -> None:
    """--json prints one object with the six keys, whatever the input's encoding, and ends with 0."""
    said = run("explain", "--json", given=given)
    data = json.loads(said.stdout)

    assert said.returncode == 0 and data.keys() >= KEYS
    assert data["pattern"] == pattern
    assert data["title"] and data["what"]


def test_text_is_explained_without_torch() -> None:
    """Neither torch nor numpy nor pandas is needed to explain a text."""
    said = run(given=TRACED.encode(), command=("-c", NO_TORCH))

    assert said.returncode == 0, said.stderr.decode()[-500:]
    assert json.loads(said.stdout)["pattern"] == "linear-features"


def test_a_file_and_a_patterns_id_are_explained(tmp_path: Path) -> None:
    """A word that is a file is read, and the id of a pattern shows its page."""
    (tmp_path / "failed.log").write_text(TRACED)

    assert (
        json.loads(run("explain", "--json", str(tmp_path / "failed.log")).stdout)["pattern"]
        == "linear-features"
    )
    assert b"A Linear layer was made for another number" in run("explain", "linear-features").stdout
    assert run("explain", "no-such-thing-at-all").returncode == 2


def test_python_explains_what_it_is_given() -> None:
    """nbtrain.explain takes an exception, a text, or in an `except` block nothing; all else is refused."""
    try:
        raise ValueError("optimizer got an empty parameter list")
    except ValueError as error:
        assert nbtrain.explain().to_dict()["pattern"] == "optimizer-empty"
        assert nbtrain.explain(error).to_dict()["pattern"] == "optimizer-empty"
    assert nbtrain.explain(TRACED).to_dict()["where"] == "train.py, line 12: model(x)"
    with pytest.raises(UsageError, match="got int"):
        nbtrain.explain(3)


def test_bytes_of_any_kind_become_text() -> None:
    """What is no UTF-8 is replaced where it stands, and the rest stays."""
    assert decoded("ä".encode()) == "ä"
    assert decoded("ä".encode("utf-8-sig")) == "ä"
    assert decoded("ä".encode("utf-16")) == "ä"
    assert decoded(b"a\xffb") == "a\ufffdb"
