"""A run of Weights & Biases for each trial."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kerasnas.callbacks.callback import SearchCallback, SearchInfo, check_package, plain_values
from kerasnas.history import TrialRecord


class WandB(SearchCallback):
    """Writes one run of Weights & Biases for each trial; the runs of a search are one group.

    Args:
        project: Name of the project.
        group: Name of the group; `None` draws one for each search.
        mode: `"online"`, `"offline"` (runs stay on this machine until `wandb sync`), or
            `"disabled"`; `None` for what Weights & Biases is set to.
        folder: Folder for the files of runs; `None` for the current one.
    """

    def __init__(
        self,
        project: str = "kerasnas",
        group: str | None = None,
        mode: Literal["online", "offline", "disabled"] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        check_package("wandb", "wandb")
        self.project = project
        self.group = group
        self.mode = mode
        self.folder = folder
        self._group = ""
        self._runs: dict[int, Any] = {}

    def __deepcopy__(self, memo: Any) -> WandB:
        """A callback with the same arguments: a run cannot be copied."""
        return WandB(self.project, self.group, self.mode, self.folder)

    def on_search_begin(self, info: SearchInfo) -> None:
        """Names the group."""
        self._group, self._runs = self.group or f"search-{secrets.token_hex(4)}", {}

    def on_trial_begin(self, record: TrialRecord) -> None:
        """Opens the run of a trial."""
        import wandb

        if record.number in self._runs:  # a paused trial goes on
            return
        self._runs[record.number] = wandb.init(
            project=self.project,
            group=self._group,
            name=record.trial_id,
            config=plain_values(record.values),
            dir=None if self.folder is None else str(self.folder),
            mode=self.mode,
            reinit="create_new",
            settings=wandb.Settings(silent=True),
        )

    def on_epoch_end(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes the metrics of an epoch."""
        self._runs[record.number].log({**logs, "epoch": epoch})

    def on_trial_end(self, record: TrialRecord) -> None:
        """Writes what the trial came to, and closes its run unless it may go on."""
        run = self._runs[record.number]
        run.summary.update({**record.scores, "seconds": record.seconds, "status": record.status})
        if record.status != "STOPPED":
            run.finish(exit_code=1 if record.status == "FAILED" else 0)

    def on_search_end(self, result: Any) -> None:
        """Closes the runs of trials that did not go on."""
        for record in result.history.trials:
            if record.status == "STOPPED" and record.number in self._runs:
                self._runs[record.number].finish()
