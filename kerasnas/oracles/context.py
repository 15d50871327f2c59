"""What an oracle is told of its search: one frozen value, once, before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasnas.objectives import Constraint, Objective

Accept = Callable[[dict[str, Any]], "bool | Mapping[str, float] | None"]
"""What is known of values without training: whether they will do; or measures, which the
constraints of the same names judge; or `None` when there is no time left to look."""


@dataclass(frozen=True)
class ZeroCost:
    """Scores of architectures that cost no training.

    Attributes:
        score: From values to scores by name, larger is better; NaN or missing is not known.
        seconds: How long one configuration takes; `None` when that shows only as it is done.
    """

    score: Callable[[Mapping[str, Any]], Mapping[str, float]]
    seconds: float | None = None


@dataclass(frozen=True)
class Context:
    """What an oracle is told of its search by `Oracle.begin`.

    Arguments of the oracle's constructor win over the context: of `objectives`, `max_trials`,
    `seed`, `constraints`, `initial`, `portfolio` and `accept` it takes those that it was made
    without.

    Attributes:
        objectives: What to optimise, most important first.
        max_trials: Most configurations to start; `None` for no limit.
        seconds: Seconds of the search; `None` for no limit.
        seed: Any whole number, 0 too.
        constraints: Bounds on metrics and measures.
        initial: Configurations to try before all others.
        portfolio: Known-good configurations of the space; only some strategies begin with them.
        turns_after: Trials of the portfolio after which steps from the best trials take turns with
            the rest of the portfolio; `None` tries the whole portfolio first.
        accept: What is known of values without training.
        spent: Gives the seconds of the search so far; `None` where nobody counts them.
        seconds_left: Gives the seconds that trials may still use; `None` where no clock runs.
        must_finish: Whether a short training more would leave no time to train the best
            configuration in full; `None` where that never happens.
        pausing: Whether the runner can pause a trial and continue it later. Such a runner looks at
            `history.trials[number]` of the trial it is given: `rung` and `fidelity`, the share of a
            full training that this execution has to reach. It ends the execution as COMPLETED; the
            oracle records it as STOPPED where it is a pause. The same trial comes again when it is
            promoted. When the answer is STOPPED while other trials run, the runner asks again after
            the next one has ended.
        epochs: Epochs of a full training where they are known: no rung is shorter than one.
        full_seconds: About how long a full training takes, when that is known.
        fidelities: Shares of a full training that stand for it, ascending, the last one 1.
        zero_cost: Zero-cost scores, for spaces of architectures.
        noisy: Whether the same configuration scores differently with another seed.
    """

    objectives: tuple[Objective, ...] = ()
    max_trials: int | None = None
    seconds: float | None = None
    seed: int | None = None
    constraints: tuple[Constraint, ...] = ()
    initial: tuple[Mapping[str, Any], ...] = ()
    portfolio: tuple[Mapping[str, Any], ...] = ()
    turns_after: int | None = None
    accept: Accept | None = None
    spent: Callable[[], float] | None = None
    seconds_left: Callable[[], float] | None = None
    must_finish: Callable[[], bool] | None = None
    pausing: bool = False
    epochs: int | None = None
    full_seconds: float | None = None
    fidelities: tuple[float, ...] = (1.0,)
    zero_cost: ZeroCost | None = None
    noisy: bool = False
