"""Folds that share a traced step come to the very networks that each would come to alone."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.clock import Deadline
from kerasnas.problem import Scorer, View
from kerasnas.spaces.method import Training
from kerasnas.trial.answers import Predictor
from kerasnas.trial.methods import fold_training
from kerasnas.trial.methods.fold_training import Fold, FoldTrainer
from kerasnas.trial.methods.stacked import StackedTrainer
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer

ROWS = 90
SEARCH = {
    "seed": 0,
    "verbose": 0,
    "folds": 3,
    "ensemble": False,
    "initial": [{"family": "mlp"}, {"family": "realmlp"}],
    "space": ("mlp", "realmlp"),
}


def network(units: int = 8, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    x = keras.Input((3,))
    h = keras.layers.Dense(units, activation="relu")(x)
    h = keras.layers.Dropout(0.3)(keras.layers.BatchNormalization()(h))
    model = keras.Model(x, keras.layers.Dense(1)(h))
    model.compile(optimizer=keras.optimizers.AdamW(0.01), loss="mse")
    return model


def fold(number: int, weighted: bool = False) -> View:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, 3)).astype("float32")
    y = x @ np.array([1.0, -2.0, 0.5], "float32")
    held = np.arange(ROWS) % 3 == number
    if number == 2:
        held[0] = True  # one row less to learn from
    weights = np.where(x[:, 0] > 0, 2.0, 1.0).astype("float32")[~held] if weighted else None
    return View(
        x=x[~held],
        y=y[~held],
        weights=weights,
        validation=(x[held], y[held], None),
        scorer=Scorer(y[held].astype("float64"), None),
        assemble=lambda model: model,
    )


def plan(number: int, **given) -> Plan:
    return Plan(
        **given,
        batch_size=16,
        epochs=4,
        monitor="val_rmse",
        rates=lambda steps: np.linspace(1.0, 0.1, steps),
        seed=(0, number),
    )


def alone(model: keras.Model, part: View, number: int):
    predict = Predictor(model, part.validation[0])
    trainer = Trainer(
        model, part.x, part.y, part.weights, lambda: part.scorer.validation(predict())
    )
    return trainer.run(plan(number)), predict()


@pytest.mark.parametrize("weighted", [False, True])
def test_shared_and_separate_trainings_are_equal(weighted, monkeypatch):
    traced = []
    original = Trainer._traced
    monkeypatch.setattr(
        Trainer, "_traced", lambda self, *a: (traced.append(1), original(self, *a))[1]
    )
    trainer, shared = FoldTrainer(), []
    for number in range(3):
        model = network(seed=number)
        end, answers = trainer.train(
            Fold(model, Training(model), fold(number, weighted), plan(number))
        )
        shared.append((model, end, answers))
    assert len(traced) == 1
    for number, (model, end, answers) in enumerate(shared):
        own = network(seed=number)
        expected, theirs = alone(own, fold(number, weighted), number)
        for a, b in zip(model.get_weights(), own.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(answers, theirs)
        assert end.history == expected.history
    assert len(traced) == 4


def test_folds_in_one_program_are_what_they_are_one_after_the_other(monkeypatch):
    slow = {"deadline": Deadline.after(1e6)}
    one, other = FoldTrainer(), FoldTrainer()
    models = [network(seed=number) for number in range(3)]
    folds = [Fold(m, Training(m), fold(i), plan(i, **slow)) for i, m in enumerate(models)]
    expected = [one.train(given) for given in folds]
    again = [network(seed=number) for number in range(3)]
    folds = [Fold(m, Training(m), fold(i), plan(i, **slow)) for i, m in enumerate(again)]
    first = other.train(folds[0])
    # Four epochs of four steps are not worth a measurement; here it is made, and always won.
    assert not other.worth_stacking(2, 4)
    monkeypatch.setattr(fold_training, "_worth", lambda *_, xla, **__: not xla)
    monkeypatch.setattr(StackedTrainer, "pace", lambda self: 0.0)
    assert other.worth_stacking(2, 4)
    stacked = other.stacked(folds[1:], 4)
    assert stacked is not None
    ends = stacked.run()
    together = [(end, other.answers(given)) for end, given in zip(ends, folds[1:], strict=True)]
    for (end, answers), (own, theirs) in zip([first, *together], expected, strict=True):
        np.testing.assert_allclose(answers, theirs, rtol=1e-4, atol=1e-4)
        assert (end.epoch, end.epochs) == (own.epoch, own.epochs)
    for a, b in zip(models, again, strict=True):
        for mine, theirs in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_the_slower_form_is_left_alone(monkeypatch):
    trainer = FoldTrainer()
    models = [network(seed=number) for number in range(3)]
    slow = {"deadline": Deadline.after(1e6)}
    folds = [Fold(m, Training(m), fold(i), plan(i, **slow)) for i, m in enumerate(models)]
    trainer.train(folds[0])
    before = [model.get_weights() for model in models]
    monkeypatch.setattr(fold_training, "_worth", lambda *_, **__: True)
    monkeypatch.setattr(StackedTrainer, "pace", lambda self: 1e6)
    assert trainer.stacked(folds[1:], 4) is None

    def broken(self):
        raise RuntimeError("no such device")

    monkeypatch.setattr(StackedTrainer, "pace", broken)
    assert trainer.stacked(folds[1:], 4) is None
    for model, weights in zip(models, before, strict=True):
        for mine, theirs in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_networks_that_differ_are_trained_alone():
    trainer = FoldTrainer()
    first, wide = network(8), network(9, seed=1)
    trainer.train(Fold(first, Training(first), fold(0), plan(0)))
    kept = first.get_weights()
    _, answers = trainer.train(Fold(wide, Training(wide), fold(1), plan(1)))
    own = network(9, seed=1)
    _, expected = alone(own, fold(1), 1)
    np.testing.assert_array_equal(answers, expected)
    for a, b in zip(first.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_constants_of_a_network_make_it_another_one():
    def shifted(by: float) -> keras.Model:
        keras.utils.set_random_seed(0)
        x = keras.Input((3,))
        model = keras.Model(x, keras.layers.Dense(1)(x + np.full(3, by, "float32")))
        model.compile(optimizer="sgd", loss="mse")
        return model

    trainer = FoldTrainer()
    first, other = shifted(0.0), shifted(5.0)
    trainer.train(Fold(first, Training(first), fold(0), plan(0)))
    _, answers = trainer.train(Fold(other, Training(other), fold(1), plan(1)))
    np.testing.assert_allclose(answers, other(fold(1).validation[0]).numpy(), rtol=1e-5)


def test_a_search_over_folds_is_the_same_with_and_without(monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "b": rng.choice(list("xyz"), 120)})
    y = np.where(frame["a"] + (frame["b"] == "x") + rng.normal(size=120) * 0.3 > 0.3, "yes", "no")
    shared = (
        kn.TabularClassifier(**SEARCH, budget=kn.Budget(trials=1, epochs=3))
        .fit(frame, y)
        .leaderboard(full=True)
    )
    monkeypatch.setattr(fold_training, "_alike", lambda *_: False)
    alone = (
        kn.TabularClassifier(**SEARCH, budget=kn.Budget(trials=1, epochs=3))
        .fit(frame, y)
        .leaderboard(full=True)
    )
    trials = shared["kind"] == "trial"
    assert trials.sum() == 1
    columns = ["trial_id", "val_log_loss", "val_auc", "epochs"]
    pd.testing.assert_frame_equal(shared.loc[trials, columns], alone.loc[trials, columns])


def test_a_search_on_the_clock_may_train_folds_in_one_program(monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120)})
    y = frame["a"] - 0.5 * frame["b"]
    alone = (
        kn.TabularRegressor(**SEARCH, budget=kn.Budget(trials=1, seconds=300, epochs=3))
        .fit(frame, y)
        .leaderboard(full=True)
    )
    counts = []
    run = StackedTrainer.run
    monkeypatch.setattr(
        StackedTrainer, "run", lambda self: (counts.append(len(self._members)), run(self))[1]
    )
    monkeypatch.setattr(fold_training, "_worth", lambda *_, xla, **__: not xla)
    monkeypatch.setattr(StackedTrainer, "pace", lambda self: 0.0)
    stacked = (
        kn.TabularRegressor(**SEARCH, budget=kn.Budget(trials=1, seconds=300, epochs=3))
        .fit(frame, y)
        .leaderboard(full=True)
    )
    assert counts == [2]
    trials = stacked["kind"] == "trial"
    columns = ["trial_id", "val_rmse", "epochs"]
    pd.testing.assert_frame_equal(
        stacked.loc[trials, columns], alone.loc[trials, columns], rtol=1e-3
    )
