"""Going on from a checkpoint: what is found, refused, said, and the same to the bit, in one process."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from resume_cases import EPOCHS, Augmented, mixed, parts, result, seed
from setups import loader, net, same_weights
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from nbtrain.commands.start import train as start_train
from nbtrain.commands.watch import watch
from nbtrain.errors import CheckpointCorrupted, RunNotFound, UsageError
from nbtrain.notebook.namespace import find_setup
from nbtrain.running.run import Run
from nbtrain.runs.manifest import Manifest
from nbtrain.runs.status import RunStatus
from nbtrain.runs.stored import StoredRun
from nbtrain.train.callbacks import checkpoint
from nbtrain.train.fit_check import named_as_here
from nbtrain.train.options import TrainOptions
from nbtrain.train.resume import is_safe, plan_of
from nbtrain.train.training import Training

Go = Callable[..., Run]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Train as `nbtrain.train` does, resume included, without the reports at the end."""

    def gone(model: nn.Module, data: Any, *, wait: bool = True, dir: str = "runs", **options: Any) -> Run:
        roles = {name: options.pop(name, None) for name in ("val", "optimizer", "scheduler", "loss")}
        if roles["val"] is None and not {"split", "no_val"} & set(options):
            options["no_val"] = True
        said = TrainOptions.from_words({"log": "json", "name": "case", "dir": tmp_path / dir, **options})
        setup = find_setup({}, model=model, data=data, **roles)
        run = Run(Training(plan_of(lambda _options, _known: setup, said))).start()
        return run.wait(120) if wait else run

    return gone


def plain(**options: Any) -> dict[str, Any]:
    """A small model with its optimizer and options; dropout makes a lost generator visible."""
    model = net(dropout=0.3, norm=True)
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **options,
    }


def said_by(run: Run) -> str:
    return "\n".join(run.plan.warnings)


# --- exact where runs end in other ways -------------------------------------------------------------------


class Ending:
    """A loss that calls `end` in the n-th batch of the training, or of a validation."""

    def __init__(self, at: int, end: Callable[[], Any], *, validating: bool = False) -> None:
        self.at, self.end, self.validating, self.seen = at, end, validating, 0

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        training = torch.is_grad_enabled()
        if threading.current_thread() is not threading.main_thread() and training != self.validating:
            self.seen += 1
            if self.seen == self.at:
                self.end()
        return nn.functional.cross_entropy(output, target)


@pytest.mark.parametrize("scheduler", ["step", "plateau"])
def test_a_stop_within_a_validation_is_exact(go: Go, scheduler: str) -> None:
    """A validation that a stop broke off is done again: schedule, generators and epochs are as without it."""
    runs: list[Run] = []
    loss = Ending(5, lambda: runs[0].stop(), validating=True)  # three batches each: in the second validation
    case = {"scheduler": scheduler}
    model, data, options = parts(case)
    seed(case)
    whole = result(go(model, data, **options, dir="whole"), model)
    model, data, options = parts(case)
    seed(case)
    early = go(model, data, **{**options, "loss": _waiting(loss, runs)}, wait=False)
    runs.append(early)
    early.wait(120)
    model, data, options = parts(case)
    resumed = result(go(model, data, **options, resume=True), model)

    assert (str(early.status), early.progress.step) == ("stopped", 12)
    assert resumed == whole


def _waiting(loss: Ending, runs: list[Run]) -> Callable[..., torch.Tensor]:
    """The loss, held back in the training thread until the test knows the run."""

    def waited(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        while threading.current_thread() is not threading.main_thread() and not runs:
            threading.Event().wait(0.005)
        return loss(output, target)

    return waited


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (
            {"max_steps": 8, "val_every": 4, "checkpoint_every": 4},
            {"max_steps": 100},
        ),  # saved, then validated
        ({"max_steps": 12, "checkpoint_every": 5}, {"max_steps": 100}),  # ends with an epoch's last batch
        ({"epochs": 2}, {"epochs": EPOCHS}),  # completed, and given more
    ],
)
def test_more_steps_and_epochs_are_as_asked_for_at_once(
    go: Go, first: dict[str, Any], more: dict[str, Any]
) -> None:
    """A completed run that is given more ends where one goes that was asked for as much from the start."""
    case = {"scheduler": "plateau"}
    every = {name: value for name, value in first.items() if name.endswith("every")}
    model, data, options = parts(case)
    seed(case)
    whole = result(go(model, data, **{**options, **every}, dir="whole"), model)
    model, data, options = parts(case)
    seed(case)
    go(model, data, **{**options, **first})
    model, data, options = parts(case)
    resumed = go(model, data, **{**options, **more}, resume=True)

    assert result(resumed, model) == whole


