"""What is kept of a trial so that it can become a member of an ensemble."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np


def answers_path(folder: Path, trial_id: str) -> Path:
    """Where the answers of a trial to the validation rows are, or would be."""
    return folder / f"{trial_id}.answers.npy"


def write_answers(folder: Path, trial_id: str, answers: np.ndarray) -> None:
    """Keeps the answers of a trial to the validation rows, in the user's units."""
    path = answers_path(folder, trial_id)
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        np.save(file, answers.astype("float32"), allow_pickle=False)
    fresh.replace(path)


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
