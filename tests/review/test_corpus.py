"""The review against whole scripts: what is planted is named, what is correct is left alone."""

from __future__ import annotations

import runpy
from pathlib import Path

CORPUS = runpy.run_path(str(Path(__file__).parents[1] / "corpus" / "score.py"))


def test_the_corpus_meets_its_goals() -> None:
    """95 % of planted faults are named, 97 % of findings are right, nothing critical on correct code."""
    total = CORPUS["score"]()

    assert total.recall >= 0.95, total.remarks
    assert total.precision >= 0.97, total.remarks
    assert total.critical_on_correct == 0
    assert total.untouched >= 0.95 * total.correct


def test_the_corpus_is_large_and_balanced() -> None:
    """There are at least sixty scripts, a third of them correct, in many styles."""
    sources = CORPUS["sources"]()
    text = "\n".join(source for _, source, _ in sources)

    assert len(sources) >= 60
    assert sum(not wanted for _, _, wanted in sources) * 3 >= len(sources)
    for style in (
        "argparse",
        "dataclass",
        "accelerate",
        "lightning",
        "fabric",
        "TrainingArguments",
        "class ",
    ):
        assert style in text
