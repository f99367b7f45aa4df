"""MLflow, through its client and a run of our own: the person's active run and set-up are untouched."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nbtrain import extras
from nbtrain.runs.plain import for_json
from nbtrain.runs.status import RunStatus
from nbtrain.runs.tracker import RunInfo, Tracker, numbers, thinned

ROWS_A_CALL = 20  # a file store opens a file for each value
METRICS_A_BATCH = 1000  # MLflow's own limits of one log_batch
PARAMS_A_BATCH = 100
PARAM_CHARS = 500
_ENDINGS = {RunStatus.COMPLETED: "FINISHED", RunStatus.STOPPED: "KILLED", RunStatus.INTERRUPTED: "KILLED"}
_ALLOW_FILES = "MLFLOW_ALLOW_FILE_STORE"


class MLflow(Tracker):
    """Send scalars and options to MLflow: step.<name>, epoch.<name> and, of runs that validate within epochs,
    evaluation.<name>, by step.

    Where to is MLflow's own setting (MLFLOW_TRACKING_URI, `mlflow.set_tracking_uri`). Without one, and
    without the database package that its default needs, to the folder `mlruns` beside the run folders. The
    experiment is $MLFLOW_EXPERIMENT_NAME, else `nbtrain`.
    """

    id = "mlflow"
    package = "mlflow"

    def open(self, info: RunInfo) -> None:
        """Start a run of MLflow."""
        mlflow = extras.require("mlflow", why="to log to MLflow")
        self._entities = extras.require("mlflow.entities", why="to log to MLflow")
        uri = mlflow.get_tracking_uri()
        if uri.startswith("sqlite") and importlib.util.find_spec("sqlalchemy") is None:
            uri = (info.folder.path.parent / "mlruns").as_uri()
        self._uri = uri
        experiment_name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "nbtrain")
        with self._files_allowed():
            self._client = mlflow.MlflowClient(tracking_uri=uri)
            experiment = self._client.get_experiment_by_name(experiment_name)
            experiment_id = (
                experiment.experiment_id if experiment else self._client.create_experiment(experiment_name)
            )
            known = self._known(experiment_id, info) if info.after_step is not None else None
            if known is not None:
                self._run_id = known  # its options stand there; MLflow lets nobody change them
                self.url = self._place(uri, experiment_id)
                return
            tags = {"nbtrain.run_id": info.folder.id, **{f"tag.{tag}": "true" for tag in info.tags}}
            run = self._client.create_run(experiment_id, run_name=info.name, tags=tags)
            self._run_id = run.info.run_id
            params = [
                self._entities.Param(str(key)[:250], str(for_json(value))[:PARAM_CHARS])
                for key, value in info.config.items()
            ]
            for start in range(0, len(params), PARAMS_A_BATCH):
                self._client.log_batch(self._run_id, params=params[start : start + PARAMS_A_BATCH])
        self.url = self._place(uri, experiment_id)

    def _known(self, experiment_id: str, info: RunInfo) -> str | None:
        """Return MLflow's run of the run that is resumed, set to running again; None where it has none."""
        wanted = f"tags.`nbtrain.run_id` = '{info.folder.id}'"
        for run in self._client.search_runs([experiment_id], filter_string=wanted, max_results=1):
            self._client.update_run(run.info.run_id, status="RUNNING")
            return run.info.run_id
        return None

    def _place(self, uri: str, experiment_id: str) -> str:
        if not uri.startswith("http"):
            return uri
        return f"{uri.rstrip('/')}/#/experiments/{experiment_id}/runs/{self._run_id}"

    def log_steps(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Send step rows; above 80 steps a second evenly thinned (metrics.jsonl has them all)."""
        self._send([("step", row) for row in thinned(rows, ROWS_A_CALL)])

    def log_epoch(self, row: Mapping[str, Any]) -> None:
        """Send an epoch's row at its step."""
        self._send([("epoch", row)])

    def log_evaluation(self, row: Mapping[str, Any]) -> None:
        """Send an evaluation at its step."""
        self._send([("evaluation", row)])

    def finish(self, status: RunStatus) -> None:
        """End MLflow's run: FINISHED, KILLED (stopped by hand) or FAILED."""
        with self._files_allowed():
            self._client.set_tag(self._run_id, "nbtrain.status", str(status))
            self._client.set_terminated(self._run_id, _ENDINGS.get(status, "FAILED"))

    def _send(self, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        now = int(time.time() * 1000)
        metrics = [
            self._entities.Metric(f"{group}.{key}", value, now, int(row.get("step") or row.get("epoch") or 0))
            for group, row in rows
            for key, value in numbers(row).items()
        ]
        with self._files_allowed():
            for start in range(0, len(metrics), METRICS_A_BATCH):
                self._client.log_batch(self._run_id, metrics=metrics[start : start + METRICS_A_BATCH])

    @contextmanager
    def _files_allowed(self) -> Iterator[None]:
        """MLflow 3 refuses its own file store unless this variable is set; it is put back at once."""
        if not self._uri.startswith(("file:", "/", ".")) or _ALLOW_FILES in os.environ:
            yield
            return
        os.environ[_ALLOW_FILES] = "true"
        try:
            yield
        finally:
            os.environ.pop(_ALLOW_FILES, None)


TRACKER = MLflow
