"""What the run ran on."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nbtrain.runs.environment import environment, git_state


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_versions_are_those_in_use() -> None:
    """Python, torch and package versions are told, as JSON."""
    found = environment()

    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["torch"] == found["packages"]["torch"] == torch.__version__
    assert found["packages"]["pytest"] == pytest.__version__
    assert found["threads"] == torch.get_num_threads()
    assert json.loads(json.dumps(found)) == found


def test_git_tells_commit_and_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit is told, and whether tracked files were changed since."""
    monkeypatch.setitem(git_state.__globals__, "GIT_TIMEOUT_S", 30.0)  # a busy machine is not the matter here
    assert git_state(tmp_path) == {"commit": None, "dirty": None}
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path)["commit"] is None
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "a")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").touch()
    assert git_state(tmp_path) == {"commit": commit, "dirty": False}
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path) == {"commit": commit, "dirty": True}


def test_a_machine_without_git_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No git, a git that hangs and a folder that is none give unknown values."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment()["git"] == {"commit": None, "dirty": None}
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    slow.chmod(0o755)
    assert environment(tmp_path / "none")["git"] == {"commit": None, "dirty": None}


def test_the_description_imports_nothing_heavy() -> None:
    """Where torch is not imported yet it stays so, and its version is told all the same."""
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); from nbtrain.runs.environment import environment;"
        "print(environment()['packages']['torch'], 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parents[2])]
    installed = importlib.metadata.version("torch")  # without the local part of wheels from PyPI, as "+cu126"
    assert subprocess.run(command, capture_output=True, text=True).stdout == f"{installed} False\n"
