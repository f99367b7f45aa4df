"""What the run ran on: git commit, versions, GPU. Under 0.3 s, never fails; what is unknown is None.

Imports nothing that is not imported already; in particular it does not start CUDA.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

GIT_TIMEOUT_S = 0.12
ALWAYS = ("nbtrain", "torch", "numpy", "pandas", "ipykernel", "ipython")
_VERSION = re.compile(r"^v?\d+[\w.+!-]*$")


def environment(folder: str | Path = ".") -> dict[str, Any]:
    """Describe the machine and the software, as JSON-ready values.

    Args:
        folder: where git is asked for the commit; the working folder as a rule.

    Returns:
        git {commit, dirty}, python, platform, hostname, cpu_count, torch, cuda, cudnn, driver, gpu (names),
        threads, packages {name: version} of what is imported. Unknown values are None.
    """
    found: dict[str, Any] = {
        "git": git_state(folder),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hostname": platform.node(),
        "cpu_count": os.cpu_count(),
        "torch": None,
        "cuda": None,
        "cudnn": None,
        "driver": _driver(),
        "gpu": _gpus_from_driver(),
        "threads": None,
        "packages": packages(),
    }
    if (torch := sys.modules.get("torch")) is not None:
        with contextlib.suppress(Exception):  # a half-imported or broken torch must not stop a run's record
            found |= _torch_facts(torch)
    return found


def git_state(folder: str | Path = ".") -> dict[str, Any]:
    """Return {commit, dirty}: None, None outside a repository; dirty None where git took too long to tell."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return {"commit": None, "dirty": None}
    # untracked files are left out: listing them is what makes git slow in a folder full of data
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}


def packages() -> dict[str, str]:
    """Return the versions of the packages imported so far, by import name, read from what they carry."""
    found: dict[str, str] = {}
    for name, module in sys.modules.copy().items():  # in one go: an import elsewhere may add to it
        if "." in name or name.startswith("_") or name in sys.stdlib_module_names:
            continue
        version = getattr(module, "__dict__", {}).get("__version__")  # __dict__: no lazy import, no warning
        if isinstance(version, str) and _VERSION.match(version):
            found[name] = str(version)
    for name in ALWAYS:
        if name not in found:
            with contextlib.suppress(Exception):  # broken metadata of a package is no reason to fail
                found[name] = importlib.metadata.version(name)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _git(folder: str | Path, *words: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.strip()


def _torch_facts(torch: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_initialized():  # asking earlier would start CUDA, which takes seconds
        facts["gpu"] = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        facts["cudnn"] = torch.backends.cudnn.version()
    return facts


def _driver() -> str | None:
    """The NVIDIA driver's version, read from /proc: nvidia-smi takes up to a second."""
    with contextlib.suppress(OSError):
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
        if match := re.search(r"Kernel Module(?: for \S+)?\s+(\d[\d.]+)", text):
            return match.group(1)
    return None


def _gpus_from_driver() -> list[str]:
    names: list[str] = []
    with contextlib.suppress(OSError):
        for card in sorted(Path("/proc/driver/nvidia/gpus").iterdir()):
            text = (card / "information").read_text(encoding="utf-8", errors="replace")
            if match := re.search(r"^Model:\s*(.+)$", text, re.MULTILINE):
                names.append(match.group(1).strip())
    return names
