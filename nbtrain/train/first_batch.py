"""A first batch that failed in the person's code: what the plan says of it, and no start with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler

from nbtrain.errors import UsageError
from nbtrain.notebook.sample import sampler_of
from nbtrain.report.explanation import Explanation
from nbtrain.report.model import Code, Note, Section
from nbtrain.running.failure import describe_failure

Explain = Callable[[BaseException], Explanation | None]
START_REFUSED = "Nothing was started, and nothing is on disk."


@dataclass(frozen=True)
class FirstBatch:
    """How the first batch failed.

    Attributes:
        line: the exception in one line. text: its traceback, without our frames; "" where memory was short.
        does_not_fit: it was memory that was short; the run then takes batches in pieces.
        certain: the run would meet it too. Data that workers read, or a sampler that may leave the failing
            samples out, can do better than the rehearsal; so can the device that the model moves to. Nor is a
            failure certain that only came when the batch was tried again.
        explanation: what is known of it, or None.
    """

    line: str
    text: str = ""
    does_not_fit: bool = False
    certain: bool = True
    explanation: Explanation | None = None

    def said(self) -> str:
        """Say what it means for the run."""
        if self.does_not_fit:
            return (
                f"One batch does not fit into memory ({self.line}). The run takes each in smaller pieces, "
                "with the same samples in a step; a smaller batch with --accumulate says the same."
            )
        if self.certain:
            return f"The first batch fails in your code ({self.line}). It must be mended before a start."
        return (
            f"The rehearsal of one batch failed in your code ({self.line}). The run may end with its full "
            "traceback."
        )

    @property
    def _frames(self) -> str:
        """The traceback; "" where it says nothing that the line does not."""
        text = self.text.rstrip()
        return "" if text == self.line else text

    def section(self) -> Section:
        """Return what stands above the plan."""
        blocks: list[Any] = [Note(self.said(), tone="warning" if self.does_not_fit else "critical")]
        if self.explanation is not None:
            blocks += self.explanation.blocks()
        if self._frames:
            blocks.append(Code(self._frames, "text"))
        return Section("Rehearsal", tuple(blocks))

    def refuse(self) -> None:
        """Refuse the start where the run would surely end with this.

        Raises:
            UsageError: the exception, the person's own frames, and what is known of it.
        """
        if self.does_not_fit or not self.certain:
            return
        known = self.explanation
        told = [known.what, known.fix, known.code] if known is not None else []
        refusal = UsageError(
            f"The first batch fails in your code ({self.line}). {START_REFUSED}",
            suggestion="\n\n" + "\n\n".join(part for part in (self._frames, *told) if part),
            failure=self.line,
            pattern=known.pattern if known is not None else None,
        )
        refusal.explanation = known
        raise refusal


def failed_here(error: Exception, explain: Explain | None = None) -> FirstBatch:
    """Return the failure of a model or loss, and let go of its frames."""
    failure = describe_failure(error, explain=explain)
    return FirstBatch(failure.line, failure.text, explanation=failure.explanation)


def failed_data(error: Exception, loader: Any, explain: Explain | None = None) -> FirstBatch:
    """Return the failure of a data set or collate function that was asked for a batch here."""
    return replace(failed_here(error, explain), certain=reads_every_sample(loader))


def reads_every_sample(loader: Any) -> bool:
    """Say whether a run is sure to meet the samples of the rehearsal, batched as they were there."""
    if not isinstance(loader, DataLoader):
        return True
    sampler = sampler_of(loader)
    if type(loader.batch_sampler) not in (BatchSampler, type(None)):
        return False  # its batches are its own: samples of one length, so many of each class
    if type(sampler) is RandomSampler:
        whole = not sampler.replacement and sampler.num_samples >= len(sampler.data_source)
    else:
        whole = type(sampler) is SequentialSampler
    workers_differ = loader.num_workers and isinstance(loader.dataset, IterableDataset)
    return whole and loader.worker_init_fn is None and not workers_differ
