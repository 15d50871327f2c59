"""The adapter between searchers and keras-tuner: an oracle whose only state is a history."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import keras_tuner
import numpy as np
from keras_tuner import HyperParameters

from kerasnas.clock import Stopwatch
from kerasnas.errors import SearchSpaceError
from kerasnas.history import History
from kerasnas.objectives import Constraint, Objective, ObjectiveLike, parse_objectives
from kerasnas.oracles.context import Accept, Context
from kerasnas.oracles.filters import Proposer
from kerasnas.oracles.schedulers import Full, Scheduler
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace
from kerasnas.oracles.starting import TrialStarter


def _no_hash() -> None:
    """The hash of a trial that is not known."""


_WITH_DEFAULTS: dict[str, Callable[[], Any]] = {"_run_times": int, "_id_to_hash": _no_hash}
"""Attributes of keras-tuner's oracle that are dicts with defaults."""


class Oracle(TrialStarter):
    """Proposes trials and records them; works in any `keras_tuner.Tuner`.

    Who runs a whole search tells the oracle about it once, by `begin`. A tuner that does not know
    of `begin`, such as keras-tuner's own, gets the oracle's own settings and trials in full.

    Args:
        objective: A name, an `Objective` of kerasnas or keras-tuner, or a list of these. `None`
            when `run_trial` returns one float to minimise. Several objectives stay a vector;
            keras-tuner is shown the first.
        max_trials: Most configurations to start; `None` for no limit.
        seed: Any whole number, 0 too; `None` draws one.
        searcher: The rule that picks values.
        scheduler: The rule that decides how far each trial is trained. In a tuner that cannot
            pause trials, such as keras-tuner's own, every trial is trained in full.
        fidelity: What a part of a full training is a part of: `"epochs"` or training `"rows"`.
        constraints: Bounds that a trial must keep to be among the best.
        portfolio: Known-good configurations to begin with; names that the space lacks are ignored.
        initial: Configurations to try before all others; checked against the space.
        hyperparameters: Hyperparameters to override or to register in advance.
        allow_new_entries: Whether a build may ask for hyperparameters that are not registered.
        tune_new_entries: Whether such hyperparameters are tuned or stay at their defaults.
        accept: Whether values meet what is known without training, or the measures that tell;
            others are drawn again.
        max_retries_per_trial: How often a crashed trial runs again before it counts as failed.
        max_consecutive_failed_trials: So many failures in a row end the search with an error;
            `None`: a failed trial never does.

    Raises:
        ObjectiveError: If the direction of an objective is not known.
        SearchSpaceError: If `initial` does not fit; as soon as the space is known.

    Attributes:
        context: What it knows of its search: its own settings, and what `begin` has told it.
    """

    short_name: ClassVar[str] = ""
    takes_portfolio: ClassVar[bool] = False
    """Whether it begins with the known-good configurations that the context brings."""
    seeded: ClassVar[bool] = True
    """Whether another seed gives another sequence of trials."""

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        searcher: Searcher,
        scheduler: Scheduler | None = None,
        fidelity: str = "epochs",
        constraints: Sequence[Constraint] = (),
        portfolio: Sequence[Mapping[str, Any]] = (),
        initial: Sequence[Mapping[str, Any]] = (),
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        accept: Accept | None = None,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int | None = None,
    ) -> None:
        super().__init__(
            objective=None,
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            allow_new_entries=allow_new_entries,
            tune_new_entries=tune_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            seed=1,  # without one keras-tuner draws from the user's random state
        )
        self.seed = secrets.randbelow(2**31)
        self.max_consecutive_failed_trials = max_consecutive_failed_trials
        self.fidelity = fidelity
        self.history = History()
        self.stop_reason = ""
        self._lock = threading.RLock()
        self._project_name = None  # set by a tuner of keras-tuner, which gives it a folder
        self._journaled = False
        self._interrupted: list[int] = []
        self._started: dict[str, Stopwatch] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._space: tuple[Any, int, ValueSpace] | None = None
        self._warned = False
        self._begun = False
        self._own_searcher = searcher
        self._own_scheduler: Scheduler = Full() if scheduler is None else scheduler
        self._own = Context(
            objectives=() if objective is None else parse_objectives(objective),
            max_trials=max_trials,
            seed=seed,
            constraints=tuple(constraints),
            initial=tuple(initial),
            portfolio=tuple(portfolio),
            accept=accept,
        )
        self._settle(self._own)

    def begin(self, context: Context) -> None:
        """Tells the oracle about its search, once, before the first trial.

        Args:
            context: What whoever runs the search knows. Arguments of the constructor win over it.

        Raises:
            SearchSpaceError: If the oracle has begun a search already.
        """
        if self._begun:
            raise SearchSpaceError(
                f"This `{type(self).__name__}` has begun a search already. Make a fresh oracle, or "
                "take a copy by `copy.deepcopy`."
            )
        own = self._own
        portfolio = context.portfolio if self.takes_portfolio else ()
        self._begun = True
        self._settle(
            replace(
                context,
                objectives=own.objectives or context.objectives,
                max_trials=context.max_trials if self.max_trials is None else self.max_trials,
                seed=context.seed if own.seed is None else own.seed,
                constraints=own.constraints or tuple(context.constraints),
                initial=own.initial or tuple(context.initial),
                portfolio=own.portfolio or tuple(portfolio),
                accept=own.accept or context.accept,
            )
        )

    def _settle(self, context: Context) -> None:
        """Sets everything that follows from a context."""
        self.context = context
        for first in context.objectives[:1]:
            # keras-tuner would add several objectives up: it is shown the first.
            self.objective = keras_tuner.Objective(first.name, first.direction)
        self.objectives: tuple[Objective, ...] = context.objectives or (
            Objective(self.objective.name, self.objective.direction),
        )
        self.max_trials = context.max_trials
        self.seed = self.seed if context.seed is None else int(context.seed)
        self.constraints = context.constraints
        self.proposer = Proposer(
            self._searcher_for(context.max_trials),
            context.initial,
            context.portfolio,
            context.accept,
            context.turns_after,
            context.seconds_left,
        )
        fits = context.pausing and self.fidelity == "epochs"
        self.scheduler = self._own_scheduler.fitted(context.epochs) if fits else self._own_scheduler
        self._adopt_rungs()
        self._checked = False

    def _searcher_for(self, max_trials: int | None) -> Searcher:
        """The searcher for a search of so many trials; `None` without a limit."""
        return self._own_searcher

    def __getstate__(self) -> dict[str, Any]:
        """A copy has the same settings and history, and may begin a search of its own."""
        made_of_settings = ("_lock", "_space", "context", "proposer", "scheduler")
        kept = {k: v for k, v in super().__getstate__().items() if k not in made_of_settings}
        # keras-tuner's own have functions inside functions for defaults, which no pickle can hold.
        kept |= {name: dict(kept[name]) for name in _WITH_DEFAULTS}
        limit = self._own.max_trials if self._begun else self.max_trials
        return kept | {"_own": replace(self._own, max_trials=limit), "_begun": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            default = _WITH_DEFAULTS.get(name)
            setattr(self, name, value if default is None else defaultdict(default, value))
        self._lock, self._space = threading.RLock(), None
        self._settle(self._own)

    @property
    def has_objective(self) -> bool:
        """Whether it was made with objectives of its own."""
        return bool(self._own.objectives)

    def hopeless(self, trial_id: str) -> bool:
        """Whether a running trial should be ended after what it has just reported."""
        with self._lock:
            if not self.pausing:
                return False
            verdict = self.scheduler.on_report(self.history, int(trial_id), self.objectives)
            return verdict != "continue"

    def promotable(self) -> set[str]:
        """Ids of the paused trials that may still go on: their checkpoints are worth keeping."""
        with self._lock:
            numbers = self.scheduler.promotable(
                self.history, self.objectives, self.constraints, max_trials=self.max_trials
            )
            return {self.history.trials[n].trial_id for n in numbers}

    @property
    def space(self) -> ValueSpace:
        """The search space as it is known now; it may grow while trials ask for more."""
        known = self.hyperparameters
        if self._space is None or self._space[0] is not known or self._space[1] != len(known.space):
            self._space = (known, len(known.space), ValueSpace(known))
            self._checked = False
        return self._space[2]

    def check_initial(self) -> None:
        """Checks `initial` against the space; done before the first trial in any case.

        Raises:
            SearchSpaceError: If a configuration does not fit.
        """
        if not self._checked and len(self.space):
            self.proposer.check(self.space)
            self._checked = True

    @property
    def label(self) -> str:
        """The name of the strategy, in logs and in journals."""
        return self.short_name or self.proposer.searcher.name

    def describe(self) -> str:
        """The strategy in one line, for the log: short name, colon, explanation."""
        parts = [f"{len(self.proposer.initial)} initial"] if self.proposer.initial else []
        if self.proposer.portfolio:
            parts.append(f"{len(self.proposer.portfolio)} known-good configurations")
        parts.append(self.proposer.searcher.describe(self.space))
        how_far = self.scheduler.describe()
        if how_far and self.pausing:
            parts[-1] += f"; {how_far}"
        return f"{self.label}: {', then '.join(parts)}"

    def ranked(self) -> Sequence[Values]:
        """Configurations that look best without training, tried after the portfolio."""
        return ()

    def trusts_ranked(self) -> bool:
        """Whether the next of the `ranked` configurations, if one is left, is tried now."""
        return True

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Adds hyperparameters that the space does not have yet."""
        with self._lock:
            super().update_space(hyperparameters)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for the next trial.

        Returns:
            `status` RUNNING with `values` and their `origin`, IDLE when a running trial may still
            widen an empty space, or STOPPED when nothing unseen is left.
        """
        self.check_initial()
        number = len(self.history)
        rng = np.random.default_rng([self.seed % 2**63, number])
        ranked = self.ranked() if self.trusts_ranked() else ()
        proposal = self.proposer.propose(
            self.space, self.history, self.objectives, rng, self.constraints, ranked
        )
        for values, measures in self.proposer.turned_down:
            self.history.reject(values, measures)
        self.proposer.forget_turned_down()
        if proposal is not None:
            return {"status": "RUNNING", "values": proposal.values, "origin": proposal.origin}
        if not len(self.space) and self.history.running:
            return {"status": "IDLE"}
        if not self.proposer.out_of_time:
            self.stop_reason = f"the search space is exhausted after {number} trials"
        if self.proposer.rejected:
            self.stop_reason = (
                f"no unseen configuration that meets the constraints was found after {number} "
                f"trials ({self.proposer.rejected} turned down)"
            )
        return {"status": "STOPPED"}
