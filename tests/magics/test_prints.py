"""Prints of a background training in a real kernel: in their cell and in the run's log, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.kernel

LOUD = """
import contextlib, io, logging, sys, threading, warnings
import tqdm as tqdm_module
logging.basicConfig(format="%(message)s", force=True)
warnings.simplefilter("always")
said, wanted = threading.Semaphore(0), threading.Semaphore(0)
def speak():
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.warning("logged")
    warnings.warn("warned")
    for _ in tqdm_module.tqdm(range(300), desc="bar", mininterval=0):
        pass
def loud(output, target):
    if threading.current_thread() is not threading.main_thread() and wanted.acquire(timeout=0.01):
        speak()
        said.release()
    return nn.functional.cross_entropy(output, target)
def ask():
    wanted.release()
    assert said.acquire(timeout=30)
def told(stream):
    return hasattr(stream.write, "tells_nbtrain"), type(stream).__dict__.get("write").__class__.__name__
def log_of(run):
    run.stop(); run.wait()
    return (run.dir / "logs" / "training.log").read_text()
"""
START = "run = %train --loss loud --epochs 1000000 --yes"
WORDS = ("printed\n", "to stderr\n", "logged\n", "warned\n")


def test_everything_the_training_says_is_in_its_cell_and_its_log(live: Any) -> None:
    """print, stderr, logging, warnings and a bar: in the cell of the run, and a line each in the log."""
    live(LOUD)
    cell = live(START)
    later = live("ask(); print('mine')")
    log = live("print(log_of(run))").printed
    live.wait_for(lambda one: "300/300" in str(one["content"].get("text")))

    assert all(word in log for word in WORDS), log
    assert "mine" not in log and later.printed == "mine\n"
    assert len([line for line in log.splitlines() if "bar:" in line]) == 1 and "300/300" in log
    assert all(word in cell.printed for word in WORDS)


def test_a_cell_that_redirects_keeps_what_it_gets(live: Any) -> None:
    """While a cell redirects stdout, prints go there as ever and into the log; then all is as before."""
    live(LOUD)
    cell = live(f"before = sys.stdout\n{START}")
    live(
        "import time\nheard = io.StringIO()\n"
        "with contextlib.redirect_stdout(heard):\n"
        "    time.sleep(1.0)\n    ask()\n    print('mine')"
    )
    live("ask()")
    seen = live("heard.getvalue(), sys.stdout is before").text
    log = live("print(log_of(run))").printed
    after = live("told(sys.stdout), told(heard), sys.stdout is before").text

    assert "('printed\\nmine\\n', True)" in seen
    assert log.count("| printed\n") == 2 and "mine" not in log
    assert cell.printed.count("printed\n") == 1
    assert "((False, 'function'), (False, 'method_descriptor'), True)" in after


def test_a_cell_that_captures_its_output_can_train(live: Any) -> None:
    """Prints after a %%capture cell that started the run are in the log from the first on."""
    live(LOUD)
    live(f"%%capture\n{START}")
    live("ask()")
    log = live("print(log_of(run))").printed

    assert all(word in log for word in WORDS), log


def test_unloading_takes_the_listener_off(live: Any) -> None:
    """%unload_ext leaves the streams untouched, also while a run trains on."""
    live(LOUD)
    live(START)
    during = live("ask(); told(sys.stdout)").text
    live("%unload_ext nbtrain")
    live("ask(); import time; time.sleep(0.6)")
    after = live("told(sys.stdout), told(sys.stderr), run.status.alive").text
    live("%load_ext nbtrain")
    log = live("print(log_of(run))").printed

    assert "(True, '_Telling')" in during
    assert "((False, 'function'), (False, 'function'), True)" in after
    assert log.count("| printed\n") == 1


def test_the_log_tab_shows_a_bar_as_it_runs(live: Any) -> None:
    """A page with the log open is sent the bar's state before the bar has a line in the file."""
    live(LOUD + "\ndef speak():\n    print('half a line', end='')\n")
    cell = live(START)
    (panel,) = [
        data["application/vnd.jupyter.widget-view+json"]["model_id"]
        for data in cell.shown
        if "application/vnd.jupyter.widget-view+json" in data
    ]
    live.send(panel, {"type": "log", "open": True, "end": 0})
    live("ask()")

    def told(text: str) -> Any:
        return lambda one: (
            one["msg_type"] == "comm_msg"
            and one["content"]["data"].get("content") == {"type": "printing", "text": text}
        )

    live.wait_for(told("half a line"))
    live("run.stop(); run.wait();")
    live.wait_for(told(""))
