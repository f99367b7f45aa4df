"""Small real models with planted faults on real data, and healthy ones: what is wrong is found, nothing
else is.
"""

from __future__ import annotations

import pytest

from tests.faults.cases import FAULTY, HEALTHY, Case
from tests.faults.confusion import is_right, judged

# those that train in about a second; the rest is slow, all: python -m tests.faults.confusion
QUICK = {
    "overfit-on-sixty-samples", "rate-too-low-for-accuracy", "nan-in-the-data", "rate-beyond-all-measure",
    "maximised-instead-of-minimised", "gradients-that-explode", "ten-sigmoid-layers",
    "relus-dead-from-the-start",
    "wrong-training-labels-under-augmentation", "rate-too-low-for-the-loss", "schedule-far-too-short",
    "optimizer-that-holds-one-bias", "one-class-given-up", "idle-gpu",
    "sgd-with-cosine", "two-classes", "hundred-samples-of-wine", "a-regression", "three-epochs",
    "with-dropout", "in-one-cycle",
}  # fmt: skip


def params(cases: list[Case]) -> list[object]:
    assert len({case.name for case in [*FAULTY, *HEALTHY]}) == len(FAULTY) + len(HEALTHY)
    marks = {case.name: () if case.name in QUICK else (pytest.mark.slow,) for case in cases}
    return [pytest.param(case, id=case.name, marks=marks[case.name]) for case in cases]


@pytest.mark.parametrize("case", params(FAULTY))
def test_a_planted_fault_is_the_one_to_act_on_first(case: Case) -> None:
    """By epochs alone and with steps, the primary finding is the fault that was planted."""
    for form, found in judged(case).items():
        assert is_right(case, found), (form, found.primary, [one.check for one in found.findings])
        assert found.found.failures == ()


@pytest.mark.parametrize("case", params(HEALTHY))
def test_a_healthy_run_is_not_accused(case: Case) -> None:
    """By epochs alone and with steps, no problem is found."""
    for form, found in judged(case).items():
        assert found.primary is None, (form, [one.check for one in found.findings])
        assert found.found.failures == ()


def test_there_are_enough_of_both() -> None:
    """At least 20 faulty and 15 healthy runs, and every quick one is among them."""
    assert len(FAULTY) >= 20 and len(HEALTHY) >= 15
    assert {case.name for case in [*FAULTY, *HEALTHY]} >= QUICK
