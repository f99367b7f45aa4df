"""A real shell in which errors are raised for real, and what is seen of each: live, and as text."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the samples


@dataclass
class Failed:
    """A cell that failed: its exception, Python's traceback, what the shell printed, its variables."""

    error: BaseException
    text: str
    printed: str
    names: dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def garbage_is_not_waited_for() -> Iterator[None]:
    """Loaders that failed are garbage in a cycle; torch waits so long for each of their workers."""
    import torch.utils.data._utils as loading

    before, loading.MP_STATUS_CHECK_INTERVAL = loading.MP_STATUS_CHECK_INTERVAL, 0.2
    yield
    loading.MP_STATUS_CHECK_INTERVAL = before


@pytest.fixture(scope="module")
def fails(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Failed]]:
    """Give a function that runs a cell in a shell whose variables begin anew each time."""
    from IPython.core.interactiveshell import InteractiveShell
    from samples.raised import BEFORE
    from traitlets.config import Config

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("xmode", "Minimal")  # the full form of torch's frames takes seconds
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("work"))
    try:
        shell.run_cell(BEFORE).raise_error()
        at_first = dict(shell.user_ns)

        def run(cell: str, mode: str = "Minimal") -> Failed:
            shell.user_ns.clear()
            shell.user_ns.update(at_first)
            shell.InteractiveTB.set_mode(mode)
            out, err = io.StringIO(), io.StringIO()
            with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                warnings.simplefilter("ignore")
                result = shell.run_cell(cell, store_history=True)
            error = result.error_in_exec or result.error_before_exec
            assert error is not None, f"this raises nothing: {cell}"
            text = "".join(traceback.format_exception(error))
            return Failed(error, text, out.getvalue(), dict(shell.user_ns))

        yield run
    finally:
        os.chdir(before)
        atexit_of(shell)
        InteractiveShell.clear_instance()


def atexit_of(shell: Any) -> None:
    """Take back what a shell leaves for the end of the process."""
    import atexit

    shell.reset(new_session=False)
    atexit.unregister(shell.atexit_operations)
