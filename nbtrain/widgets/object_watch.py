"""Looks at living objects while a page shows them, and says what changed.

One small daemon thread, only while a page is open. Reads descriptions, never values of tensors, and never
draws a
batch: reading a loader moves random generators, which a background training shares.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbtrain.widgets import wire
from nbtrain.widgets.state import wire as wire_values

if TYPE_CHECKING:
    from nbtrain.notebook.seen_shapes import SeenShapes

LOOK_EVERY_S = 0.5
SHARE_OF_TIME = 0.05  # looking at a large model may take at most this share, within LOOK_AT_LEAST_EVERY_S
LOOK_AT_LEAST_EVERY_S = 0.7
SCHEDULE_EVERY_S = 2.0  # the next steps of a schedule are computed on copies: some milliseconds
PAGE_FORGOTTEN_S = 65.0  # pages say every 20 s that they are there; a closed laptop says nothing

Tell = Callable[[dict[str, Any], list[bytes]], None]


@dataclass(frozen=True)
class Subjects:
    """The objects to show, each under its name in the notebook.

    Attributes:
        model: the model, or None. model_name: its name.
        optimizers, schedulers, loaders: name -> object.
        samples: name of a loader -> one batch of it.
        output_shapes: what is known of the modules' output shapes.
        ahead: how many of its steps a schedule is played ahead, and what one of them is called.
        gone: what to say when an object no longer exists, else "".
    """

    model: Any = None
    model_name: str = ""
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    schedulers: Mapping[str, Any] = field(default_factory=dict)
    loaders: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, Any] = field(default_factory=dict)
    output_shapes: SeenShapes | None = None
    ahead: tuple[int, str] = (200, "steps")
    gone: str = ""


class ObjectWatch:
    """Tells pages about objects, first everything, then what changed.

    Args:
        subjects: asked at each look, so that objects may come and go.
        tell: sends a message and its buffers; called from the watching thread.
        on_error: told of what a look raised; the watch goes on.
    """

    def __init__(
        self, subjects: Callable[[], Subjects], tell: Tell, on_error: Callable[[Exception], None]
    ) -> None:
        self._subjects, self._tell, self._on_error = subjects, tell, on_error
        self._pages: dict[str, float] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: dict[str, Any] = {}
        self._rows: list[Any] = []
        self._seen: dict[str, Any] = {}  # loader -> its sample described; ranges of a large batch cost 40 ms
        self._schedule_due = 0.0
        self._fresh = False
        self.row_of: dict[str, int] = {}

    @property
    def is_running(self) -> bool:
        """Whether the thread looks at the objects now."""
        return self._thread is not None

    def handle(self, message: Mapping[str, Any]) -> None:
        """Take a page's `inspect` message: it opened the view, is still there, or closed it."""
        page = str(message.get("page", ""))
        if message.get("open"):
            self.open(page, again=bool(message.get("beat")))
        else:
            self.close(page)

    def open(self, page: str = "", *, again: bool = False) -> None:
        """Show the objects to a page. `again`: it is still there and has been told before."""
        with self._lock:
            self._fresh = self._fresh or not again or page not in self._pages
            self._pages[page] = time.monotonic() + PAGE_FORGOTTEN_S
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nbtrain-inspector", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self, page: str | None = None) -> None:
        """Forget a page, or all; the thread ends when none is left."""
        with self._lock:
            if page is None:
                self._pages.clear()
            else:
                self._pages.pop(page, None)
        self._wake.set()

    def _run(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                self._pages = {page: until for page, until in self._pages.items() if until > now}
                if not self._pages:
                    self._thread = None
                    return
            self._wake.clear()
            self.look()
            cost = time.monotonic() - now
            self._wake.wait(min(LOOK_AT_LEAST_EVERY_S, max(LOOK_EVERY_S, cost / SHARE_OF_TIME)))

    def look(self) -> None:
        """Look once and tell what is new."""
        with self._lock:
            if self._fresh:
                self._told, self._rows, self._schedule_due, self._fresh = {}, [], 0.0, False
        try:
            subjects = self._subjects()
            self._tell_if_new("gone", {"type": "gone", "text": subjects.gone})
            if subjects.model is not None:
                self._look_at_model(subjects)
            self._look_at_parts(subjects)
        except Exception as error:
            self._on_error(error)

    def _look_at_model(self, subjects: Subjects) -> None:
        from nbtrain.notebook.described import described, signature_of

        optimizers, seen = dict(subjects.optimizers), subjects.output_shapes
        signature = signature_of(subjects.model, optimizers, seen)
        if self._told.get("model") == signature:
            return
        told = described(subjects.model, optimizers, seen, signature)
        rows = told["modules"]
        heading = wire.head(told, name=subjects.model_name, training=bool(subjects.model.training))
        heading["note"] = seen.said if seen else ""
        changed = wire.changes(self._rows, rows) if self._rows else None
        if changed is None:
            self._tell({"type": "model"}, [wire.packed(rows, heading)])
            self.row_of = {row[0]: index for index, row in enumerate(rows)}
        else:
            self._tell({"type": "model-rows", "head": heading, "rows": changed}, [])
        self._rows = rows
        self._told["model"] = signature

    def _look_at_parts(self, subjects: Subjects) -> None:
        from nbtrain.notebook.describe import describe_loader, describe_optimizer, describe_scheduler

        optimizers = [describe_optimizer(value, name) for name, value in subjects.optimizers.items()]
        self._tell_if_new("optimizers", {"type": "optimizers", "items": wire_values(optimizers)})
        loaders = []
        for name, value in subjects.loaders.items():
            told = describe_loader(
                value, name, subjects.samples.get(name) if name not in self._seen else None
            )
            loaders.append({**told, "sample": self._seen.setdefault(name, told["sample"])})
        self._tell_if_new("loaders", {"type": "loaders", "items": wire_values(loaders)})
        position = [_position(scheduler) for scheduler in subjects.schedulers.values()]
        if time.monotonic() < self._schedule_due or self._told.get("position") == position:
            return
        self._told["position"] = position
        self._schedule_due = time.monotonic() + SCHEDULE_EVERY_S
        steps, unit = subjects.ahead
        schedules = [
            {**describe_scheduler(value, name, steps), "unit": unit}
            for name, value in subjects.schedulers.items()
        ]
        self._tell_if_new("schedulers", {"type": "schedulers", "items": wire_values(schedules)})

    def _tell_if_new(self, kind: str, message: dict[str, Any]) -> None:
        if self._told.get(kind) != message:
            self._told[kind] = message
            self._tell(message, [])


def _position(scheduler: Any) -> Any:
    """Changes when the scheduler was stepped or the lr was set by hand."""
    groups = getattr(getattr(scheduler, "optimizer", None), "param_groups", [])
    return getattr(scheduler, "last_epoch", None), [float(group["lr"]) for group in groups]
