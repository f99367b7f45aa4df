"""What a search leaves in its folder: the best configuration, all trials as CSV, pictures, a report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrain.config.reading import read_file
from nbtrain.config.writing import flow_value
from nbtrain.report.figures import draw
from nbtrain.runs.files import replace_file
from nbtrain.search.board import Standing, search_figure, search_report
from nbtrain.search.subject import Subject

SEARCH_FILE, BEST_FILE, VALUES_FILE, TRIALS_FILE = "search.yaml", "best.yaml", "best.json", "trials.csv"


def leave(folder: Path, standing: Standing, subject: Subject) -> None:
    """Write everything; what was there of an earlier part of the search is replaced."""
    replace_file(folder / TRIALS_FILE, trials_csv(standing).encode())
    best = standing.best
    if best is not None:
        told = {"values": dict(best.values), standing.options.metric: best.value, "trial": best.number}
        told |= {"run": best.run, "best_epoch": best.best_epoch}
        replace_file(folder / VALUES_FILE, json.dumps(told, indent=1).encode())
        try:
            text = subject.configuration(best.values)
        except Exception as error:  # a factory that fails the second time: the values are in best.json
            text = f"# No configuration could be written: {' '.join(str(error).split())}\n"
        replace_file(folder / BEST_FILE, text.encode())
    (folder / "figures").mkdir(exist_ok=True)
    replace_file(folder / "figures" / "search.png", draw(search_figure(standing)))
    replace_file(folder / "report.md", search_report(standing).to_markdown().encode())


def trials_csv(standing: Standing) -> str:
    """Return all trials as CSV, a column for each parameter."""
    out = io.StringIO()
    names = standing.space.names
    columns = ["trial", "state", standing.options.metric, *names, "best_epoch", "seconds", "run", "reason"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for one in standing.trials:
        values = [_cell(one.values[name]) if name in one.values else "" for name in names]
        value = "" if one.value is None else repr(one.value)
        seconds = "" if one.seconds is None else f"{one.seconds:.3f}"
        writer.writerow(
            [one.number, one.state, value, *values, one.best_epoch or "", seconds, one.run, one.reason]
        )
    return out.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, tuple, bool)) or value is None else value


def search_text(said: Mapping[str, Any]) -> str:
    """Return search.yaml: the space and how it is searched, which --search-space takes again."""
    lines = ["# A search. Go on with it: nbtrain search --resume --output (this folder)", "search_space:"]
    lines += [f"  {json.dumps(name)}: {flow_value(value)}" for name, value in said["search_space"].items()]
    lines += [f"{name}: {flow_value(value)}" for name, value in said.items() if name != "search_space"]
    return "\n".join(lines) + "\n"


def read_search(folder: Path) -> dict[str, Any]:
    """Return what search.yaml of a folder says.

    Raises:
        UsageError, InvalidConfig: it is not there, or no YAML.
    """
    return read_file(folder / SEARCH_FILE).plain()
