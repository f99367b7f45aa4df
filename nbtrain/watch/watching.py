"""Watching: a loop that somebody wrote as what goes on in a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from nbtrain import units
from nbtrain.errors import UsageError
from nbtrain.findings import Finding, Severity
from nbtrain.notebook.names import data_role
from nbtrain.report.model import Code, KeyValues, Report, Section
from nbtrain.running import active, ledger
from nbtrain.running.activity import Activity, Desk
from nbtrain.running.budget import Budget
from nbtrain.running.learning_rate import set_learning_rate
from nbtrain.running.log import heard
from nbtrain.running.money import money
from nbtrain.running.record import Arrived, Record
from nbtrain.running.signs.exploding import Exploding
from nbtrain.running.signs.stall import Stall
from nbtrain.running.state import State
from nbtrain.running.thread_state import thread_state
from nbtrain.watch import seams
from nbtrain.watch.follower import Follower
from nbtrain.watch.following import current, followed_by
from nbtrain.watch.found import Found
from nbtrain.watch.observer import Judge
from nbtrain.watch.options import WatchOptions
from nbtrain.watch.passes import Judged
from nbtrain.watch.remarks import Remarks
from nbtrain.watch.saving import Saving

DEFAULT_NAME = "loop"


class Watching(Activity):
    """Follow a loop.

    Args:
        options: what the person said. namespace: where the names of what takes part are looked for.
        body: runs the loop, in the training thread; None for a loop in the foreground, between `enter` and
            `leave`.
        source: the cell's text, kept in the run folder; "" where there is none.
    """

    ends_diverged = False
    judges_within_epochs = True
    as_plain_code = True

    def __init__(
        self, options: WatchOptions, namespace: Mapping[str, Any], *, body: Callable[[], Any] | None = None,
        source: str = "",
    ) -> None:  # fmt: skip
        self.name, self.dir, self.backends = options.name or DEFAULT_NAME, options.dir, options.log
        self.objects: Found = Found(namespace)
        self.state = State()
        self.foreground = body is None
        self.price_per_hour, self.currency = options.price_per_hour, options.currency
        self._options, self._body, self.source = options, body, source
        self._hooking, self._left = threading.Lock(), True
        self.config = {
            "name": self.name, "loop": "the person's own",
            "training": {"save_every": options.save_every, "on_nan": options.on_nan},
            "logging": list(options.log),
        }  # fmt: skip

    @property
    def on_gpu(self) -> bool:
        """True when what it trains is on a CUDA device."""
        return any(p.is_cuda for p in self.objects.parameters)

    def new_record(self) -> Record:
        """Return an empty record with the columns of a followed loop."""
        return Record(followed=True)

    def described(self) -> dict[str, Any]:
        """Return base_model and dataset, as far as they have been found, and the hyperparameters."""
        found = self.objects
        model, data = found.model, found.train_loader
        return {
            "base_model": type(model).__name__ if model is not None else "",
            "dataset": {"name": found.name_of(data) or None} if data is not None else {},
            "hyperparameters": self.config,
        }

    def report(self) -> Report:
        """Say that the loop is the person's own, and show it."""
        rows = [("Loop", "as written, not one line changed"), ("Logging", ", ".join(self.backends))]
        options = self._options
        if options.max_time is not None:
            rows.append(("Time budget", f"at most {units.seconds(options.max_time)}, pauses left out"))
        if options.max_cost is not None:
            price = f"{money(options.price_per_hour or 0.0, options.currency)} an hour, pauses included"
            rows.append(("Cost budget", f"at most {money(options.max_cost, options.currency)} at {price}"))
        blocks: tuple[Any, ...] = (KeyValues(tuple(rows)),)
        if self.source:
            blocks += (Code(self.source),)
        return Report(f"Follow: {self.name}", (Section("", blocks),))

    # --- the loop -----------------------------------------------------------------------------------------

    def prepare(self, desk: Desk) -> None:
        """Make the follower.

        Raises:
            UsageError: the code that asks is followed already.
        """
        if current() is not None:
            raise UsageError(
                "This loop is followed already; a run within a run would count its steps twice.",
                suggestion="Take the inner nbtrain.watch(...) out.",
            )
        self._desk = desk
        self.follower = Follower(
            desk, self.state, self.objects, stops_at_nan=self._options.on_nan == "stop",
            on_first_step=self._refuse_what_is_trained,
        )  # fmt: skip
        self._remarks, self._judge = Remarks(desk.record, self.state), Judge(desk.record.note_alert)
        every, keep = self._options.save_every, self._options.keep
        self.saving = Saving(desk, self.objects, self.state, every=every, keep=keep)
        options = self._options
        self._budget = Budget(
            desk.control, seconds=options.max_time, cost=options.max_cost, price=options.price_per_hour,
            currency=options.currency,
        )  # fmt: skip
        desk.record.signs = [Exploding(), Stall()]
        self.follower.boundary.then = self.saving.when_due
        device = torch.device("cpu")
        if torch.cuda.is_initialized():
            device = torch.device("cuda", torch.cuda.current_device())
        self._stand = thread_state(device, grad=torch.is_grad_enabled())
        self._entered, self._hooks, self._left = ExitStack(), ExitStack(), False

    def _refuse_what_is_trained(self, optimizer: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        active.refuse_if_training(parameters, but=self)

    def enter(self) -> None:
        """Follow what this thread does from here on."""
        with ExitStack() as stack:
            stack.enter_context(followed_by(self.follower))
            stack.enter_context(heard(self.follower.log))
            with self._hooking:
                if not self.follower.deaf:
                    self._hooks.enter_context(seams.opened())
            self._entered = stack.pop_all()

    def leave(self, *, completed: bool) -> None:
        """Follow no longer."""
        try:
            with self._hooking:
                self._left = True
                self._hooks.close()
            self._entered.close()
        finally:
            self.follower.finish(completed=completed)

    def work(self) -> None:
        """Run the cell."""
        with self._stand():
            self.enter()
            completed = False
            try:
                self._body()
                completed = True
            finally:
                self.leave(completed=completed)

    def unhook(self, why: str) -> None:
        """Take the hooks off at once, from any thread; the loop goes on, unseen, and that is said."""
        with self._hooking:
            if self._left or self.follower.deaf:
                return
            self.follower.deaf = True
            self._hooks.close()
        issue = f"{why}: the loop goes on, unseen; run.stop() still ends it at a step."
        self._desk.record.note_alert(Finding("not-followed", Severity.WARNING, issue, step=self.state.step))

    def hear(self) -> None:
        """Put the hooks on again that `unhook` took off: without them no stop can end the loop."""
        with self._hooking:
            if self._left or not self.follower.deaf:
                return
            self._hooks.enter_context(seams.opened())
            self.follower.deaf = False

    def rescue(self) -> None:
        """Save what was learned until the failure, where checkpoints were asked for."""
        if self._options.save_every:
            self.saving.save(wait=True)

    def flush(self) -> None:
        """Save the end of a run that has checkpoints; the numbers were sent by `leave`."""
        if self._options.save_every:
            self.saving.save(wait=True)
        self.saving.settle()

    def note_trained(self) -> None:
        """Remember which models were trained."""
        state = self.state
        for model in self.objects.models.values():
            ledger.note(model, self._desk.folder.path.name, epochs=state.epoch, steps=state.step)

    # --- for the pump and for errands ---------------------------------------------------------------------

    def take(self, *, last: bool = False) -> Arrived:
        """Return the steps that have reached the host; put evaluations and epochs into the record."""
        follower = self.follower
        arrived = follower.steps.take(last=last)
        if arrived.rows is not None:
            follower.passes.take_rows(arrived.rows, np.asarray(arrived.beside["optimizer"]))
        if len(self._desk.record.optimizers) > 1:
            self._desk.record.signs = []  # they take all steps for those of one loss
        self._judge.look(follower.observer.done)
        self._remarks.look(arrived, follower.steps, logged=follower.logged, last=last)
        arrived_step = self.state.step if last else follower.steps.arrived
        follower.passes.settle(self._validation_among, arrived=arrived_step)
        return arrived

    def _validation_among(self, parts: list[Judged]) -> Judged | None:
        """Of the data judged between two steps, that which is validated on: not the training data itself."""
        found = self.objects
        parts = [part for part in parts if part.is_own] or parts
        loaders = [part.loader() if part.loader is not None else None for part in parts]
        others = [
            (part, loader) for part, loader in zip(parts, loaders, strict=True)
            if loader is None or loader is not found.train_loader
        ]  # fmt: skip
        named = [pair for pair in others if data_role(found.name_of(pair[1])) == "val"]
        for part, loader in named or others:
            if loader is not None:
                found.judges(loader)
            return part
        return None

    def at_beat(self) -> None:
        """Look at the budgets."""
        self._budget.look(self.state)

    def watching_s(self) -> float | None:
        """Return the seconds that the loop has been held up by being followed."""
        return self.follower.spent_s

    def save(self) -> None:
        """Commit a checkpoint of this step."""
        self.saving.save()

    def set_lr(self, lr: float) -> float:
        """Set the rate of every optimizer's groups, and the schedulers' heights with it."""
        found = self.objects
        schedulers = list(found.schedulers.values())
        before = [
            set_learning_rate(one, next((s for s in schedulers if s.optimizer is one), None), lr)
            for one in found.optimizers.values()
        ]
        return before[0] if before else float("nan")

    def let_go(self) -> None:
        """Hold nothing of the loop any longer; what was found is held weakly."""
        self.objects.look_no_more()
        del self.follower, self.saving, self._remarks, self._judge, self._budget, self._desk
        self._body = None
