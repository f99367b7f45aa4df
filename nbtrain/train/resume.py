"""Going on from a checkpoint: which one is meant, whether it fits, and what is different now.

Everything here is before the start and changes nothing; `nbtrain.train.resumption` puts things back.
"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nbtrain import units
from nbtrain.errors import RunNotFound, UntrustedCheckpoint, UsageError
from nbtrain.notebook.namespace import Setup
from nbtrain.runs.checkpoint import CheckpointInfo, CheckpointStore
from nbtrain.runs.fingerprint import Difference, differences, reason
from nbtrain.runs.layout import CHECKPOINTS
from nbtrain.runs.listing import find_run, newest_run
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.status import RunStatus
from nbtrain.train.first_batch import Explain
from nbtrain.train.fit_check import check_fit, check_schedule, optimizer_differences
from nbtrain.train.line import Line
from nbtrain.train.options import TrainOptions
from nbtrain.train.plan import Plan, make_plan
from nbtrain.train.savepoint import fingerprint

SAFE_TORCH = (2, 10)  # before it `weights_only` could be got around (CVE-2026-24747)
SECTION = "Resumed from"
_COMPARED = ("training", "scheduler", "data", "loss", "reproducibility")  # sections of a plan's config
_EDITED = ("epochs", "max_steps", "patience")  # what may be changed by hand while a run trains
_ELSEWHERE = {  # compared by the fingerprint, or not a setting
    "training.batch_size", "training.precision", "training.accumulate", "training.clip",
    "training.device", "data.train", "data.val", "data.train_samples", "reproducibility.data_seed",
    "scheduler.type",
}  # fmt: skip


@dataclass
class ResumePoint:
    """A run on disk and the checkpoint it goes on from, verified and in memory (on the CPU).

    Attributes:
        folder: the run's. manifest: as it was found. info: of the checkpoint.
        model_state, state: what it holds. passed_over: newer checkpoints that are damaged, as sentences.
        trusted: the person said yes to a checkpoint from elsewhere. differences: what is not as it was.
    """

    folder: Path
    manifest: Manifest
    info: CheckpointInfo
    model_state: Mapping[str, Any]
    state: dict[str, Any]
    passed_over: tuple[str, ...] = ()
    trusted: bool = False
    differences: tuple[Difference, ...] = ()

    def let_go(self) -> None:
        """Hold the checkpoint's tensors no longer: they are in the model and the optimizer now."""
        self.model_state, self.state = {}, {}

    @property
    def names(self) -> dict[str, str]:
        """Role -> what the notebook called the object."""
        config = self.manifest.hyperparameters
        data = config.get("data") or {}
        found = {
            "model": (config.get("model") or {}).get("variable"),
            "data": data.get("train"),
            "val": data.get("val"),
        }
        return {role: name for role, name in found.items() if name}

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.folder.name

    def options(self, said: TrainOptions) -> TrainOptions:
        """Return the options the run had, with those the person gives now laid over them."""
        kept = dict(self.manifest.hyperparameters.get("options") or {})
        if "val" in said.given or {"split", "no_val"} & said.given:
            kept.pop("split", None), kept.pop("no_val", None)
        kept |= {
            event["kind"]: event.get("to") for event in self.manifest.events if event.get("kind") in _EDITED
        }
        now = {name: getattr(said, name) for name in said.given}
        merged = TrainOptions.from_words({**kept, **now})
        before = (self.manifest.hyperparameters.get("fast") or {}).get("kept")
        if merged.fast is not False and before is not None:  # tried again it could come out otherwise
            merged = replace(merged, fast=tuple(before))
        return replace(
            merged, name=self.manifest.name, dir=self.folder.parent, given=merged.given | {"name", "dir"}
        )


def plan_of(
    setup_of: Callable[[TrainOptions, Mapping[str, str]], Setup], said: TrainOptions, *,
    explain: Explain | None = None,
) -> Plan:  # fmt: skip
    """Return the plan for what a person said; with `resume` the one that goes on with that run.

    Args:
        setup_of: finds the objects for options and the names (role -> name) they had in the run before.
        explain: an exception of the person's code -> what is known of it.

    Raises:
        UsageError: something cannot work, or does not fit the checkpoint.
    """
    if said.resume is None:
        return _offered(make_plan(setup_of(said, {}), said, explain=explain))
    name = said.name
    if said.resume is True and not name:
        setup = setup_of(said, {})
        name = setup.model.name or type(setup.model.value).__name__
    point = find_point(said.resume, root=said.dir, name=name, trust=said.trust)
    options = point.options(said)
    return resumed_plan(make_plan(setup_of(options, point.names), options, explain=explain), point)


