"""The validation data are shuffled, which changes nothing but the order.

What it does
Looks for a DataLoader named for validation or test with `shuffle=True`.

Why it hurts
Nothing breaks. Predictions cannot be matched with the data set by position, a mean of batch means varies
from epoch to epoch, and random numbers are drawn that a resumed run has to draw again.

Bad
```python
from torch.utils.data import DataLoader

val_loader = DataLoader(val_data, batch_size=64, shuffle=True)
```

Good
```python
from torch.utils.data import DataLoader

val_loader = DataLoader(val_data, batch_size=64)
```

When to ignore
Only a few batches of the validation data are looked at, and they should be others each time.

Source: Lightning warns of the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.feeds import JUDGING, Feed, feeds, surely_on, words_in
from nbtrain.notebook.symbolic.values import Const
from nbtrain.review.edits import Edit, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    for feed in feeds(facts.story):
        held = feed.argument("shuffle")
        if feed.judges and not feed.trains and surely_on(held):
            yield _problem(
                feed.name or "the validation DataLoader",
                feed.value.node.lineno,
                _edits(feed, held),
                Confidence.LIKELY,
            )
    for name, loader in facts.held.loaders:
        if words_in(name) & JUDGING and type(vars(loader).get("sampler")).__name__ == "RandomSampler":
            yield _problem(name, None, (), Confidence.CERTAIN)


def _edits(feed: Feed, held: object) -> tuple[Edit, ...]:
    """Only where this loader alone gets the word: options in a dict may be those of other loaders too."""
    own = [one.value for one in getattr(feed.value.node, "keywords", ()) if one.arg == "shuffle"]
    return replace_node(held.node, "False") if isinstance(held, Const) and held.node in own else ()


def _problem(name: str, line: int | None, edits: tuple, confidence: Confidence) -> Problem:
    return Problem(
        issue=f"`{name}` shuffles data that are only judged",
        current="shuffle=True",
        recommended="shuffle=False",
        evidence=f"`{name}` is for evaluation by its name and draws in random order",
        line=line,
        name=name,
        confidence=confidence,
        fix="shuffle=False",
        edits=edits,
    )


RULE = Rule("validation-loader-shuffled", Severity.INFO, check)
