"""Export a model: write beside the final name, load, verify, and only then rename."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from nbtrain.errors import ExportFailed
from nbtrain.export.asked import FP16, ExportOptions
from nbtrain.export.shapes import Shapes, shapes_of
from nbtrain.export.verification import Tolerance, Verification, verify
from nbtrain.export.writers import write
from nbtrain.export.writers.safetensors import put_back
from nbtrain.export.writers.written import Written
from nbtrain.exported.feed import Feed
from nbtrain.exported.formats import KNOWN, SAFETENSORS
from nbtrain.exported.quiet import quiet
from nbtrain.exported.runners import load_runner
from nbtrain.exported.runners.module import ModuleRunner, evaluation_copy, keeps_cache
from nbtrain.exported.runners.runner import Runner

BESIDE = ".tmp-"
WITHOUT_CACHE = (
    "The key-value cache is left out (config.use_cache = False): the file reads a whole sequence in each "
    "call."
)


@dataclass(frozen=True)
class Exported:
    """A file, or why there is none.

    Attributes:
        n_bytes: of the file. weights_bytes: of the model in PyTorch. replaced: an earlier file was there.
    """

    options: ExportOptions
    written: Written
    verification: Verification
    shapes: Shapes
    n_bytes: int
    weights_bytes: int
    replaced: bool
    seconds: float


def export_model(
    model: nn.Module, feeds: Sequence[Feed], options: ExportOptions, *, loss: Any = None,
    progress: Callable[[str], Any] = lambda said: None,
) -> Exported:  # fmt: skip
    """Write a model to a file and verify it; the file gets its name only where it is accepted.

    Args:
        model: is copied, and not changed. feeds: real batches, or drawn ones. loss: a criterion, or None.
        progress: told what is done.

    Raises:
        ExportFailed: the model cannot be exported, or the file cannot be written.
        UsageError: the model does not take these inputs. MissingExtra: a package is absent.
    """
    began = time.perf_counter()
    twin = evaluation_copy(model, options.name)
    reference = ModuleRunner(evaluation_copy(model, options.name))
    _try(reference, feeds[0], options)
    shapes = shapes_of(feeds, fixed_batch=options.fixed_batch)
    weights = sum(one.nbytes for one in (*twin.parameters(), *twin.buffers()))
    with _written_beside(options.output) as path:
        progress(f"writing {KNOWN[options.format].said}")
        written = write(twin, shapes, options, path)
        if keeps_cache(model):
            written = replace(written, notes=(*written.notes, WITHOUT_CACHE))
        runner = _loaded(model, path, options)
        tolerance = Tolerance(options.quantize, options.tolerance)
        tried = _tried(reference, feeds, shapes)
        progress("verifying against PyTorch")
        with quiet():
            found = verify(reference, runner, tried, tolerance, loss=loss)
        n_bytes = path.stat().st_size
        replaced = options.output.exists()
        if found.accepted:
            os.replace(path, options.output)  # noqa: PTH105 - the name says what is relied on
    seconds = time.perf_counter() - began
    return Exported(options, written, found, shapes, n_bytes, weights, replaced, seconds)


def _try(reference: ModuleRunner, feed: Feed, options: ExportOptions) -> None:
    """Run the model once as it is, so that its own errors are told apart from those of an export."""
    try:
        with quiet():
            reference.run(feed)
    except Exception as error:  # whatever the person's forward raises
        said = ", ".join(f"{name} {tuple(one.shape)}" for name, one in feed.tensors().items())
        raise ExportFailed(
            f"`{options.name}` does not run on these inputs ({said}): {type(error).__name__}: "
            f"{' '.join(str(error).split())[:250]}",
            suggestion="Check the shapes: they are those of the data, or of --input-shape without the batch.",
        ) from error


def _tried(reference: ModuleRunner, feeds: Sequence[Feed], shapes: Shapes) -> list[Feed]:
    """Return the batches to compare on: where any size is promised, a single sample too."""
    if not shapes.dynamic_batch:
        return [one for one in feeds if one.size == shapes.example.size]
    single = feeds[0].resized(1)
    if any(one.size == 1 for one in feeds):
        return [*feeds]
    try:
        with quiet():
            reference.run(single)
    except Exception:  # the model itself does not take one: it need not, and nothing promises it
        return [*feeds]
    return [feeds[0], single, *feeds[1:]]


def _loaded(model: nn.Module, path: Path, options: ExportOptions) -> Runner:
    if options.format != SAFETENSORS:
        return load_runner(path, options.format)
    twin = evaluation_copy(model, options.name)
    if options.quantize == FP16:
        return ModuleRunner(put_back(twin.half(), path).float())
    return ModuleRunner(put_back(twin, path))


@contextmanager
def _written_beside(final: Path) -> Iterator[Path]:
    """Give a name beside the final one; whatever happens, nothing is left under it."""
    path = final.with_name(f"{BESIDE}{uuid.uuid4().hex[:8]}-{final.name}")
    try:
        yield path
    except OSError as error:
        raise ExportFailed(
            f"`{final}` could not be written: {error.strerror or error}.",
            suggestion="Check the folder and the space on the disk, or give another --output.",
            path=str(final),
        ) from error
    finally:
        with suppress(OSError):
            path.unlink()
