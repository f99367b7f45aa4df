"""What a thread prints, heard on its way."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nbtrain.telemetry import prints as capturing
from nbtrain.telemetry.prints import Prints, captured, follow, stop_listening


def in_thread(work: Callable[[], Any]) -> list[str]:
    """Do `work` in a thread of its own, heard; return its lines."""
    prints = Prints()

    def heard() -> None:
        with captured(prints):
            work()

    thread = threading.Thread(target=heard)
    thread.start()
    thread.join()
    return prints.take(last=True)


def own_write(stream: Any) -> bool:
    return "write" in vars(stream) or hasattr(stream.write, "tells_nbtrain")


def test_it_goes_where_it_went_and_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """print, print to stderr, write and writelines go to their streams and to the listener."""

    def work() -> None:
        print("one", 1)
        print("two", file=sys.stderr)
        sys.stdout.write("three\n")
        sys.stderr.writelines(["four\n", "five\n"])

    assert in_thread(work) == ["one 1", "two", "three", "four", "five"]
    assert capsys.readouterr() == ("one 1\nthree\n", "two\nfour\nfive\n")


def test_an_earlier_logging_handler_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """A logging handler that took its stream long before is heard."""
    handler = logging.StreamHandler()
    logger = logging.getLogger("test-of-prints")
    logger.addHandler(handler)

    try:
        assert in_thread(lambda: logger.warning("logged")) == ["logged"]
    finally:
        logger.removeHandler(handler)
    assert capsys.readouterr().err == "logged\n"


def test_other_threads_are_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """What another thread prints meanwhile goes where it went, and nowhere else."""

    def work() -> None:
        other = threading.Thread(target=print, args=("theirs",))
        other.start()
        other.join()
        print("mine")

    assert in_thread(work) == ["mine"]
    assert capsys.readouterr().out == "theirs\nmine\n"


def test_the_streams_are_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    """sys.stdout stays the same object; when the last of several threads ends nothing is left on it."""
    before, prints = sys.stdout, Prints()
    with captured(prints):
        assert in_thread(lambda: print("inner")) == ["inner"]
        assert sys.stdout is before
        print("outer")
    print("afterwards")

    assert prints.take(last=True) == ["outer"]
    assert sys.stdout is before and not own_write(sys.stdout) and not own_write(sys.stderr)
    assert capsys.readouterr().out == "inner\nouter\nafterwards\n"


def test_an_exception_leaves_the_streams_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    """However the block ends the streams are put back, and the exception comes through."""
    with pytest.raises(KeyError), captured(Prints()):
        raise KeyError("x")
    assert not own_write(sys.stdout)


def test_a_redirected_stream_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    """A stream that another cell puts in place gets what it got, and is heard from the pump's next look."""
    redirected, step, seen = io.StringIO(), threading.Event(), threading.Event()

    def work() -> None:
        step.wait(10)
        print("into theirs")
        seen.set()

    prints = Prints()

    def heard() -> None:
        with captured(prints):
            work()

    thread = threading.Thread(target=heard)
    thread.start()
    with contextlib.redirect_stdout(redirected):
        follow()
        step.set()
        seen.wait(10)
        thread.join()
        print("not heard")
    print("here again")

    assert prints.take(last=True) == ["into theirs"]
    assert redirected.getvalue() == "into theirs\nnot heard\n" and not own_write(redirected)
    assert capsys.readouterr().out == "here again\n" and not own_write(sys.stdout)


class Tee:
    """A stream as people write them: hands on to another."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()


def test_a_stream_that_hands_on_is_heard_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's tee over a stream that is heard too makes no line twice."""
    prints = Prints()
    with captured(prints):
        monkeypatch.setattr(sys, "stdout", Tee(sys.stdout))
        follow()
        print("once")
        monkeypatch.undo()

    assert prints.take(last=True) == ["once"]


class Handing:
    """A stream that has everything from the one below it, also what is set on it."""

    def __init__(self, stream: Any) -> None:
        object.__setattr__(self, "stream", stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.stream, name, value)


class Slotted:
    """A stream without attributes of its own."""

    __slots__ = ("write",)