def test_early_stopping_goes_on_counting(go: Go) -> None:
    """A resumed run stops early at the step at which the undisturbed one stops."""

    def made() -> dict[str, Any]:
        return plain(val=loader(40, shuffle=True), epochs=40, patience=4, loss=nn.CrossEntropyLoss())

    options = made()
    whole = go(options.pop("model"), loader(), **options, dir="whole")
    assert "early stopping" in whole.stop_reason
    options = made()
    go(options.pop("model"), loader(), **{**options, "epochs": whole.progress.epoch - 2})
    options = made()
    model = options.pop("model")
    resumed = go(model, loader(), **options, resume=True)

    assert (resumed.progress.step, resumed.stop_reason) == (whole.progress.step, whole.stop_reason)


# --- loaders of every kind --------------------------------------------------------------------------------


class Stream(IterableDataset):
    """Samples that can only be read from the beginning, moved by draws."""

    def __iter__(self) -> Iterator[Any]:
        for index in range(30):
            yield torch.randn(6) + index % 3, index % 2


class KeepsItsPlace:
    """A loader with a state of its own; whoever begins it in the middle without asking it is found out."""

    def __init__(self) -> None:
        self.at = self.epoch = self.loaded = 0
        self.batches = list(DataLoader(Augmented(), batch_size=4, collate_fn=mixed))

    def __iter__(self) -> Iterator[Any]:
        while self.at < len(self.batches):
            self.at += 1
            yield self.batches[(self.at - 1) * (1 + self.epoch) % len(self.batches)]
        self.at, self.epoch = 0, self.epoch + 1

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at, self.epoch, self.loaded = state["at"], state["epoch"], self.loaded + 1


