"""%train free and nbtrain.free() in a notebook: all that IPython holds of a failed cell is let go."""

from __future__ import annotations

import gc
from typing import Any

import pytest

FAILING = """
import weakref, torch
def forward(size):
    activations = torch.zeros(size)
    refs.append(weakref.ref(activations))
    try:
        activations.view(7, -3, 2)
    except RuntimeError as error:
        raise ValueError("a shape that fits nothing") from error
refs = []
forward(1024 * 1024)
"""


def test_a_failed_cells_tensors_are_let_go(notebook: Any) -> None:
    """All three holders: Python's last exception, the traceback IPython keeps, the last cell's result."""
    assert isinstance(notebook(FAILING).error, ValueError)
    (ref,) = notebook.shell.user_ns["refs"]
    gc.collect()
    assert ref() is not None, "else this test shows nothing"
    said = notebook("%train free").out

    assert ref() is None
    assert "4.0 MiB" in said and "%debug has nothing to look at any more" in said


def test_only_what_is_asked_for_is_forgotten(notebook: Any) -> None:
    """Values of earlier cells stay, unless --outputs asks for them too."""
    notebook("import torch\ntorch.ones(5)")
    notebook("%train free")
    assert len(notebook.shell.user_ns["Out"]) == 1
    said = notebook("%train free --outputs").out

    assert len(notebook.shell.user_ns["Out"]) == 0
    assert "Values of Out forgotten: 1." in said


def test_debugging_works_until_it_is_freed(notebook: Any) -> None:
    """A failed cell can be looked at as ever before; the next failure too."""
    notebook(FAILING)
    assert notebook.shell.InteractiveTB.tb is not None
    notebook("import nbtrain; freed = nbtrain.free()")
    assert notebook.shell.InteractiveTB.tb is None
    notebook(FAILING)

    assert notebook.shell.InteractiveTB.tb is not None
    assert notebook.shell.user_ns["freed"].had_traceback


def test_unloading_takes_the_holder_back(notebook: Any) -> None:
    """After %unload_ext nothing of ours reaches into the shell."""
    from nbtrain.notebook import leftovers

    assert len(leftovers.holders) == 1
    notebook("%load_ext nbtrain")
    assert len(leftovers.holders) == 1
    notebook("%unload_ext nbtrain")

    assert not leftovers.holders and not leftovers.output_keepers


@pytest.mark.kernel
def test_a_failed_cell_of_a_kernel_is_let_go(live: Any) -> None:
    """The same in a real kernel, which keeps more of a cell than a shell does."""
    live(FAILING)
    assert "True" in live("refs[0]() is not None").text
    cell = live("import nbtrain\nnbtrain.free()")

    assert "4.0 MiB" in cell.text
    assert "True" in live("refs[0]() is None").text


@pytest.mark.kernel
def test_a_failed_run_of_a_kernel_holds_nothing(live: Any) -> None:
    """A run that fails in the background keeps no batch and no activation, without any freeing."""
    live("""
import nbtrain, weakref, gc
refs = []
class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.calls = nn.Linear(4, 2), 0
    def forward(self, x):
        activations = self.inner(x)
        self.calls += 1
        if self.calls > 20:
            refs.extend((weakref.ref(x), weakref.ref(activations)))
            raise ValueError("in the middle")
        return activations
run = nbtrain.train(Fails(), train_loader, loss=criterion, no_val=True, epochs=50)
run.wait(60)
""")
    held = live("gc.collect()\nstr(run.status), len(refs), [ref() for ref in refs]")

    assert "('failed', 2, [None, None])" in held.text
