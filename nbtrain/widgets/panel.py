"""RunPanel: the live view of a run. The other end of js/src/link.js.

To the page: the traits `state` (small, at most four times a second), `alerts` and `events`, and messages
`curve`, `layers`, `heat`, `log`, `printing`, `answer`, `page`, `places` and those of the inspector, binary
where they carry series. From the page: `hello` (what it holds of the curves), `control`, `edit`, `inspect`,
`log`, `page` (what an alert means), `places` (a page that still shows the panel of a run that is over).
Owns no numbers; holds the run weakly,
because the widget library keeps every widget alive and a model must not stay on the device for a picture.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from nbtrain.errors import NbtrainError
from nbtrain.report.model import Report
from nbtrain.widgets.bundle import script, style
from nbtrain.widgets.curve_feed import CurveFeed
from nbtrain.widgets.delivery import Complaints, untie_replies
from nbtrain.widgets.fallback import summary, text_line
from nbtrain.widgets.heat_feed import HeatFeed
from nbtrain.widgets.layer_feed import LayerFeed
from nbtrain.widgets.log_tail import LogTail
from nbtrain.widgets.object_watch import ObjectWatch, Subjects
from nbtrain.widgets.state import alerts_state, events_state, run_state

LAYERS_EVERY_S = 1.0
ALERTS_EVERY_S = EVENTS_EVERY_S = 1.0  # a cell may set the rate at every step
RAISE = 3.0  # half a decade, as `on_stall` raises it
AHEAD = 200  # steps of a schedule shown

ACTIONS: dict[str, Callable[[Any], Any]] = {
    "pause": lambda run: run.pause(),
    "resume": lambda run: run.resume(),
    "stop-step": lambda run: run.stop(after="step"),
    "stop-epoch": lambda run: run.stop(after="epoch"),
    "save": lambda run: run.save(),
    "raise-lr": lambda run: run.set_lr(f"*{RAISE:g}"),
    "new-weights": lambda run: run.initialise_again(),
}


class RunPanel(anywidget.AnyWidget):
    """The panel of a run: status, numbers, charts, alerts, controls, inspector, log.

    Args:
        run: a live or a stored run. Make the panel in the main thread and append it to `run.watchers`.
        explain: gives the page on an alert's id, to be opened at the alert; None where there is none.

    Attributes:
        places: gives what the displays around the panel show now, for a page that gets no display updates.
    """

    _esm = script("panel")
    _css = style("panel")
    state = traitlets.Dict().tag(sync=True)
    alerts = traitlets.Dict().tag(sync=True)
    events = traitlets.Dict().tag(sync=True)

    def __init__(self, run: Any, *, explain: Callable[[str], Report | None] = lambda rule: None) -> None:
        self._run, self._explain = weakref.ref(run), explain
        self.places: Callable[[], Any] = list
        self._complaints = Complaints("The panel")
        self._busy = threading.Lock()  # pump, main and subshell threads may all send
        self._steps = CurveFeed("steps", run.curves)
        self._evals = CurveFeed("evals", run.eval_curves)
        self._log, self._layers, self._heat = LogTail(), LayerFeed(), HeatFeed(run.layer_history)
        self._layers_due = self._alerts_due = self._events_due = 0.0
        self._watch = ObjectWatch(self._subjects, self._tell, self._complaints.add)
        super().__init__(
            state=self._state_of(run),
            alerts=alerts_state(run.alerts, self._explains),
            events=events_state(run.events),
        )
        self.on_msg(self._on_message)
        untie_replies(self)

    def update(self, run: Any) -> None:
        """Show what is new. Called by the pump; whatever fails here stays here."""
        try:
            with self._busy:
                self._update(run)
        except Exception as error:
            self._complaints.add(error)

    def _update(self, run: Any) -> None:
        now = time.monotonic()
        over = not run.status.alive
        for feed in (self._steps, self._evals):
            if message := feed.next():
                self.send(*message)
        if over:  # no later update would bring the rest
            for feed in (self._steps, self._evals):
                while message := feed.next():
                    self.send(*message)
        log = run.dir and run.dir / "logs" / "training.log"
        while lines := self._log.next(log):
            self.send(lines)
            if not over:
                break
        if bar := self._log.printing(getattr(run, "printing", "")):
            self.send(bar)
        if self._watch.is_running and now >= self._layers_due:
            self._layers_due = now + LAYERS_EVERY_S
            if blocks := self._layers.next(run.layers, self._watch.row_of):
                self.send({"type": "layers"}, blocks)
            for message in self._heat.next():
                self.send(*message)
        if over or now >= self._alerts_due:
            found = run.alerts
            if len(found) != self.alerts.get("total"):
                self._alerts_due = now + ALERTS_EVERY_S
                self.alerts = alerts_state(found, self._explains)
        self._show_events(run, now, over=over)
        self.state = self._state_of(run)

    def _show_events(self, run: Any, now: float, *, over: bool) -> None:
        events = run.events
        if len(events) != self.events.get("total") and (over or now >= self._events_due):
            self._events_due = now + EVENTS_EVERY_S
            self.events = events_state(events)

    def close_watch(self) -> None:
        """Stop looking at the run's objects; a page that opens the inspector starts it again."""
        self._watch.close()

    def mimebundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return data and metadata for `display(data, metadata=metadata, raw=True)`.

        Beside the live view stand a table and a text: what a saved notebook shows if the kernel dies early.
        """
        shown = self._repr_mimebundle_()
        data, metadata = shown if isinstance(shown, tuple) else (shown or {}, {})
        data = dict(data)
        run = self._run()
        if run is not None:
            data["text/plain"] = text_line(run)
            data["text/html"] = summary(run).to_html()
        return data, dict(metadata or {})

    def _state_of(self, run: Any) -> dict[str, Any]:
        return {**run_state(run), "sent": {feed.name: feed.sent for feed in (self._steps, self._evals)}}

    def _on_message(self, widget: Any, message: Any, buffers: Any) -> None:
        """Take a page's message. May run on a subshell's thread: sets flags and sends, nothing more."""
        handlers = {
            "hello": self._on_hello,
            "control": self._on_control,
            "edit": self._on_edit,
            "inspect": self._on_inspect,
            "log": self._on_log,
            "page": self._on_page,
            "places": lambda message: self.send({"type": "places", "places": self.places()}),
        }
        handler = handlers.get(str(message.get("type"))) if isinstance(message, dict) else None
        if handler is None:
            return
        try:
            handler(message)
        except Exception as error:
            self._complaints.add(error)

    def _on_hello(self, message: Mapping[str, Any]) -> None:
        have = message.get("have", {})
        with self._busy:
            for feed in (self._steps, self._evals):
                held = have.get(feed.name, {})
                for block in feed.since(int(held.get("level", 0)), int(held.get("full", 0))):
                    self.send(*block)
        if (run := self._run()) is not None:
            self.update(run)

    def _on_control(self, message: Mapping[str, Any]) -> None:
        action, run = str(message.get("action")), self._run()
        answer = {"type": "answer", "action": action}
        if run is None or action not in ACTIONS:
            answer["refused"] = (
                "This run is no longer in memory." if run is None else f"Unknown action {action!r}."
            )
        else:
            try:
                ACTIONS[action](run)
            except NbtrainError as error:
                answer["refused"] = str(error)
        self.send(answer)

    def _on_edit(self, message: Mapping[str, Any]) -> None:
        """Make the changes of the edit row: name -> text as typed; answer what will be, or why not."""
        run, answer = self._run(), {"type": "answer", "action": "edit"}
        if run is None:
            answer["refused"] = "This run is no longer in memory."
        else:
            try:
                edits = run.change(dict(message.get("values") or {}))
                answer["said"] = ", ".join(edit.said for edit in edits)
            except NbtrainError as error:
                answer["refused"] = str(error)
        self.send(answer)

    def _on_inspect(self, message: Mapping[str, Any]) -> None:
        """Show the objects to a page, and what it lacks of the layers' history."""
        have = message.get("heat")
        if message.get("open") and isinstance(have, Mapping):
            with self._busy:
                self._heat.again(int(have.get("level", 0)), int(have.get("full", 0)))
                for block in self._heat.next():
                    self.send(*block)
        self._watch.handle(message)

    def _on_log(self, message: Mapping[str, Any]) -> None:
        run = self._run()
        if run is None or not message.get("open"):
            return self._log.close()
        path = run.dir and run.dir / "logs" / "training.log"
        with self._busy:
            self._log.open(path, int(message.get("end", 0)))
            while part := self._log.next(path):
                self.send(part)
            if bar := self._log.printing(getattr(run, "printing", "")):
                self.send(bar)
        return None

    def _explains(self, rule: str) -> bool:
        return self._explain(rule) is not None

    def _on_page(self, message: Mapping[str, Any]) -> None:
        """Send the page on an alert's id."""
        rule = str(message.get("rule"))
        page = self._explain(rule)
        self.send({"type": "page", "rule": rule, "html": "" if page is None else page.to_html()})

    def _subjects(self) -> Subjects:
        run = self._run()
        from nbtrain.notebook.seen_shapes import (
            SeenShapes,
        )  # imports torch, which a panel itself does not need

        objects = getattr(run, "objects", None)
        if objects is None:
            return Subjects(gone="The objects of this run are not in this kernel's memory.")
        names = dict(getattr(objects, "names", {}) or {})
        parts = {
            role: getattr(objects, role, None)
            for role in ("optimizer", "scheduler", "train_loader", "val_loader")
        }
        named = {
            role: {names.get(role.removesuffix("_loader")) or role: part} if part is not None else {}
            for role, part in parts.items()
        }
        return Subjects(
            model=objects.model,
            model_name=names.get("model") or "model",
            optimizers=getattr(objects, "optimizers", None) or named["optimizer"],
            schedulers=getattr(objects, "schedulers", None) or named["scheduler"],
            loaders={**named["train_loader"], **named["val_loader"]},
            samples=dict.fromkeys(named["train_loader"], _rehearsed_batch(run)),
            output_shapes=SeenShapes(getattr(objects, "output_shapes", {}) or {}),
            ahead=_ahead(run),
        )

    def _tell(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        with self._busy:
            self.send(message, buffers)


def _ahead(run: Any) -> tuple[int, str]:
    """How far a schedule is played ahead: to the end of the run where that is near, in its own rhythm."""
    config = getattr(run.plan, "config", None) or {}
    progress = run.progress
    if (config.get("scheduler") or {}).get("every") == "epoch":
        left = progress.total_epochs and progress.total_epochs - max(progress.epoch - 1, 0)
        unit = "epochs"
    else:
        left, unit = progress.total_steps and progress.total_steps - progress.step, "steps"
    return max(2, min(AHEAD, left or AHEAD)), unit


def _rehearsed_batch(run: Any) -> Any:
    """The batch that the plan looked at; drawing another would move generators that training shares."""
    return getattr(getattr(run.plan, "rehearsal", None), "batch", None)