class OddSampler:
    """Shuffles by a counter of its own, without torch's generators."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[int]:
        self.passes += 1
        order = torch.Generator().manual_seed(self.passes)
        yield from torch.randperm(23, generator=order).tolist()

    def __len__(self) -> int:
        return 23


LOADERS: dict[str, Callable[[], Any]] = {
    "a list of batches": lambda: [(torch.ones(4, 6) * i, torch.tensor([0, 1, 0, 1])) for i in range(6)],
    "an iterable data set": lambda: DataLoader(Stream(), batch_size=5),
    "an iterable data set in workers": lambda: DataLoader(Stream(), batch_size=5, num_workers=1),
    "a loader with a state": KeepsItsPlace,
    "a sampler that counts": lambda: DataLoader(Augmented(), batch_size=4, sampler=OddSampler()),
    "no automatic batches": lambda: DataLoader(
        [(torch.ones(4, 6) * i, torch.tensor([0, 1, 0, 1])) for i in range(6)], batch_size=None, shuffle=True
    ),
    "drawn with replacement": lambda: DataLoader(
        Augmented(), batch_size=4, sampler=torch.utils.data.WeightedRandomSampler([0.1] * 23, 23)
    ),
}


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("stop", [{"max_steps": 9}, {"epochs": 2}])
def test_every_kind_of_loader_is_found_again(go: Go, kind: str, stop: dict[str, int]) -> None:
    """Whatever gives the batches, a run resumed within an epoch or at its end is the undisturbed one."""
    case: dict[str, Any] = {}

    def train(**more: Any) -> tuple[dict[str, Any], Any]:
        model, _, options = parts(case)
        seed(case)
        data = LOADERS[kind]()
        seed(case)
        return result(go(model, data, **{**options, **more}), model), data

    whole, _ = train(dir="whole")
    train(**stop)
    more = {"max_steps": 100} if "max_steps" in stop else {}
    resumed, data = train(resume=True, **more)

    assert resumed == whole
    if isinstance(data, KeepsItsPlace):
        assert data.loaded == 1


# --- what is found, and what is refused -------------------------------------------------------------------


def begun(go: Go, **more: Any) -> Run:
    """A run of two epochs of seven steps that has ended."""
    options = plain(epochs=2, **more)
    return go(options.pop("model"), loader(shuffle=True), **options)


def test_a_resumed_run_is_the_same_run(go: Go) -> None:
    """Folder, id, history, epochs, events and journals are continued; the manifest says from where."""
    before = begun(go)
    created, kept = before.manifest.created_at, before.history["train_loss"].tolist()
    options = plain(epochs=3)
    run = go(options.pop("model"), loader(shuffle=True), **options, resume=before)
    stored = StoredRun(run.dir)

    assert (run.id, str(run.status)) == (before.id, "completed")
    assert run.history["train_loss"].tolist()[:14] == kept and len(run.history) == 21
    assert run.epochs["epoch"].tolist() == stored.epochs["epoch"].tolist() == [1, 2, 3]
    assert stored.history.index.tolist() == list(range(1, 22))
    assert run.manifest.resume_from == "checkpoints/step-00000014"
    assert [event["kind"] for event in run.manifest.events] == ["resumed"]
    assert (run.manifest.created_at, run.manifest.training_results["total_steps"]) == (created, 21)
    assert run.curves.rows == 21


def test_options_are_taken_over_unless_they_are_given(go: Go) -> None:
    """What the first run was told holds for the resumed one; what is given anew is used, and said."""
    begun(go, accumulate=2, clip=0.5, checkpoint_every=3, seed=8)
    options = plain(epochs=3, clip=0.25)
    run = go(options.pop("model"), loader(shuffle=True), **options, resume=True)
    kept = run.plan.work.options

    assert (kept.accumulate, kept.checkpoint_every, kept.seed) == (2, 3, 8)
    assert "clip was 0.5 and is 0.25 now: gradients are clipped differently." in said_by(run)
    assert "epochs was 2 and is 3 now" in said_by(run)
    assert "accumulate" not in said_by(run)


def test_differences_are_warnings_with_their_reason(go: Go) -> None:
    """Other batches, rates and threads are said before the start, and that the run is not the same then."""
    begun(go)
    options = plain(epochs=3)
    options["optimizer"].param_groups[0]["weight_decay"] = 0.1
    torch.set_num_threads(2)
    run = go(options.pop("model"), loader(shuffle=True, batch_size=20), **options, resume=True)
    said = said_by(run)

    assert "batch size was 16 and is 20 now: other batches." in said
    assert "threads was 1 and is 2 now: sums are split over the threads" in said
    assert "`optimizer` has weight_decay=0.1 now; the run goes on with 0" in said
    assert "not the same to the bit" in run.plan.report().to_text()
    assert run.manifest.events[0]["different"]


def test_the_plan_shows_what_is_gone_on_from(go: Go) -> None:
    """Run, checkpoint, step and metrics stand at the head of the plan, and that it will be exact."""
    before = begun(go, val=loader(40))
    options = plain(epochs=3, val=loader(40))
    run = go(options.pop("model"), loader(shuffle=True), **options, resume=True)
    text = run.plan.report().to_text()

    assert text.index("Resumed from") < text.index("What is trained")
    assert str(before.dir / "checkpoints" / "step-00000014") in {line.value for line in run.plan.lines}
    assert "val_loss" in text and "the same to the bit" in text
    assert said_by(run) == "epochs was 2 and is 3 now."


def test_what_does_not_fit_is_refused_and_nothing_is_touched(go: Go) -> None:
    """Another model or optimizer is refused by name before anything is changed, in memory or on disk."""
    run = begun(go)
    before = {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()}
    wide = nn.Sequential(nn.Linear(8, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.3), nn.Linear(5, 3))
    weights = wide[0].weight.clone()
    with pytest.raises(
        UsageError, match=r"of another shape: 0.weight: \(12, 8\) in the checkpoint, \(5, 8\) now"
    ):
        go(wide, loader(), epochs=3, resume=True)
    with pytest.raises(UsageError, match=r"5 only in the checkpoint: 1\.weight, 1\.bias"):
        bare = nn.Sequential(nn.Linear(8, 12), nn.Identity(), nn.ReLU(), nn.Dropout(), nn.Linear(12, 3))
        go(bare, loader(), epochs=3, resume=True)
    model = net(norm=True)
    with pytest.raises(UsageError, match="was trained with SGD, and `optimizer` is AdamW"):
        go(model, loader(), optimizer=torch.optim.AdamW(model.parameters()), epochs=3, resume=True)
    with pytest.raises(UsageError, match="holds other parameters than in the checkpoint"):
        some = torch.optim.SGD([p for p in model.parameters() if p.dim() > 1], lr=0.1)
        go(model, loader(), optimizer=some, epochs=3, resume=True)

    assert torch.equal(wide[0].weight, weights)
    assert {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()} == before


def test_nothing_to_go_on_with_is_said(go: Go, tmp_path: Path) -> None:
    """No run, no checkpoint, nothing left to do, a run that lives: each is refused in words with a way on."""
    options = plain(epochs=2)
    model = options.pop("model")
    with pytest.raises(RunNotFound, match="no run named `case` in the folder"):
        go(model, loader(), **options, resume=True)
    with pytest.raises(UsageError, match="`resume` is 3; allowed are True"):
        go(model, loader(), **options, resume=3)
    with pytest.raises(RunNotFound, match="No run is known as 'other'"):
        go(model, loader(), **options, resume="other")
    run = go(model, loader(), **options)
    with pytest.raises(UsageError, match=r"has done its 2 of 2 epochs.*--epochs 4"):
        go(model, loader(), **options, resume=True)
    living = go(net(), loader(), epochs=10**6, dir="living", wait=False)
    with pytest.raises(
        UsageError, match=r"is running in process \d+ on .*: it cannot be resumed while it lives"
    ):
        go(model, loader(), **options, resume=True, dir="living")
    living.stop()
    living.wait(60)
    for folder in (run.dir / "checkpoints").iterdir():
        (folder / "manifest.json").unlink()
    with pytest.raises(CheckpointCorrupted, match="None of the"):
        go(model, loader(), **options, resume=True)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(go: Go) -> None:
    """A flipped bit in the newest checkpoint is said in the plan, and the run goes on from the one before."""
    run = begun(go, checkpoint_every=5)
    (newest,) = (run.dir / "checkpoints").glob("step-00000014*")
    data = bytearray((newest / "model.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (newest / "model.pt").write_bytes(data)
    options = plain(epochs=3)
    resumed = go(options.pop("model"), loader(shuffle=True), **options, resume=True)

    assert "step 14 is damaged" in said_by(resumed) and "Step 10 was loaded in its place" in said_by(resumed)
    assert resumed.events[0]["step"] == 10
    assert resumed.progress.step == 21


def test_a_replay_that_differs_is_said_with_reasons(go: Go) -> None:
    """Where the steps done again have other losses, report, log and alert say from which step on, and why."""
    run = begun(go, checkpoint_every=5)
    as_if_killed(run, after=10)
    options = plain(epochs=2)
    torch.set_num_threads(2)
    options["model"][0].weight.data.mul_(2)  # of no effect: the checkpoint's are used
    shuffled = loader(shuffle=True, batch_size=8)
    resumed = go(options.pop("model"), shuffled, **options, resume=True)
    (event,) = (event for event in resumed.events if event["kind"] == "replayed")

    assert event["identical"] is False and event["differs_from"] == 11
    assert "differs from step 11 on, not exact" in event["verdict"]
    assert any("batch size was 16 and is 8" in text for text in event["reasons"])
    assert [alert.step for alert in resumed.alerts if alert.rule == "not-exact"] == [11]
    assert "differs from step 11" in StoredRun(resumed.dir).log


def as_if_killed(run: Run, *, after: int) -> None:
    """Leave a run's folder as a kill would have: running, its process gone, no checkpoint past a step."""
    for folder in (run.dir / "checkpoints").iterdir():
        if int(folder.name[5:13]) > after:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    path = run.dir / "manifest.json"
    told = json.loads(path.read_text())
    told |= {"status": "running", "completed_at": None, "owner": {**told["owner"], "pid": 2**22 + 1}}
    path.write_text(json.dumps(told))


