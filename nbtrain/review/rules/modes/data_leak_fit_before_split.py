"""A scaler, vocabulary or projection is fitted on all data before they are split.

What it does
Looks for `fit` or `fit_transform` of something that learns from the features (StandardScaler, PCA,
TfidfVectorizer, an imputer, a selection of features), or for features standardised with their own mean and
deviation, when what comes out is split into training and test data afterwards.

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
from nbtrain.notebook.story import may_be_same
from nbtrain.notebook.symbolic.machine import Event
from nbtrain.notebook.symbolic.provenance import behind
from nbtrain.notebook.symbolic.values import Const, Made, Member, Op, Term, Value
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.rule import Gap, Problem, Rule

LEARNS = re.compile(
    r"(Scaler|PCA|SVD|Vectorizer|Imputer|SelectKBest|SelectFromModel|Selector|Transformer|Normalizer|UMAP|TSNE|NMF|FastICA)$"
)
SPLITS = ("train_test_split", "random_split")
PER_ROW = frozenset({1, -1, 2})


def check(facts: ReviewFacts) -> Iterator[Problem | Gap]:
    fits = [event for event in facts.story.calls(".fit_transform", ".fit") if _learns(event)]
    yield from _sliced(facts, fits)
    folds = [one for one in facts.story.calls(".split") if _of_folds(one)]
    for split in [*facts.story.calls(*SPLITS), *folds]:
        for value in split.data["args"]:
            used = [(one, into) for one, into in behind(value)]
            fit = next(
                (event for event in fits if event.at < split.at and _reaches(facts, event, used)), None
            )
            if fit is not None:
                yield _problem(
                    fit, split, f"fitted on line {fit.line} on everything that is split on line {split.line}"
                )
                break
            standardised = next(
                (one.op for one, _ in used if isinstance(one, Term) and one.op and _own_scale(one.op)), None
            )
            if standardised is not None:
                line = getattr(standardised.node, "lineno", split.line)
                yield _problem(
                    split, split, f"scaled on line {line} by the mean and deviation of all rows", line
                )
                break


def _of_folds(event: Event) -> bool:
    """`KFold(...).split(x)`."""
    owner = event.subject.owner if isinstance(event.subject, Member) else None
    path = owner.op.path if isinstance(owner, Term) and owner.op is not None else ""
    return path.rpartition(".")[2].endswith(("Fold", "ShuffleSplit", "TimeSeriesSplit"))


def _sliced(facts: ReviewFacts, fits: list[Event]) -> Iterator[Problem]:
    """Data cut in two by `x[:n]` and `x[n:]` after they were fitted."""
    if not fits:
        return
    heads: dict[int, list[tuple[str, Op]]] = {}
    tails: list[tuple[str, Value]] = []
    for value in _everything(facts):
        op = value.op if isinstance(value, Term) else None
        cut = getattr(op.node, "slice", None) if op is not None and op.path == "[]" else None
        if op is None or not isinstance(cut, ast.Slice) or cut.step is not None:
            continue
        if cut.lower is None and cut.upper is not None:
            heads.setdefault(id(op.inputs[0]), []).append((ast.unparse(cut.upper), op))
        elif cut.upper is None and cut.lower is not None:
            # `x[n:]`, or `x[n - window:]` that also takes what the first window needs
            tails += [
                (ast.unparse(one), op.inputs[0]) for one in ast.walk(cut.lower) if isinstance(one, ast.expr)
            ]
    for place, whole in tails:
        head = next((op for upper, op in heads.get(id(whole), ()) if upper == place), None)
        if head is not None:
            used = list(behind(whole))
            fit = next((event for event in fits if _reaches(facts, event, used)), None)
            if fit is not None:
                line = getattr(head.node, "lineno", fit.line)
                yield _problem(
                    fit, fit, f"fitted on line {fit.line} on everything that is cut in two on line {line}"
                )
                return


def _everything(facts: ReviewFacts) -> Iterator[Value]:
    """What calls and objects of the source got, and all behind it."""
    seen: set[int] = set()
    for kind in ("call", "instance", "made"):
        for event in facts.story.of(kind):
            held = event.subject if kind == "made" else None
            given = (
                [*held.args, *held.kwargs.values()] if isinstance(held, Made) else event.data.get("args", [])
            )
            for value in given:
                for one, _ in behind(value):
                    if id(one) not in seen:
                        seen.add(id(one))
                        yield one


def _learns(event: Event) -> bool:
    owner = event.subject.owner if isinstance(event.subject, Member) else None
    made = (
        [one.op for one, _ in behind(owner) if isinstance(one, Term) and one.op] if owner is not None else []
    )
    return any(LEARNS.search(op.path) for op in made)  # itself, or a step of a pipeline


def _reaches(facts: ReviewFacts, fit: Event, used: list[tuple[Value, Op | None]]) -> bool:
    """The split data come out of the fit, or of a later `transform` of the same object on the same data."""
    if fit.data["path"] == ".fit_transform" and _written_into(facts, fit, used):
        return True
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


def _written_into(facts: ReviewFacts, fit: Event, used: list[tuple[Value, Op | None]]) -> bool:
    """The result replaces columns of the table that is split: `table[columns] = scaler.fit_transform()`."""
    held = {id(one) for one, _ in used}
    for event in facts.story.of("set-item"):
        table = event.subject.owner if isinstance(event.subject, Member) else event.subject
        if id(table) in held and any(one is fit.data["result"] for one, _ in behind(event.data["value"])):
            return True
    return False


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


def _problem(event: Event, split: Event, seen: str, line: int | None = None) -> Problem:
    return Problem(
        issue="The data are scaled or encoded with statistics of the test part",
        current="fit on all data, then split",
        recommended="split first, fit on the training part alone",
        evidence=seen,
        line=line or event.line,
        fix="scaler.fit(x_train)\nx_train, x_test = scaler.transform(x_train), scaler.transform(x_test)",
    )


RULE = Rule("data-leak-fit-before-split", Severity.CRITICAL, check)
