"""A run made by hand, with everything the widgets read of a real one; nothing is trained.

`MadeRun` is steered by tests, the benchmark and by hand in a notebook; `Feeder` plays the pump.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from nbtrain.findings import Finding, Severity
from nbtrain.runs.status import Progress, RunStatus
from nbtrain.telemetry.curve import LiveCurve
from nbtrain.telemetry.layer_history import LayerHistory

STEP_COLUMNS = ("train_loss", "smooth_loss", "grad_norm", "lr", "samples_per_s")
EVAL_COLUMNS = ("train_loss", "val_loss", "train_acc", "val_acc")


class MadeRun:
    """The Run surface, filled by `grow`."""

    def __init__(
        self, *, total_steps: int = 4000, epoch_steps: int = 400, folder: Path | None = None
    ) -> None:
        self.id, self.name, self.dir = "digits-20261121-101502-3f2a", "digits-cnn", folder
        self.status = RunStatus.RUNNING
        self.curves, self.eval_curves = LiveCurve(STEP_COLUMNS), LiveCurve(EVAL_COLUMNS)
        self.latest: dict[str, float] = {}
        self.alerts: list[Finding] = []
        self.events: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {"epochs": total_steps // epoch_steps, "patience": None}
        self.overhead: float | None = None
        self.layer_history = LayerHistory()
        self.layers: dict[str, tuple[float, float]] = {}
        self.plan, self.error, self.stop_reason, self.printing = None, None, "", ""
        self.objects: Any = None
        self.watchers: list[Any] = []
        self.asked: list[str] = []
        self.step, self.total_steps, self.epoch_steps = 0, total_steps, epoch_steps
        self.phase = "starting"
        self._rng = np.random.default_rng(7)
        self._smooth = np.nan

    @property
    def progress(self) -> Progress:
        elapsed = self.step / 96.0
        left = (self.total_steps - self.step) / 96.0 if self.step else None
        return Progress(
            step=self.step,
            total_steps=self.total_steps,
            epoch=min(self.step // self.epoch_steps + 1, self._epochs),
            total_epochs=self._epochs,
            batch=self.step % self.epoch_steps,
            phase=self.phase,
            elapsed_s=elapsed,
            eta_s=left,
            samples_per_s=self.latest.get("samples_per_s"),
            steps_per_s=96.0 if self.step else None,
        )

    @property
    def _epochs(self) -> int:
        return self.total_steps // self.epoch_steps

    def grow(self, count: int) -> None:
        """Make `count` more steps, with an evaluation at each epoch's end."""
        steps = np.arange(self.step + 1, self.step + count + 1)
        part = steps / self.total_steps
        clean = 0.18 + 2.1 * np.exp(-7 * part) + 0.12 * np.exp(-40 * part)
        loss = clean * np.exp(self._rng.normal(0, 0.13, count))
        rate = 1e-3 * np.minimum(steps / (0.05 * self.total_steps), 0.5 * (1 + np.cos(np.pi * part)))
        norm = (0.5 + 3 * np.exp(-5 * part)) * np.exp(self._rng.normal(0, 0.3, count))
        pace = 6150 + self._rng.normal(0, 160, count)
        smooth = self._smoothed(loss)
        columns = dict(zip(STEP_COLUMNS, (loss, smooth, norm, rate, pace), strict=True))
        self.curves.extend(steps, columns)
        self.latest.update({name: float(values[-1]) for name, values in columns.items()})
        for step in steps[steps % self.epoch_steps == 0]:
            self._evaluate(int(step))
        self.step, self.phase = int(steps[-1]), "training"

    def _smoothed(self, loss: np.ndarray) -> np.ndarray:
        out = np.empty_like(loss)
        for i, value in enumerate(loss):
            self._smooth = value if np.isnan(self._smooth) else 0.98 * self._smooth + 0.02 * value
            out[i] = self._smooth
        return out

    def _evaluate(self, step: int) -> None:
        part = step / self.total_steps
        loss = 0.26 + 1.9 * np.exp(-6.5 * part) + 0.18 * max(0.0, part - 0.6) + self._rng.normal(0, 0.012)
        values = {
            "train_loss": 0.18 + 2.1 * np.exp(-7 * part),
            "val_loss": loss,
            "train_acc": 1 - 0.6 * np.exp(-8 * part),
            "val_acc": 0.975 - 0.55 * np.exp(-7 * part),
        }
        self.eval_curves.extend([step], {name: [value] for name, value in values.items()})
        self.latest.update({name: float(values[name]) for name in ("val_loss", "train_acc", "val_acc")})
        if loss < self.latest.get("best_val_loss", np.inf):
            self.latest.update(best_val_loss=float(loss), best_val_step=step)

    def warn(
        self,
        severity: Severity = Severity.WARNING,
        issue: str = "The validation loss rises while the training loss falls.",
    ) -> None:
        """Raise an alert."""
        found = Finding(
            "overfitting",
            severity,
            issue,
            evidence=f"validation 0.31 at step {self.step}, best 0.27 at step {self.step // 2}",
            recommended="Stop here, or add weight decay or dropout.",
            step=self.step,
        )
        self.alerts.append(found)

    def pause(self) -> None:
        self.asked.append("pause")
        self.status, self.phase = RunStatus.PAUSED, "paused"

    def resume(self) -> None:
        self.asked.append("resume")
        self.status, self.phase = RunStatus.RUNNING, "training"

    def stop(self, after: str = "step") -> None:
        self.asked.append(f"stop-{after}")
        if after == "step":
            self.end(RunStatus.STOPPED, "Stopped by you.")

    def save(self) -> None:
        self.asked.append("save")

    def change(self, wishes: dict[str, Any]) -> list[Any]:
        self.asked.append(f"change {wishes}")
        for name, value in wishes.items():
            event = {"at": "now", "kind": name, "step": self.step, "from": self.latest.get(name), "to": value}
            self.events.append(event)
        return [SimpleNamespace(said=f"{name} {value}") for name, value in wishes.items()]

    def end(self, status: RunStatus, reason: str = "", error: str | None = None) -> None:
        """Come to an end."""
        self.status, self.stop_reason, self.error, self.phase = status, reason, error, "done"


