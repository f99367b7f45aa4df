"""The templates: configurations with comments, to begin with."""

from __future__ import annotations

from pathlib import Path

from nbtrain.errors import UsageError

FOLDER = Path(__file__).parent / "templates"
TEMPLATES = ("baseline", "optimization", "final")
ALSO = {"production": "final"}


def template(name: str) -> str:
    """Return the text of a template.

    Raises:
        UsageError: there is none of that name.
    """
    name = ALSO.get(name, name)
    if name not in TEMPLATES:
        raise UsageError(
            f"There is no template `{name}`.", suggestion=f"Templates are {', '.join(TEMPLATES)}."
        )
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
