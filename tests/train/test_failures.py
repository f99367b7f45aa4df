"""What goes wrong in a person's code, on the disk, beside the training: said, not swallowed, no hang."""

from __future__ import annotations

import math
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from setups import digits, loader, net
from torch import nn
from torch.utils.data import DataLoader, Dataset

from nbtrain.errors import MissingExtra, UserError
from nbtrain.running import execution
from nbtrain.running.failure import describe_failure
from nbtrain.runs import tracker
from nbtrain.train.training import Training


class FailsAt(nn.Module):
    """Raises in its n-th training forward; the rehearsal, in the main thread, does not count."""

    def __init__(self, step: int, error: BaseException) -> None:
        super().__init__()
        self.inner, self.step, self.error = net(), step, error
        self.calls: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if threading.current_thread() is not threading.main_thread():
            self.calls.append(1)
        if len(self.calls) == self.step:
            raise self.error
        return self.inner(x)


@pytest.mark.parametrize("error", [ValueError("the boards are wet"), SystemExit(3), KeyboardInterrupt()])
def test_a_model_that_raises_fails_the_run_with_its_own_frames(train: Any, error: BaseException) -> None:
    """Any exception in forward, SystemExit too, ends the run as failed with the person's frames alone."""
    run = train(FailsAt(5, error), loader(), epochs=3)

    assert str(run.status) == "failed"
    assert run.progress.step == 4
    assert type(error).__name__ in run.error
    assert "raise self.error" in run.error
    assert "nbtrain/train" not in run.error
    assert "torch/nn/modules" not in run.error.split("raise self.error")[0]
    assert run.stop_reason.startswith(type(error).__name__)
    assert (run.manifest.status, run.manifest.error) == (run.status, run.error)
    assert len(run.history) == 4, "the steps before are kept"
    again = train(net(), loader(), epochs=1)
    assert str(again.status) == "completed", "the kernel is healthy"


class Rotten(Dataset):
    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        if index == 37:
            raise OSError("picture 37 cannot be read")
        return digits()[index]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_that_raises_fails_the_run(train: Any, workers: int) -> None:
    """An exception in a data set is shown with its line, from a worker process too."""
    run = train(net(), DataLoader(Rotten(), batch_size=8, num_workers=workers), epochs=2)

    assert (str(run.status), run.progress.step) == ("failed", 4)
    assert 'raise OSError("picture 37 cannot be read")' in run.error
    assert run.stop_reason == "OSError: picture 37 cannot be read"
    assert not re.search(r"site-packages|torch/utils|nbtrain/(train|running)/", run.error), run.error


def test_samples_that_cannot_be_collated_are_said_without_torchs_frames(train: Any) -> None:
    """Where no line of the person's is in it, the exception alone is shown."""
    shapes = [3] * 20 + [4]
    data = DataLoader([(torch.zeros(n), 0) for n in shapes], batch_size=7)
    run = train(nn.Linear(3, 2), data, loss=nn.CrossEntropyLoss(), epochs=1)

    assert run.error.startswith("RuntimeError: stack expects each tensor to be equal size")


def test_a_failing_validation_fails_the_run_and_modes_come_back(train: Any) -> None:
    """An exception while validating ends the run, and the model is in train mode again."""

    class Fussy(nn.Sequential):
        def forward(self, x: Any) -> Any:
            if not self.training:
                raise RuntimeError("I do not like to be judged")
            return super().forward(x)

    model = Fussy(*net())
    run = train(model, loader(), val=loader(40), epochs=1)

    assert str(run.status) == "failed"
    assert "I do not like to be judged" in run.error
    assert model.training


def test_an_exception_in_words() -> None:
    """The line is the first of a long message, the sentence alone of a UserError, and chains are shown."""
    try:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer\nmore") from None
    except ValueError as error:
        failure = describe_failure(error)
    assert failure.line == "ValueError: outer"
    assert failure.text.endswith("ValueError: outer\nmore\n")

    said = describe_failure(UserError("It does not fit.", suggestion="Cut it."))
    assert said.line == "UserError: It does not fit. Cut it."
    assert said.text == said.line + "\n"

    class Rude(Exception):
        def __str__(self) -> str:
            raise TypeError("no words")

    assert "Rude" in describe_failure(Rude()).line


# --- NaN --------------------------------------------------------------------------------------------------


