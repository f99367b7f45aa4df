"""`make bench`: the runner knows its parts, and each part can be run where it is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def bench(file: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / file), *words]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )


def test_the_runner_lists_parts_that_exist() -> None:
    """Every part it lists names a file that is there."""
    listed = bench("run.py", "--list").stdout.strip().splitlines()
    files = [line.rpartition("(")[2].rstrip(")") for line in listed]

    assert {"overhead", "stall", "history", "panel", "review", "gpu"} <= {line.split()[0] for line in listed}
    assert all((ROOT / file).is_file() for file in files), files


def test_an_unknown_part_is_refused_with_those_there_are() -> None:
    """A slip of the keys costs no minutes of measuring."""
    ended = bench("run.py", "--only", "stalls")

    assert ended.returncode == 2
    assert "no part is called stalls" in ended.stderr and "overhead, stall" in ended.stderr


def test_a_part_that_fails_is_said_and_the_others_run(tmp_path: Path) -> None:
    """The runner ends with 1 where a part failed, after the others had their turn."""
    script = tmp_path / "some.py"
    script.write_text(
        "import sys; sys.path.insert(0, 'benchmarks')\n"
        "import run\n"
        "bad, good = run.Part('bad', 'fails', ('no.py',)), run.Part('good', 'runs', ('run.py', '--list'))\n"
        "run.PARTS = bad, good\n"
        "sys.argv = ['run.py']\n"
        "sys.exit(run.main())\n"
    )
    ended = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True)

    assert ended.returncode == 1
    assert "FAILED" in ended.stdout and "== good: runs" in ended.stdout and "panel" in ended.stdout


@pytest.mark.slow
def test_the_stall_is_measured_both_ways() -> None:
    """The stall of a checkpoint is printed for both ways of saving, with bytes and share."""
    said = bench("checkpoint_stall.py", "--parameters", "2e6", "--rounds", "2").stdout

    assert "2 million parameters with AdamW on cpu, 25 MB a checkpoint" in said
    assert "the training waits" in said and "written beside it" in said


@pytest.mark.slow
def test_without_a_gpu_its_section_is_left_out() -> None:
    """The GPU part says so and ends well."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU, on which it would measure")
    ended = bench("gpu.py")

    assert ended.returncode == 0 and "No GPU here" in ended.stdout
