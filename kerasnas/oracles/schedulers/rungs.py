"""The arithmetic of successive halving, and what a rung holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kerasnas.errors import SearchSpaceError
from kerasnas.history import Execution, History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import is_sound, rung_order

MOST_KEPT = 64
"""Paused trials of one rung whose checkpoints are kept where no limit of trials bounds them."""


def halvings(eta: float, ratio: float) -> int:
    """The largest s with eta**s <= ratio, by multiplication: a floating logarithm may be off."""
    count, power = 0, eta
    while power <= ratio * (1 + 1e-9):
        count, power = count + 1, power * eta
    return count


def ladder(eta: float, epochs: int | None, least: float | None) -> tuple[float, ...]:
    """Shares of a full training, each `eta` times the one before, the last one 1.

    Args:
        eta: Factor between rungs.
        epochs: Epochs of a full training: no rung is shorter than one of them.
        least: Smallest share; `None` is one epoch, or two halvings when `epochs` is not known.
    """
    if least is not None:
        # A rung of no whole epoch would be a rung of one: two rungs would be the same.
        ratio = min(1 / least, float(epochs or math.inf))
    else:
        ratio = eta**2 if epochs is None else float(epochs)
    return tuple(float(eta) ** -s for s in range(halvings(eta, ratio), -1, -1))


def bracket_sizes(rungs: Sequence[float]) -> tuple[int, ...]:
    """How many configurations the brackets of Hyperband start, by the rung they start at.

    n = ceil((S + 1) / (s + 1) * eta**s) for the bracket that is s halvings below a full training.
    Source: Li et al., *Hyperband*, JMLR 2018, algorithm 1. Of rungs that are not a power of eta
    apart the ratio takes its place.
    """
    top = len(rungs) - 1
    return tuple(
        math.ceil((top + 1) / (top - first + 1) * rungs[-1] / rungs[first] - 1e-9)
        for first in range(top + 1)
    )


def survivors(size: int, factor: float) -> int:
    """How many of so many configurations go on to trainings that are so many times as long."""
    return math.floor(size / factor + 1e-9)


def check_settings(
    eta: float, least: float | None, fidelities: Sequence[float] | None, fidelity: str
) -> None:
    """Checks what users may set.

    Raises:
        SearchSpaceError: With what was expected.
    """
    if not isinstance(eta, int | float) or isinstance(eta, bool) or not eta >= 2:
        raise SearchSpaceError(f"`eta` must be a number of at least 2, received {eta!r}.")
    if least is not None and not 0 < least <= 1:
        raise SearchSpaceError(
            f"`min_fidelity` must be a share of a full training in (0, 1], received {least!r}."
        )
    if fidelity not in ("epochs", "rows"):
        raise SearchSpaceError(f"`fidelity` must be 'epochs' or 'rows', received {fidelity!r}.")
    if fidelities is not None:
        given = list(fidelities)
        if not given or given != sorted(set(given)) or given[0] <= 0 or given[-1] != 1:
            raise SearchSpaceError(
                "`fidelities` must be shares of a full training that rise from above 0 to 1, "
                f"such as (0.1, 0.3, 1.0), received {fidelities!r}."
            )


@dataclass(frozen=True)
class Result:
    """How one trial did at one rung.

    Attributes:
        trial: The trial.
        execution: What it came to there.
        whole: Whether it got as far as the rung; the clock may have cut it short.
    """

    trial: TrialRecord
    execution: Execution
    whole: bool

    @property
    def promoted(self) -> bool:
        """Whether the trial has gone on from this rung, or has nowhere to go from it."""
        return self.trial.rung > self.execution.rung or self.execution.status == "COMPLETED"

    def waits(self, objectives: Sequence[Objective]) -> bool:
        """Whether the trial is paused here and fit to go on."""
        return (
            self.whole
            and not self.promoted
            and self.trial.status == "STOPPED"
            and is_sound(self.execution, objectives)
        )


def standings(
    history: History,
    rung: int,
    fidelity: float,
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    bracket: int | None = None,
) -> list[Result]:
    """All results at a rung, the best first; failed ones, and those cut short, are the last.

    Who was trained in full at once (a model that no steps train) is not there: that is another
    fidelity, and would push out those who have yet to be trained.

    Args:
        history: All trials.
        rung: The rung.
        fidelity: Share of a full training there; who reached less was cut short.
        objectives: What to optimise.
        constraints: Bounds.
        bracket: Only trials of this bracket.
    """
    found = [
        Result(trial, execution, execution.fidelity >= fidelity - 1e-9)
        for trial in history.trials
        if bracket is None or trial.bracket == bracket
        for execution in trial.executions
        if execution.rung == rung and execution.fidelity <= fidelity + 1e-9
    ]
    whole = [r for r in found if r.whole]
    order = rung_order([r.execution for r in whole], objectives, constraints)
    return [whole[i] for i in order] + [r for r in found if not r.whole]