def test_a_loss_that_becomes_nan_is_said_and_never_saved(train: Any) -> None:
    """NaN ends the run as diverged with a critical alert; every checkpoint is of finite weights."""
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    data = [(x, x[:, :1]) for x, _ in loader(1600)]
    data[7] = (data[7][0] * float("nan"), data[7][1])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    run = train(model, data, optimizer=optimizer, loss=nn.MSELoss(), epochs=10_000, checkpoint_every=2)

    assert str(run.status) == "diverged"
    assert "NaN or infinite at step" in run.stop_reason
    assert [str(alert.severity) for alert in run.alerts if alert.rule == "nan-loss"] == ["critical"]
    assert not run.history["train_loss"].map(math.isfinite).all(), "it did not diverge: nothing was tested"
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert run.checkpoints.all()[0].step == run.progress.step
    for info in run.checkpoints.all():
        weights, _ = run.checkpoints.load(info)
        assert all(torch.isfinite(value).all() for value in weights.values())


def test_weights_that_are_no_numbers_are_never_saved(train: Any) -> None:
    """A model that is NaN from the start ends at once, with no checkpoint, and both are said."""
    model = net()
    with torch.no_grad():
        model[0].weight[0, 0] = float("nan")
    run = train(model, loader(), epochs=3)

    assert (str(run.status), run.progress.step) == ("diverged", 1)
    assert run.checkpoints.all() == []
    assert any("no checkpoint" in alert.issue.lower() for alert in run.alerts)


# --- beside the training ----------------------------------------------------------------------------------


def test_disk_trouble_does_not_end_a_run(planned: Any) -> None:
    """A checkpoints folder that became a file and logs that are gone are alerts; the training completes."""
    run = planned(net(), loader(3200), epochs=5)
    run.start()
    shutil.rmtree(run.dir / "checkpoints")
    (run.dir / "checkpoints").write_text("not a folder")
    run.wait(60)

    assert (str(run.status), run.progress.step) == ("completed", 1000)
    said = [alert.issue for alert in run.alerts]
    assert any("checkpoint of step" in text and "could not be saved" in text for text in said), said


def test_a_state_that_cannot_be_saved_is_said(train: Any) -> None:
    """Extra state that is no plain data, or a state_dict that raises, is an alert; the training completes."""

    class Odd(nn.Sequential):
        def get_extra_state(self) -> Any:
            return object()

        def set_extra_state(self, state: Any) -> None:
            pass

    class Worse(nn.Sequential):
        def state_dict(self, *args: Any, **keywords: Any) -> Any:
            raise RuntimeError("my weights are my own")

    for kind, text in ((Odd, "no plain data"), (Worse, "RuntimeError: my weights are my own")):
        run = train(kind(*net()), loader(), epochs=2, val=loader(40))
        assert (str(run.status), run.progress.step) == ("completed", 14)
        assert any(text in alert.issue for alert in run.alerts), run.alerts


def test_views_and_finishers_that_fail_are_alerts(planned: Any) -> None:
    """A watcher that raises or exits is let go, and what finishers raise is said."""
    calls: list[str] = []

    class Breaks:
        def update(self, run: Any) -> None:
            calls.append("breaks")
            raise ZeroDivisionError("no such pixel")

    class Leaves:
        def update(self, run: Any) -> None:
            raise SystemExit(1)

    def finisher(run: Any) -> None:
        raise LookupError("no paper")

    for watcher in (Breaks(), Leaves()):
        run = planned(net(), loader(), epochs=1, finishers=(finisher,))
        run.watchers.append(watcher)
        run.start().wait(60)
        assert str(run.status) == "completed"
        assert any("no paper" in alert.issue for alert in run.alerts)
        assert "no paper" in (run.dir / "logs" / "training.log").read_text()
    assert calls == ["breaks"]


def test_a_last_round_that_fails_still_ends_the_run(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks in the pump's last round, whoever waits is let go and it is said."""
    broken = ("_take_numbers", "_take_alerts", "_write_results", "show", "_let_go")
    for name in broken:
        run = planned(net(), loader(), epochs=1)

        def fail(self: Any, *args: Any, name: str = name, **keywords: Any) -> None:
            raise RuntimeError(f"{name} broke")

        with monkeypatch.context() as patch:
            patch.setattr(execution.Execution, name, fail)
            run.start()
            assert run._do.over.wait(30), f"{name} made it hang"
        assert str(run.status) == "completed"


def test_a_start_that_fails_leaves_nothing(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory, or a tracker that refuses: no folder, no run, and it can be started again."""
    run = planned(net(), loader(), epochs=1)

    def no_room(self: Any, desk: Any) -> None:
        raise torch.OutOfMemoryError("no room")

    def refuses(*args: Any) -> None:
        raise MissingExtra("not installed")

    for place, name, fault in (
        (Training, "prepare", no_room),
        (tracker.Tracker, "__init__", refuses),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, fault)
            with pytest.raises((torch.OutOfMemoryError, MissingExtra)):
                run.start()
        assert not (tmp_path / "runs").exists()
        assert (str(run.status), run.id, run.dir) == ("planned", "", None)
    assert str(run.start().wait(30).status) == "completed"
