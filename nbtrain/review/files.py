"""Review a file: a module, a notebook, or a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.review.configuration import LOOP, edit_of, facts_of, placed, settings_of, unjudged
from nbtrain.review.edits import apply
from nbtrain.review.engine import Outcome, allowed_in, run
from nbtrain.review.facts import ReviewFacts
from nbtrain.review.notebook_file import Cells, decoded, read_cells
from nbtrain.review.review import Found, Review, assembled, review_text
from nbtrain.review.suggest import Correction

CONFIGURATIONS = (".yaml", ".yml")
KINDS = (".py", ".ipynb", *CONFIGURATIONS)


def review_file(
    path: str | Path,
    *,
    namespace: Mapping[str, Any] | None = None,
    probe: bool = False,
    sanity: bool = False,
) -> Review:
    """Review a .py file, all code cells of an .ipynb file, or the configuration in a YAML file.

    Args:
        path: the file. In a notebook each finding has the cell (0-based) and its line within that cell.
        namespace, probe, sanity: as in `review_source`.

    Raises:
        UsageError: the file is missing, is of another kind, or is no notebook; a configuration was to be
            probed.
    """
    file = Path(path)
    if file.suffix not in KINDS:
        raise UsageError(
            f"`{path}` is no file that can be reviewed.",
            suggestion="Pass a .py, an .ipynb or a .yaml file.",
            value=str(path),
        )
    if not file.is_file():
        raise UsageError(f"There is no file `{path}`.", suggestion="Check the path.", value=str(path))
    text, unread = decoded(file.read_bytes())
    if file.suffix in CONFIGURATIONS:
        if probe:
            raise UsageError(
                "A probe runs code, and a configuration is none.",
                suggestion=f"`plan --config {path} --dry-run` takes its first steps and puts all back.",
            )
        return review_configuration(text, file, namespace=namespace)
    if file.suffix == ".py":
        return review_text(
            text,
            namespace,
            file.name,
            Cells(text, (), unread) if unread else None,
            probe=probe,
            sanity=sanity,
        )
    try:
        cells = read_cells(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"`{path}` is no notebook: {error}.", suggestion="Save it again from Jupyter.", value=str(path)
        ) from None
    return review_text(cells.text, namespace, file.name, cells, probe=probe, sanity=sanity)


def review_configuration(text: str, path: Path, *, namespace: Mapping[str, Any] | None = None) -> Review:
    """Review the run that a configuration describes, by the same rules as code."""
    facts, outcome, errors = _judged(text, path, namespace)
    settings = settings_of(text, path.parent)
    edits = [edit for one in outcome.findings for edit in edit_of(settings, text, one)]
    after = apply(text, edits) if edits else ""
    left = _judged(after, path, namespace)[1].findings if after else outcome.findings
    if len(left) >= len(outcome.findings):
        after, left = "", outcome.findings
    found = Found(
        facts, outcome, text, Correction(text, after, left), unjudged(settings, facts.architecture),
        unread=tuple(f"{where}{said}" for where, said in errors), broken=bool(errors), practices=(LOOP,),
    )  # fmt: skip
    return assembled(found, filename=path.name, title=f"Review of {path.name}")


def _judged(
    text: str, path: Path, namespace: Mapping[str, Any] | None
) -> tuple[ReviewFacts, Outcome, list[tuple[str, str]]]:
    """The facts of a configuration, what the rules say, and what makes it invalid, with its line."""
    settings = settings_of(text, path.parent)
    facts = facts_of(settings, path.name, namespace)
    outcome = run(facts)
    allowed, caveats = allowed_in(text)
    found = [placed(settings, one) for one in outcome.findings]
    quiet = [one for one in found if allowed.get(one.rule, set()) & {0, one.line}]
    errors = [
        (f"Line {one.line}: " if one.line else "", one.sentence())
        for one in settings.checked.errors
        if one.kind not in ("PathNotFound", "EmptyDataset")  # for `validate`, where the data are
    ]
    outcome = replace(
        outcome,
        findings=tuple(one for one in found if one not in quiet),
        caveats=(*outcome.caveats, *caveats),
        silenced=tuple((one.rule, one.line) for one in quiet),
    )
    return facts, outcome, errors
