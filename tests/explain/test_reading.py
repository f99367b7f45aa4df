"""Errors read out of text: every way in which tracebacks are printed, and what is no traceback."""

from __future__ import annotations

import sys
import textwrap
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from nbtrain.explain import explain_text

SHAPES = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x100 and 784x10)"
PLAIN = f"""\
Traceback (most recent call last):
  File "train.py", line 12, in <module>
    model(x)
  File "/usr/lib/python3.11/site-packages/torch/nn/modules/linear.py", line 134, in forward
    return F.linear(input, self.weight, self.bias)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
{SHAPES}
"""
WHERE = "train.py, line 12: model(x)"


def test_a_traceback_names_the_persons_innermost_line() -> None:
    """The line of the person's file is named, not the one in torch, also between colours and Windows line ends."""
    coloured = PLAIN.replace("RuntimeError", "\x1b[1;35mRuntimeError\x1b[0m").replace(
        "File", "\x1b[32mFile\x1b[0m"
    )

    for text in (PLAIN, coloured, PLAIN.replace("\n", "\r\n"), f"epoch 1\n{PLAIN}\nexit status 1\n"):
        found = explain_text(text)
        assert (found.pattern, found.where) == ("linear-features", WHERE)
    assert "784" in explain_text(PLAIN).what


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose"])
def test_what_a_notebook_prints_is_read(mode: str, fails: Callable[..., Any]) -> None:
    """IPython's own tracebacks are read in all their modes, with colours, and name the line of the cell."""
    cell = "def step(x):\n    return torch.cat([x, torch.ones(2, 4)])\n\nstep(torch.ones(2, 3))"
    found = explain_text(fails(cell, mode).printed)

    assert found.pattern == "cat-sizes"
    assert "line 2" in found.where and "step" in found.where and "torch.cat" in found.where


@pytest.mark.parametrize(
    ("head", "where"),
    [
        (
            "<ipython-input-3-ab12cd> in <module>\n      1 import x\n----> 2 model(x)\n",
            "<ipython-input-3-ab12cd>, line 2",
        ),
        ("Input In [3], in <cell line: 2>()\n      1 import x\n----> 2 model(x)\n", "In [3], line 2"),
        ("Cell In[3], line 2\n      1 import x\n----> 2 model(x)\n", "Cell In[3], line 2"),
    ],
)
def test_older_notebooks_are_read(head: str, where: str) -> None:
    """The headings of three generations of IPython give cell and line."""
    torchs = "File /usr/lib/python3.9/site-packages/torch/nn/modules/linear.py:114, in Linear.forward(self, input)\n"
    rule = "-" * 75
    text = f"{rule}\nRuntimeError{'Traceback (most recent call last)':>63}\n{head}\n{torchs}    113 def f\n--> 114     return F\n\n{SHAPES}"
    found = explain_text(text)

    assert found.pattern == "linear-features"
    assert found.where.startswith(where) and found.where.endswith("model(x)")


def test_the_innermost_cause_decides() -> None:
    """Of `raise ... from`, what it was raised from is explained; of two known ones the cause."""
    try:
        try:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (32x100 and 784x10)")
        except RuntimeError as cause:
            raise ValueError("optimizer got an empty parameter list") from cause
    except ValueError:
        text = traceback.format_exc()

    assert explain_text(text).pattern == "linear-features"


def test_what_was_handled_counts_after_the_error_itself() -> None:
    """An error in a handler is explained as itself; where it is unknown, what was handled is."""
    for raised, expected in (
        (ValueError("optimizer got an empty parameter list"), "optimizer-empty"),
        (ValueError("training failed"), "linear-features"),
    ):
        try:
            try:
                raise RuntimeError(SHAPES.partition(": ")[2])
            except RuntimeError:
                raise raised  # noqa: B904
        except ValueError:
            text = traceback.format_exc()
        assert explain_text(text).pattern == expected


