"""review: read a cell, a file or the live objects, and say what would waste GPU hours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbtrain.commands.spec import Argument, Command, Context
from nbtrain.errors import UsageError


def review(source: str | Path | None = None, *, namespace: Mapping[str, Any] | None = None) -> Any:
    """Review code and the objects it names; nothing is run.

    Args:
        source: code as text, or the path of a .py or .ipynb file; None reviews the live objects alone.
        namespace: name -> object, e.g. `globals()`; what is seen there beats what is read in the source.

    Returns:
        A Review: `.findings`, `.to_markdown()`, `.to_dict()`, rich display.
    """
    from nbtrain.review import review_file, review_source

    if isinstance(source, Path) or (
        isinstance(source, str) and "\n" not in source and source.endswith((".py", ".ipynb"))
    ):
        path = Path(source)
        if not path.is_file():
            raise UsageError(
                f"There is no file `{path}` to review.",
                suggestion="Give a .py or .ipynb file, or the code itself.",
            )
        return review_file(path)
    return review_source(source, namespace=namespace)


def _run(args: SimpleNamespace, context: Context) -> Any:
    if context.cell is not None:
        return review(context.cell, namespace=context.namespace)
    if args.names and args.names[0].endswith((".py", ".ipynb")):
        return review(Path(args.names[0]))
    if context.namespace is None:
        raise UsageError("review needs a file here.", suggestion="nbtrain review train.py")
    unknown = [name for name in args.names if name not in context.namespace]
    if unknown:
        raise UsageError(
            f"`{unknown[0]}` is neither a name of this notebook nor a .py or .ipynb file.",
            suggestion="%train_review reviews everything the notebook holds.",
        )
    visible = {name: value for name, value in context.namespace.items() if name not in context.hidden}
    chosen = {name: visible[name] for name in args.names} if args.names else visible
    return review(None, namespace=chosen)


COMMAND = Command(
    "review",
    "review code and live objects before GPU hours are spent",
    _run,
    (
        Argument(
            ("names",),
            "names of the notebook, or a .py or .ipynb file; everything when left out",
            many=True,
            metavar="NAME",
        ),
        Argument(("--run",), "run the cell after its review (in a notebook, `%%train_review --run`)", bool),
    ),
    examples=("%%train_review", "%train_review model optimizer", "nbtrain review train.py"),
)
