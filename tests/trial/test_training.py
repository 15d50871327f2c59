"""The fast loop does what Keras's `fit` does: steps, weights, callbacks, early stopping."""

import math
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasnas.clock import Deadline, OutOfTime
from kerasnas.data.stored import StoredRows
from kerasnas.spaces.recipes import Pacing
from kerasnas.trial.answers import Predictor, evaluator
from kerasnas.trial.plan import LENGTHS, Plan
from kerasnas.trial.training import Trainer, can_run, order_of_rows

ROWS, BATCH = 22, 4
STEPS = math.ceil(ROWS / BATCH)


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3)).astype("float32")
    return x, (x @ np.array([1.0, -2.0, 0.5]) + 0.1).astype("float32")[:, None]


X, Y = data()


def model_of(optimizer=None, extra=(), loss="mse"):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh"), *extra, layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=["mae"])
    return model


def plan_of(**changes):
    return Plan(**{"batch_size": BATCH, "epochs": 3, "monitor": None, **changes})


def train(model, weights=None, validate=dict, pacing=None, **changes):
    return Trainer(model, X, Y, weights, validate, pacing).run(plan_of(**changes))


def same(a, b, tolerance=0.0):
    return all(np.allclose(x, y, rtol=0, atol=tolerance) for x, y in zip(a, b, strict=True))


class Scores:
    """Validation that gives one prepared value an epoch."""

    def __init__(self, *values):
        self.values = iter(values)

    def __call__(self):
        return {"val_loss": next(self.values)}


class Watch(keras.callbacks.Callback):
    """Writes down every call and the weights and rate at it."""

    def __init__(self):
        super().__init__()
        self.calls, self.batches, self.rates, self.weights = [], [], [], []

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_train_end(self, logs=None):
        self.calls.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())
        self.calls.append(sorted(logs))


class BatchWatch(Watch):
    def on_train_batch_begin(self, batch, logs=None):
        self.batches.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(("end", batch))
        self.rates.append(float(np.asarray(self.model.optimizer.learning_rate)))


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_same_steps_by_keras(weighted):
    weights = np.random.default_rng(3).random(ROWS).astype("float32") if weighted else None
    fast, plain = model_of(), model_of()
    result = train(fast, weights, epochs=2, seed=(7, 1))
    for epoch in range(2):
        order = np.random.default_rng([7, 1, epoch]).permutation(ROWS)
        assert sorted(order) == list(range(ROWS))
        for start in range(0, ROWS, BATCH):
            rows = order[start : start + BATCH]
            plain.train_on_batch(X[rows], Y[rows], None if weights is None else weights[rows])
    assert same(fast.get_weights(), plain.get_weights(), 1e-6)
    assert int(fast.optimizer.iterations) == int(plain.optimizer.iterations) == 2 * STEPS
    assert result.epochs == 2
    assert set(result.history[0]) == {"loss", "mae"}


def test_one_full_batch_equals_fit():
    fast, plain = model_of(), model_of()
    result = train(fast, batch_size=1000, epochs=4)
    history = plain.fit(X, Y, batch_size=ROWS, epochs=4, shuffle=False, verbose=0).history
    assert same(fast.get_weights(), plain.get_weights(), 1e-6)
    for name in ("loss", "mae"):
        assert np.allclose([h[name] for h in result.history], history[name], rtol=1e-4)


def test_as_many_steps_as_fit():
    fast, plain = model_of(), model_of()
    train(fast, epochs=3)
    plain.fit(X, Y, batch_size=BATCH, epochs=3, verbose=0)
    assert int(fast.optimizer.iterations) == int(plain.optimizer.iterations)


@pytest.mark.parametrize("extra", [(), ("dropout",)])
def test_the_same_seed_gives_the_same_weights(extra):
    found = []
    for seed in (0, 0, 1):
        model = model_of("adam", [layers.Dropout(0.3, seed=1)] if extra else [])
        train(model, seed=(seed,))
        found.append(model.get_weights())
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


