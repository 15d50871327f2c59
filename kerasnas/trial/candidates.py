"""What is kept of a trial so that it can become a member of an ensemble."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from kerasnas.files import fresh_file

ROUNDING = 1e-6
"""Rounding that answers may suffer on the disk, in deviations of the answers."""


def answers_path(folder: Path, trial_id: str) -> Path:
    """Where the answers of a trial to the validation rows are, or would be."""
    return folder / f"{trial_id}.answers.npy"


def write_answers(folder: Path, trial_id: str, answers: np.ndarray) -> None:
    """Keeps the answers of a trial to the validation rows, in the user's units."""
    with fresh_file(answers_path(folder, trial_id)) as fresh:
        np.save(fresh, _in_few_bytes(answers), allow_pickle=False)


def _in_few_bytes(answers: np.ndarray) -> np.ndarray:
    """float32 answers, but float64 where these would be rounded beyond a millionth of a spread."""
    with np.errstate(over="ignore"):
        small = answers.astype("float32")
    error = np.abs(small.astype("float64") - answers).max(axis=0, initial=0.0)
    return small if (error <= ROUNDING * answers.std(axis=0)).all() else answers


def read_answers(folder: Path, trial_id: str) -> np.ndarray | None:
    """The answers of a trial, `None` where they are gone or damaged."""
    try:
        answers = np.load(answers_path(folder, trial_id), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return np.asarray(answers)


def keep_only(folder: Path, trial_ids: Collection[str]) -> None:
    """Deletes the files of all other trials."""
    for path in [*folder.glob("[0-9]*.keras"), *folder.glob("[0-9]*.answers.npy")]:
        if path.name.split(".")[0] not in trial_ids:
            path.unlink(missing_ok=True)