def test_an_interrupted_run_is_offered_and_not_resumed_by_itself(go: Go) -> None:
    """A new run of the name of an interrupted one starts anew; its plan says how to go on with the old."""
    run = begun(go, checkpoint_every=5)
    as_if_killed(run, after=10)
    options = plain(epochs=1)
    fresh = go(options.pop("model"), loader(), **options)

    assert fresh.id != run.id
    assert (
        f"Run {run.id} was interrupted at step 14: %train resume {run.id} goes on from step 10."
        in said_by(fresh)
    )
    assert Manifest.read(run.dir).status is RunStatus.INTERRUPTED


def test_a_failed_run_goes_on_and_says_that_it_is_not_exact(go: Go) -> None:
    """After an exception inside a step the last whole step is kept, and the plan says what may differ."""

    class Broken(nn.Module):
        def __init__(self, at: int) -> None:
            super().__init__()
            self.inner, self.at, self.calls = net(norm=True), at, 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training and threading.current_thread() is not threading.main_thread():
                self.calls += 1
                if self.calls == self.at:
                    raise ValueError("a shape that does not fit")
            return self.inner(x)

    failed = go(Broken(5), loader(), epochs=2)
    assert str(failed.status) == "failed"
    resumed = go(Broken(0), loader(), resume=True)

    assert (str(resumed.status), resumed.progress.step, resumed.error) == ("completed", 14, None)
    assert resumed.events[0]["step"] == 4
    assert "after an exception inside a step" in said_by(resumed)


