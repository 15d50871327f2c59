"""Whether there is time for the folds of a trial."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerasnas.clock import Deadline, OutOfTime
from kerasnas.runner.folded import FoldedTrial
from kerasnas.runner.plan import Trained


class Scorer:
    def of(self, rows):
        self.rows = rows
        return self

    def validation(self, answers):
        return {"val_loss": float(np.mean(answers))}


class Watched(FoldedTrial):
    """Takes a second for each fold, more for the first, and trains nothing."""

    def _train_rest_together(self):
        return False

    def _train(self, number):
        inputs = keras.Input((1,))
        self.clock.now += 3.0 if number == 0 else 1.0
        valid = self.view.folds[number][1]
        self._note(keras.Model(inputs, inputs), Trained(epochs=1), np.full(len(valid), number))


@pytest.fixture
def trial(monkeypatch):
    def make(seconds):
        clock = SimpleNamespace(now=0.0)
        monkeypatch.setattr("time.perf_counter", lambda: clock.now)

        class Job:
            @property
            def deadline(self):
                return Deadline(seconds, now=lambda: clock.now)

        rows = np.arange(10)
        folds = tuple((np.setdiff1d(rows, part), part) for part in np.array_split(rows, 5))
        view = SimpleNamespace(folds=folds, scorer=Scorer())
        made = Watched(None, Job(), None, None, None, view, None)
        made.clock = clock
        return made

    return make


def test_all_folds_are_trained_and_scored_on_all_rows(trial):
    made = trial(100.0)
    _, trained, answers = made.run(must_end=True)
    assert made.clock.now == 7.0
    assert answers().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert trained.metrics == {"val_loss": 2.0}


def test_a_trial_that_cannot_come_to_its_end_is_given_up_after_its_first_fold(trial):
    made = trial(8.0)  # 3 are spent, 4 folds need at least half as long each
    with pytest.raises(OutOfTime, match="no time for more than 1 of 5 folds"):
        made.run(must_end=True)
    assert made.clock.now == 3.0


def test_without_an_answer_yet_as_many_folds_as_fit_are_one(trial):
    made = trial(6.5)
    _, trained, answers = made.run(must_end=False)
    assert made.clock.now == 6.0 and answers is None
    assert made.view.scorer.rows.tolist() == list(range(8))
    assert trained.metrics == {"val_loss": 1.5}


def test_what_the_first_fold_has_traced_counts_for_it_alone(trial):
    made = trial(8.0)
    made._trainer.again = lambda end: 1.0  # of the 3 seconds, 2 went into tracing
    made.run(must_end=True)
    assert made.clock.now == 7.0