@pytest.mark.parametrize(
    ("sign", "values", "best"),
    [(1, [3, 1, 2, 4], 1), (-1, [0.1, 0.5, 0.9, 0.2], 2), (1, [math.nan, 5, 4, math.nan], 2)],
)
def test_weights_of_the_best_epoch_come_back(sign, values, best):
    watch = Watch()
    model = model_of()
    result = train(
        model, None, Scores(*values), epochs=4, monitor="val_loss", sign=sign, callbacks=[watch]
    )
    assert (result.epoch, result.epochs) == (best, 4)
    assert result.metrics["val_loss"] == values[best]
    assert same(model.get_weights(), watch.weights[best])
    assert not same(model.get_weights(), watch.weights[3])


def test_without_a_monitor_the_last_epoch_counts():
    watch = Watch()
    model = model_of()
    result = train(model, None, Scores(1, 2, 3), callbacks=[watch])
    assert result.epoch == 2
    assert same(model.get_weights(), watch.weights[2])


def test_patience():
    scores = Scores(5, 4, 4, 6, 5, 1)
    result = train(model_of(), None, scores, epochs=6, monitor="val_loss", patience=3)
    assert (result.epoch, result.epochs) == (1, 5)
    assert not result.out_of_time


@pytest.mark.parametrize("clock", [math.inf, 1e6])
def test_rates_are_applied_step_by_step(clock):
    watch, plain = BatchWatch(), model_of()
    model = model_of()

    def rates(steps):
        return np.linspace(1, 0.1, steps, dtype="float32")

    train(model, rates=rates, callbacks=[watch], deadline=Deadline.after(clock))
    expected = 0.05 * rates(3 * STEPS)
    assert np.allclose(watch.rates, expected, rtol=1e-5)
    step = 0
    for epoch in range(3):
        order = np.random.default_rng([0, epoch]).permutation(ROWS)
        for start in range(0, ROWS, BATCH):
            plain.optimizer.learning_rate.assign(expected[step])
            rows = order[start : start + BATCH]
            plain.train_on_batch(X[rows], Y[rows])
            step += 1
    assert same(model.get_weights(), plain.get_weights(), 1e-6)


@pytest.mark.parametrize("clock", [math.inf, 60.0])
def test_a_model_may_name_what_else_changes(clock):
    """A variable of the model follows its course beside the learning rate."""
    model, seen = model_of(keras.optimizers.SGD(0.05)), []
    dial = keras.Variable(1.0, trainable=False)

    class Turned(keras.layers.Layer):
        def call(self, x):
            return x * keras.ops.convert_to_tensor(dial)

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(dial.numpy()))

    x = model.inputs[0]
    trained = keras.Model(x, Turned()(model(x)))
    trained.compile(keras.optimizers.SGD(0.05), "mse")
    falling = Pacing(((dial, lambda steps: np.linspace(1, 0, steps)),))
    train(trained, pacing=falling, callbacks=[Look()], deadline=Deadline.after(clock))
    assert np.allclose(seen, np.linspace(1, 0, 3 * STEPS), atol=1e-6)
    half = Pacing(((dial, lambda steps: np.full(steps, 0.5)),))
    limit = Deadline.after(clock)
    train(trained, pacing=half, rates=lambda steps: np.full(steps, 0.1), deadline=limit)
    assert float(trained.optimizer.learning_rate.numpy()) == pytest.approx(0.005)
    assert float(dial.numpy()) == 0.5


