"""compare: whether an optimized training is better than its baseline, and by how much."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.sides import read_side, side_names, side_of
from nbtrain.commands.spec import DIR, Argument, Command, Context
from nbtrain.errors import UsageError


def compare(
    *runs: Any,
    metric: str | None = None,
    up: Iterable[str] | str = (),
    down: Iterable[str] | str = (),
    dir: str | None = None,
) -> Any:
    """Compare a baseline with an optimized training, or several with the first.

    Args:
        runs: two or more sides, the baseline first. Each is a Run, a run's id or folder, a metrics.json or
            another history, a folder with folders `seed-*` or with several runs, or a list of these, taken
            as repetitions of one set-up with other seeds.
        metric: the metric that decides; None takes val_acc where all have it, else val_loss.
        up, down: names of metrics of which more, or less, is better, where the name does not tell it.
        dir: folder of the run folders.

    Returns:
        A Comparison: `.verdict`, `.metrics`, `.to_markdown()`, `.to_dict()`, `.save(path)`, rich display.

    Raises:
        UsageError: there is no such run or file. InvalidMetrics: a file is no history.
    """
    from nbtrain.compare.directions import declarations

    declared = declarations([up] if isinstance(up, str) else up, [down] if isinstance(down, str) else down)
    return _compared(list(runs), Context(namespace={}), dir, metric, declared)


def _compared(
    sources: list[Any], context: Context, dir: str | None, metric: str | None, declared: dict[str, str]
) -> Any:
    from nbtrain.compare.comparison import Comparison
    from nbtrain.compare.pair import compare_sides

    if len(sources) < 2:
        raise UsageError(
            f"{'One side was' if sources else 'Nothing was'} given to compare.",
            suggestion="Name two: the baseline, then the optimized run.",
        )
    reads = [read_side(source, context, dir=dir) for source in sources]
    sides = [side_of(name, read) for name, read in zip(side_names(reads, sources), reads, strict=True)]
    metric = canonical_metric(metric)
    if len(sides) == 2:
        return Comparison(compare_sides(sides[0], sides[1], declared=declared, metric=metric))
    from nbtrain.compare.many import Many, compare_many

    return Many(compare_many(sides, declared=declared, metric=metric))


def canonical_metric(name: str | None) -> str | None:
    """Return a metric's name as it is read: val_accuracy is val_acc."""
    from nbtrain.diagnose.columns import canonical

    return (canonical(name) or name) if name else None


def two_sides(args: SimpleNamespace, words: list[Any]) -> list[Any]:
    """Return the sides that options and words name, the baseline first.

    Raises:
        UsageError: both ways were used for one side.
    """
    baseline, optimized = list(args.baseline or ()), list(args.optimized or ())
    if baseline and optimized and words:
        raise UsageError(
            f"`{words[0]}` is one run too many beside --baseline and --optimized.",
            suggestion="Several runs of a side: repeat the option. More than two sides: words alone.",
        )
    if baseline and not optimized:
        return [baseline, *words]
    if optimized and not baseline:
        return [*words, optimized]
    return [baseline, optimized] if baseline else words


def named_objects(words: list[str], context: Context) -> list[Any]:
    """Return the notebook's variables that words name, where they hold a run; other words as they are."""
    space = context.namespace or {}

    def meant(word: str) -> Any:
        value = space.get(word)
        several = (
            isinstance(value, (list, tuple)) and value and all(hasattr(one, "manifest") for one in value)
        )
        return value if hasattr(value, "manifest") or several else word

    return [meant(word) for word in words]


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.compare.directions import declarations

    for side in ("baseline", "optimized"):
        setattr(args, side, named_objects(getattr(args, side) or [], context))
    sources = two_sides(args, named_objects(args.runs, context))
    declared = declarations(args.up or (), args.down or ())
    found = _compared(sources, context, args.dir, args.metric, declared)
    if args.output is not None:
        found.save(args.output)
    if args.html is not None:
        from nbtrain.compare.written import write_page

        write_page(found.report, args.html)
    return found


BASELINE = Argument(
    ("--baseline",), "the run to compare with: id, folder, metrics.json; repeat it for more seeds", many=True,
    metavar="RUN",
)  # fmt: skip
OPTIMIZED = Argument(
    ("--optimized", "--optimised"),
    "the run that is to be better; repeat it for more seeds",
    many=True,
    metavar="RUN",
)
METRIC = Argument(
    ("--metric",), "the metric that decides (val_acc where all have it, else val_loss)", metavar="NAME"
)
UP = Argument(("--up", "--higher-is-better"), "a metric of which more is better", many=True, metavar="NAME")
DOWN = Argument(
    ("--down", "--lower-is-better"), "a metric of which less is better", many=True, metavar="NAME"
)
HTML = Argument(("--html",), "write one self-contained HTML file there", metavar="FILE")

COMMAND = Command(
    "compare",
    "compare an optimized training with its baseline",
    _run,
    (
        Argument(
            ("runs",), "the baseline, then the optimized run; more than two are compared with the first",
            many=True, metavar="RUN",
        ),
        BASELINE,
        OPTIMIZED,
        METRIC,
        UP,
        DOWN,
        Argument(("--output",), "write the report as Markdown, comparison.png beside it", metavar="FILE"),
        HTML,
        DIR,
    ),
    examples=("base opt", "--baseline runs/base --optimized runs/opt --output comparison.md"),
)  # fmt: skip
