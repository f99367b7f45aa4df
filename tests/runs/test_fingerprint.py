"""What exactness rests on, and what is said when it is different."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import nbtrain
from nbtrain.runs.fingerprint import REASONS, differences, machine, reason

DOCS = Path(nbtrain.__file__).parents[1] / "docs" / "reliability.md"


def test_the_documentation_has_every_reason() -> None:
    """docs/reliability.md shows the table of reasons as the code has it."""
    shown = DOCS.read_text(encoding="utf-8")

    assert [
        f"| {what} | {why} |" for what, why in REASONS.items() if f"| {what} | {why} |" not in shown
    ] == []


@pytest.mark.parametrize(
    "test", ["test_checkpoint_crash.py", "test_faults.py", "test_resume.py", "test_terminate.py"]
)
def test_the_tests_that_the_documentation_names_exist(test: str) -> None:
    """A fault's line in docs/reliability.md names a test file that is there."""
    assert test in DOCS.read_text(encoding="utf-8")
    assert list((DOCS.parents[1] / "tests").rglob(test))


def test_a_machine_is_described_by_plain_values() -> None:
    """The description survives a file that weights_only reads, and is the same when nothing changed."""
    first = machine(torch.device("cpu"))

    assert first == machine(torch.device("cpu"))
    assert first["threads"] == torch.get_num_threads() and first["cuda"] == torch.version.cuda
    assert differences(first, first) == []


def test_a_difference_says_both_values_and_why() -> None:
    """Each difference has both values in words; what one side does not know is passed over."""
    (found,) = differences(
        {"threads": 4, "torch": "2.9", "cpu": None}, {"threads": 2, "numpy": "2", "cpu": "x"}
    )

    assert found.text == f"threads was 4 and is 2 now: {REASONS['threads']}."
    assert not found.exact
    assert differences({"deterministic": True}, {"deterministic": False})[0].text.startswith(
        "deterministic was on and is off now"
    )


def test_a_reason_can_have_a_detail() -> None:
    """A reason that no two values show is the table's, with a sentence in front."""
    assert reason("position", "The sampler gave another order.").text.startswith(
        "The sampler gave another order. The position in the data"
    )
