"""Which weights are on disk when a run is over, however it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from setups import loader, net
from torch import nn

from nbtrain.running.run import Run

Train = Callable[..., Run]


def rising_after(step: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A loss whose validation is best at `step`:
    it counts the trainings by how often it was differentiated.
    """
    state = {"steps": 0}

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        value = nn.functional.cross_entropy(output, target)
        if torch.is_grad_enabled():
            state["steps"] += 1
            return value
        return value * 0 + abs(state["steps"] - step) + 1.0

    loss.state = state
    return loss


def kept_steps(run: Run) -> dict[int, bool]:
    return {info.step: info.is_best for info in run.checkpoints.all()}


@pytest.mark.parametrize(
    "options", [{"val_every": 3}, {"val_every": 3, "patience": 4}, {"val_every": 3, "checkpoint_every": 50}]
)
def test_the_best_step_within_an_epoch_is_kept(planned: Train, options: dict[str, int]) -> None:
    """With val_every the best checkpoint is that of the best evaluation, also in the middle of an epoch."""
    loss = rising_after(6)
    run = planned(net(), loader(160), val=loader(32), loss=loss, epochs=3, **options)
    loss.state["steps"] = 0  # those of the rehearsal do not count
    run.start().wait(60)

    assert run.latest["best_val_step"] == 6
    assert kept_steps(run)[6] is True


def test_an_exception_loses_neither_the_best_nor_the_last(planned: Train) -> None:
    """When the person's data raises, the best weights and those of the last whole step are on disk."""

    class Data(list):
        passes = 0

        def __iter__(self) -> Any:
            self.passes += 1
            for place, batch in enumerate(super().__iter__()):
                if self.passes == 5 and place == 2:
                    raise OSError("the disk with the images is gone")
                yield batch

    batches, loss = Data(loader(160)), rising_after(30)
    run = planned(net(), batches, val=loader(32), loss=loss, epochs=8)
    loss.state["steps"] = 0  # those of the rehearsal do not count
    run.start().wait(60)

    assert str(run.status) == "failed"
    assert "the disk with the images is gone" in run.error
    kept = kept_steps(run)
    assert kept[30] is True
    assert run.progress.step in kept


def test_one_batch_without_targets_does_not_end_a_run(train: Train) -> None:
    """A NaN loss with finite gradients (every target ignored) is an alert; the run completes."""
    batches = list(loader(160))
    batches[4] = (batches[4][0], torch.full_like(batches[4][1], -100))
    run = train(net(), batches, epochs=2)

    assert str(run.status) == "completed"
    assert [alert.rule for alert in run.alerts] == ["non-finite-loss"]
    assert run.epochs["train_loss"].notna().all()


def test_validation_that_gives_nothing_is_said(train: Train) -> None:
    """Validation data that is empty from its second pass on is an alert, once, and not a silent NaN."""

    class Once(list):
        passes = 0

        def __iter__(self) -> Any:
            self.passes += 1
            return super().__iter__() if self.passes <= 1 else iter(())

    run = train(net(), loader(), val=Once(loader(32)), epochs=4)

    assert [alert.rule for alert in run.alerts] == ["validation-empty"]


def test_stop_after_the_last_epoch_is_a_completed_run(planned: Train) -> None:
    """A stop after the epoch asked for in the last epoch changes nothing: the run had its epochs."""
    run = planned(net(), loader(1600), epochs=1)
    run.start().stop(after="epoch")
    run.wait(60)

    assert (str(run.status), run.progress.epoch) == ("completed", 1)


def test_an_epoch_that_a_stop_broke_off_is_not_counted(planned: Train) -> None:
    """The manifest of a run stopped within an epoch counts the finished epochs, as its table does."""
    run = planned(net(), loader(1600), epochs=3)
    run.start().stop()
    run.wait(60)

    assert str(run.status) == "stopped"
    assert run.folder.manifest.training_results["total_epochs"] == len(run.epochs) == 0


def test_a_plateau_scheduler_that_waits_for_accuracy_is_given_accuracy(train: Train) -> None:
    """ReduceLROnPlateau with mode=max is given the accuracy, not the falling loss."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0, factor=0.1)
    run = train(model, loader(), val=loader(64), optimizer=optimizer, scheduler=scheduler, epochs=2)

    assert scheduler.best == pytest.approx(run.epochs["val_acc"].max())


def test_a_metric_that_does_not_fit_is_said_in_the_plan(planned: Train) -> None:
    """A metric that fails on a validation batch is a warning of the plan, with both shapes and its error."""
    run = planned(net(), loader(), val=loader(32), metrics={"wrong": lambda output, target: output @ target})

    (warning,) = [text for text in run.plan.warnings if "`wrong`" in text]
    assert "(16, 3) float32" in warning
    assert "(16,) int64" in warning


def test_validation_data_that_does_not_fit_is_said_in_the_plan(planned: Train) -> None:
    """Validation batches of another width are a warning of the plan, before an epoch is spent."""
    wrong = [(torch.randn(4, 9), torch.zeros(4, dtype=torch.int64))]
    run = planned(net(), loader(), val=wrong)

    assert any(text.startswith("The first validation would fail: RuntimeError") for text in run.plan.warnings)