def test_a_run_that_is_resumed_twice_is_still_the_undisturbed_one(go: Go) -> None:
    """Interrupted twice, within the same epoch, weights and losses are those of the whole run."""
    case = {"scheduler": "one-cycle", "seed": 3}

    def train(**more: Any) -> dict[str, Any]:
        model, data, options = parts(case)
        return result(go(model, data, **{**options, **more}), model)

    whole = train(dir="whole")
    train(max_steps=8)
    train(max_steps=10, resume=True)

    assert train(max_steps=100, resume=True) == whole


def test_the_checkpoint_is_let_go_once_it_is_loaded(go: Go) -> None:
    """A resumed run holds no second copy of weights and optimizer state."""
    begun(go)
    options = plain(epochs=3)
    run = go(options.pop("model"), loader(shuffle=True), **options, resume=True)

    assert run.plan.resume is None or not run.plan.resume.model_state


@pytest.mark.parametrize(
    ("version", "here", "trust", "safe"),
    [((2, 9), True, False, True), ((2, 9), False, False, False), ((2, 9), False, True, True),
     ((2, 10), False, False, True), ((3, 0), False, False, True)],
)  # fmt: skip
def test_checkpoints_from_elsewhere_need_a_torch_that_is_not_fooled(
    version: tuple[int, int], here: bool, trust: bool, safe: bool
) -> None:
    """Before torch 2.10 a checkpoint that another machine wrote is loaded only at a clear yes."""
    assert is_safe(version, written_here=here, trust=trust) is safe


class WholeMoments(torch.optim.Optimizer):
    """Momentum in float32, whatever the weights are."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.1})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for p in self.param_groups[0]["params"]:
            moment = self.state[p].setdefault("moment", torch.zeros(p.shape))
            p -= 0.1 * moment.mul_(0.9).add_(p.grad.float()).to(p.dtype)


def test_moments_keep_the_precision_they_were_saved_with(go: Go) -> None:
    """float32 moments of bfloat16 weights come back as float32: torch alone would round them."""

    def train(**more: Any) -> tuple[torch.Tensor, torch.dtype]:
        torch.manual_seed(0)
        model = nn.Linear(8, 3).bfloat16()
        optimizer = WholeMoments(model.parameters())
        data = [(x.bfloat16(), y) for x, y in loader()]
        go(model, data, optimizer=optimizer, loss=nn.CrossEntropyLoss(), **more)
        return model.weight, optimizer.state[model.weight]["moment"].dtype

    whole, _ = train(epochs=3, dir="whole")
    train(epochs=2)
    resumed, dtype = train(epochs=3, resume=True)

    assert dtype == torch.float32
    assert torch.equal(whole, resumed)


def test_python_warns_of_each_difference(tmp_path: Path) -> None:
    """nbtrain.train(resume=True) goes on and gives each difference as a warning."""
    import nbtrain

    def train(**more: Any) -> Any:
        options = plain(loss=nn.CrossEntropyLoss(), dir=tmp_path, no_val=True, **more)
        return nbtrain.train(options.pop("model"), loader(), **options).wait(60)

    train(epochs=1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run = train(epochs=2, resume=True)

    assert "epochs was 1 and is 2 now." in {str(one.message) for one in said}
    assert run.progress.step == 14
    assert "Resumed from step 7 (it was completed)" in run.report().to_text()


def test_modes_of_modules_come_back(go: Go) -> None:
    """A batch norm that was frozen in eval mode while it trained is frozen in the resumed run too."""
    options = plain(epochs=2)
    model = options.pop("model")
    model[1].eval()
    go(model, loader(), **options)
    options = plain(epochs=3)
    later = options.pop("model")
    go(later, loader(), **options, resume=True)

    assert not later[1].training and later[0].training
    assert torch.equal(later[1].running_mean, torch.zeros(12))
    assert not same_weights(model, later)


class Anneals(nn.Module):
    """A loss with a weight of its own, whose share falls with each call."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.calls, self.rate = nn.Parameter(torch.ones(())), 0, 0.1

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return nn.functional.cross_entropy(output, target) * self.scale / (1 + self.rate * self.calls)