def _offered(plan: Plan) -> Plan:
    """Return the plan of a new run, with a word about the last of its name where that was interrupted."""
    folder = newest_run(plan.work.options.dir, plan.name)
    text = offer(Manifest.read(folder), folder) if folder is not None else ""
    return replace(plan, warnings=(text, *plan.warnings)) if text else plan


def find_point(word: Any, *, root: Path, name: str = "", trust: bool = False) -> ResumePoint:
    """Find the run that is meant and load its latest good checkpoint.

    Args:
        word: a run's id, name or folder; True for the newest run below `root`, of that `name` if given.
        trust: load a checkpoint from another machine also with a torch whose loading is not safe.

    Raises:
        RunNotFound: no such run. UsageError: it is still training, or has no checkpoint.
        CheckpointCorrupted: every checkpoint is damaged. UntrustedCheckpoint: see `trust`.
    """
    folder = newest_run(root, name or None) if word is True else find_run(root, word)
    if folder is None:
        which = f"named `{name}` in" if name else "in"
        raise RunNotFound(
            f"There is no run {which} the folder `{root}` to resume.",
            suggestion="Leave resume out to start anew, or say which: resume='<run id>' (`nbtrain.runs()`).",
        )
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - as RunFolder has it
    manifest = Manifest.read(folder)
    if manifest.status.alive:
        owner = manifest.owner or {}
        raise UsageError(
            f"Run {folder.name} is {manifest.status} in process {owner.get('pid')} on {owner.get('host')}: "
            "it cannot be resumed while it lives.",
            suggestion=f"Stop it first: %train stop {folder.name}",
            pid=owner.get("pid"),
        )
    if manifest.is_followed:
        raise UsageError(
            f"Run {folder.name} was a loop of your own, which only that loop can go on with.",
            suggestion="Load its checkpoint there: model.pt and state.pt are plain torch files in "
            f"{folder / CHECKPOINTS}.",
        )
    _check_trust(folder, manifest, trust=trust)
    with warnings.catch_warnings(record=True):  # what was passed over is said in the plan
        warnings.simplefilter("always")
        loaded = CheckpointStore(folder / CHECKPOINTS).load_latest()
    if loaded is None:
        raise UsageError(
            f"Run {folder.name} ({manifest.status}) has no checkpoint to go on from.",
            suggestion="Start anew: leave resume out. --checkpoint-every N saves more often.",
        )
    passed = tuple(error.message for error in loaded.skipped)
    return ResumePoint(folder, manifest, loaded.info, loaded.model_state, loaded.state, passed, trust)


def resumed_plan(plan: Plan, point: ResumePoint) -> Plan:
    """Return a plan that goes on from the checkpoint, with what is different among its warnings.

    Raises:
        UsageError: the objects do not fit the checkpoint, or there is nothing left to do.
    """
    work, state = plan.work, point.state
    check_fit(work, point.model_state, state)
    _check_left(plan, point)
    check_schedule(work, state, plan.total_steps)
    found = (*_machine_differences(work, state), *optimizer_differences(work, state), *_config_differences(
        point.manifest.hyperparameters, plan.config))  # fmt: skip
    point = replace(point, differences=tuple(found), state=_in_batches_of_now(work, state))
    seed = state.get("feed", {}).get("seed", plan.data_seed)
    said = [
        f"{text} Step {units.count(point.info.step)} was loaded in its place." for text in point.passed_over
    ]
    said += [difference.text for difference in point.differences]
    config = {**plan.config, "reproducibility": {**plan.config["reproducibility"], "data_seed": seed}}
    return replace(
        plan, resume=point, data_seed=seed, config=config, name=point.manifest.name,
        warnings=(*said, *plan.warnings), lines=(*_lines(point), *plan.lines),
    )  # fmt: skip


def offer(manifest: Manifest, folder: Path, *, front: str = "%train") -> str:
    """Return the sentence that offers to go on with an interrupted run; empty where there is nothing to."""
    if manifest.status is not RunStatus.INTERRUPTED or manifest.is_followed:
        return ""
    info = CheckpointStore(folder / CHECKPOINTS).latest()
    if info is None:
        return ""
    step = manifest.progress.get("step")
    at = f" at step {units.count(max(step, info.step))}" if isinstance(step, int) else ""
    return (
        f"Run {folder.name} was interrupted{at}: {front} resume {folder.name} goes on from step "
        f"{units.count(info.step)}{_worth(info)}."
    )


def _worth(info: CheckpointInfo) -> str:
    said = [f"{name} {units.number(value)}" for name, value in info.metrics.items() if value == value]
    return f" ({', '.join(said)})" if said else ""


