"""One trial on folds: a network for each of them, scored on the rows that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Margin, OutOfTime, Stopwatch, amount
from kerasnas.problem.view import View
from kerasnas.runner.answers import Predictor, answers_of
from kerasnas.runner.fitting import Answers, Fitting
from kerasnas.runner.fold_training import Fold, FoldTrainer
from kerasnas.runner.folds import mean_of
from kerasnas.runner.job import Job
from kerasnas.runner.offers import Offers
from kerasnas.runner.pace import Pace, lengths_of
from kerasnas.runner.plan import Trained
from kerasnas.runner.seeding import seed_of, seeded


@dataclass(eq=False)
class FoldedTrial:
    """Trains a configuration on every fold.

    Attributes:
        fitting: Trains a network.
        job: What is trained on.
        pace: How long a training may be.
        record: The trial.
        hp: Its hyperparameters.
        view: The data, with folds.
        batch_size: Rows in a step.
    """

    fitting: Fitting
    job: Job
    pace: Pace
    record: Any
    hp: Any
    view: View
    batch_size: int | None
    _trainer: FoldTrainer = field(default_factory=FoldTrainer)
    _networks: list[keras.Model] = field(default_factory=list)
    _ends: list[Trained] = field(default_factory=list)
    _answers: list[np.ndarray] = field(default_factory=list)
    _built: dict[int, Fold] = field(default_factory=dict)
    _must_end: bool = False
    _building: float = 0.0  # seconds that the network of the last fold has taken to be built

    def run(self, must_end: bool) -> tuple[keras.Model, Trained, Answers | None]:
        """Trains as many folds as there is time for, at least one.

        Args:
            must_end: Whether all folds have to be trained, there being an answer already.

        Returns:
            The mean of the networks, its scores out of fold, and what gives the answers to all rows
            where all folds were trained.

        Raises:
            OutOfTime: If there is no time for the last fold of a trial that must end.
        """
        folds, times = self.view.folds, list[float]()
        self._must_end = must_end
        while (done := len(self._networks)) < len(folds):
            needed = len(folds) - done if must_end else 1
            if times and self.job.deadline.left < needed * self._least(times):
                break
            if done == 1 and self._train_rest_together():
                continue
            watch = Stopwatch()
            self._train(done)
            times.append(watch.seconds)
        if done < len(folds) and must_end:
            raise OutOfTime(f"no time for more than {done} of {len(folds)} folds")
        assert self.view.scorer is not None, "folds belong to an estimator"
        rows = np.concatenate([valid for _, valid in folds[:done]])
        place = np.argsort(rows)
        answers = np.concatenate(self._answers)[place]
        trained = Trained(
            metrics=self.view.scorer.of(rows[place]).validation(answers),
            epoch=round(float(np.mean([end.epoch for end in self._ends]))),
            epochs=max(end.epochs for end in self._ends),
        )
        whole = done == len(folds)
        return mean_of(self._networks), trained, (lambda: answers) if whole else None

    def _least(self, times: Sequence[float]) -> float:
        """Seconds that another fold needs at the very least; the first one was traced as well."""
        if len(times) > 1:
            return min(times[1:])
        known = self._building + self._trainer.again(self._ends[0])
        return min(amount(Margin.NEXT_FOLD) * times[0], known)

    def _train_rest_together(self) -> bool:
        """Trains all folds but the first in one program, where that is measured to be faster."""
        epochs = self._ends[0].epochs
        if not self._trainer.worth_stacking(len(self.view.folds) - 1, epochs):
            return False
        self._built = {n: self._fold(n) for n in range(1, len(self.view.folds))}
        together = self._trainer.train_together(list(self._built.values()), epochs)
        for fold, (end, answers) in zip(self._built.values(), together or [], strict=False):
            self._note(fold.network, end, answers)
        return together is not None

    def _train(self, number: int) -> None:
        """Trains on one fold."""
        fold = self._built.get(number)
        seed = seed_of(self.job.seed, self.record.number)
        with seeded(seed, number):
            if fold is None and self._solve(number, seed ^ number):
                return
            watch = Stopwatch()
            fold = fold or self._fold(number)
            self._building = watch.seconds
            network, part = fold.network, fold.part
            if self.fitting.is_fast(network, part):
                self._note(network, *self._trainer.train(fold))
                return
            end, _ = self.fitting.fit(self.hp, network, part, fold.plan, self.batch_size)
            self._note(network, end, Predictor(network, part.validation[0])())

    def _solve(self, number: int, seed: int) -> bool:
        """Fits on one fold what no gradient steps train; `False` for other families."""
        part = self.view.fold(number)
        deadline = self.job.deadline.part(1 / (len(self.view.folds) - number))
        offers = Offers(self.fitting.offers.of_fold(number))
        network = offers.solve(self.hp, part, seed, deadline)
        if network is None:
            return False
        self._note(network, Trained(epochs=1), answers_of(network, part.validation[0]))
        return True

    def _note(self, network: keras.Model, end: Trained, answers: np.ndarray) -> None:
        self._networks.append(network)
        self._ends.append(end)
        self._answers.append(answers)

    def _fold(self, number: int) -> Fold:
        """The network of a fold; those after the first take as many epochs as the first."""
        offers, seed = self.fitting.offers, seed_of(self.job.seed, self.record.number)
        with seeded(seed, number):
            recipe, network = offers.recipe(self.hp), offers.of_fold(number).build(self.hp)
            model = offers.trained_model(self.hp, network)
        left = len(self.view.folds) - number
        lengths = lengths_of(recipe)
        plan = self.fitting.plan(
            recipe,
            self.batch_size,
            epochs=self._ends[0].full if self._ends else self.pace.epochs(lengths),
            lengths=lengths,
            deadline=self.job.deadline,
            share=max(self.pace.share(recipe, self.record) / left, amount(Margin.FOLD_SECONDS)),
            most=self.pace.most(recipe) / left,
            parts=left,
            must_end=self._must_end,
            optional=self._must_end,
            seed=(self.job.seed, self.record.number, number),
        )
        return Fold(network, model, self.view.fold(number), plan)
