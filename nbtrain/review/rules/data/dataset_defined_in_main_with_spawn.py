"""Spawned workers cannot find a data set class that is defined in the notebook.

What it does
Looks for loaders with workers that are started by spawn or forkserver (`multiprocessing_context`, or
`set_start_method`) and whose data set is an instance of a class of this source, or whose `collate_fn` is a
function of it, when the source has no `if __name__ == "__main__":`. Among live objects, the same where this
system's default is not fork.

Why it hurts
A spawned process imports what it needs by name and there is no module to import a cell from: workers die
with "Can't get attribute ... on <module '__main__'>". A script without the guard starts itself again in
every worker.

Bad
```python
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __len__(self):
        return 100

    def __getitem__(self, index):
        return index


train_loader = DataLoader(Rows(), batch_size=32, shuffle=True, num_workers=2, multiprocessing_context="spawn")
```

Good
```python
from torch.utils.data import DataLoader
from my_data import Rows

train_loader = DataLoader(Rows(), batch_size=32, shuffle=True, num_workers=2, multiprocessing_context="spawn")
```

When to ignore
The class is also importable under the same name from a module that `__main__` re-exports.

Source: PyTorch's documentation of torch.utils.data, "Platform-specific behaviors"; Python's of
multiprocessing, "The spawn and forkserver start methods".
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from typing import Any

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.feeds import Feed, deep_behind, feeds
from nbtrain.notebook.symbolic.values import Const, Func, Made, Obj, Value, options
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

SPAWNING = ("spawn", "forkserver")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    yield from _live(facts)
    if facts.source is None or _guarded(facts.source.text):
        return
    everywhere = [
        one
        for one in facts.story.calls("set_start_method", "get_context")
        if any(isinstance(value, Const) and value.value in SPAWNING for value in one.data["args"])
    ]
    for feed in feeds(facts.story):
        how = feed.value.kwargs.get("multiprocessing_context")
        spawns = everywhere or (how is not None and _says_spawn(how))
        if not spawns or not _has_workers(feed):
            continue
        own = _defined_here(feed)
        if own:
            yield Problem(
                issue=f"Spawned workers cannot load `{own}`, which is defined in this source",
                current=f"num_workers > 0 with spawn, `{own}` in __main__",
                recommended="put it into a module and import it, or use num_workers=0",
                evidence=(
                    f"DataLoader on line {feed.made.line} starts workers by spawn; `{own}` has no module "
                    "to import it from"
                ),
                line=feed.made.line,
                name=feed.name,
                fix=f"from my_data import {own}",
            )


def _guarded(text: str) -> bool:
    return "__name__" in text and "__main__" in text


def _says_spawn(value: Value) -> bool:
    return any(
        isinstance(part, Const) and part.value in SPAWNING
        for one in options(value)
        for part in deep_behind(one)
    )


def _has_workers(feed: Feed) -> bool:
    count = feed.argument("num_workers")
    return count is not None and not (isinstance(count, Const) and not count.value)


def _defined_here(feed: Feed) -> str:
    data = feed.data
    for one in options(data) if data is not None else ():
        parts = [one, *one.args] if isinstance(one, Made) else [one]
        for part in parts:
            if isinstance(part, Obj) and part.cls is not None:
                return part.cls.node.name
    collate = feed.value.kwargs.get("collate_fn")
    return getattr(collate.node, "name", "lambda") if isinstance(collate, Func) else ""


def _live(facts: ReviewFacts) -> Iterator[Problem]:
    default = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
    for name, loader in facts.held.loaders:
        held = vars(loader)
        context = held.get("_DataLoader__multiprocessing_context")
        method = getattr(context, "_name", None) or default
        cls = type(held.get("dataset"))
        in_notebook = cls.__module__ == "__main__" and _no_file()
        if held.get("num_workers") and method in SPAWNING and in_notebook:
            yield Problem(
                issue=f"Spawned workers cannot load `{cls.__name__}`, which is defined in the notebook",
                current=f"num_workers={held['num_workers']}, started by {method}",
                recommended="put the class into a module and import it, or use num_workers=0",
                evidence=f"the live `{name}` holds a {cls.__name__} of __main__",
                name=name,
                confidence=Confidence.CERTAIN,
                fix=f"from my_data import {cls.__name__}",
            )


def _no_file() -> bool:
    """A notebook's `__main__` has no file that a spawned process could run."""
    main: Any = sys.modules.get("__main__")
    return getattr(main, "__file__", None) is None


RULE = Rule("dataset-defined-in-main-with-spawn", Severity.CRITICAL, check)
