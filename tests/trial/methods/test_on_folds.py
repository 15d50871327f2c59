"""Whether there is time for the folds of a trial."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerasnas.clock import Deadline, OutOfTime
from kerasnas.spaces.method import Solution
from kerasnas.spaces.space import UserSpace
from kerasnas.trial.methods import on_folds
from kerasnas.trial.methods.on_folds import OnFolds
from kerasnas.trial.pace import Allowance
from kerasnas.trial.plan import Trained


class Scorer:
    rows = 10

    def of(self, rows):
        self.asked = rows
        return self

    def validation(self, answers):
        return {"val_loss": float(np.mean(answers))}


class Watched(OnFolds):
    """Takes a second for each fold, more for the first, and trains nothing."""

    def _stacked(self):
        return None

    def _solve(self, number):
        inputs = keras.Input((1,))
        self.attempt.clock.now += 3.0 if number == 0 else 1.0
        valid = self.attempt.view.folds[number][1]
        solution = Solution(keras.Model(inputs, inputs))
        self._note(solution, Trained(epochs=1), np.full(len(valid), number))
        return True


@pytest.fixture
def trial(monkeypatch):
    def make(seconds, answered=True):
        clock = SimpleNamespace(now=0.0)

        class MadeStopwatch:
            def __init__(self):
                self._began = clock.now

            @property
            def seconds(self):
                return clock.now - self._began

        monkeypatch.setattr(on_folds, "Stopwatch", MadeStopwatch)
        rows = np.arange(10)
        folds = tuple((np.setdiff1d(rows, part), part) for part in np.array_split(rows, 5))
        attempt = SimpleNamespace(
            clock=clock,
            allowance=Allowance(deadline=Deadline(seconds, now=lambda: clock.now)),
            space=UserSpace(lambda hp: None),
            hp=None,
            seed=0,
            view=SimpleNamespace(folds=folds, scorer=Scorer()),
            answered=answered,
        )
        return Watched(attempt)

    return make


def test_all_folds_are_trained_and_scored_on_all_rows(trial):
    made = trial(100.0)
    outcome = made.fit()
    assert made.attempt.clock.now == 7.0
    assert outcome.answers().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert outcome.trained.metrics == {"val_loss": 2.0}


def test_a_trial_that_cannot_come_to_its_end_is_given_up_after_its_first_fold(trial):
    made = trial(8.0)  # 3 are spent, 4 folds need at least half as long each
    with pytest.raises(OutOfTime, match="no time for more than 1 of 5 folds"):
        made.fit()
    assert made.attempt.clock.now == 3.0


def test_without_an_answer_yet_as_many_folds_as_fit_are_one(trial):
    made = trial(6.5, answered=False)
    outcome = made.fit()
    assert made.attempt.clock.now == 6.0 and outcome.answers is None
    assert made.attempt.view.scorer.asked.tolist() == list(range(8))
    assert outcome.trained.metrics == {"val_loss": 1.5}


def test_what_the_first_fold_has_traced_counts_for_it_alone(trial):
    made = trial(8.0)
    made._trainer.again = lambda end: 1.0  # of the 3 seconds, 2 went into tracing
    made.fit()
    assert made.attempt.clock.now == 7.0
