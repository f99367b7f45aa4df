"""Reports on disk: Markdown with its figures beside it, or one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from nbtrain.report.html import to_page
from nbtrain.report.markdown import to_markdown
from nbtrain.report.model import Report
from nbtrain.runs.files import REAL, disk_trouble, replace_file


def write_report(report: Report, path: str | Path) -> Path:
    """Write a report as Markdown, its figures beside it under their own names; return the path.

    Raises:
        RunFolderError: the disk refused.
    """
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = to_markdown(report, path.parent, beside=True)
        replace_file(path, text.encode("utf-8", "replace"), REAL)
    except OSError as error:
        raise disk_trouble(error, "write the report", path) from error
    return path


def write_page(report: Report, path: str | Path) -> Path:
    """Write a report as one HTML file with its figures inside; return the path.

    Raises:
        RunFolderError: the disk refused.
    """
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, to_page(report).encode("utf-8", "replace"), REAL)
    except OSError as error:
        raise disk_trouble(error, "write the report", path) from error
    return path
