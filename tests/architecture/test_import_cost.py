"""Loading the extension costs no torch; checked in fresh processes, for this one may have it already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "pandas", "matplotlib", "sklearn", "tensorboard", "wandb", "mlflow"}
LOAD_EXTENSION = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "nbtrain")
assert shell.find_line_magic("train") is not None, "no %train after load_ext"
"""


def heavy_after(code: str, *, path: Path = ROOT) -> set[str]:
    """Run `code` in a fresh process and name the heavy packages that it imported."""
    script = (
        "import sys\nbefore = set(sys.modules)\n"
        + code
        + "\nprint(*(set(sys.modules) - before), file=sys.stderr)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(path), str(ROOT)))}
    result = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)

    assert result.returncode == 0, result.stderr[-2000:]
    return HEAVY & set(result.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import nbtrain", id="import nbtrain"),
        pytest.param("import nbtrain; dir(nbtrain)", id="looking at what nbtrain offers"),
        pytest.param(LOAD_EXTENSION, id="%load_ext nbtrain"),
        pytest.param("import nbtrain.commands._table", id="the command table"),
        pytest.param(
            "import nbtrain.errors, nbtrain.findings, nbtrain.units, nbtrain.report.model", id="the ground"
        ),
        pytest.param(
            "import nbtrain.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: pass",
            id="nbtrain --help",
        ),
    ],
)
def test_stays_light(code: str) -> None:
    """Neither torch nor another heavy package is imported before there is work for it."""
    assert heavy_after(code) == set()


def test_a_plan_needs_torch_alone() -> None:
    """Tables and pictures are loaded when one is asked for, not before the plan of a first run is shown."""
    code = "import nbtrain.train.plan, nbtrain.train.training, nbtrain.running.run, nbtrain.commands.start"

    assert heavy_after(code) == {"torch"}


def test_the_check_can_fail(tmp_path: Path) -> None:
    """A heavy import, however deep inside, is seen; a stand-in torch keeps the check quick."""
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "innocent.py").write_text("def deep():\n    import torch\n\ndeep()\n")

    assert heavy_after("import innocent", path=tmp_path) == {"torch"}
