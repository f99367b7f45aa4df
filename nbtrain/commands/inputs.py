"""The inputs that export and bench run models on: batches of data, or numbers drawn for a shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nbtrain.commands.spec import Argument
from nbtrain.errors import UsageError

SHAPE = Argument(
    ("--input-shape",), "without data: sizes of one sample, without the batch; again for each further input",
    many=True, metavar="1,28,28",
)  # fmt: skip
DTYPE = Argument(
    ("--input-dtype",),
    "of --input-shape: float32 | int64 (float32)",
    choices=("float32", "int64"),
    metavar="TYPE",
)
SAMPLES = Argument(("--samples",), "of the data, at most about so many (1024)", int)


def feeds_for(
    model: Any, data: Any, *, shapes: Sequence[Any] = (), dtype: str | None = None,
    samples: int | None = None, names: Sequence[str] = (),
) -> tuple[Any, ...]:  # fmt: skip
    """Return inputs as feeds; every random generator is left as it was.

    Args:
        model: None where a file is the model, whose inputs have `names`. data: gives batches, or None.
        shapes: of one sample each, as words or numbers, where there is no data.

    Raises:
        UsageError: there is neither data nor a shape, or they cannot be used.
    """
    from nbtrain.exported.feed import SAMPLES as USUAL
    from nbtrain.exported.feed import drawn_feeds, feeds_of, shape_of_words

    if data is None:
        if not shapes:
            raise UsageError(
                "There are no inputs to run the model on.",
                suggestion="Give data, or the shape of one sample: --input-shape 1,28,28.",
            )
        found = [shape_of_words(one) if isinstance(one, str) else tuple(one) for one in shapes]
        return drawn_feeds(model, found, dtype or "float32")
    with _untouched(data):
        return feeds_of(model, data, samples=samples or USUAL, names=names)


def name_of_data(data: Any) -> str:
    """Return what data without a name is called: the class of its data set, "" for a plain list."""
    held = getattr(data, "dataset", data)
    return "" if isinstance(held, (list, tuple, type(None))) else type(held).__name__


def as_shapes(given: Any) -> list[Any]:
    """Return shapes as a list of them: `1,28,28`, (1, 28, 28) and a list of either are allowed."""
    if not given:
        return []
    return [given] if isinstance(given, str) or isinstance(given[0], int) else list(given)


@contextmanager
def _untouched(data: Any) -> Iterator[None]:
    """Leave the generators as they are: the data's own, and the process's unless a run draws from them."""
    from nbtrain.notebook.rng import preserved_rng
    from nbtrain.notebook.sample import owners_of
    from nbtrain.running import active

    with preserved_rng(*owners_of(data), everywhere=not active.alive()):
        yield
