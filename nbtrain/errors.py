"""Every exception of nbtrain, and how each shows itself.

    NbtrainError
    ├── UserError            something passed in cannot be used; shown as one line, without a traceback
    │   ├── UsageError       wrong words or names: what was passed, what is allowed, what to do (status 2)
    │   ├── CannotLook       data that cannot be looked at without consuming it (a UsageError)
    │   ├── MissingExtra     an optional package is absent; the message is the exact %pip line
    │   ├── RunFolderError   the run folder cannot be written, or another run owns it
    │   ├── RunNotFound      no run by that name or folder
    │   ├── InvalidMetrics   a metrics file that is none
    │   ├── InvalidConfig    a configuration that cannot be used
    │   ├── CheckpointCorrupted   a checkpoint whose bytes are not those that were written
    │   ├── UntrustedCheckpoint   a pickle that would run code when loaded
    │   ├── ExportFailed     a model that a format cannot hold: which operator, where, and a way out
    │   ├── OutOfMemory      a step does not fit into memory, however small its pieces
    │   └── WorkerDied       a loader's worker process is gone: which signal, and why that usually is
    └── TrainingDiverged     loss or gradients became NaN or infinite
"""

from __future__ import annotations

from typing import Any


class NbtrainError(Exception):
    """An error of ours: a sentence for the person, and details for a program.

    Args:
        message: what was passed, what is allowed; one or two sentences.
        suggestion: what to do next, as a sentence or a line of code; may be empty.
        details: values for `to_dict`, JSON-ready.
    """

    exit_status = 1
    explanation: Any = None  # of an exception that this one reports, where one is known

    def __init__(self, message: str, *, suggestion: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.suggestion}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Return `{"error": KIND, "details": {..., "suggestion"}}`."""
        details = {"message": self.message, **self.details, "suggestion": self.suggestion}
        return {"error": type(self).__name__, "details": details}


class UserError(NbtrainError):
    """Something the person passed cannot be used. A notebook shows one line, no traceback."""

    def _render_traceback_(self) -> list[str]:
        """The hook IPython asks before it prints a traceback."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(UserError):
    """Wrong words, names or objects: names what was passed, what is allowed, what to do."""

    exit_status = 2


class CannotLook(UsageError):
    """Data that cannot be looked at without consuming some of it: a generator, an open stream."""


class MissingExtra(UserError):
    """An optional package is not installed; the message carries the exact `%pip install` line."""


class RunFolderError(UserError):
    """The run folder cannot be written to, or a living run already owns it."""


class RunNotFound(UsageError):
    """No run is known by that id, name or folder."""


class InvalidMetrics(UserError):
    """A file given as metrics is truncated, of other types, or holds no epochs."""


class InvalidConfig(UserError):
    """A configuration that cannot be used."""


class CheckpointCorrupted(UserError):
    """A checkpoint's bytes are not those that were written: names the file and the step."""


class UntrustedCheckpoint(UserError):
    """A checkpoint holds pickled code; it is never run without a clear yes."""


class ExportFailed(UserError):
    """A model cannot be exported in this format: names the operator, the module, and a way out."""


class OutOfMemory(UserError):
    """A step does not fit into memory, not even with a single sample; says what would help."""


class WorkerDied(UserError):
    """A loader's worker process is gone: says by which signal, and why that usually is."""


class TrainingDiverged(NbtrainError):
    """The loss or the gradients became NaN or infinite; says at which step and the last finite checkpoint."""
