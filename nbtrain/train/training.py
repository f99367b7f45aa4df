"""Training: our own loop as what goes on in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

from nbtrain.errors import UsageError
from nbtrain.report.model import Report
from nbtrain.running import ledger
from nbtrain.running.activity import Activity, Desk
from nbtrain.running.alerts import Watch
from nbtrain.running.control import Control
from nbtrain.running.early import early_signs
from nbtrain.running.edits import Edit
from nbtrain.running.learning_rate import set_learning_rate
from nbtrain.running.log import heard
from nbtrain.running.overhead import Meter
from nbtrain.running.record import Arrived, Record
from nbtrain.running.state import State
from nbtrain.running.thread_state import thread_state
from nbtrain.runs.manifest import utc_now
from nbtrain.runs.store import RunFolder
from nbtrain.telemetry.recorder import Recorder
from nbtrain.telemetry.samplers import device_sampler
from nbtrain.train.callbacks.budgets import Budgets
from nbtrain.train.callbacks.checkpoint import Checkpoints
from nbtrain.train.callbacks.early_stop import EarlyStop
from nbtrain.train.callbacks.on_nan import OnNaN
from nbtrain.train.callbacks.on_stall import OnStall
from nbtrain.train.callbacks.onlooker import Onlooker
from nbtrain.train.callbacks.report_back import ReportBack
from nbtrain.train.callbacks.shortages import Shortages
from nbtrain.train.callbacks.utilisation import Utilisation
from nbtrain.train.data import batches_of, samples_of
from nbtrain.train.data_hash import data_sha256
from nbtrain.train.editor import Editor
from nbtrain.train.events import Callback, Callbacks
from nbtrain.train.fast.planned import scene_of
from nbtrain.train.feed import make_feed
from nbtrain.train.finite import leaves_weights_alone
from nbtrain.train.fresh import initialise_again
from nbtrain.train.last_good import LastGood
from nbtrain.train.lasting import Lasting
from nbtrain.train.loop import fit
from nbtrain.train.notes import Notes
from nbtrain.train.objects import forget
from nbtrain.train.place import move_to
from nbtrain.train.plan import Plan
from nbtrain.train.replay import LossJournal
from nbtrain.train.resumption import Resumption, reopened_folder
from nbtrain.train.savepoint import Parts, capture
from nbtrain.train.seeds import deterministic, seed_everything
from nbtrain.train.step import Stepper
from nbtrain.train.stops import stops


class Training(Activity):
    """Train as a plan says.

    Args:
        plan: what will be done. listeners: each is given the run's mailbox and returns a callback.
    """

    def __init__(self, plan: Plan, *, listeners: Sequence[Callable[[Control], Callback]] = ()) -> None:
        self.plan: Any = plan
        self._listeners = listeners
        self.objects: Any = plan.work
        self.name, self.config, self.config_text = plan.name, plan.config, plan.config_text
        self.dir, self.backends = plan.work.options.dir, plan.work.options.log
        self.resumption: Resumption | None = None
        self.judges_within_epochs = plan.work.options.val_every is not None
        self.guard = plan.work.options.guard
        self.price_per_hour, self.currency = plan.work.options.price_per_hour, plan.work.options.currency
        self.state = State()
        self._recorder = Recorder()
        self._editor: Editor | None = None
        self._meter = Meter()
        self._recorder.add = self._meter.timed(self._recorder.add)

    @property
    def on_gpu(self) -> bool:
        """True when it trains on a CUDA device."""
        return self.objects.device.type == "cuda"

    def new_record(self) -> Record:
        """Return an empty record."""
        work = self.objects
        whole = leaves_weights_alone(work.optimizer, work.device)
        judged = work.options.on_nan != "stop"
        return Record(Watch(scaled=work.precision.scaled, whole=whole, judged=judged))

    @cached_property
    def _data_sha256(self) -> str | None:
        return data_sha256(self.objects.train_loader, self.objects.val_loader)

    def described(self) -> dict[str, Any]:
        """Return base_model, dataset, hyperparameters and seed."""
        work, said = self.objects, self.config.get("configuration") or {}
        data, files = said.get("data") or {}, self.config.get("files") or {}
        known = {"sha256": self._data_sha256 or (files.get("train") or {}).get("sha256")}
        if "test" in files:
            known["test_samples"] = files["test"]["samples"]
        return {
            "base_model": type(work.model).__name__,
            "dataset": {
                "name": data.get("dataset_name") or work.names.get("train") or None,
                "version": data.get("dataset_version"), **known,
                "train_samples": samples_of(work.train_loader),
                "valid_samples": samples_of(work.val_loader) if work.val_loader is not None else None,
            },
            "hyperparameters": self.config,
            "seed": work.options.seed,
            "tags": tuple((said.get("logging") or {}).get("tags") or ()),
        }  # fmt: skip

    def report(self) -> Report:
        """Return the plan as a report."""
        return self.plan.report()

    def check(self) -> None:
        """Refuse what fails on its first batch."""
        if self.plan.rehearsal.failed is not None:
            self.plan.rehearsal.failed.refuse()

    def reopened(self) -> AbstractContextManager[tuple[RunFolder, list[Any]]] | None:
        """Return what opens the folder of the run that goes on."""
        return None if self.plan.resume is None else reopened_folder(self.plan)

    def prepare(self, desk: Desk) -> None:
        """Put everything where it trains, and make what the loop needs."""
        work, options = self.objects, self.objects.options
        if options.device not in (None, "auto"):  # else it trains where it is, on several devices perhaps
            move_to(work.device, work.model, work.optimizer, work.criterion)
        self._desk = desk
        self._journal = LossJournal(desk.folder.path, desk.trouble)
        chosen = work.chosen
        self.stepper = Stepper(
            work.model, work.optimizer, task=work.task if chosen is None else chosen.setting.task,
            precision=work.precision, device=work.device, clip=options.clip, hits=work.hits,
        )  # fmt: skip
        self.stepper.pieces.arrange = None if chosen is None else chosen.setting.arrange
        self.checkpoints = Checkpoints(
            desk.folder.checkpoints, every=options.checkpoint_every, keep=options.keep,
            capture=lambda **how: capture(self.parts, **how), on_trouble=desk.trouble,
            on_saved=self._saved, log=desk.log,
        )  # fmt: skip
        self.state = State(self.plan.total_steps, self.plan.total_epochs, options.max_steps)
        self.parts = Parts(
            work, self.state, self.stepper, self._recorder, make_feed(work.train_loader, self.plan.data_seed),
            Callbacks(self._callbacks(desk)),
        )  # fmt: skip
        self._lasting = Lasting(
            self.parts.feed, self.state, desk.control, desk.tell, looks=self.guard != "off"
        )
        desk.record.signs = early_signs(work.train_loader, self.stepper.probe, patience=options.patience)
        if self.plan.resume is not None:
            self.resumption = Resumption(self.plan.resume, self.parts, desk)
            self.checkpoints.begin_at(self.state.step)
        self._stand = thread_state(work.device)

    def _callbacks(self, desk: Desk) -> list[Callback]:
        """Make everybody who listens to the loop, in the order they are told."""
        work, options = self.objects, self.objects.options
        self._onlooker = self._new_onlooker(desk)
        notes = Notes(desk.record.note_alert, self._own_event, desk.log)
        self._good = LastGood(desk.folder.checkpoints, self.stepper.scaler, self.checkpoints.settle)
        self._sampler = device_sampler(work.device)
        self._stops = stops(desk.control, options)
        early_stop = next(one for one in self._stops if isinstance(one, EarlyStop))
        self._editor = Editor(work, self.state, early_stop, self.plan.steps_per_epoch, self.set_lr)
        return [
            *([Utilisation(self._sampler)] if self._sampler is not None else ()),
            ReportBack(desk.record),
            OnNaN(options.on_nan, control=desk.control, stepper=self.stepper, good=self._good, notes=notes),
            Shortages(work, self.stepper, good=self._good, state=self.state, notes=notes),
            *([OnStall(notes)] if options.on_stall == "recover" else ()),
            *self._stops,
            *(make(desk.control) for make in self._listeners),
            *([self._onlooker] if self._onlooker is not None else ()),
            self.checkpoints,
        ]

    def _new_onlooker(self, desk: Desk) -> Onlooker | None:
        if self.guard == "off":
            return None
        onlooker = Onlooker(self.objects, desk.tell, put_back=self.guard == "on")
        self.objects.schedule = replace(self.objects.schedule, rates=onlooker.rates)
        return onlooker

    def _own_event(self, event: dict[str, Any]) -> None:
        """Note what the training itself has changed, so that no cell is taken for it."""
        self._desk.events.append(event)
        if self._onlooker is not None:
            self._onlooker.begin_anew()

    def _saved(self, info: Any) -> None:
        self._good.let_go()  # a checkpoint is the better way back
        self._desk.log(f"checkpoint of step {info.step}")

    def work(self) -> None:
        """Train to the end of the plan."""
        options, parts = self.objects.options, self.parts
        if options.seed is not None and self.resumption is None:
            seed_everything(options.seed)
        with self._stand(), deterministic(options.deterministic), heard(self._log), self._fast():
            if self.resumption is not None:
                self.resumption.rewind()
            self._good.take(self.objects, self.state.step)
            fit(
                self.objects, self.state, self._desk.control, feed=self._lasting,
                recorder=self._recorder, callbacks=parts.callbacks, stepper=self.stepper,
            )  # fmt: skip

    def _fast(self) -> AbstractContextManager[Any]:
        """What `--fast` has kept, switched on in the block and noted in the events."""
        chosen = self.objects.chosen
        if chosen is None:
            return nullcontext()
        event = {"kind": "fast", "step": self.state.step, "kept": [one.id for one in chosen.kept]}
        self._desk.events.append({"at": utc_now(), **event})
        return chosen.switched_on(scene_of(self.objects, self.plan.rehearsal))

    def _log(self, values: Mapping[str, Any]) -> None:
        self._desk.record.note_logged(self.state.step, values)

    def rescue(self) -> None:
        """Save what was learned until the failure."""
        self.checkpoints.on_failure(self.objects, self.state)
        if self._onlooker is not None:
            self._onlooker.look(self.state)

    def flush(self) -> None:
        """Send the last rows on their way."""
        self._recorder.flush()

    def note_trained(self) -> None:
        """Remember that the model was trained."""
        state, run_id = self.state, self._desk.folder.path.name
        batches = batches_of(self.objects.train_loader)
        whole = state.batch >= batches if batches else not state.in_epoch
        ledger.note(self.objects.model, run_id, epochs=state.epoch - (not whole), steps=state.step)

    def take(self, *, last: bool = False) -> Arrived:
        """Return the numbers that have reached the host."""
        rows = self._recorder.drain(wait=last)
        if rows is not None:
            self._journal.append(rows.steps, rows.train_loss)
        if self.resumption is not None:
            self.resumption.compare(rows, last=last)
        return Arrived(rows, self.stepper.sampler.take())

    def at_beat(self) -> None:
        """Read how busy the GPU is; look at the budgets of a run that takes no steps just now, and why."""
        self._lasting.notice()
        if (chosen := self.objects.chosen) is not None and (why := chosen.trouble):
            self._desk.trouble(why)
        if self._sampler is not None:
            self._sampler.look()
        for one in self._stops:
            if isinstance(one, Budgets):  # paused, or in a long validation
                one.look(self.state)

    def save(self) -> None:
        """Commit a checkpoint of this step."""
        self.checkpoints.save(self.objects, self.state)

    def set_lr(self, lr: float) -> float:
        """Set every group's rate, and the scheduler's heights with it."""
        before = set_learning_rate(self.objects.optimizer, self.objects.scheduler, lr)
        if self._onlooker is not None:
            self._onlooker.rates.note()
        return before

    def initialise_again(self) -> int:
        """Draw new weights and have the optimizer forget."""
        return initialise_again(self.objects.model, self.objects.optimizer)

    def watching_s(self) -> float | None:
        """Return what record, gradient norms and layer samples have taken so far."""
        recording, sampler = self._meter.seconds, self.stepper.sampler
        if recording is None or sampler.norms_s is None:
            return None
        norms = sampler.norms_s * self.state.step if self.stepper.norms_each_step else 0.0
        return recording + norms + sampler.spent_s

    def settings(self) -> dict[str, Any]:
        """Return lr, epochs, max_steps and patience as they stand, those that have a meaning here."""
        editor = self._editor  # gone once the run is over, perhaps at this moment
        return editor.settings() if editor is not None else {}

    def edits(self, wishes: Mapping[str, Any]) -> list[Edit]:
        """Return the changes asked for, checked."""
        editor = self._editor
        if editor is None:
            raise UsageError(f"Run {self.name} is over: nothing more can be changed.")
        return editor.edits(wishes)

    def let_go(self) -> None:
        """Hold the person's objects no longer (see `nbtrain.train.objects`)."""
        self._journal.close()
        del self.stepper, self.checkpoints, self.parts, self._desk, self._good, self._stops
        del self._onlooker, self._lasting
        self.resumption = self._editor = None
        self._listeners = ()
        self._recorder = Recorder()
        forget(self)

