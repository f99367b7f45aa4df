"""A browser or kernel test that did not run is never taken for one that passed (tests/conftest.py)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SETTINGS = "[pytest]\ntestpaths = tests\nmarkers =\n  browser: b\n  kernel: k\n  slow: s\n"
PASSING = """
import pytest

@pytest.mark.browser
def test_page(): pass

@pytest.mark.kernel
def test_kernel(): pass
"""
SKIPPED = PASSING + "\n@pytest.mark.kernel\n@pytest.mark.skip(reason='not today')\ndef test_other(): pass\n"
LATER = "\n@pytest.mark.kernel\n@pytest.mark.slow\ndef test_long(): pass\n"
SKIPPED_LATER = "import pytest\n" + LATER.replace("\ndef", "\n@pytest.mark.skip(reason='not today')\ndef")
NOT_LATER = ("-m", "not slow")
SLOW_ALONE = ("-m", "slow and not nightly and not gpu")  # as the Makefile has it
PROCESSES = [(), ("-n", "2")]
NO_BROWSER_TEST = "import pytest\n\n@pytest.mark.kernel\ndef test_kernel(): pass\n"


def session(folder: Path, suite: str, *arguments: str, required: bool) -> subprocess.CompletedProcess[str]:
    """Run a small suite under the real conftest, with a stand-in for chromium on PATH or none."""
    (folder / "tests").mkdir()
    shutil.copy(CONFTEST, folder / "tests")
    (folder / "tests" / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text(SETTINGS)
    env = {**os.environ, "PATH": str(folder), "NBTRAIN_REQUIRE_BROWSER": "1" if required else ""}
    env.pop("NBTRAIN_CHROMIUM", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_session_where_all_ran_passes(tmp_path: Path, processes: tuple[str, ...]) -> None:
    """Nothing is held against a session in which each browser and kernel test ran, in one process or two."""
    result = session(tmp_path, PASSING + LATER, *NOT_LATER, *processes, required=True)

    assert result.returncode == 0, result.stdout
    assert "DID NOT RUN" not in result.stdout


def test_the_slow_tests_alone_pass(tmp_path: Path) -> None:
    """`make test-slow`, which follows `make test`, is not asked for the tests that ran before."""
    assert f'-m "{SLOW_ALONE[1]}"' in (CONFTEST.parents[1] / "Makefile").read_text()
    result = session(tmp_path, PASSING + LATER, *SLOW_ALONE, required=True)

    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout and "DID NOT RUN" not in result.stdout


@pytest.mark.parametrize(
    ("suite", "arguments", "said"),
    [
        (SKIPPED, (), "test_other: Skipped: not today"),
        (PASSING, ("-m", "not browser"), "test_page: deselected"),
        (NO_BROWSER_TEST, (), "every test marked `browser`: none was collected"),
        (SKIPPED_LATER, SLOW_ALONE, "test_long: Skipped: not today"),
    ],
)
@pytest.mark.parametrize("processes", PROCESSES)
def test_ci_fails_when_one_did_not_run(
    tmp_path: Path, suite: str, arguments: tuple[str, ...], said: str, processes: tuple[str, ...]
) -> None:
    """Under NBTRAIN_REQUIRE_BROWSER a skipped, deselected or missing test of these fails and is named."""
    result = session(tmp_path, suite, *arguments, *processes, required=True)

    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "BROWSER OR KERNEL TESTS THAT DID NOT RUN" in result.stdout
    assert said in result.stdout


def test_at_home_a_missing_browser_is_loud_but_no_failure(tmp_path: Path) -> None:
    """Without chromium the browser tests are skipped, the session passes, and its summary says so."""
    result = session(tmp_path, PASSING, required=False)

    assert result.returncode == 0
    assert "BROWSER OR KERNEL TESTS THAT DID NOT RUN" in result.stdout
    assert "no chromium here" in result.stdout
