"""Set-ups that draw wherever a training can draw, trained whole or in two parts; also run as a script.

python resume_cases.py begin FOLDER CASES    whole runs, and runs that end early, written to FOLDER
python resume_cases.py resume FOLDER CASES   goes on with those that ended early, in this fresh process
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

EPOCHS, BATCHES, BATCH = 3, 6, 4


class Augmented(Dataset):
    """Points moved by draws from torch, numpy and random, and from a generator of its own."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.points = torch.randn(BATCHES * BATCH - 1, 6, generator=generator)  # the last batch is smaller
        self.own = np.random.default_rng(7)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        point = self.points[index] + 0.1 * torch.randn(6) + 0.1 * float(np.random.randn())
        return point + 0.1 * random.gauss(0, 1) + 0.1 * float(self.own.normal()), (point.sum() > 0).long()


def mixed(samples: list[Any]) -> list[torch.Tensor]:
    """A collate function that draws, as mixup does."""
    points, targets = (torch.stack(part) for part in zip(*samples, strict=True))
    return [points * (1 + 0.1 * random.random()), targets]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def parts(case: dict[str, Any]) -> tuple[nn.Module, Any, dict[str, Any]]:
    """Model, training data and options of a case, made anew."""
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    accumulate = case.get("accumulate", 1)
    steps = EPOCHS * -(-BATCHES // accumulate)
    scheduler = {
        "none": lambda: None,
        "one-cycle": lambda: torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=steps),
        "step": lambda: torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5),
        "plateau": lambda: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
    }[case.get("scheduler", "none")]()
    own = {"generator": torch.Generator().manual_seed(4)} if case.get("generator") else {}
    workers = case.get("workers", 0)
    persistent = {"persistent_workers": True} if workers and case.get("persistent") else {}
    data = DataLoader(
        Augmented(),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        collate_fn=mixed,
        **own,
        **persistent,
    )
    options = {
        "optimizer": optimizer, "scheduler": scheduler,
        "val": DataLoader(Augmented(), batch_size=8, shuffle=True), "loss": nn.CrossEntropyLoss(),
        "epochs": EPOCHS, "accumulate": accumulate,
        "precision": case.get("precision", "32"), "clip": 1.0, "log": "json",
        "guard": "off",  # `result` draws where the run left the generators
        **({"seed": case["seed"]} if case.get("seed") is not None else {}),
        **case.get("options", {}),
    }  # fmt: skip
    return model, data, {name: value for name, value in options.items() if value is not None}


def seed(case: dict[str, Any]) -> None:
    """Start the generators of the process, as a notebook's first cell does."""
    random.seed(1), np.random.seed(2), torch.manual_seed(3)


def result(run: Any, model: nn.Module) -> dict[str, Any]:
    """Everything of a run that has to be the same to the bit."""
    weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    ended = run.checkpoints.load_latest().state["rng"]
    generators = repr((ended["python"], ended["numpy"], ended["torch"].tolist()))
    epochs = run.epochs[
        [
            n
            for n in ("epoch", "step", "train_loss", "train_acc", "val_loss", "val_acc", "lr")
            if n in run.epochs
        ]
    ]
    return {
        "status": str(run.status), "error": run.error, "weights": hashlib.sha256(weights).hexdigest(),
        "losses": run.history["train_loss"].tolist(), "lr": run.history["lr"].tolist(),
        "epochs": epochs.to_dict("records"), "generators": hashlib.sha256(generators.encode()).hexdigest(),
        "replayed": [event["verdict"] for event in run.events if event["kind"] == "replayed"],
        "not_exact": [alert.issue for alert in run.alerts if alert.rule == "not-exact"],
        "stored": _stored(run.dir),
    }  # fmt: skip


def _stored(folder: Path) -> dict[str, Any]:
    """The epochs and steps as they lie on disk."""
    from nbtrain.runs.stored import StoredRun

    stored = StoredRun(folder)
    return {"losses": stored.history["train_loss"].tolist(), "val": stored.epochs["val_loss"].tolist()}


def stop_after(case: dict[str, Any]) -> dict[str, Any]:
    """Options that end the first part: in the middle of an epoch, or at the end of one."""
    per_epoch = -(-BATCHES // case.get("accumulate", 1))
    if case["stop"] == "epoch end":
        return {"epochs": 1}
    return {"max_steps": per_epoch + 1}


def crashing(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Options under which the run's folder is copied in the middle of step 12, as a kill would leave it."""
    from nbtrain.train.replay import read_digests

    seen, criterion = {"steps": 0}, nn.CrossEntropyLoss()
    accumulate, target = options.get("accumulate", 1), folder / "part"

    def loss(output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and threading.current_thread() is not threading.main_thread():
            seen["steps"] += 1
            if seen["steps"] == 11 * accumulate:
                time.sleep(0.3)  # longer than rows wait to be packed
            if seen["steps"] == 11 * accumulate + 1:
                (run,) = (folder / "whole").iterdir()
                until = time.monotonic() + 60
                while set(read_digests(run, after=8)) < {9, 10, 11} and time.monotonic() < until:
                    time.sleep(0.02)
                shutil.copytree(run, target / run.name)
        return criterion(output, wanted)

    return {**options, "loss": loss, "checkpoint_every": 4}


def begin(folder: Path, cases: dict[str, dict[str, Any]]) -> None:
    """Train each case whole, and its first part."""
    import nbtrain

    for name, case in cases.items():
        model, data, options = parts(case)
        if case["stop"] == "crash":
            options = crashing(options, folder / name)
        seed(case)
        whole = nbtrain.train(model, data, **options, dir=folder / name / "whole", name="case").wait()
        (folder / name / "whole.json").write_text(json.dumps(result(whole, model)))
        if case["stop"] == "crash":
            continue
        model, data, options = parts(case)
        seed(case)
        run = planned(
            model, data, {**options, **stop_after(case)}, folder / name / "part", whole.plan.data_seed
        )
        run.start().wait()
        assert str(run.status) == "completed", run.error


def planned(model: nn.Module, data: Any, options: dict[str, Any], folder: Path, data_seed: int | None) -> Any:
    """A run whose data is seeded as that of another one; without a seed each run draws its own."""
    from dataclasses import replace

    from nbtrain.notebook.namespace import find_setup
    from nbtrain.running.run import Run
    from nbtrain.train.options import TrainOptions
    from nbtrain.train.plan import make_plan
    from nbtrain.train.training import Training

    roles = {role: options.pop(role, None) for role in ("val", "optimizer", "scheduler", "loss")}
    setup = find_setup({}, model=model, data=data, **roles)
    plan = make_plan(setup, TrainOptions.from_words({**options, "dir": folder, "name": "case"}))
    return Run(Training(replace(plan, data_seed=data_seed)))


def resume(folder: Path, cases: dict[str, dict[str, Any]]) -> None:
    """Go on with each case's first part."""
    import nbtrain

    for name, case in cases.items():
        model, data, options = parts({**case, **case.get("then", {})})
        random.seed(91), np.random.seed(92), torch.manual_seed(93)
        more = {"max_steps": 1000} if case["stop"] == "mid-epoch" else {}
        run = nbtrain.train(
            model, data, **{**options, **more}, dir=folder / name / "part", name="case", resume=True
        ).wait()
        (folder / name / "resumed.json").write_text(json.dumps(result(run, model)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"begin": begin, "resume": resume}[sys.argv[1]](
        Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())
    )