class Feeder:
    """Grows a run and updates its watchers four times a second, as the pump does."""

    def __init__(self, run: MadeRun, *, per_update: int = 24, every_s: float = 0.25) -> None:
        self.run, self.per_update, self.every_s = run, per_update, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def start(self) -> Feeder:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _feed(self) -> None:
        while not self._end.wait(self.every_s) and not self.run.status.over:
            if self.run.status is RunStatus.RUNNING:
                self.run.grow(min(self.per_update, self.run.total_steps - self.run.step))
            if self.run.step >= self.run.total_steps:
                self.run.end(RunStatus.COMPLETED, "All epochs done.")
            self._tell()
        time.sleep(self.every_s)
        self._tell()

    def _tell(self) -> None:
        for watcher in list(self.run.watchers):
            watcher.update(self.run)


def made_objects(*, blocks: int = 4) -> SimpleNamespace:
    """A small real model with optimizer, schedule and loaders, as `run.objects` holds them."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    def block(width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())

    model = nn.Sequential(
        nn.Conv2d(1, 16, 3), *[block(16) for _ in range(blocks)], nn.Flatten(), nn.Linear(16 * 36, 10)
    )
    for parameter in model[1].parameters():
        parameter.requires_grad_(False)
    trained = [p for p in list(model.parameters())[:-1] if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": trained[:4]}, {"params": trained[4:], "weight_decay": 0.0}], lr=1e-3
    )
    data = TensorDataset(torch.randn(128, 1, 8, 8), torch.randint(0, 10, (128,)))
    return SimpleNamespace(
        model=model,
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 150),
        train_loader=DataLoader(data, batch_size=32, shuffle=True),
        val_loader=DataLoader(data, batch_size=64),
        names={
            "model": "net",
            "optimizer": "optimizer",
            "scheduler": "scheduler",
            "train": "train_loader",
        },
        output_shapes={"0": "(32, 16, 6, 6)"},
    )
