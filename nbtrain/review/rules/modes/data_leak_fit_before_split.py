"""A scaler, vocabulary or projection is fitted on all data before they are split.

What it does
Looks for `fit` or `fit_transform` of something that learns from the features (StandardScaler, PCA,
TfidfVectorizer, an imputer, a selection of features), or for features standardised with their own mean and
deviation, when what comes out is split into training and test data afterwards: by a function that splits, by
folds, or by `x[:n]` and `x[n:]`, of which one part is named for validation or test.

Why it hurts
The training has seen the statistics of the test data: the score is better than it will be on new data.

Bad
```python
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

features = StandardScaler().fit_transform(raw)
x_train, x_test, y_train, y_test = train_test_split(features, labels, test_size=0.2)
```

Good
```python
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

x_train, x_test, y_train, y_test = train_test_split(raw, labels, test_size=0.2)
scaler = StandardScaler().fit(x_train)
x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
```

When to ignore
The transformation learns nothing from the data (fixed constants, one row at a time).

Source: scikit-learn's guide "Common pitfalls: data leakage"; scicode-lint rule ml-001.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbtrain.findings import Severity
from nbtrain.notebook.feeds import JUDGING, feeds, words_in
from nbtrain.notebook.story import may_be_same
from nbtrain.notebook.symbolic.calls import class_attribute
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind, parts_of
from nbtrain.notebook.symbolic.roles import is_model
from nbtrain.notebook.symbolic.values import Const, Made, Member, Obj, Op, Term, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

LEARNS = re.compile(
    r"(Scaler|PCA|SVD|Vectorizer|Imputer|SelectKBest|SelectFromModel|Selector|Transformer|Normalizer|UMAP|TSNE|NMF|FastICA)$"
)
SPLITS = ("train_test_split", "random_split")
PER_ROW = frozenset({1, -1, 2})


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    fits = [event for event in facts.story.calls(".fit_transform", ".fit") if _learns(event)]
    spreads = facts.story.calls(".std", ".max", "numpy.std", "torch.std")  # else nothing is scaled
    writes = _writes(facts, fits)
    for whole, line in _cuts(facts) if fits or spreads else ():
        if not _from_model(whole) and (said := _learned(fits, writes, whole)):
            yield _problem(said[0], f"{said[1]} of what is cut in two on line {line}")
            break
    folds = [one for one in facts.story.calls(".split") if _of_folds(one)]
    for split in [*facts.story.calls(*SPLITS), *folds]:
        before = [event for event in fits if event.at < split.at]
        for value in split.data["args"]:
            if said := _learned(before, writes, value):
                yield _problem(said[0], f"{said[1]} of what is split on line {split.line}")
                break


def _learned(fits: list[Event], writes: set[tuple[int, int]], data: Value) -> tuple[int, str] | None:
    """(line, words) where data were made with what was learned of all of them; None where they were not."""
    used = list(behind(data))
    held = {id(one) for one, _ in used}
    written = {result for table, result in writes if table in held}
    fit = next(
        (event for event in fits if id(event.data["result"]) in written or _reaches(event, used)), None
    )
    if fit is not None:
        return fit.line, f"fitted on line {fit.line} on all"
    made = [one.op for one, _ in used if isinstance(one, Term) and one.op is not None]
    scaled = next((op for op in made if _own_scale(op)), None)
    if scaled is None:
        return None
    line = getattr(scaled.node, "lineno", 0)
    return line, f"scaled on line {line} by the mean and deviation of all rows"


def _of_folds(event: Event) -> bool:
    """`KFold(...).split(x)`."""
    owner = event.subject.owner if isinstance(event.subject, Member) else None
    path = owner.op.path if isinstance(owner, Term) and owner.op is not None else ""
    return path.rpartition(".")[2].endswith(("Fold", "ShuffleSplit", "TimeSeriesSplit"))


def _cuts(facts: ReviewFacts) -> Iterator[tuple[Value, int]]:
    """What is cut by `x[:n]` and `x[n:]`, or by `x[n - window:]`, into parts of which one judges.

    With the line of the first part. Halves of a batch, or of a series to be forecast, judge nothing.
    """
    heads: dict[int, list[tuple[str, Term]]] = {}
    tails: list[tuple[str, Value, Term]] = []
    for value in _everything(facts):
        op = value.op if isinstance(value, Term) else None
        cut = getattr(op.node, "slice", None) if op is not None and op.path == "[]" else None
        if (
            not isinstance(value, Term)
            or op is None
            or not isinstance(cut, ast.Slice)
            or cut.step is not None
        ):
            continue
        if cut.lower is None and cut.upper is not None:
            heads.setdefault(id(_whole(op)), []).append((ast.unparse(cut.upper), value))
        elif cut.lower is not None:
            places = [one for one in ast.walk(cut.lower) if isinstance(one, ast.expr)]
            tails += [(ast.unparse(one), _whole(op), value) for one in places]
    judged = _judged(facts) if heads and tails else frozenset()
    told: set[int] = set()
    for place, whole, tail in tails:
        for upper, head in heads.get(id(whole), ()):
            if upper == place and id(whole) not in told and {id(head), id(tail)} & judged:
                told.add(id(whole))
                yield whole, getattr(head.op.node, "lineno", 0)  # type: ignore[union-attr]


def _judged(facts: ReviewFacts) -> frozenset[int]:
    """What goes into values, objects and loaders that are named for validation or test, by identity."""
    named = list(_everything(facts))
    named += [event.data["result"] for event in facts.story.of("call")]
    given = [one for one in named if isinstance(one, Term) and _judges(one.alias)]
    for event in [*facts.story.of("instance"), *facts.story.of("made")]:
        if _judges(facts.story.name_of(event.subject)):
            given += _given(event)
    told = _under_names(facts)
    given += [
        one for one in named if isinstance(one, Term) and one.op is not None and id(one.op.node) in told
    ]
    given += [feed.data for feed in feeds(facts.story) if feed.judges and feed.data is not None]
    return _rows_behind(given)


def _under_names(facts: ReviewFacts) -> set[int]:
    """Expressions under a key or keyword for validation or test: `{"train": x[:n], "test": x[n:]}`."""
    found: list[ast.AST] = []
    for node in ast.walk(facts.source.tree) if facts.source is not None else ():
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found += [one for key, one in pairs if isinstance(key, ast.Constant) and _judges(str(key.value))]
        elif isinstance(node, ast.keyword) and _judges(node.arg or ""):
            found.append(node.value)
    return {id(part) for one in found for part in ast.walk(one)}


def _judges(name: str) -> bool:
    return bool(words_in(name) & JUDGING)


def _rows_behind(values: list[Value]) -> frozenset[int]:
    """What values were made from, through loaders and data sets as well, by identity."""
    waiting, seen = list(values), set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        waiting.extend(parts_of(one))
        if isinstance(one, Made):
            waiting.extend([*one.args, *one.kwargs.values()])
        elif isinstance(one, Obj) and one.cls is not None and class_attribute(one.cls, "__getitem__"):
            waiting.extend(one.attrs.values())
    return frozenset(seen)


def _from_model(whole: Value) -> bool:
    """What a model gives, or a batch: its statistics are no statistics of a test part."""
    made = [one.op for one, _ in behind(whole) if isinstance(one, Term) and one.op is not None]
    return any(op.path == "batch" or (op.path == "call" and is_model(op.inputs[0])) for op in made)


def _whole(op: Op) -> Value:
    """What is cut: a tensor, or a table under `.iloc`."""
    whole = op.inputs[0]
    return whole.owner if isinstance(whole, Member) and whole.attr in ("iloc", "loc", "values") else whole


def _everything(facts: ReviewFacts) -> Iterator[Value]:
    """What calls and objects of the source got, and all behind it."""
    seen: set[int] = set()
    for kind in ("call", "instance", "made"):
        for event in facts.story.of(kind):
            for value in _given(event):
                for one, _ in behind(value):
                    if id(one) not in seen:
                        seen.add(id(one))
                        yield one


def _given(event: Event) -> list[Value]:
    """The arguments of a call, or of what is made."""
    held = event.subject if event.kind == "made" else None
    return [*held.args, *held.kwargs.values()] if isinstance(held, Made) else event.data.get("args", [])


def _learns(event: Event) -> bool:
    owner = event.subject.owner if isinstance(event.subject, Member) else None
    made = (
        [one.op for one, _ in behind(owner) if isinstance(one, Term) and one.op] if owner is not None else []
    )
    return any(LEARNS.search(op.path) for op in made)  # itself, or a step of a pipeline


def _reaches(fit: Event, used: list[tuple[Value, Op | None]]) -> bool:
    """The split data come out of the fit, or of a later `transform` of the same object on the same data."""
    result, owner = fit.data["result"], getattr(fit.subject, "owner", None)
    for one, _ in used:
        if one is result and fit.data["path"] == ".fit_transform":
            return True
        if isinstance(one, Term) and one.op is not None and one.op.path == ".transform" and one.op.inputs:
            scaler, given = one.op.inputs[0], fit.data["args"][:1]
            fitted = scaler is owner or scaler is result
            if fitted and given and one.op.inputs[1:] and may_be_same(given[0], one.op.inputs[1]):
                return True
    return False


def _writes(facts: ReviewFacts, fits: list[Event]) -> set[tuple[int, int]]:
    """Which fit's result replaces columns of which table: `table[columns] = scaler.fit_transform()`."""
    results = {id(one.data["result"]) for one in fits if one.data["path"] == ".fit_transform"}
    found: set[tuple[int, int]] = set()
    for event in facts.story.of("set-item") if results else ():
        table = event.subject.owner if isinstance(event.subject, Member) else event.subject
        found |= {(id(table), id(one)) for one, _ in behind(event.data["value"]) if id(one) in results}
    return found