def test_a_loss_with_weights_and_counters_goes_on(go: Go) -> None:
    """Weights of the loss and numbers that modules count are where they were; settings are the new ones."""

    def train(rate: float = 0.1, **more: Any) -> tuple[nn.Module, Anneals]:
        model, loss = net(dropout=0.3), Anneals()
        loss.rate = rate
        optimizer = torch.optim.SGD([*model.parameters(), *loss.parameters()], lr=0.05, momentum=0.9)
        torch.manual_seed(4)
        go(model, loader(), loss=loss, optimizer=optimizer, **more)
        return model, loss

    whole, criterion = train(epochs=3, dir="whole")
    train(max_steps=9)
    resumed, again = train(max_steps=21, resume=True)
    _, other = train(rate=0.2, max_steps=22, resume=True)

    assert same_weights(whole, resumed)
    assert (again.calls, again.scale.item()) == (criterion.calls, criterion.scale.item())
    assert other.rate == 0.2


def test_a_long_epoch_is_saved_within(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that lasts longer than may be lost is saved on the way, and the run goes on from there."""
    monkeypatch.setattr(checkpoint, "LONG_S", 0.02)
    monkeypatch.setattr(checkpoint, "SAVING_SHARE", 1.0)
    model = net()

    class Slow(list):
        def __iter__(self) -> Iterator[Any]:
            for batch in super().__iter__():
                threading.Event().wait(0.03)
                yield batch

    run = go(model, Slow(loader()), epochs=1, keep=10)

    assert {info.step for info in run.checkpoints.all()} > {7}
    assert all(info.epoch == 1 for info in run.checkpoints.all())


def test_a_compiled_model_and_a_plain_one_are_the_same(go: Go) -> None:
    """A checkpoint of a compiled model fits the plain one, and the other way round: only names differ."""
    plain_state = net().state_dict()
    compiled = torch.compile(net(), backend="eager")
    told = named_as_here(compiled, plain_state)

    assert set(told) == set(compiled.state_dict()) != set(plain_state)
    assert set(named_as_here(net(), told)) == set(plain_state)


def test_what_was_changed_by_hand_is_an_option_and_a_reason(go: Go) -> None:
    """Epochs set while it trained hold for the resumed run; a rate set after the checkpoint is a reason."""
    run = begun(go, checkpoint_every=5)
    as_if_killed(run, after=10)
    path = run.dir / "manifest.json"
    told = json.loads(path.read_text())
    told["events"] = [
        {"at": "", "kind": "epochs", "step": 3, "from": 2, "to": 3},
        {"at": "", "kind": "lr", "step": 12, "from": 0.05, "to": 0.01},
    ]
    path.write_text(json.dumps(told))
    tampered = run.dir / "logs" / "replay.jsonl"
    tampered.write_text(json.dumps({"step": 11, "digests": "0" * 64}) + "\n")
    options = plain()
    resumed = go(options.pop("model"), loader(shuffle=True), **options, resume=True)
    (event,) = (event for event in resumed.events if event["kind"] == "replayed")

    assert resumed.progress.step == 21
    assert event["reasons"][0].startswith("In the first time: lr.")


def test_a_followed_loop_is_not_resumed_by_ours(tmp_path: Path) -> None:
    """A run of the person's own loop is refused in words, and nothing of it is loaded."""
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    data = [(torch.randn(4, 4), torch.tensor([0, 1, 0, 1]))] * 4
    with watch(name="own", dir=tmp_path, save_every=2) as run:
        for inputs, targets in data:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    with pytest.raises(UsageError, match="a loop of your own"):
        start_train(model, data, loss=nn.CrossEntropyLoss(), no_val=True, dir=tmp_path, resume=run.id)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
