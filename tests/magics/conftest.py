"""A notebook to type into: a real shell without a kernel, and a real kernel whose messages are all kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

import nbtrain
from nbtrain.runs.root import set_default_root

ROOT = Path(nbtrain.__file__).parents[1]
sys.path.insert(0, str(Path(__file__).resolve().parent))  # what several tests share
SETUP = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
train_loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(x[:16].clone(), y[:16].clone()), batch_size=16)
"""
QUIETLY = """
from nbtrain.running import active as _active
for _run in _active.alive():
    _run.stop()
for _run in _active.known():
    _run.wait(30)
_active._runs.clear()
import os as _os
_os.environ.pop("NBTRAIN_WAIT", None)
"""


# --- a shell without a kernel ---------------------------------------------------------------------


@dataclass
class Typed:
    """What came of a cell: what it printed, what it raised, the shell's result."""

    out: str
    err: str
    result: Any

    @property
    def error(self) -> BaseException | None:
        return self.result.error_in_exec or self.result.error_before_exec


@pytest.fixture(autouse=True)
def runs_go_where_they_went() -> Iterator[None]:
    """What `%config NBTrain.dir` said in one test is no default of the next."""
    yield
    set_default_root(None)


@pytest.fixture
def notebook(
    shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Typed]]:
    """Give a function that runs a cell in a shell with nbtrain loaded and a set-up to train."""
    from nbtrain.running import active

    monkeypatch.setenv("NBTRAIN_WAIT", "0")
    monkeypatch.setattr(active, "_runs", [])
    shell.run_cell(SETUP).raise_error()
    shell.run_line_magic("load_ext", "nbtrain")

    def cell(source: str) -> Typed:
        capsys.readouterr()
        result = shell.run_cell(source, store_history=True)
        said = capsys.readouterr()
        return Typed(said.out, said.err, result)

    cell.shell = shell
    yield cell
    for run in active.alive():
        run.stop()
        run.wait(30)


# --- a real kernel --------------------------------------------------------------------------------


@dataclass
class Cell:
    """A cell that ran in the kernel: its reply and the messages that name it as their parent."""

    id: str
    reply: dict[str, Any]
    notebook: Any = field(repr=False)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [one for one in self.notebook.messages if one["parent_header"].get("msg_id") == self.id]

    @property
    def printed(self) -> str:
        return "".join(one["content"]["text"] for one in self.messages if one["msg_type"] == "stream")

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The data of what the cell displays, each display as it is now, in order."""
        now: list[dict[str, Any]] = []
        for one in self.messages:
            if one["msg_type"] in ("display_data", "execute_result"):
                now.append(self.notebook.now(one["content"]))
        return now

    @property
    def text(self) -> str:
        return "\n".join([self.printed, *(data.get("text/plain", "") for data in self.shown)])

    @property
    def error(self) -> list[str]:
        return self.reply["content"].get("traceback", [])


class KernelNotebook:
    """Runs cells in a real kernel and keeps every message, also those that threads send between cells."""

    def __init__(self, client: Any) -> None:
        self.client, self.kernel_manager = client, client.parent
        self.messages: list[dict[str, Any]] = []

    def __call__(
        self, source: str, *, allow_stdin: bool = True, during: Callable[[], Any] | None = None
    ) -> Cell:
        """Run a cell to its end; `during` is called once it runs."""
        cell = self.begin(source, allow_stdin=allow_stdin)
        if during is not None:
            during()
        return self.end(cell)

    def begin(self, source: str, *, allow_stdin: bool = True) -> str:
        return self.client.execute(source, allow_stdin=allow_stdin, store_history=True)

    def end(self, cell: str, seconds: float = 90) -> Cell:
        until = time.monotonic() + seconds
        reply = None
        while reply is None:
            found = self.client.get_shell_msg(timeout=max(0.1, until - time.monotonic()))
            reply = found if found["parent_header"].get("msg_id") == cell else None
        self.wait_for(lambda one: is_idle(one, cell))
        return Cell(cell, reply, self)

    def wait_for(self, seen: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        """Read messages until one is as `seen` says; those read before count."""
        for one in self.messages:
            if seen(one):
                return one
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (one := self._next(until - time.monotonic())) is not None and seen(one):
                return one
        raise AssertionError("the kernel never sent the message that was waited for")

    def _next(self, seconds: float) -> dict[str, Any] | None:
        try:
            one = self.client.get_iopub_msg(timeout=max(0.01, seconds))
        except Empty:
            return None
        self.messages.append(one)
        return one

    def now(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return the data of a display after its updates."""
        place = content.get("transient", {}).get("display_id")
        data = content["data"]
        for one in self.messages:
            later = one["msg_type"] == "update_display_data"
            if place and later and one["content"]["transient"].get("display_id") == place:
                data = one["content"]["data"]
        return data

    def send(self, comm: str, content: dict[str, Any]) -> str:
        """Send a widget's message, as the page does."""
        message = self.client.session.msg(
            "comm_msg", {"comm_id": comm, "data": {"method": "custom", "content": content}}
        )
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def interrupt(self) -> None:
        self.kernel_manager.interrupt_kernel()


def is_idle(message: dict[str, Any], cell: str) -> bool:
    return (
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"].get("msg_id") == cell
    )


@pytest.fixture
def live(kernel: Any) -> Iterator[KernelNotebook]:
    """Give a kernel with nbtrain loaded, a set-up to train and JSON logging."""
    book = KernelNotebook(kernel)
    loading = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n%load_ext nbtrain\n%config NBTrain.log = 'json'"
    )
    assert book(SETUP + loading).reply["content"]["status"] == "ok"
    yield book
    assert book(QUIETLY).reply["content"]["status"] == "ok"
