"""What a report says of the directory of a search: what the journal in it tells."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kerasnas.directories import Scratch
from kerasnas.errors import ArtifactError
from kerasnas.history import History
from kerasnas.journal import JOURNAL, begun_in, storing
from kerasnas.objectives import Constraint, Objective
from kerasnas.report.facts import plain, search_facts
from kerasnas.results.examination import Examination, curves_of
from kerasnas.results.leaderboard import rank_rows, trial_row
from kerasnas.results.verdict import verdict_of


def directory_facts(directory: str | Path) -> dict[str, Any]:
    """The facts that a journal holds. The directory is only read.

    Args:
        directory: The `directory` of a search, which may still be going on.

    Raises:
        ArtifactError: If no search has begun there.
    """
    begun = begun_in(directory)
    if not begun:
        raise ArtifactError(
            f"'{directory}' holds no search of kerasnas. Name a `.keras` file, or the `directory` "
            "of a search."
        )
    try:
        objectives = [Objective(str(n), d) for n, d in begun["objective"]]
        constraints = [
            Constraint(str(n), min=low, max=high) for n, low, high in begun["constraints"]
        ]
        first = objectives[0]
    except (LookupError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"The journal in '{directory}' is damaged: it does not say what was optimised. Report "
            "on the saved `.keras` file instead."
        ) from error
    history = _history(Path(directory), begun)
    trials = [trial_row(t, constraints) for t in history if t.status != "RUNNING"]
    rows = rank_rows(trials, objectives)
    usual = "fit again with the same `directory`, which goes on from here, and save the model."
    facts = {
        **search_facts(rows, first, verdict_of(rows, first, "", usual=usual), ""),
        "title": f"Search in {Path(directory).resolve().name}",
        "examination": Examination(curves=curves_of(history, first)).to_json(),
        "asked": {"arguments": {k: begun[k] for k in ("oracle", "seed") if k in begun}},
    }
    return dict(plain(facts))


def _history(directory: Path, begun: dict[str, Any]) -> History:
    # A journal that is opened is written to, and this one may belong to a search that is going on.
    scratch = Scratch()
    copy = scratch.path / JOURNAL
    with storing(directory / JOURNAL):
        shutil.copyfile(directory / JOURNAL, copy)
    history = History(copy, begun)
    history.close()
    return history
