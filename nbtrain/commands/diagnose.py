"""diagnose: what is wrong with a training, from its numbers, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.pick import pick
from nbtrain.commands.spec import DIR, RUN, Argument, Command, Context
from nbtrain.errors import RunNotFound, UsageError


def diagnose(source: Any = None, *, baseline: str | Path | None = None) -> Any:
    """Say what is wrong with a training, from its numbers.

    Args:
        source: a run (live or stored), a run's id or folder; or the path of a history: metrics.json, a CSV
            log, TensorBoard's files, a trainer_state.json; or a list of dicts or a DataFrame with a row an
            epoch. None takes the newest run.
        baseline: path of the run's Markdown report, for advice with its settings.

    Returns:
        A Diagnosis: `.primary`, `.findings`, `.to_markdown()`, `.to_dict()`, `.config()`, rich display.

    Raises:
        UsageError: there is no such run or file. InvalidMetrics: the file is no history.
    """
    from nbtrain.diagnose.diagnosis import diagnose_history

    return diagnose_history(history_of(source), baseline=baseline, source=_named(source))


def history_of(source: Any) -> Any:
    """Return the history of a run, a path, rows or a DataFrame; of the newest run for None."""
    from nbtrain.diagnose.history import history_of_rows
    from nbtrain.diagnose.reader import read_history
    from nbtrain.diagnose.run_history import history_of_run
    from nbtrain.runs.metrics import parse_metrics

    if source is None or hasattr(source, "manifest"):
        return history_of_run(pick(None, Context(namespace={})) if source is None else source)
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        source = [
            {key: None if value != value else value for key, value in row.items()}
            for row in source.to_dict("records")
        ]
    if isinstance(source, dict):
        source = source.get("epochs", source)
    if isinstance(source, list):
        numbered = [{"epoch": at, **row} for at, row in enumerate(source, 1)]  # copies: percent become shares
        return history_of_rows(parse_metrics({"epochs": numbered}).epochs, name="history", source="rows")
    if Path(source).expanduser().exists():
        return read_history(source)
    try:
        return history_of_run(pick(str(source), Context()))
    except RunNotFound:
        return read_history(source)  # says that there is no such file, and what is read


def _named(source: Any) -> str:
    if source is None or isinstance(source, (list, dict)) or hasattr(source, "columns"):
        return ""
    return getattr(source, "id", None) or str(source)


def _run(args: SimpleNamespace, context: Context) -> Any:
    from nbtrain.diagnose.diagnosis import diagnose_history
    from nbtrain.diagnose.optimization import write_optimization
    from nbtrain.diagnose.reader import read_history
    from nbtrain.diagnose.run_history import history_of_run

    if args.metrics is not None and args.run is not None:
        raise UsageError(
            f"Two things to diagnose were given: the run `{args.run}` and --metrics {args.metrics}.",
            suggestion="Name one of them.",
        )
    if args.metrics is None and args.run is None and args.baseline is not None:
        args.metrics = _beside(args.baseline)
    if args.metrics is not None:
        history, source = read_history(args.metrics), f"--metrics {args.metrics}"
    elif args.run is not None and args.dir is None and _is_file(args.run):
        history, source = read_history(args.run), args.run
    else:
        run = pick(args.run, context, dir=args.dir)
        history, source = history_of_run(run), run.id
    found = diagnose_history(history, baseline=args.baseline, source=source)
    if args.apply:
        folder = Path(args.output).expanduser().parent if args.output is not None else Path()
        found.written = write_optimization(found.config(), folder)
    if args.output is not None:
        found.save(args.output)
    return found


def _beside(baseline: str) -> str | None:
    """Return the metrics that lie beside a report; None where there are none, and the newest run is meant."""
    folder = Path(baseline).expanduser().parent
    found = (folder / name for name in ("logs/metrics.json", "metrics.json"))
    return next((str(path) for path in found if path.is_file()), None)


def _is_file(word: str) -> bool:
    path = Path(word).expanduser()
    return path.is_file() or (path.is_dir() and not (path / "manifest.json").exists())


COMMAND = Command(
    "diagnose",
    "say what is wrong with a training, and what to do",
    _run,
    (
        RUN,
        Argument(
            ("--metrics",),
            "a history instead of a run: metrics.json, CSV, TensorBoard, trainer_state.json",
            metavar="FILE",
        ),
        Argument(
            ("--baseline",), "the run's Markdown report, for advice with its settings", metavar="REPORT"
        ),
        Argument(("--output",), "write the report there as Markdown, figures beside it", metavar="FILE"),
        Argument(
            ("--apply",), "write the recommended change as optimization.yaml, beside --output or here", bool
        ),
        DIR,
    ),
    examples=("", "--metrics logs/metrics.json --output diagnostic_report.md", "digits --apply"),
)
