"""Fitting on folds: a network for each fold, scored on the rows that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Margin, OutOfTime, Stopwatch, amount
from kerasnas.spaces.method import Counted, Solution, Solve, Steps
from kerasnas.trial.answers import Predictor, answers_of
from kerasnas.trial.attempt import Attempt, Outcome
from kerasnas.trial.epoch_answers import EpochAnswers, by_other_folds
from kerasnas.trial.folds import mean_of
from kerasnas.trial.methods import keras_fit
from kerasnas.trial.methods.fold_training import Fold, FoldTrainer
from kerasnas.trial.methods.stacked import StackedTrainer
from kerasnas.trial.methods.steps import is_fast
from kerasnas.trial.pace import lengths_of
from kerasnas.trial.plan import Trained
from kerasnas.trial.seeding import seeded

_FEW_ROWS = 2_000  # the rows that stop a training flatter it most where they are few


@dataclass(eq=False)
class OnFolds:
    """Fits one configuration on every fold.

    Attributes:
        attempt: The configuration, with folds in its view.
    """

    attempt: Attempt
    _trainer: FoldTrainer = field(init=False)
    _solutions: list[Solution] = field(default_factory=list)
    _ends: list[Trained] = field(default_factory=list)
    _answers: list[Any] = field(default_factory=list)
    _epochs: list[EpochAnswers] = field(default_factory=list)
    _built: dict[int, Fold] = field(default_factory=dict)
    _solving: float = 0.0  # seconds that solvers have taken
    _building: float = 0.0  # seconds that building the network of the last fold has taken

    def __post_init__(self) -> None:
        self._trainer = FoldTrainer(self.attempt.space.rows_at_once(self.attempt.hp))

    def fit(self) -> Outcome:
        """Fits on as many folds as there is time for, at least one.

        Returns:
            The mean of the networks, its scores out of fold, and its answers to all rows where all
            folds were fitted.

        Raises:
            OutOfTime: If there is no time for the last fold of a trial of which a part is of no
                use: the search has an answer already.
        """
        attempt, times = self.attempt, list[float]()
        folds = attempt.view.folds
        while (done := len(self._ends)) < len(folds):
            needed = len(folds) - done if attempt.answered else 1
            if times and attempt.allowance.deadline.left < needed * self._least(times):
                break
            stacked = self._stacked() if done == 1 else None
            if stacked is not None:
                for fold, end in zip(self._built.values(), stacked.run(), strict=True):
                    self._note(Solution(fold.network), end, self._trainer.answers(fold), fold)
                continue
            stopwatch = Stopwatch()
            with seeded(attempt.seed, done):
                if not self._solve(done) and not self._in_keras(fold := self._fold(done)):
                    self._note(Solution(fold.network), *self._trainer.train(fold), fold)
            times.append(stopwatch.seconds)
        return self._outcome(done)

    def _outcome(self, done: int) -> Outcome:
        view, whole = self.attempt.view, done == len(self.attempt.view.folds)
        if not whole and self.attempt.answered:
            raise OutOfTime(f"no time for more than {done} of {len(view.folds)} folds")
        assert view.scorer is not None, "folds belong to an estimator"
        if whole:
            self._stop_as_others()
        rows = np.concatenate([valid for _, valid in view.folds[:done]])
        place = np.argsort(rows)
        answers = keras.tree.map_structure(
            lambda *parts: np.concatenate(parts)[place],
            *by_other_folds(self._epochs, self._answers),
        )
        trained = Trained(
            metrics=view.scorer.of(rows[place]).validation(answers),
            epoch=round(float(np.mean([end.epoch for end in self._ends]))),
            epochs=max(end.epochs for end in self._ends),
        )
        return Outcome(mean_of(self._solutions), trained, (lambda: answers) if whole else None)

    def _least(self, times: Sequence[float]) -> float:
        """Seconds that another fold needs at the very least; the first one was traced as well."""
        if len(times) > 1:
            return min(times[1:])
        known = self._building + self._trainer.again(self._ends[0])
        return min(amount(Margin.NEXT_FOLD) * times[0], known)

    def _stacked(self) -> StackedTrainer | None:
        """All folds but the first in one program, where a measurement finds that faster."""
        count, epochs = len(self.attempt.view.folds), self._ends[0].epochs
        if not self._trainer.worth_stacking(count - 1, epochs):
            return None
        self._built = {number: self._seeded_fold(number) for number in range(1, count)}
        return self._trainer.stacked(list(self._built.values()), epochs)

    def _solve(self, number: int) -> bool:
        """Solves on one fold; `False` for families that no solver fits."""
        attempt = self.attempt
        method = attempt.space.for_fold(number).method(attempt.hp)
        if not isinstance(method, Solve):
            return False
        part = attempt.view.fold(number)
        deadline = attempt.allowance.deadline.part(1 / (len(attempt.view.folds) - number))
        stopwatch = Stopwatch()
        solution = method.fit(part, attempt.seed ^ number, deadline)
        self._solving += stopwatch.seconds
        if solution is None:
            return False
        self._note(solution, Trained(epochs=1), answers_of(solution, part.validation[0]))
        return True

    def _stop_as_others(self) -> None:
        """Fits solutions again that stopped by the very rows that score them.

        Each takes as many iterations as the others did in the median, and looks at no held-out row.
        Boosting promised a log loss of .668 for 200 random labels, and promises .69 so.
        """
        attempt, counts = self.attempt, [solution.rounds for solution in self._solutions]
        assert attempt.view.scorer is not None, "folds belong to an estimator"
        if attempt.view.scorer.rows > _FEW_ROWS or attempt.allowance.deadline.left < self._solving:
            return
        if any(count is None for count in counts) or len(set(counts)) < 2:
            return  # nothing was chosen
        for number in range(len(counts)):
            method = attempt.space.for_fold(number).method(attempt.hp)
            if not isinstance(method, Solve) or method.again is None:
                return
            others = [count for i, count in enumerate(counts) if i != number and count is not None]
            taken = Counted(self._solutions[number].network, max(1, round(np.median(others))))
            part = attempt.view.fold(number)
            solution = method.again(part, attempt.seed ^ number, taken)
            if solution is not None:
                self._solutions[number] = solution
                self._answers[number] = answers_of(solution, part.validation[0])

    def _in_keras(self, fold: Fold) -> bool:
        """Trains a fold by Keras's `fit` where the fast loop cannot; `False` where it can."""
        if is_fast(self.attempt, fold.network, fold.part):
            return False
        attempt, network = replace(self.attempt, view=fold.part), fold.network
        end = keras_fit.run(attempt, network, fold.plan)
        rows_at_once = attempt.space.rows_at_once(attempt.hp)
        answers = Predictor(network, fold.part.validation[0], rows_at_once)()
        self._note(Solution(network), end, answers)
        return True

    def _note(
        self, solution: Solution, end: Trained, answers: Any, fold: Fold | None = None
    ) -> None:
        if fold is not None:
            fold.epochs.end(end.epochs)
            self._epochs.append(fold.epochs)
        self._solutions.append(solution)
        self._ends.append(end)
        self._answers.append(answers)

    def _seeded_fold(self, number: int) -> Fold:
        with seeded(self.attempt.seed, number):
            return self._fold(number)

    def _fold(self, number: int) -> Fold:
        """The network of a fold; those after the first take as many epochs as the first."""
        if number in self._built:
            return self._built[number]
        attempt, stopwatch = self.attempt, Stopwatch()
        allowance = attempt.allowance
        space = attempt.space.for_fold(number)
        method = space.method(attempt.hp)
        steps = method.otherwise if isinstance(method, Solve) else method
        assert isinstance(steps, Steps), "folds belong to an estimator"
        network: keras.Model = space.build(attempt.hp)
        left = len(attempt.view.folds) - number
        recipe, lengths = steps.recipe, lengths_of(steps.recipe)
        plan = attempt.plan(
            recipe,
            fold=number,
            epochs=self._ends[0].full if self._ends else allowance.epochs(lengths),
            lengths=lengths,
            deadline=attempt.allowance.deadline,
            share=max(allowance.share(recipe) / left, amount(Margin.FOLD_SECONDS)),
            most=allowance.most(recipe) / left,
            parts=left,
            must_end=attempt.answered,
            optional=attempt.answered,
            seed=(attempt.settings.seed, attempt.record.number, number),
        )
        training = steps.training(network)
        self._building = stopwatch.seconds
        return Fold(network, training, attempt.view.fold(number), plan)