def _lines(point: ResumePoint) -> list[Line]:
    info = point.info
    inexact = [difference for difference in point.differences if not difference.exact]
    exact = (
        "the same to the bit as without the interruption"
        if not inexact
        else "not the same to the bit, see above"
    )
    metrics = _worth(info).strip(" ()") or "not measured at this step"
    return [
        Line(SECTION, "Run", f"{point.run_id} ({point.manifest.status})"),
        Line(SECTION, "Checkpoint", str(info.path), code=True),
        Line(SECTION, "Step", f"{units.count(info.step)}, epoch {units.count(info.epoch)}"),
        Line(SECTION, "Metrics", metrics),
        Line(SECTION, "Goes on", exact),
    ]


def _machine_differences(work: Any, state: Mapping[str, Any]) -> Iterable[Difference]:
    saved, now = state.get("fingerprint", {}), fingerprint(work)
    if work.options.deterministic:
        now["deterministic"] = True  # switched on when it starts
    if "feed" not in state:
        yield reason("old")
    yield from differences(saved, now)
    if not state.get("clean", True):
        yield reason("mid_step")
    if work.scheduler is not None and state.get("scheduler") is None and saved.get("scheduler") != "none":
        yield reason("scheduler", "The scheduler has no state_dict: where it stood is not known.")
    feed = state.get("feed", {})
    if (
        feed.get("kind") == "index"
        and feed.get("seed") is None
        and getattr(work.train_loader, "num_workers", 0)
    ):
        yield reason("workers", "The loader has workers now.")
    if work.device.type == "cuda" and not now["deterministic"]:
        yield reason("nondeterministic")


def _config_differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[Difference]:
    before, after = _flat(saved), _flat(now)
    for key in after:
        if key == "training.steps" and before.get("training.epochs") != after.get("training.epochs"):
            continue  # they follow from the epochs
        if key in before and key not in _ELSEWHERE and before[key] != after[key]:
            name = key.partition(".")[2] or key
            kept = " The run keeps the seed it had." if name == "seed" else ""
            text = f"{name} was {_shown(before[key])} and is {_shown(after[key])} now.{kept}"
            yield Difference(key, text, before[key], after[key], exact=True)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section in _COMPARED:
        value = config.get(section)
        if isinstance(value, Mapping):
            flat |= {f"{section}.{key}": part for key, part in value.items()}
        elif section in config:
            flat[section] = value
    return flat


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def _check_left(plan: Plan, point: ResumePoint) -> None:
    """Refuse a run that has nothing left to do."""
    counters, epochs, limit = point.state["counters"], plan.total_epochs, plan.work.options.max_steps
    no_steps = limit is not None and counters["step"] >= limit
    done = _epochs_done(point)
    if not no_steps and (epochs is None or done < epochs):
        return
    of = units.counted(counters["step"], "step") if no_steps else f"{done} of {epochs} epochs"
    more = f"--max-steps {counters['step'] * 2}" if no_steps else f"--epochs {2 * max(done, 1)}"
    raise UsageError(
        f"Run {point.run_id} ({point.manifest.status}) has done its {of}: there is nothing left to do.",
        suggestion=f"Give it more: %train resume {point.run_id} {more}",
    )


def _epochs_done(point: ResumePoint) -> int:
    """Count whole epochs; one whose steps are all taken is whole in a run that has completed."""
    state = point.state
    epoch, within = state["counters"]["epoch"], state.get("epoch", {}).get("in", False)
    if within and point.manifest.status is RunStatus.COMPLETED:
        total = state["fingerprint"].get("batches")
        within = total is None or state["feed"]["batches"] < total
    return epoch - bool(within)


def _in_batches_of_now(work: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Count a position in batches of another size anew, so that each sample still comes once an epoch."""
    before, now = (
        state.get("fingerprint", {}).get("batch_size"),
        getattr(work.train_loader, "batch_size", None),
    )
    feed = state.get("feed")
    if not feed or not before or not now or before == now:
        return state
    batches = feed["batches"] * before // now
    return {**state, "feed": {**feed, "batches": batches, "order": None}}


def _check_trust(folder: Path, manifest: Manifest, *, trust: bool) -> None:
    """Refuse what another machine wrote where loading it could be made to run code."""
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    host = (manifest.owner or {}).get("host")
    if not is_safe(version, written_here=host == socket.gethostname(), trust=trust):
        raise UntrustedCheckpoint(
            f"Run {folder.name} was written on another machine ({host}), and torch {torch.__version__} can "
            "be made to run code by a checkpoint.",
            suggestion="Install torch 2.10 or newer, or say --trust (trust=True) if you know its origin.",
            path=str(folder),
        )


def is_safe(version: tuple[int, ...], *, written_here: bool, trust: bool) -> bool:
    """Say whether a checkpoint may be loaded: ours, or by a torch that is not fooled, or by a clear yes."""
    return written_here or trust or version >= SAFE_TORCH
