"""A folder of TensorBoard for each trial, with its hyperparameters for the HParams page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasnas.callbacks.callback import SearchCallback, SearchInfo, check_package, plain_values
from kerasnas.history import TrialRecord


class TensorBoard(SearchCallback):
    """Writes what `tensorboard --logdir FOLDER` shows: one run a trial, with its hyperparameters.

    Epochs are the scalars of a run. The scores and measures of the whole trial have the prefix
    `trial/`.

    Args:
        folder: Folder for the runs; each trial writes to a folder of its own in it.
    """

    def __init__(self, folder: str | Path) -> None:
        check_package("tensorboard", "tensorboard")
        self.folder = folder
        self._begun: set[int] = set()

    def on_search_begin(self, info: SearchInfo) -> None:
        """Nothing is open yet."""
        self._begun = set()

    def on_trial_begin(self, record: TrialRecord) -> None:
        """Writes the hyperparameters."""
        if record.number in self._begun:  # a paused trial goes on
            return
        self._begun.add(record.number)
        from tensorboard.plugins.hparams import api

        with self._run(record):
            api.hparams(plain_values(record.values), trial_id=record.trial_id)

    def on_epoch_end(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Writes the metrics of an epoch."""
        self._write(record, logs, "", epoch)

    def on_trial_end(self, record: TrialRecord) -> None:
        """Writes what the trial came to."""
        scores = {**record.scores, "seconds": record.seconds}
        self._write(record, scores, "trial/", len(record.executions))

    def _write(
        self, record: TrialRecord, values: Mapping[str, float], prefix: str, step: int
    ) -> None:
        import tensorflow as tf

        with self._run(record):
            for name, value in values.items():
                tf.summary.scalar(f"{prefix}{name}", float(value), step=step)

    def _run(self, record: TrialRecord) -> Any:
        """Where the summaries of a trial go; each time into a file of its own, which is whole."""
        import tensorflow as tf

        return _Closing(tf.summary.create_file_writer(str(Path(self.folder) / record.trial_id)))


class _Closing:
    """A writer of summaries that is the current one inside, and closed afterwards."""

    def __init__(self, writer: Any) -> None:
        self._writer, self._current = writer, writer.as_default()

    def __enter__(self) -> None:
        self._current.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._current.__exit__(*error)
        self._writer.close()
