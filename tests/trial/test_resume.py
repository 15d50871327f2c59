"""Trials that pause and go on: the same weights as without a pause, nothing lost, nothing twice."""

import functools
import importlib
import json
import os
import signal
import textwrap
import time

import keras
import keras_tuner
import numpy as np
import pytest

import kerasnas as kn
from kerasnas import oracles
from kerasnas.clock import Clock
from kerasnas.oracles.schedulers import Full
from kerasnas.problem.view import View, part_of
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.space import Space
from kerasnas.trial.answers import evaluator
from kerasnas.trial.checkpoint import State
from kerasnas.trial.plan import Plan
from kerasnas.trial.training import Trainer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 4)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype("int32")
DATA = {"x": X[:64], "y": Y[:64], "validation_data": (X[64:], Y[64:])}


def network(rate=0.01, units=8, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dropout(0.3, seed=1),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
    return model


def train(plan, model=None):
    model = model or network()
    validate = evaluator(model, DATA["validation_data"], 64)
    return model, Trainer(model, DATA["x"], DATA["y"], None, validate).run(plan)


def plan(**settings):
    facts = {"batch_size": 16, "epochs": 4, "monitor": "val_loss", "keep": True, "seed": (3,)}
    return Plan(**{**facts, **settings})


def test_two_epochs_and_two_more_are_four(tmp_path):
    whole, one = train(plan())
    _, half = train(plan(fidelity=0.5))
    assert (half.epochs, half.full, half.state.epochs) == (2, 4, 2)
    half.state.write(tmp_path / "a.npz")
    state = State.read(tmp_path / "a.npz")
    again, two = train(plan(start=state), network(seed=7))
    assert two.history == one.history[2:] and two.metrics == one.metrics
    assert (two.epoch, two.epochs) == (one.epoch, one.epochs)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(two.state.optimizer, one.state.optimizer, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_best_epoch_may_lie_before_the_pause():
    _, half = train(plan(fidelity=0.5))
    half.state.best, half.state.metrics = -1.0, {"val_loss": -1.0}
    half.state.weights = [np.full_like(w, 0.5) for w in half.state.weights]
    model, rest = train(plan(start=half.state))
    assert rest.metrics == {"val_loss": -1.0} and rest.epochs == 4
    assert all((w == 0.5).all() for w in model.get_weights())


def test_each_rung_takes_the_whole_course_of_the_rate():
    seen = []

    class Rates(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate.numpy()))

    rates = Recipe(16, "cosine").rates
    _, half = train(plan(fidelity=0.5, rates=rates, callbacks=[Rates()]))
    train(plan(start=half.state, rates=rates, callbacks=[Rates()]))
    expected = np.concatenate([rates(8), rates(8)]) * 0.01
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_patience_counts_anew_where_the_rate_rises_again():
    state = train(plan(fidelity=0.5))[1].state
    state.best, state.epoch = -1.0, 0
    steady = train(plan(epochs=20, start=state, patience=3))[1]
    course = train(plan(epochs=20, start=state, patience=3, rates=Recipe(16, "cosine").rates))[1]
    assert steady.epochs == 4 and course.epochs > 5


def test_a_state_of_another_network_is_not_used(tmp_path):
    state = train(plan(fidelity=0.5))[1].state
    assert not state.restore(network(units=9))
    assert train(plan(start=state), network(units=9))[1].history != []
    assert len(train(plan(start=state), network(units=9))[1].history) == 4
    for content in (b"", b"PK\x03\x04 no archive", b"\x93NUMPY"):
        (tmp_path / "broken.npz").write_bytes(content)
        assert State.read(tmp_path / "broken.npz") is None
    assert State.read(tmp_path / "none.npz") is None


def test_parts_of_the_rows_lie_within_each_other():
    view = View(np.arange(100.0), np.arange(100), np.arange(100.0))
    parts = [part_of(view, share, seed=0) for share in (0.1, 0.3, 1.0)]
    assert [len(p.x) for p in parts] == [10, 30, 100]
    assert set(parts[0].y) < set(parts[1].y) < set(parts[2].y)
    assert all((p.x == p.y).all() and (p.weights == p.y).all() for p in parts)


def build(hp):
    return network(hp.Float("rate", 1e-4, 0.1, sampling="log"), hp.Int("units", 2, 16))


class Fitted(keras_tuner.HyperModel):
    """A hypermodel with a `fit` of its own."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        weights = model.get_weights()
        self.asked.append((kwargs.get("initial_epoch", 0), kwargs["epochs"], weights))
        return model.fit(*args, **kwargs)


def search(hypermodel=build, oracle="asha", trials=4, epochs=9, **settings):
    return kn.search(
        hypermodel,
        **DATA,
        objective="val_loss",
        oracle=oracle,
        budget=kn.Budget(trials=trials, epochs=epochs),
        seed=0,
        verbose=0,
        **settings,
    )


@pytest.fixture(scope="module")
def three():
    """A search of three trials, one of which is promoted to the end."""
    return search(trials=3)


def lengths(result):
    return [len(t.reports) for t in result.history]


def test_a_search_pauses_promotes_and_keeps_the_best(tmp_path):
    result = search(directory=tmp_path, trials=9)
    table = result.leaderboard(full=True)
    assert set(table["status"]) == {"STOPPED", "COMPLETED"}
    assert sorted(table["epochs"].unique()) == [1, 3, 9]
    assert sorted(table["fidelity"].round(3).unique()) == [0.111, 0.333, 1.0]
    for trial in result.history:
        assert [step for step, _ in trial.reports] == list(range(int(trial.measures["epochs"])))
        assert trial.measures["train_seconds"] == pytest.approx(trial.seconds)
    best = result.best_model()
    best.compile(loss="sparse_categorical_crossentropy")
    score = best.evaluate(*DATA["validation_data"], verbose=0)
    assert score == pytest.approx(table["val_loss"].iloc[0], abs=1e-5)
    assert table["val_loss"].is_monotonic_increasing
    files = {p.name for p in (tmp_path / "trials").iterdir()}
    assert result.best_path.name in files
    # Of what can never go on no checkpoint is kept.
    asked = {f"{t.trial_id}.rung{t.rung}.npz" for t in result.history if t.status == "STOPPED"}
    assert {name for name in files if name.endswith(".npz")} < asked


def test_a_promoted_trial_is_what_it_would_have_been_without_the_pause(three):
    top = next(t for t in three.history if t.rung == 2)
    assert len(top.reports) == 9 and len(top.executions) == 3
    # A trial's number seeds its network and the order of its rows.
    others = [t.values for t in three.history if t.number < top.number]
    full = search(trials=top.number + 1, oracle="random", initial=[*others, top.values])
    assert full.history.trials[top.number].reports == top.reports


def test_a_missing_checkpoint_means_training_again(three, monkeypatch, caplog):
    monkeypatch.setattr(State, "read", classmethod(lambda cls, path: None))
    again = search(trials=3)
    assert "starts again" in caplog.text
    assert lengths(again) == lengths(three)
    assert [t.metrics for t in again.history] == [t.metrics for t in three.history]


def test_a_fit_of_the_users_goes_on_with_initial_epoch():
    fitted = Fitted()
    result = search(fitted, trials=3)
    assert [(a, b) for a, b, _ in fitted.asked] == [(0, 1)] * 3 + [(1, 3), (3, 9)]
    assert sorted(lengths(result)) == [1, 1, 9]
    started = [w for a, _, w in fitted.asked if a == 0]
    for first, _, weights in fitted.asked[3:]:
        assert first and not any(
            all((x == y).all() for x, y in zip(weights, s, strict=True))
            for s in started
            if s[0].shape == weights[0].shape
        )


@pytest.mark.parametrize("own_fit", [False, True])
def test_a_hopeless_trial_ends_early_and_says_so(own_fit):
    rule = Full(least_trials=1, least_reports=2, least_share=0)
    good, bad = {"rate": 0.03, "units": 16}, {"rate": 1e-4, "units": 2}
    result = search(
        Fitted() if own_fit else build,
        oracles.Random(scheduler=rule),
        trials=2,
        initial=[good, bad],
    )
    first, second = result.history
    assert (first.status, second.status) == ("COMPLETED", "STOPPED")
    assert len(first.reports) == 9 and 2 <= len(second.reports) < 9
    assert second.fidelity == pytest.approx(len(second.reports) / 9)
    assert len(result.leaderboard(full=True)) == 2 and result.best_trial.number == 0


class Recipes(Space):
    """A space with recipes, whose trainings have nine epochs where time is the limit."""

    def build(self, hp):
        return build(hp)

    def recipe(self, hp):
        return Recipe(16, "cosine", lengths=(9,))


def test_a_promoted_trial_of_keras_begins_at_the_rate_of_its_recipe():
    """What pauses has reached the end of its schedule, a thousandth of the rate."""
    rates, begun = [], []

    class Watched(Recipes):
        def fit(self, hp, model, *args, **kwargs):
            begun.append(kwargs.get("initial_epoch", 0))
            rates.append(float(model.optimizer.learning_rate) / hp.get("rate"))
            return super().fit(hp, model, *args, **kwargs)

    search(Watched(), validation_freq=1)
    assert max(begun) > 0 and min(begun) == 0
    np.testing.assert_allclose(rates, 1.0, rtol=1e-6)


def test_where_time_is_the_limit_all_trials_take_the_length_of_the_first(tmp_path):
    def search(trials):
        return kn.search(
            Recipes(),
            **DATA,
            objective=["val_loss", "params"],
            oracle="asha",
            budget=kn.Budget(trials=trials, seconds=300),
            directory=tmp_path,
            seed=0,
            verbose=0,
        )

    history = search(4).history
    assert list(history.notes["lengths"]["epochs"].values()) == [9]
    assert {t.measures["epochs"] for t in history} <= {1.0, 3.0, 9.0}
    assert max(t.measures["epochs"] for t in history) == 9.0
    more = search(5).history
    assert [t.values for t in more][:4] == [t.values for t in history] and len(more) == 5


def test_rows_are_a_fidelity_too():
    result = search(oracle=oracles.Asha(fidelity="rows"), epochs=2)
    assert {len(t.executions) for t in result.history} == {1, 3}
    for trial in result.history:
        assert len(trial.reports) == 2 * len(trial.executions)
        scores = [e.metrics["val_loss"] for e in trial.executions]
        assert scores == sorted(scores, reverse=True), "a promoted trial lost its best model"


def test_a_trial_cut_by_the_clock_tells_how_far_it_came():
    result = kn.search(
        build,
        **DATA,
        objective="val_loss",
        oracle="random",
        budget=3,
        epochs=100_000,
        seed=0,
        verbose=0,
    )
    trial = result.history.trials[0]
    assert trial.status == "COMPLETED" and 0 < trial.fidelity < 0.5
    assert result.best_trial.number == 0


CHILD = textwrap.dedent(
    """
    import os, signal, sys
    sys.path.insert(0, sys.argv[3])
    import keras
    import kerasnas as kn
    from test_resume import DATA, build

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)

    kn.search(build, **DATA, objective="val_loss", oracle="asha", seed=0, verbose=0,
              budget=kn.Budget(trials=4, epochs=9), directory=sys.argv[1],
              callbacks=[Kill()])
    """
)


def test_a_killed_search_repeats_no_rung(run_script, tmp_path):
    """Killed in a promoted trial: its finished rungs stay, the cut one is done again."""
    (tmp_path / "child.py").write_text(CHILD)
    here = os.path.dirname(__file__)
    child = run_script(tmp_path / "child.py", tmp_path / "killed", 5, here, folder=tmp_path)
    assert child[0] == -signal.SIGKILL, child[1]
    journal = tmp_path / "killed" / "journal.jsonl"
    before = journal.read_bytes()
    ended = [json.loads(line) for line in before.splitlines() if b'"finished"' in line]
    assert ended and any(e["status"] == "STOPPED" for e in ended)

    class Kill(keras.callbacks.Callback):
        """Kills nothing: the same call, but for what has happened to the process."""

    resumed = search(trials=4, directory=tmp_path / "killed", callbacks=[Kill()])
    whole = search(trials=4)
    assert journal.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert lengths(resumed) == lengths(whole)
    assert [t.metrics for t in resumed.history] == [t.metrics for t in whole.history]
    for a, b in zip(resumed.history, whole.history, strict=True):
        assert [e.rung for e in a.executions] == [e.rung for e in b.executions]
        assert a.reports == b.reports


class Slow(keras.callbacks.Callback):
    """Epochs and readings of the clock are all that takes time."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def read(self):
        self.now += 1e-4
        return self.now

    def on_epoch_end(self, epoch, logs=None):
        self.now += 0.2

    def __deepcopy__(self, memo):
        return self  # one clock for all trials


def test_time_is_kept_for_training_the_best_in_full(monkeypatch):
    slow = Slow()
    module = importlib.import_module("kerasnas.hypermodel_search")
    monkeypatch.setattr(module, "Clock", functools.partial(Clock, now=slow.read))
    monkeypatch.setattr(time, "perf_counter", slow.read)
    result = kn.search(
        Recipes(),
        **DATA,
        objective="val_loss",
        oracle="bohb",
        budget=kn.Budget(seconds=3),
        callbacks=[slow],
        seed=0,
        verbose=0,
    )
    assert any(t.fidelity == 1 and t.status == "COMPLETED" for t in result.history)
    assert len(result.history) > 2
    assert slow.now < 3.5
