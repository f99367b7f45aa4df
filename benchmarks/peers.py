"""The same training through other libraries, as their users set it up: progress shown, no checkpoints.

One function a library. Each is asked for only where it is installed; this project depends on none of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loop_overhead import Task


@dataclass(frozen=True)
class Peer:
    """A library: the packages it needs, by import name, and the function that trains a Task with it."""

    name: str
    packages: tuple[str, ...]
    train: Callable[[Task], None]

    def missing(self) -> str | None:
        return next((package for package in self.packages if importlib.util.find_spec(package) is None), None)


def ignite(task: Task) -> None:
    from ignite.contrib.handlers import ProgressBar
    from ignite.engine import create_supervised_trainer
    from ignite.metrics import RunningAverage

    trainer = create_supervised_trainer(task.model, task.optimizer, task.loss)
    RunningAverage(output_transform=lambda loss: loss).attach(trainer, "loss")
    with contextlib.redirect_stderr(io.StringIO()):
        ProgressBar().attach(trainer, ["loss"])
        trainer.run(task.loader, max_epochs=task.epochs)


def skorch(task: Task) -> None:
    import torch
    from skorch import NeuralNet

    inputs, targets = task.loader.dataset.tensors
    net = NeuralNet(
        task.model,
        criterion=type(task.loss),
        optimizer=torch.optim.SGD,
        optimizer__momentum=0.9,
        lr=0.01,
        max_epochs=task.epochs,
        batch_size=task.loader.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        net.fit(inputs, targets)


def lightning(task: Task) -> None:
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = task.model

        def training_step(self, batch: Any, _: int) -> Any:
            inputs, targets = batch
            loss = task.loss(self.model(inputs), targets)
            self.log("train_loss", loss, prog_bar=True)
            return loss

        def configure_optimizers(self) -> Any:
            return task.optimizer

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = L.Trainer(
            max_epochs=task.epochs,
            accelerator="cpu",
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_model_summary=False,
            logger=False,
        )
        trainer.fit(Module(), task.loader)


def transformers(task: Task) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = task.model

        def forward(self, inputs: Any, labels: Any) -> dict[str, Any]:
            logits = self.model(inputs)
            return {"loss": task.loss(logits, labels), "logits": logits}

    inputs, targets = task.loader.dataset.tensors
    rows = [{"inputs": x, "labels": y} for x, y in zip(inputs, targets, strict=True)]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=task.epochs,
            per_device_train_batch_size=task.loader.batch_size,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            logging_steps=100,
        )
        trainer = Trainer(Wrapped(), arguments, train_dataset=rows, optimizers=(task.optimizer, None))
        with contextlib.redirect_stderr(io.StringIO()):
            trainer.train()


def fastai(task: Task) -> None:
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import SGD

    learner = Learner(
        DataLoaders(task.loader, task.loader), task.model, loss_func=task.loss, opt_func=SGD, lr=0.01
    )
    learner.cbs = learner.cbs.filter(lambda callback: callback.name != "progress")
    with contextlib.redirect_stdout(io.StringIO()), learner.no_logging():
        learner.fit(task.epochs)


PEERS = (
    Peer("ignite", ("ignite", "tqdm"), ignite),
    Peer("skorch", ("skorch",), skorch),
    Peer("lightning", ("lightning",), lightning),
    Peer("transformers", ("transformers", "accelerate"), transformers),
    Peer("fastai", ("fastai",), fastai),
)