@pytest.mark.parametrize("kind", ["handing", "slotted", "tqdm"])
def test_odd_streams_work_as_before(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that hands all attributes on, or has none, prints on; it and the one below are put back."""
    below = io.StringIO()
    if kind == "tqdm":
        odd: Any = pytest.importorskip("tqdm.contrib").DummyTqdmFile(below)
    elif kind == "handing":
        odd = Handing(below)
    else:
        odd = Slotted()
        odd.write = below.write
    monkeypatch.setattr(sys, "stdout", odd)
    lines = in_thread(lambda: print("printed"))
    monkeypatch.undo()

    assert below.getvalue() == "printed\n"
    assert lines == ([] if kind == "slotted" else ["printed"])
    assert "write" not in vars(below) and not hasattr(odd.write, "tells_nbtrain")


def test_a_cell_that_wraps_and_puts_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython wraps `write` for a cell and then puts back what it found, begun before or while we listen."""

    class Stream:  # as ipykernel's: a class written in Python
        text = ""

        def write(self, text: str) -> None:
            self.text += text

    stream, recorded, prints = Stream(), [], Prints()
    monkeypatch.setattr(sys, "stdout", stream)

    @contextlib.contextmanager
    def cell() -> Any:
        found = stream.write
        stream.write = lambda text: (recorded.append(text), found(text))  # type: ignore[method-assign]
        yield
        stream.write = found  # type: ignore[method-assign]

    with contextlib.ExitStack() as listening:
        with cell():
            listening.enter_context(captured(prints))
            print("in the cell", end=";")
        print("after it", end=";")
        with cell():
            print("in the next", end=";")
        last = cell()
        last.__enter__()
    last.__exit__(None, None, None)
    print("unheard", end=";")

    assert prints.take(last=True) == ["in the cell;after it;in the next;"]
    assert stream.text == "in the cell;after it;in the next;unheard;"
    assert "".join(recorded) == "in the cell;in the next;"
    assert type(stream) is Stream
    monkeypatch.undo()


def test_somebody_elses_listener_on_top_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """A tracker that wrapped `write` meanwhile keeps its wrapper, and a later capture hears no line twice."""
    theirs: list[str] = []
    with captured(Prints()):
        below = sys.stdout.write

        def wrapped(text: str) -> int:
            theirs.append(text)
            return below(text)

        sys.stdout.write = wrapped  # type: ignore[method-assign]
    assert sys.stdout.write is wrapped
    again = Prints()
    with captured(again):
        print("heard once")

    assert again.take(last=True) == ["heard once"]
    assert "".join(theirs) == "heard once\n" == capsys.readouterr().out
    assert sys.stdout.write is wrapped
    sys.stdout.write = below  # type: ignore[method-assign]
    with captured(Prints()):
        pass
    assert not own_write(sys.stdout)


def test_a_stream_that_fails_fails_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed stream and a wrong argument raise what they always raise; no stream is no trouble."""
    closed = io.StringIO()
    closed.close()
    with captured(Prints()):
        monkeypatch.setattr(sys, "stdout", closed)
        follow()
        with pytest.raises(ValueError, match="closed"):
            print("x")
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        follow()
        with pytest.raises(TypeError):
            sys.stdout.write(3)  # type: ignore[arg-type]
        monkeypatch.setattr(sys, "stdout", None)
        follow()
        print("nowhere")
    monkeypatch.undo()


def test_stop_listening_takes_everything_off(capsys: pytest.CaptureFixture[str]) -> None:
    """After it open blocks hear nothing more, also after the pump's next look; a new block listens again."""
    prints = Prints()
    with captured(prints):
        stop_listening()
        follow()
        assert not own_write(sys.stdout)
        print("not heard")
    stop_listening()

    assert prints.take(last=True) == []
    assert in_thread(lambda: print("heard")) == ["heard"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_not_heard_and_cannot_hang(capfd: pytest.CaptureFixture[str]) -> None:
    """A worker forked while somebody holds the lock prints, and may itself listen."""
    prints = Prints()
    with captured(prints), capturing._lock:
        child = os.fork()
        if not child:
            with captured(Prints()) as own:
                print("in the child", flush=True)
            os._exit(len(own.take()))
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 1
    assert prints.take(last=True) == []


def test_a_script_prints_as_ever(python: str) -> None:
    """In a plain script with its output in a pipe every line comes once and in order, warnings too."""
    script = (
        "import sys, threading, warnings\n"
        "from nbtrain.telemetry.prints import Prints, captured\n"
        "prints = Prints()\n"
        "def work():\n"
        "    with captured(prints):\n"
        "        for i in range(5): print('line', i)\n"
        "        warnings.warn('warned')\n"
        "print('before'); t = threading.Thread(target=work); t.start(); t.join(); print('after')\n"
        "for line in prints.take()[:6]: print('heard', line)\n"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)

    lines = [f"line {i}" for i in range(5)]
    *said, warned = done.stdout.splitlines()
    assert said == ["before", *lines, "after", *(f"heard {line}" for line in lines)]
    assert warned.endswith("UserWarning: warned") and "UserWarning: warned" in done.stderr
