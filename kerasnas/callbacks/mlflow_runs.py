"""A run of MLflow for each trial, below one for the search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kerasnas.callbacks.callback import SearchCallback, SearchInfo, check_package, plain_values
from kerasnas.history import TrialRecord

if TYPE_CHECKING:
    from kerasnas.results import SearchResult


class MLflow(SearchCallback):
    """Writes one run of MLflow for the search, and one below it for each trial.

    Args:
        experiment: Name of the experiment; it is made where it is not there.
        tracking_uri: Where MLflow keeps its runs, such as `"file:mlruns"`; `None` for the place
            that MLflow is set to.
    """

    def __init__(self, experiment: str = "kerasnas", tracking_uri: str | None = None) -> None:
        check_package("mlflow", "mlflow")
        self.experiment = experiment
        self.tracking_uri = tracking_uri
        self._client: Any = None
        self._experiment_id = ""
        self._parent = ""
        self._runs: dict[int, str] = {}

    def __deepcopy__(self, memo: Any) -> MLflow:
        """A callback with the same arguments: a connection cannot be copied."""
        return MLflow(self.experiment, self.tracking_uri)

    def on_search_begin(self, info: SearchInfo) -> None:
        """Opens the run of the search."""
        from mlflow import MlflowClient

        self._client, self._runs = MlflowClient(self.tracking_uri), {}
        found = self._client.get_experiment_by_name(self.experiment)
        self._experiment_id = (
            found.experiment_id
            if found is not None
            else self._client.create_experiment(self.experiment)
        )
        run = self._client.create_run(self._experiment_id, run_name="search")
        self._parent = run.info.run_id
        told = {"strategy": info.strategy, "seed": info.seed, "budget": str(info.budget)}
        told["objective"] = ", ".join(objective.name for objective in info.objectives)
        for name, value in told.items():
            self._client.log_param(self._parent, name, value)

    def on_trial_begin(self, record: TrialRecord) -> None:
        """Opens the run of a trial, and writes its hyperparameters."""
        if record.number in self._runs:  # a paused trial goes on
            return
        tags = {"mlflow.parentRunId": self._parent}
        run = self._client.create_run(self._experiment_id, tags=tags, run_name=record.trial_id)
        self._runs[record.number] = run.info.run_id
        for name, value in plain_values(record.values).items():
            self._client.log_param(run.info.run_id, name, value)

    def on_epoch_end(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes the metrics of an epoch."""
        for name, value in logs.items():
            self._log(record, name, value, epoch)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Writes what the trial came to, and closes its run."""
        for name, value in {**record.scores, "seconds": record.seconds}.items():
            self._log(record, f"trial_{name}", value, len(record.executions))
        if record.failure:
            self._client.set_tag(self._runs[record.number], "failure", record.failure[:400])
        status = "FAILED" if record.status == "FAILED" else "FINISHED"
        self._client.set_terminated(self._runs[record.number], status)

    def on_search_end(self, result: SearchResult) -> None:
        """Names the best trial, and closes the run of the search."""
        if result.history.scored():
            self._client.set_tag(self._parent, "best_trial", result.best_trial.trial_id)
        self._client.set_terminated(self._parent)

    def _log(self, record: TrialRecord, name: str, value: float, step: int) -> None:
        if math.isfinite(value):
            self._client.log_metric(self._runs[record.number], name, float(value), step=step)
