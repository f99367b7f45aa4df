"""Weights & Biases, also offline (WANDB_MODE=offline). A run the person has is untouched."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

from nbtrain import extras
from nbtrain.errors import UserError
from nbtrain.runs.plain import for_json
from nbtrain.runs.status import RunStatus
from nbtrain.runs.tracker import RunInfo, Tracker, numbers, thinned

ROWS_A_CALL = 100  # about 200 us a row, and charts of wandb.ai are sampled to some thousand points


class WeightsAndBiases(Tracker):
    """Send scalars to Weights & Biases: step/<name>, epoch/<name> and, of runs that validate within epochs,
    evaluation/<name> over the training step.

    The project is $WANDB_PROJECT, else `nbtrain`. Mode, entity and key are taken from the WANDB_ variables
    and `wandb login`, as ever. The notebook's output and code are not captured.
    """

    id = "wandb"
    package = "wandb"

    def open(self, info: RunInfo) -> None:
        """Start a run of wandb; refuses where wandb would stop and ask for a key."""
        wandb = extras.require("wandb", why="to log to Weights & Biases")
        if os.environ.get("WANDB_MODE", "online") in ("online", "shared") and not _has_key(wandb):
            raise UserError(
                "wandb has no API key on this machine, so it would stop and ask for one.",
                suggestion="Run `!wandb login`, or %env WANDB_MODE=offline to keep the logs here.",
            )
        said = (info.config.get("configuration") or {}).get("logging") or {}
        self._run = wandb.init(
            project=said.get("project") or os.environ.get("WANDB_PROJECT", "nbtrain"),
            entity=said.get("entity"),
            name=info.name,
            id=info.folder.id,
            resume="allow",
            dir=str(info.folder.path),
            config=for_json(dict(info.config)),
            tags=list(info.tags or said.get("tags") or ()) or None,
            reinit="create_new" if _knows_create_new(wandb) else True,
            settings=wandb.Settings(console="off", silent=True, save_code=False, disable_git=True),
        )
        self._run.define_metric("*", step_metric="training_step")
        self.url = None if self._run.settings.mode == "offline" else self._run.url

    def log_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Send step rows; above 400 steps a second evenly thinned (metrics.jsonl has them all)."""
        for row in thinned(rows, ROWS_A_CALL):
            self._log("step", row, int(row.get("step") or 0))

    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Send an epoch's row at its step."""
        self._log("epoch", row, int(row.get("step") or row.get("epoch") or 0))

    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        """Send an evaluation at its step."""
        self._log("evaluation", row, int(row["step"]))

    def finish(self, status: RunStatus) -> None:
        """End wandb's run; failed, diverged and interrupted runs get a red mark there."""
        self._run.summary["status"] = str(status)
        self._run.finish(
            exit_code=int(status in (RunStatus.FAILED, RunStatus.DIVERGED, RunStatus.INTERRUPTED))
        )

    def _log(self, group: str, row: Mapping[str, Any], step: int) -> None:
        # the step is a metric of ours: wandb's own must never go back, and epochs come after later steps
        self._run.log(
            {"training_step": step, **{f"{group}/{key}": value for key, value in numbers(row).items()}}
        )


def _has_key(wandb: Any) -> bool:
    if "prompt" in inspect.signature(wandb.login).parameters:
        return bool(wandb.login(prompt=False, verify=False))  # looks at the variables and .netrc; no network
    return bool(wandb.api.api_key)


def _knows_create_new(wandb: Any) -> bool:
    return "create_new" in (inspect.getdoc(wandb.init) or "")


TRACKER = WeightsAndBiases
