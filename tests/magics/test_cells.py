"""Cells beside a run that trains: they draw, they are interrupted, and the run does not notice."""

from __future__ import annotations

import time
from typing import Any

import pytest

RUN = """
import nbtrain
from nbtrain.running import active
torch.set_num_threads(1)
def start(**options):
    global run
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.4), nn.Linear(32, 2))
    loader = DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True, **options)
    torch.manual_seed(2)
    adam = torch.optim.Adam(net.parameters())
    run = nbtrain.train(net, loader, loss=criterion, optimizer=adam, no_val=True, epochs=EPOCHS)
    run.net = net
def ended():
    run.wait(60)
    assert str(run.status) == "completed", run.error
    return sum(p.double().sum() for p in run.net.parameters()).item().hex()
"""


def test_each_cells_draws_stay_its_own(notebook: Any) -> None:
    """With the extension loaded a cell's thread is told apart before the cell runs, while a run lives."""
    from nbtrain.running.guards import streams

    notebook("run = %train --yes --epochs 100000 --log json")
    streams.unmark_thread()  # as a thread that has run no cell yet
    notebook("marked = torch.random.default_generator is not torch.default_generator\na = torch.rand(1)")
    assert notebook.shell.user_ns["marked"] and streams._included(streams._key)
    notebook("run.stop(); run.wait();")
    notebook("b = torch.rand(1)")

    assert not streams._included(streams._key)


def test_unloading_leaves_no_hook(notebook: Any) -> None:
    """%unload_ext takes the function out that is called before each cell; loading twice adds one."""
    from nbtrain.magics import cells

    before_each = notebook.shell.events.callbacks["pre_run_cell"]
    notebook("%load_ext nbtrain\nimport nbtrain; nbtrain.runs()")
    assert before_each.count(cells._before) == 1
    notebook("%unload_ext nbtrain")

    assert cells._before not in before_each


@pytest.mark.kernel
def test_draws_in_cells_leave_background_runs_bit_identical(live: Any) -> None:
    """Cells that draw, build layers and seed while it trains: the same weights as undisturbed, each time."""
    live(RUN.replace("EPOCHS", "40"))
    alone = live("start()\nended()").text
    for _ in range(2):
        live("start()")
        busy = 0
        while "True" in live("run.status.alive").text:
            live("torch.rand(5); nn.Linear(9, 9); torch.manual_seed(4); torch.randperm(8)")
            busy += 1
        assert busy
        assert live("ended()").text == alone


@pytest.mark.kernel
def test_an_interrupt_leaves_a_run_with_workers_alone(live: Any) -> None:
    """The square button on another cell, again and again: that cell ends, the run and its workers go on."""
    live(RUN.replace("EPOCHS", "10"))
    alone = live("start(num_workers=2)\nended()").text
    live("start(num_workers=2)")
    interrupted = 0
    while interrupted < 5 and "True" in live("run.status.alive").text:
        cell = live.begin("import time\ntime.sleep(30)")
        time.sleep(0.3)
        live.interrupt()
        assert "KeyboardInterrupt" in "".join(live.end(cell).error)
        interrupted += 1

    assert interrupted
    assert live("ended()").text == alone
    assert "[]" in live("run.events, run.alerts").text


DATA_SET = """
from typing import NamedTuple
class Sample(NamedTuple):
    input: torch.Tensor
    target: torch.Tensor
class Scaled(torch.utils.data.Dataset):
    def __init__(self, x, y, transform):
        self.x, self.y, self.transform = x, y, transform
    def __len__(self):
        return len(self.x)
    def __getitem__(self, index):
        return self.transform(self.x[index]), self.y[index]
def together(samples):
    return Sample(*torch.utils.data.default_collate(samples))
def whole(batch):
    assert type(batch) is Sample
    return batch
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 2)
    def forward(self, x):
        return self.inner(x)
factor = 2.0
started = []
def noted(worker):
    assert factor == 2.0
scaled = Scaled(x, y, lambda row: row * factor)
"""


@pytest.mark.kernel
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_data_set_of_the_notebook_reaches_workers_that_are_not_forked(live: Any, method: str) -> None:
    """What cells define for a loader works in spawned and forkserver workers; the loader stays as it was."""
    live(DATA_SET)
    cell = live(f"""
import nbtrain
data = DataLoader(scaled, batch_size=16, num_workers=2, collate_fn=together, worker_init_fn=noted,
                  multiprocessing_context={method!r})
run = nbtrain.train(Whole(), data, loss=criterion, no_val=True, epochs=1)
run.wait(80)
print(run.status, run.progress.step, run.error, data.dataset is scaled, data.collate_fn is together)
""")

    assert "completed 4 None True True" in cell.printed, cell.printed