def test_whole_batches_leave_out_the_rest():
    model = model_of()
    train(model, pacing=Pacing(whole_batches=True))
    assert int(model.optimizer.iterations.numpy()) == 3 * (ROWS // BATCH)
    few = model_of()
    train(few, pacing=Pacing(whole_batches=True), batch_size=1000)
    assert int(few.optimizer.iterations.numpy()) == 3


def test_without_rates_the_optimizers_own_schedule_stays():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    watch = BatchWatch()
    model = model_of(keras.optimizers.SGD(schedule))
    train(model, epochs=1, callbacks=[watch], deadline=Deadline.after(1e6))
    assert np.allclose(watch.rates, 0.1 * 0.5 ** np.arange(1, STEPS + 1))


def test_the_clock_ends_a_training_within_an_epoch():
    watch = BatchWatch()

    deadline = Deadline(STEPS + 1.5, now=lambda: len(watch.rates))

    model = model_of()
    result = train(model, None, Scores(2, 1), callbacks=[watch], deadline=deadline)
    assert result.out_of_time
    assert len(watch.rates) == STEPS + 2
    assert int(model.optimizer.iterations) == STEPS + 2
    assert result.epochs == 2
    assert watch.calls[-1] == "end"


def test_no_time_at_all_still_gives_a_model():
    model = model_of()
    result = train(model, None, Scores(1, 1), monitor="val_loss", deadline=Deadline.after(-1.0))
    assert result.out_of_time
    assert result.epochs == 1
    assert result.metrics["val_loss"] == 1


def test_callbacks_are_called_as_keras_calls_them():
    ours, theirs = BatchWatch(), BatchWatch()
    train(model_of(), callbacks=[ours], epochs=2)
    model_of().fit(X, Y, batch_size=BATCH, epochs=2, verbose=0, callbacks=[theirs])
    assert ours.calls == theirs.calls
    assert ours.batches == theirs.batches
    assert len(ours.rates) == 2 * STEPS
    assert ours.params["steps"] == theirs.params["steps"]
    assert ours.params["epochs"] == theirs.params["epochs"]


def test_a_callback_may_stop_the_training():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = model_of()
    result = train(model, callbacks=[Stop()], epochs=9)
    assert result.epochs == 2
    assert not result.out_of_time
    # A second training is not held up by the first.
    assert train(model, epochs=2).epochs == 2


def test_early_stopping_of_keras():
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1)
    assert train(model_of(), None, Scores(3, 4, 5, 6), epochs=4, callbacks=[stop]).epochs == 2


def test_on_epoch_is_told_everything():
    told = []
    result = train(model_of(), None, Scores(1, 2, 3), on_epoch=lambda *a: told.append(a))
    assert [epoch for epoch, _ in told] == [0, 1, 2]
    assert [logs for _, logs in told] == result.history
    assert set(told[0][1]) == {"loss", "mae", "val_loss"}


def test_rows_without_weight_teach_nothing():
    only = np.ones(ROWS)
    only[5:] = 0
    other = np.where(only[:, None] > 0, Y, 1e3).astype("float32")
    found = []
    for y, weights in ((Y, only), (other, only), (other, None)):
        model = model_of()
        Trainer(model, X, y, weights, dict).run(plan_of())
        found.append(model.get_weights())
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def test_a_diverging_training_stops():
    model = model_of(keras.optimizers.SGD(1e30))
    result = train(model, None, Scores(*range(9, 0, -1)), epochs=9)
    assert result.epochs < 9
    assert not math.isfinite(result.history[-1]["loss"])


@pytest.mark.parametrize("epochs", [None, 2])
def test_the_probe_leaves_all_variables_as_they_were(epochs):
    """With a clock the first steps are timed; the training must not notice."""
    found = []
    for clock in (math.inf, 1e6):
        extra = [layers.BatchNormalization(), layers.Dropout(0.3, seed=2)]
        model = model_of(keras.optimizers.Adam(0.01), extra)
        changes = {"deadline": Deadline.after(clock)}
        if epochs is None and clock == 1e6:
            changes.update(epochs=None, share=0.0)
        else:
            changes.update(epochs=epochs or LENGTHS[0])
        result = train(model, **changes)
        found.append((result.history, [np.asarray(v) for v in model.variables]))
        assert int(model.optimizer.iterations) == len(result.history) * STEPS
    assert found[0][0] == found[1][0]
    assert same(found[0][1], found[1][1])


def test_without_epochs_a_length_that_fits_the_share_is_chosen():
    assert train(model_of(), epochs=None, share=0.0).epochs == LENGTHS[0]
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=0)
    watch = Watch()
    train(
        model_of(), None, lambda: {"val_loss": 1}, epochs=None, share=1e9, callbacks=[watch, stop]
    )
    assert watch.params["epochs"] == LENGTHS[-1]


def test_structures_of_inputs():
    a, b = keras.Input((2,), name="a"), keras.Input((1,), name="b")
    model = keras.Model({"a": a, "b": b}, layers.Dense(1)(layers.Concatenate()([a, b])))
    model.compile("sgd", "mse")
    x = {"a": X[:, :2], "b": X[:, 2:]}
    assert can_run(model, (x, Y))
    result = Trainer(model, x, Y, None, evaluator(model, (x, Y), 8)).run(plan_of(epochs=5))
    assert result.history[-1]["val_loss"] < result.history[0]["val_loss"]


