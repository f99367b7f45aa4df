"""report: what a run came to; with a baseline and an optimized side, what the optimization came to."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nbtrain.commands.compare import (
    BASELINE,
    DOWN,
    HTML,
    METRIC,
    OPTIMIZED,
    UP,
    canonical_metric,
    named_objects,
)
from nbtrain.commands.finish import completion
from nbtrain.commands.pick import pick
from nbtrain.commands.sides import Read, read_side, side_names, side_of
from nbtrain.commands.spec import DIR, RUN, Argument, Command, Context
from nbtrain.errors import UsageError

if TYPE_CHECKING:
    from nbtrain.compare.decision import Health

_DIAGNOSED = 12  # runs of a side that are diagnosed; a diagnosis takes up to a second


def optimization_report(
    baseline: Any,
    optimized: Any,
    context: Context,
    *,
    dir: str | None,
    metric: str | None,
    declared: dict[str, str],
) -> Any:
    """Return the report of an optimization: comparison, diagnosis before and after, decision."""
    from nbtrain.compare.optimization_report import OptimizationReport
    from nbtrain.compare.pair import compare_sides

    sources = [baseline, optimized]
    reads = [read_side(source, context, dir=dir) for source in sources]
    sides = [side_of(name, read) for name, read in zip(side_names(reads, sources), reads, strict=True)]
    pair = compare_sides(sides[0], sides[1], declared=declared, metric=canonical_metric(metric))
    return OptimizationReport(pair, _health(reads[0]), _health(reads[1]))


def _health(reads: list[Read]) -> Health:
    """Diagnose the runs of a side; the primary finding is that of most of them."""
    from nbtrain.compare.decision import Health
    from nbtrain.diagnose.diagnosis import diagnose_history

    found = [diagnose_history(history) for trial, history in reads[:_DIAGNOSED] if not history.empty]
    if not found:
        return Health(looked=False)
    (primary, same), *_ = Counter(one.primary for one in found).most_common()
    told: dict[str, tuple[str, str, str]] = {}
    for one in sorted(found, key=lambda one: one.primary != primary):
        for finding in one.findings:
            told.setdefault(finding.check, (finding.check, str(finding.severity), finding.said.issue))
    # what only a minority of the seeds shows is no finding of the set-up
    often = Counter(finding.check for one in found for finding in one.findings)
    kept = tuple(row for check, row in told.items() if 2 * often[check] >= len(found) or check == primary)
    return Health(primary, kept, len(found), same)


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.compare.directions import declarations
    from nbtrain.compare.written import write_page, write_report

    baseline, optimized = (named_objects(words or [], context) for words in (args.baseline, args.optimized))
    if bool(baseline) != bool(optimized):
        missing = "--optimized" if baseline else "--baseline"
        raise UsageError(
            f"An optimization report needs both sides; `{missing}` is missing.",
            suggestion="For example: report --baseline runs/base --optimized runs/opt.",
        )
    if baseline and args.run is not None:
        raise UsageError(
            f"The run `{args.run}` was given beside --baseline and --optimized.", suggestion="Leave it out."
        )
    if baseline:
        declared = declarations(args.up or (), args.down or ())
        found = optimization_report(
            baseline, optimized, context, dir=args.dir, metric=args.metric, declared=declared
        )
        report = found.report
    else:
        found = report = completion(pick(args.run, context, dir=args.dir))
    if args.output is not None:
        write_report(report, args.output)
    if args.html is not None:
        write_page(report, args.html)
    return found


COMMAND = Command(
    "report",
    "show what a run came to, or an optimization of it",
    _run,
    (
        RUN,
        BASELINE,
        OPTIMIZED,
        METRIC,
        UP,
        DOWN,
        Argument(("--output",), "write the report there as Markdown, figures beside it", metavar="FILE"),
        HTML,
        DIR,
    ),
    examples=(
        "",
        "digits-20260101-120000-ab12",
        "--baseline runs/base --optimized runs/opt --output optimization_results.md",
    ),
)