def _own_scale(op: Op) -> bool:
    """`(x - x.mean()) / x.std()` over all rows."""
    if op.path != "/" or len(op.inputs) != 2:
        return False
    top, bottom = op.inputs
    minus = top.op if isinstance(top, Term) else None
    if minus is None or minus.path != "-" or len(minus.inputs) != 2:
        return False
    mean = _statistic(minus.inputs[1], (".mean", "numpy.mean", "torch.mean", ".min"))
    spread = next(
        (
            found
            for one, _ in behind(bottom)
            if (found := _statistic(one, (".std", "numpy.std", "torch.std", ".max")))
        ),
        None,
    )
    return mean is not None and spread is not None and mean is minus.inputs[0] and spread is mean


def _statistic(value: Value, names: tuple[str, ...]) -> Value | None:
    """What a mean or deviation over all rows was taken of; None for one by row."""
    op = value.op if isinstance(value, Term) else None
    if op is None or op.path not in names or not op.inputs:
        return None
    along = [*op.inputs[1:2], op.kwargs.get("axis"), op.kwargs.get("dim")]
    by_row = any(isinstance(one, Const) and one.value in PER_ROW for one in along)
    return None if by_row else op.inputs[0]


def _problem(line: int, seen: str) -> Problem:
    return Problem(
        issue="The data are scaled or encoded with statistics of the test part",
        current="fit on all data, then split",
        recommended="split first, fit on the training part alone",
        evidence=seen,
        line=line,
        fix="scaler.fit(x_train)\nx_train, x_test = scaler.transform(x_train), scaler.transform(x_test)",
    )


RULE = Rule("data-leak-fit-before-split", Severity.CRITICAL, check)
