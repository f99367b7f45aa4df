"""Run the torch-free part of the suite on the supported Pythons other than this one (`make test-pythons`).

Torch is left out: a wheel for each Python costs gigabytes. The tests that need it run under `make test`.
A Python that is not on this machine is named and passed over.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: hatchling brings it there
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
TOOLS = (
    "pytest>=8", "pytest-timeout>=2.3", "beautifulsoup4>=4.12", "html5lib>=1.1", "markdown-it-py",
    "scikit-learn>=1.4",
)  # fmt: skip
# What needs a browser, a kernel of the full environment, or tools that only the main environment has.
LEFT_OUT = ("tests/architecture", "tests/browser", "tests/notebooks", "tests/test_hatch_build.py")


def interpreter(version: str) -> str | None:
    """Find a Python of this version: on PATH, or among pyenv's, whose shims only run the selected one."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    return next((found for found in (f"python{version}", *map(str, kept)) if runs(found)), None)


def runs(executable: str) -> bool:
    try:
        return (
            subprocess.run([executable, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0
        )
    except OSError:
        return False


def requirements() -> list[str]:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return [*(line for line in declared if not line.startswith("torch")), *TOOLS]


def environment(executable: str, version: str) -> Path:
    """Make the environment of one Python, again when the requirements change; return its python."""
    folder = ROOT / ".venv" / "pythons" / version
    python, stamp = folder / "bin" / "python", folder / ".made"
    wanted = hashlib.sha256("\n".join(requirements()).encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        subprocess.run([executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        subprocess.run([*pip, *requirements()], check=True)
        stamp.write_text(wanted)
    return python


def suite(python: Path) -> int:
    env = {**os.environ, "NBTRAIN_TESTS": "torch-free", "PYTHONPATH": str(ROOT)}
    env.pop("NBTRAIN_REQUIRE_BROWSER", None)
    marks = "not slow and not nightly and not gpu and not browser and not kernel"
    command = [str(python), "-m", "pytest", "-q", "-r", "fE", "-p", "no:cacheprovider", "-m", marks]
    return subprocess.run(
        [*command, *(f"--ignore={path}" for path in LEFT_OUT)], cwd=ROOT, env=env
    ).returncode


def main() -> int:
    results: dict[str, str] = {}
    for version in SUPPORTED:
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            continue
        executable = interpreter(version)
        if executable is None:
            results[version] = "not on this machine"
            continue
        print(f"== Python {version}", flush=True)
        code = suite(environment(executable, version))
        results[version] = "passed" if code == 0 else f"FAILED (pytest exit {code})"
    for version, result in results.items():
        print(f"Python {version}: {result}")
    return int(any(result.startswith("FAILED") for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
