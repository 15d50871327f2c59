"""What a search found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasnas import artifact
from kerasnas.clock import ENDLESS, Deadline, Stopwatch
from kerasnas.directories import Scratch
from kerasnas.errors import ObjectiveError, SearchFailedError
from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective, ObjectiveLike, violation
from kerasnas.oracles.ranking import pareto_first
from kerasnas.problem import AnswerScorer
from kerasnas.results import pareto
from kerasnas.results.ensemble import (
    UNHURRIED,
    Building,
    Ensemble,
    Wish,
    build_ensemble,
    candidates_of,
    parse_ensemble,
)
from kerasnas.results.from_tuner import read_tuner
from kerasnas.results.leaderboard import as_frame, rank_rows, short_frame, trial_row
from kerasnas.results.selection import flattery
from kerasnas.results.verdict import Verdict, as_html, verdict_of
from kerasnas.results.where import Where
from kerasnas.trial.job import Solved
from kerasnas.trial.networks import Networks

_TOP = 3  # trials whose size is measured for the leaderboard


@dataclass
class SearchResult:
    """The finished trials of a search and the files of the best of them.

    Attributes:
        history: All trials.
        objectives: What was optimised, the most important first.
        constraints: What was demanded.
        baselines: Rows of the leaderboard that are no trials.
        strategy: One line about how the search was run.
        first_traceback: Traceback of the first failed trial, empty without one.
        networks: The networks of trials.
        solved: Those of their networks that no gradient steps trained.
        scratch: Keeps a temporary folder alive as long as the result that reads from it.
        scorer: Scores answers to the validation rows in the user's units; `None` without.
        seed: Seed of the search.
        member_seconds: Seconds that a member of an ensemble needs to be built in.
        costs: By trial, what was measured of it after the search.
        optimism: By trial, how much better its score is than that of the best trial chosen on other
            rows: what choosing the best of many adds.
        errors: By row of the leaderboard, the standard error of its score, by which chance may have
            moved it; of the row that answers.
    """

    history: History
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    networks: Networks
    baselines: list[dict[str, Any]] = field(default_factory=list)
    strategy: str = ""
    first_traceback: str = ""
    solved: dict[str, Solved] = field(default_factory=dict, repr=False)
    scratch: Scratch | None = None
    scorer: AnswerScorer | None = None
    seed: int = 0
    member_seconds: float = 0.0
    optimism: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    costs: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def from_tuner(cls, tuner: Any, objective: ObjectiveLike | None = None) -> SearchResult:
        """Reads what a keras-tuner search has found.

        Args:
            tuner: A `keras_tuner.Tuner` after its search, or made again with `overwrite=False`; or
                the path of its project directory.
            objective: What was optimised; needed for a directory.

        Returns:
            Its trials; with a tuner also the model of the best, compiled as the tuner compiles it.

        Raises:
            ArtifactError: If there are no trials to be read.
        """
        found = read_tuner(tuner, objective)
        scratch = Scratch()
        result = cls(
            history=found.history,
            objectives=found.objectives,
            constraints=(),
            networks=Networks(scratch.path, rebuild=found.rebuild),
            strategy=found.strategy,
            first_traceback=found.first_traceback,
            scratch=scratch,
        )
        if found.history.scored():
            found.keep_model(result.best_trial, result.networks)
        return result

    @property
    def best_trial(self) -> TrialRecord:
        """The best feasible trial by the first objective, a paused one if it is the best.

        Of equal ones, the further objectives decide. Where the best configurations were trained
        again with other seeds, their means decide. A trial whose file is gone is passed over.

        Raises:
            SearchFailedError: If no trial came to a good end, or none is feasible.
        """
        in_order = sorted(self._feasible, key=lambda t: t.number)
        ranked = pareto_first(in_order, self.objectives) or in_order
        return next((t for t in ranked if self.networks.there(t.trial_id)), ranked[0])

    @property
    def best_hyperparameters(self) -> dict[str, Any]:
        """Values of the best trial."""
        return dict(self.best_trial.values)

    def best_model(self, where: str | None = None) -> keras.Model:
        """The model of the best trial as it was scored; of `kerasnas.search` and tuners compiled.

        Args:
            where: A condition on metrics, measures and hyperparameters that it must meet, such as
                `"params < 100_000 and val_accuracy >= 0.9"`.

        Raises:
            ObjectiveError: If the condition cannot be read or names what no trial has.
            SearchFailedError: If no trial meets it, or the file of the one that does is gone:
                kept are the models that are best for some limit of size or latency.
        """
        if where is None:
            return self.networks.compiled(self.best_trial)
        trial = self.trials_where(where)[0]
        if not self.networks.there(trial.trial_id):
            raise SearchFailedError(
                f"Trial {trial.trial_id} is the best with {where}, but its file was not kept: only "
                "models that are best for some limit of `params` or `latency_ms` are. Ask for such "
                f"a limit, or train its configuration: {trial.values}."
            )
        return self.networks.compiled(trial)

    def trials_where(self, where: str) -> list[TrialRecord]:
        """The feasible trials that meet a condition, the best by the first objective first.

        Args:
            where: As in `best_model`.

        Raises:
            ObjectiveError: As in `best_model`.
            SearchFailedError: If no trial meets it.
        """
        condition = Where(where)
        known = [
            (t, {**t.values, "seconds": t.seconds, **t.scores, **self.costs.get(t.trial_id, {})})
            for t in self._feasible
        ]
        condition.check({name for _, facts in known for name in facts})
        found = [t for t, facts in known if condition.holds(facts)]
        if not found:
            ranges = []
            for name in condition.names:
                values = [f[name] for _, f in known if isinstance(f.get(name), int | float)]
                if values:
                    ranges.append(f"`{name}` is {min(values):g} to {max(values):g}")
            raise SearchFailedError(
                f"No trial has {where} ({len(known)} feasible trials"
                f"{'; ' if ranges else ''}{', '.join(ranges)}). Loosen the condition."
            )
        return sorted(found, key=lambda t: (self.objectives[0].loss(t.scores), t.number))

    def knee(self) -> TrialRecord:
        """The trial at the knee of the front: where more of one objective costs most of another.

        Raises:
            SearchFailedError: If no trial is feasible.
        """
        trials = self._feasible
        return trials[pareto.knee(self._losses(trials))]

    def hypervolume(self, reference: Mapping[str, float] | None = None) -> float:
        """The volume between the Pareto front and a reference, for two or three objectives.

        Args:
            reference: The worst values that count, by objective, at their natural sign. Without it
                they lie a little beyond the worst trial, which is no ground to compare searches.

        Raises:
            ObjectiveError: If there are not two or three objectives, or `reference` lacks one.
            SearchFailedError: If no trial is feasible.
        """
        losses = self._losses(self._feasible)
        if reference is None:
            return pareto.hypervolume(losses, pareto.reference_point(losses))
        missing = [o.name for o in self.objectives if o.name not in reference]
        if missing:
            raise ObjectiveError(
                f"`reference` lacks {', '.join(missing)}. Give the worst value that counts for "
                f"each of {', '.join(o.name for o in self.objectives)}."
            )
        return pareto.hypervolume(losses, [o.loss(reference) for o in self.objectives])

    @property
    def _feasible(self) -> list[TrialRecord]:
        """Feasible trials with finite objectives; an error where there is none."""
        done = self.history.scored()
        if not done:
            raise SearchFailedError(self._why_nothing())
        feasible = [t for t in done if violation(self.constraints, t.scores) == 0]
        if not feasible:
            raise SearchFailedError(self._why_infeasible(done))
        return feasible

    def _losses(self, trials: Sequence[TrialRecord]) -> np.ndarray:
        return np.array([[o.loss(t.scores) for o in self.objectives] for t in trials])

    def ensemble(self, size: int = 5) -> keras.Model:
        """The best trials fused into one model, chosen greedily on the first objective.

        Args:
            size: Most members.

        Raises:
            SearchFailedError: If fewer than two trials are there to choose from.
        """
        found = None
        if self.scorer is not None:
            found = self.choose_ensemble(parse_ensemble(size))
        if found is None:
            raise SearchFailedError(
                "There are not two finished trials with their answers to choose from. Raise "
                "`budget`; trials of `kerasnas.search` keep no answers."
            )
        return found.model

    def choose_ensemble(
        self,
        wish: Wish,
        building: Building = UNHURRIED,
    ) -> Ensemble | None:
        """As `build_ensemble`, over the feasible trials of this search."""
        assert self.scorer is not None, "only a search with a scorer keeps answers"
        objective = self.objectives[0]
        ranked = sorted(self.history.scored(), key=lambda t: (objective.loss(t.scores), t.number))
        return build_ensemble(
            ranked,
            self.networks,
            self.scorer,
            self.objectives,
            self.constraints,
            wish,
            self.seed,
            building,
        )

    def flattery(self) -> float | None:
        """By how much the choice of the best of many trials has improved its score.

        `None` where the objective is no metric of the answers, or too few rows were answered.
        """
        scorer, objective = self.scorer, self.objectives[0]
        if scorer is None or objective.name.removeprefix("val_") not in scorer.names:
            return None
        known = candidates_of(self.history.scored(), self.networks, scorer, self.constraints)
        found = flattery(known, scorer, objective, self.seed) if known else math.inf
        return found if math.isfinite(found) else None

    def measure_sizes(self, deadline: Deadline = ENDLESS) -> None:
        """Measures the size of the best trials, which the leaderboard shows.

        Args:
            deadline: When to end.
        """
        best = sorted(self._feasible, key=lambda t: (self.objectives[0].loss(t.scores), t.number))
        slowest = 0.0
        for trial in best[:_TOP]:
            known = "size_bytes" in trial.measures
            if known or not self.networks.there(trial.trial_id):
                continue
            if deadline.left <= slowest:
                break  # a model with a pretrained network takes seconds to write
            watch = Stopwatch()
            size = float(artifact.size_of(self.networks.model(trial)))
            slowest = max(slowest, watch.seconds)
            self.costs.setdefault(trial.trial_id, {})["size_bytes"] = size

    @property
    def best_path(self) -> Path:
        """The file of the best trial's network. With `kerasnas.search` it is the whole model."""
        return self.networks.path(self.best_trial.trial_id)

    @property
    def folder(self) -> Path:
        """Where the files of trials are."""
        return self.networks.folder

    def rows(self) -> list[dict[str, Any]]:
        """The leaderboard as JSON-able rows."""
        trials = [trial_row(t, self.constraints) for t in self.history if t.status != "RUNNING"]
        for row in trials:
            row.update(self.costs.get(row["trial_id"], {}))
        rows = [*trials, *self.baselines]
        return rank_rows([{**row, **self._honest(row)} for row in rows], self.objectives)

    def _honest(self, row: Mapping[str, Any]) -> dict[str, float]:
        """The score of a trial on rows that did not choose it, if this score is known."""
        trial_id, objective, found = row["trial_id"], self.objectives[0], {}
        if trial_id in self.optimism:
            found["optimism"] = self.optimism[trial_id]
            worse = found["optimism"] * (1 if objective.direction == "min" else -1)
            found[f"{objective.name}_held_out"] = row[objective.name] + worse
        if trial_id in self.errors:
            found[f"{objective.name}_held_out_error"] = self.errors[trial_id]
        return found

    def leaderboard(self, full: bool = False) -> pd.DataFrame:
        """Everything that was tried, best first, baselines and failed trials included.

        Args:
            full: Whether the table has all columns, or those that people read.
        """
        return as_frame(self.rows()) if full else short_frame(self.rows(), self.objectives)

    def _repr_html_(self) -> str:
        """The result as a notebook shows it."""
        return as_html(self.verdict, self.leaderboard())

    @property
    def verdict(self) -> Verdict:
        """The outcome of the search, in three sentences."""
        usual = "best_model() of the result is the model as it was scored."
        return verdict_of(self.rows(), self.objectives[0], "", usual=usual)

    def pareto_front(self) -> pd.DataFrame:
        """The trials that no other trial beats in every objective."""
        table = self.leaderboard(full=True)
        return table[table["on_front"]].reset_index(drop=True)

    def _why_nothing(self) -> str:
        failed = [t for t in self.history if t.status == "FAILED"]
        if not failed and self.history.rejected:
            return self._why_rejected()
        if not failed:
            return "No trial was finished. Raise `budget`."
        causes = Counter(t.failure.split(":")[0] for t in failed)
        counts = ", ".join(f"{n} x {cause}" for cause, n in causes.most_common())
        return (
            f"None of the {len(failed)} trials came to a good end ({counts}). First failure, with "
            f"{failed[0].values}: {failed[0].failure}\n{self.first_traceback}"
        )

    def _why_rejected(self) -> str:
        """The error of a search whose configurations were all rejected before training."""
        measures = [measured for _, measured in self.history.rejected]
        return (
            f"No configuration meets the constraints {self._nearest(measures)}: of "
            f"{len(measures)} that were built none was trained. Loosen the limit or search "
            "smaller models."
        )

    def _why_infeasible(self, done: Sequence[TrialRecord]) -> str:
        return (
            f"No trial met the constraints {self._nearest([t.scores for t in done])}; {len(done)} "
            "completed. Loosen the limit or start from smaller models."
        )

    def _nearest(self, scores: Sequence[Mapping[str, float]]) -> str:
        """The constraints, each with the value that came nearest to it."""
        parts = []
        for constraint in self.constraints:
            values = [s[constraint.name] for s in scores if constraint.name in s]
            bound = f"<= {constraint.max}" if constraint.max is not None else f">= {constraint.min}"
            nearest = (min if constraint.max is not None else max)(values) if values else "none"
            parts.append(f"`{constraint.name}` {bound} (nearest {nearest})")
        return "; ".join(parts)