def test_fewer_rows_than_a_batch():
    model = model_of()
    result = Trainer(model, X[:1], Y[:1], None, dict).run(plan_of(epochs=2))
    assert int(model.optimizer.iterations) == result.epochs == 2


class TestCanRun:
    def test_stock_model(self):
        assert can_run(model_of(), (X, Y))
        assert can_run(model_of(), (tf.constant(X), tf.constant(Y)))

    def test_own_step(self):
        class Own(keras.Sequential):
            def train_step(self, data):
                return super().train_step(data)

        model = Own([keras.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        assert not can_run(model, (X, Y))

    def test_eager(self):
        model = model_of()
        model.run_eagerly = True
        assert not can_run(model, (X, Y))

    def test_other_data(self):
        assert not can_run(model_of(), (tf.data.Dataset.from_tensor_slices((X, Y)), None))
        assert not can_run("model", (X, Y))


@pytest.mark.parametrize("batch_size", [3, 100])
def test_predictor(batch_size):
    model = model_of()
    predict = Predictor(model, X, batch_size)
    assert np.allclose(predict(), model.predict(X, verbose=0), atol=1e-6)
    model.set_weights([w + 1 for w in model.get_weights()])
    assert np.allclose(predict(), model.predict(X, verbose=0), atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [5, 100])
def test_evaluator(weighted, batch_size):
    model = model_of()
    weights = [np.random.default_rng(0).random(ROWS).astype("float32")] if weighted else []
    evaluate = evaluator(model, (X, Y, *weights), batch_size)
    expected = model.evaluate(X, Y, batch_size, 0, *weights, return_dict=True)
    for _ in range(2):
        assert evaluate() == pytest.approx({f"val_{k}": v for k, v in expected.items()}, rel=1e-5)


def test_stored_rows_train_alike_and_their_thread_ends():
    in_memory, stored = model_of(), model_of()
    train(in_memory, np.arange(ROWS) + 1.0)
    Trainer(stored, StoredRows(X), Y, np.arange(ROWS) + 1.0, dict).run(plan_of())
    assert same(in_memory.get_weights(), stored.get_weights())
    assert np.array_equal(Predictor(stored, StoredRows(X), 5)(), Predictor(in_memory, X, 5)())

    class Fails(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ValueError("of a user")

    with pytest.raises(ValueError, match="of a user"):
        Trainer(stored, StoredRows(X), Y, None, dict).run(plan_of(callbacks=[Fails()]))
    assert not [t for t in threading.enumerate() if t.name.startswith("kerasnas-reader")]


@pytest.mark.parametrize("epochs", [None, 5])
def test_what_is_optional_is_given_up_where_no_time_is_left_for_it(epochs):
    given = {"epochs": epochs, "deadline": Deadline.after(-1.0)}
    with pytest.raises(OutOfTime, match="a tenth of an epoch"):
        train(model_of(), optional=True, **given)
    assert train(model_of(), **given).epochs == 1  # the only answer there may be
    assert train(model_of(), optional=True, epochs=2, deadline=Deadline.after(1e6)).epochs == 2


def test_of_slow_steps_few_are_run_for_their_time(monkeypatch):
    steps = []

    def slow(trainer, batch, turned):
        def run(order, start, stop, *rest):
            steps.append(int(stop - start))
            time.sleep(0.6)

        return run, []

    monkeypatch.setattr(Trainer, "_run_steps", slow)
    with pytest.raises(OutOfTime):
        train(model_of(), optional=True, epochs=None, deadline=Deadline.after(1e-9))
    assert steps == [1, 1]


def test_epochs_of_some_rows_take_turns():
    plan = Plan(batch_size=4, epochs=5, monitor=None, seed=(3,))
    orders = [order_of_rows(plan, epoch, 10, 3) for epoch in range(6)]
    for first in (0, 3):  # three epochs of three rows, and one row is left for another order
        assert len(np.unique(orders[first : first + 3])) == 9
    assert not np.array_equal(orders[0], orders[3])
    assert np.array_equal(order_of_rows(plan, 2, 10), order_of_rows(plan, 2, 10, 10))
