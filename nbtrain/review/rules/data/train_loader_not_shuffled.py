"""The training data come in the same order every epoch.

What it does
Looks at the DataLoader that a training loop, a Lightning module's `train_dataloader` or a trainer's `fit`
reads: `shuffle` is off, no sampler is given, and nothing shuffled the data set. Streams (IterableDataset),
time series, trainings that carry a hidden state from batch to batch, single epochs and full batches are
left alone.

Why it hurts
Data are often stored sorted by class, date or length. Batches of one kind pull the weights to and fro,
batch normalisation sees other statistics than at evaluation, and every epoch repeats the same sequence.

Bad
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

Good
```python
import torch
from torch import nn
from torch.utils.data import DataLoader

model = nn.Linear(10, 2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
```

When to ignore
The order means something: time series, curricula, hidden states carried over.

Source: PyTorch's documentation of DataLoader, whose default is shuffle=False; Bottou, "Stochastic Gradient
Descent Tricks" (2012).
"""

from __future__ import annotations

from collections.abc import Iterator

from nbtrain.findings import Confidence, Severity
from nbtrain.notebook.feeds import JUDGING, Feed, deep_behind, feeds, path_behind, surely_off, words_in
from nbtrain.notebook.live import loader_facts
from nbtrain.notebook.situation import RL
from nbtrain.notebook.symbolic.values import Const, Member, Obj, Term, name_of
from nbtrain.review.edits import add_keyword, replace_node
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

# In their data sets the order means something.
ORDERED = frozenset(
    ["series", "timeseries", "window", "windows", "forecast", "temporal", "stock", "lag", "horizon", "stream",
    "rolling", "sequential", "curriculum", "prices", "price", "trajectory", "ordered", "sorted", "weather"]
)  # fmt: skip
SHUFFLES = ("shuffle", "randperm", "permutation", "sample", "shuffle_", "shuf")
STREAMS = ("IterableDataset", "WebDataset", "IterDataPipe", "StreamingDataset", "IterableDatasetWrapper")


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    if facts.is_situation(RL):
        return  # what an agent has seen is drawn as its method says
    shuffled_in_place = facts.story.calls("random.shuffle", "numpy.random.shuffle")
    for feed in feeds(facts.story):
        if (
            feed.trains
            and not feed.judges
            and not shuffled_in_place
            and _in_order(feed)
            and not _excused(facts, feed)
        ):
            yield _problem(feed)
    for name, loader in facts.held.loaders:
        if "train" in words_in(name) and not words_in(name) & JUDGING and _live_in_order(loader):
            yield _live_problem(name, loader)


def _in_order(feed: Feed) -> bool:
    given = [feed.argument(name) for name in ("shuffle", "sampler", "batch_sampler")]
    return feed.value.complete and all(surely_off(one) for one in given)


def _excused(facts: ReviewFacts, feed: Feed) -> bool:
    cycle = feed.cycle
    epochs = cycle.training.epochs if cycle is not None else None
    if epochs is not None and epochs.known and epochs.high <= 1:
        return True
    if cycle is not None and (cycle.training.distributed or len(cycle.backward.loops) < 2):
        return True  # one pass over the data, or a sampler made elsewhere
    if feed.data is None or _whole(feed) or (cycle is not None and _carries_state(facts, feed)):
        return True
    words = words_in(feed.name)
    for one in deep_behind(feed.data):
        path = path_behind(one)
        if path.startswith("torch.nn."):
            continue
        if path.rpartition(".")[2] in SHUFFLES or path.endswith(STREAMS):
            return True
        if isinstance(one, Term) and one.op is not None and "streaming" in one.op.kwargs:
            return True
        if isinstance(one, Obj) and one.cls is not None:
            words |= words_in(one.cls.node.name)
            if any(base.endswith(STREAMS) for base in one.cls.library_bases()):
                return True
        words |= words_in(path.rpartition(".")[2]) | words_in(one.alias if isinstance(one, Term) else "")
        words |= words_in(name_of(one)) if isinstance(one, Term | Member) else set()
    return bool(words & ORDERED)


def _whole(feed: Feed) -> bool:
    """One batch holds the whole data set."""
    size = feed.argument("batch_size")
    return isinstance(size, Term) and size.name.startswith("len ")


def _carries_state(facts: ReviewFacts, feed: Feed) -> bool:
    """A hidden state goes from batch to batch."""
    cut = facts.story.calls(".detach", ".detach_")
    return any(
        {"hidden", "state", "states", "memory", "mems", "h", "repackage"} & words_in(name_of(one.subject))
        for one in cut
        if feed.cycle is not None and feed.cycle.loop in one.loops
    )


def _problem(feed: Feed) -> Problem:
    name = feed.name or "the training DataLoader"
    held = feed.argument("shuffle")
    node = held.node if isinstance(held, Const) else None
    return Problem(
        issue=f"`{name}` gives the training data in the same order every epoch",
        current="shuffle=False" if held is not None else "shuffle left at its default, False",
        recommended="shuffle=True",
        evidence=f"training reads `{name}`; it has no shuffle, no sampler, and nothing shuffles its data set",
        line=feed.value.node.lineno,
        name=feed.name,
        fix="shuffle=True",
        edits=replace_node(node, "True")
        if node is not None
        else add_keyword(feed.value.node, "shuffle=True"),
    )


def _live_in_order(loader: object) -> bool:
    held = vars(loader)
    data = held.get("dataset")
    ancestry = {kind.__name__ for kind in type(data).__mro__}
    ordered = words_in(type(data).__name__) & ORDERED
    sampler = type(held.get("sampler")).__name__
    fact = loader_facts("loader", loader)
    if fact is not None and fact.samples is not None and fact.samples <= (held.get("batch_size") or 0):
        return False  # one batch is the whole data set
    return sampler == "SequentialSampler" and "IterableDataset" not in ancestry and not ordered


def _live_problem(name: str, loader: object) -> Problem:
    return Problem(
        issue=f"`{name}` gives the training data in the same order every epoch",
        current="a SequentialSampler",
        recommended="shuffle=True",
        evidence=f"the live `{name}` draws from {type(vars(loader).get('dataset')).__name__} in order",
        name=name,
        confidence=Confidence.CERTAIN,
        fix="shuffle=True",
    )


RULE = Rule("train-loader-not-shuffled", Severity.WARNING, check)