def test_a_worker_is_explained_by_its_own_traceback() -> None:
    """The traceback inside a loader's message decides, and names the line of the data set."""
    text = textwrap.dedent("""\
        Traceback (most recent call last):
          File "train.py", line 30, in <module>
            for x, y in loader:
          File "/usr/lib/python3/site-packages/torch/_utils.py", line 733, in reraise
            raise exception
        IndexError: Caught IndexError in DataLoader worker process 0.
        Original Traceback (most recent call last):
          File "/usr/lib/python3/site-packages/torch/utils/data/_utils/fetch.py", line 52, in fetch
            data = [self.dataset[idx] for idx in possibly_batched_index]
          File "data.py", line 8, in __getitem__
            return self.rows[index]
        IndexError: index 5 is out of bounds for dimension 0 with size 3
        """)
    found = explain_text(text)

    assert found.pattern == "index-out-of-bounds"
    assert found.where == "data.py, line 8, in __getitem__: return self.rows[index]"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups are new in 3.11")
def test_a_group_is_explained_by_the_member_that_is_known() -> None:
    """Of an exception group the first member that a pattern knows is explained."""
    try:
        raise ExceptionGroup("two failed", [KeyError("mine"), RuntimeError(SHAPES.partition(": ")[2])])  # noqa: F821
    except BaseException:
        text = traceback.format_exc()

    assert explain_text(text).pattern == "linear-features"


def test_logs_of_several_ranks_are_read() -> None:
    """What launchers put before the lines goes, and the rank's own error counts before the launcher's."""
    ranks = "".join(f"[rank0]: {line}\n" for line in PLAIN.splitlines())
    launcher = (
        'Traceback (most recent call last):\n  File "/usr/bin/torchrun", line 8, in <module>\n    sys.exit(main())\n'
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \ntrain.py FAILED\n"
    )

    assert explain_text(ranks + launcher).pattern == "linear-features"
    assert explain_text(ranks + launcher).where == WHERE


def test_other_frames_around_a_message_are_read() -> None:
    """pytest's margin, a logger's line before, and a message without its type do."""
    assert (
        explain_text(
            f"    def test():\n>       model(x)\nE       {SHAPES}\n\ntest_a.py:3: RuntimeError"
        ).pattern
        == "linear-features"
    )
    assert explain_text(SHAPES).pattern == "linear-features"
    assert explain_text(SHAPES.partition(": ")[2]).pattern == "linear-features"


def test_assertions_of_a_gpu_stand_beside_its_error() -> None:
    """The last traceback is explained, the kernel's own words above it are kept."""
    above = "../aten/src/ATen/native/cuda/Loss.cu:250: nll_loss: block: [0,0,0] Assertion `t >= 0 && t < n_classes` failed.\n"
    found = explain_text(
        above + PLAIN.replace(SHAPES, "RuntimeError: CUDA error: device-side assert triggered")
    )

    assert found.pattern == "device-side-assert" and found.where == WHERE


@pytest.mark.parametrize(
    "text",
    [
        "", "\n \n", "Hello, world.", "epoch 1 loss 0.5\nepoch 2 loss 0.4\n",
        "UserWarning: Using a target size (torch.Size([8])) that is different to the input size (torch.Size([8, 1])).",
        "All tests passed without any error.", "\x00\x01\x02", "Traceback (most recent call last):",
    ],
)  # fmt: skip
def test_a_text_without_an_error_is_called_that(text: str) -> None:
    """Where there is no error nothing is explained: no pattern, no line, and the title says so."""
    found = explain_text(text)

    assert (found.pattern, found.where, found.code) == (None, None, "")
    assert "no error" in found.title


def test_an_unknown_error_is_told_by_its_own_line() -> None:
    """The title is the exception's line, and the words name the person's innermost line and nothing else."""
    found = explain_text(PLAIN.replace(SHAPES, "KeyError: 'label'"))

    assert found.title == "KeyError: 'label'"
    assert found.where == WHERE and WHERE in found.what
    assert (found.why, found.code) == ("", "")


@pytest.mark.parametrize(
    "long",
    [
        PLAIN * 3_000, "a" * 3_000_000 + "\n" + PLAIN, PLAIN + "x" * 3_000_000,
        SHAPES.replace("(32", "(" * 200_000 + "32"), "word " * 400_000, "Error: " * 200_000,
        "Missing key(s) in state_dict: " + '"a.b", ' * 100_000,
    ],
    ids=["many", "long line", "long message", "brackets", "prose", "errors", "keys"],
)  # fmt: skip
def test_a_very_long_text_is_read_in_seconds(long: str) -> None:
    """Megabytes of text never hang the command: no expression takes more than linear time."""
    began = time.process_time()
    explain_text(long)

    assert time.process_time() - began < 30
