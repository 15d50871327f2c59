"""Hypermodels and data for `kerasnas.search` as people write them for keras-tuner."""

import csv
import logging
import threading

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import kerasnas as kn
from kerasnas.errors import ObjectiveError, ProjectMismatchError, SchemaError, SearchSpaceError
from kerasnas.problem.own_data import as_arrays, check_repeatable, held_out, settle_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
QUICK = {"objective": "val_loss", "oracle": "random", "seed": 0, "verbose": 0}


def build(hp):
    layers = [keras.Input((5,)), keras.layers.Dense(hp.Int("units", 2, 9), activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search(hypermodel=build, x=X, y=Y, trials=1, epochs=2, **arguments):
    budget = kn.Budget(trials=trials, epochs=epochs, seconds=arguments.pop("seconds", None))
    return kn.search(hypermodel, x, y, budget=budget, **{**QUICK, **arguments})


class OnTwoParts(keras_tuner.HyperModel):
    """Trains a fresh network twice, and says how it went in one of several ways."""

    def __init__(self, told):
        super().__init__()
        self.told = told
        self.losses = []

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, y, **kwargs):
        answers = []
        for rate in (0.001, 0.05):
            network = self.build(hp)
            network.optimizer.learning_rate = rate
            history = network.fit(x, y, **kwargs)
            self.losses.append(min(history.history["val_loss"]))
            answers.append(self.told(history))
        return answers


@pytest.mark.parametrize(
    "told",
    [
        lambda history: history,
        lambda history: np.float32(min(history.history["val_loss"])),
        lambda history: {"val_loss": tf.constant(min(history.history["val_loss"]))},
    ],
    ids=["history", "float32", "dict"],
)
def test_a_list_of_executions_scores_as_their_mean(told):
    hypermodel = OnTwoParts(told)
    result = search(hypermodel)
    first, second = hypermodel.losses
    assert first != pytest.approx(second, rel=1e-2)
    assert result.best_trial.scores["val_loss"] == pytest.approx((first + second) / 2, rel=1e-5)
    assert result.leaderboard(full=True)["val_loss"].iloc[0] == result.best_trial.scores["val_loss"]
    assert np.isfinite(result.best_model().predict(X, verbose=0)).all()


@pytest.mark.parametrize(
    "answer",
    [0.25, np.float32(0.25), np.float64(0.25), np.array(0.25), np.array([0.25]), tf.constant(0.25)],
    ids=["float", "float32", "float64", "array", "row", "tensor"],
)
def test_a_number_of_any_type_is_the_score(answer):
    class Answers(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, x, y, **kwargs):
            return answer

    assert search(Answers()).best_trial.scores["val_loss"] == 0.25


def two_outputs(hp):
    inputs = keras.Input((5,))
    one, three = keras.layers.Dense(1, name="one"), keras.layers.Dense(3, name="three")
    model = keras.Model(inputs, [one(inputs), three(inputs)])
    model.compile(keras.optimizers.Adam(hp.Choice("rate", [1e-3, 1e-2])), ["mse", "mse"])
    return model


def two_named_outputs(hp):
    inputs = keras.Input((5,))
    one, three = keras.layers.Dense(1, name="one"), keras.layers.Dense(3, name="three")
    model = keras.Model(inputs, {"one": one(inputs), "three": three(inputs)})
    losses = {"one": "mse", "three": "mse"}
    model.compile(keras.optimizers.Adam(hp.Choice("rate", [1e-3, 1e-2])), losses)
    return model


ONE, THREE = RNG.normal(size=(80, 1)), RNG.normal(size=(80, 3))
WEIGHTS = RNG.uniform(0.5, 2.0, 80)


@pytest.fixture(scope="module")
def by_name():
    """The loss of targets and weights in dicts."""
    named = {"one": ONE, "three": THREE}
    weights = {"one": WEIGHTS, "three": np.ones(80)}
    return search(two_named_outputs, y=named, sample_weight=weights).best_trial.scores["val_loss"]


@pytest.mark.parametrize(
    ("y", "weights"),
    [
        ([ONE, THREE], [WEIGHTS, np.ones(80)]),
        ((ONE, THREE), (WEIGHTS, np.ones(80))),
        ([pd.DataFrame(ONE), pd.DataFrame(THREE)], [pd.Series(WEIGHTS), np.ones(80)]),
        ([ONE, THREE], [WEIGHTS.tolist(), [1.0] * 80]),
    ],
    ids=["lists", "tuples", "pandas", "numbers"],
)
def test_several_targets_and_weights_in_a_list_are_as_in_a_dict(y, weights, by_name):
    found = search(two_outputs, y=y, sample_weight=weights).best_trial.scores["val_loss"]
    assert found == pytest.approx(by_name, rel=1e-5)


def test_rows_of_every_target_and_weight_are_counted():
    from kerasnas.errors import SchemaError

    with pytest.raises(SchemaError, match="80 rows"):
        held_out(X, [ONE, THREE[:-1]], None, 0.2, 0)
    with pytest.raises(SchemaError, match="`sample_weight`"):
        settle_weights({"one": WEIGHTS, "three": WEIGHTS[1:]}, {"a": X, "b": X})


def conditional(order, style):
    def hypermodel(hp):
        kind = hp.Choice("kind", ["a", "b", "c"])
        for value in order:
            if style == "scope":
                with hp.conditional_scope("kind", [value]):
                    hp.Int("n", 2, 8, default=4)
            else:
                hp.Int("n", 2, 8, default=4, parent_name="kind", parent_values=[value])
        units = 3 if kind == "c" else hp.get("n")
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(units)])
        model.compile("sgd", "mse")
        return model

    return hypermodel


@pytest.mark.parametrize("order", ["ab", "ba"])
@pytest.mark.parametrize("style", ["scope", "parent"])
def test_one_hyperparameter_has_two_conditions_in_either_order(order, style):
    from kerasnas.oracles import Random
    from kerasnas.spaces.space import as_space
    from kerasnas.trial.exploring import explore

    oracle = Random(objective="val_loss", max_trials=3, seed=0)
    explore(as_space(conditional(order, style)), oracle)
    conditions = {p.conditions[0].values[0] for p in oracle.get_space().space if p.name == "n"}
    assert conditions == {"a", "b"}


def batches():
    for start in range(0, 80, 20):
        yield X[start : start + 20], Y[start : start + 20]


def test_a_generator_for_several_trials_is_told_before_the_first_one():
    built = []

    def counted(hp):
        built.append(1)
        return build(hp)

    with pytest.raises(SearchSpaceError, match=r"`x` is a generator, which can be read once"):
        search(counted, batches(), None, trials=3, validation_data=(X, Y))
    with pytest.raises(SearchSpaceError, match=r"`validation_data` is a generator"):
        search(counted, X, Y, trials=3, validation_data=batches())
    assert not built


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # said by Keras at its end
def test_a_generator_serves_one_trial(caplog):
    result = search(x=batches(), y=None, epochs=1, validation_data=(X, Y))
    assert result.leaderboard(full=True)["status"].tolist() == ["COMPLETED"]
    with caplog.at_level(logging.WARNING, "kerasnas"):
        check_repeatable(batches(), None, 3, {"steps_per_epoch": 2})
    assert "goes on reading it" in caplog.text


def dataset():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(20)


def test_data_that_never_end_need_a_number_of_steps():
    endless = dataset().repeat()
    with pytest.raises(SearchSpaceError, match="`validation_data` is a dataset that never ends"):
        search(x=dataset(), y=None, validation_data=endless)
    with pytest.raises(SearchSpaceError, match="`x` is a dataset that never ends"):
        search(x=endless, y=None, validation_data=(X, Y))
    result = search(x=dataset(), y=None, validation_data=endless, validation_steps=2)
    assert result.leaderboard(full=True)["status"].tolist() == ["COMPLETED"]


def test_validation_that_does_not_say_that_it_never_ends_is_stopped_by_the_clock():
    from kerasnas.clock import Clock
    from kerasnas.trial.methods.keras_fit import _Watching
    from kerasnas.trial.plan import Plan

    plan = Plan(batch_size=20, epochs=1, monitor="val_loss", deadline=Clock(1e-9).deadline)
    watching, model = _Watching(plan), build(keras_tuner.HyperParameters())
    unknown = dataset().repeat().filter(lambda x, y: True)
    assert unknown.cardinality() == tf.data.UNKNOWN_CARDINALITY
    model.evaluate(unknown, verbose=0, callbacks=[watching])
    assert model.stop_evaluating


def test_a_search_inside_the_scope_of_a_strategy_completes():
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        result = search(trials=2)
    assert result.leaderboard(full=True)["status"].tolist() == ["COMPLETED"] * 2


class Plain(keras.Model):
    """A subclassed model, as tutorials write it: not registered, without `get_config`."""

    def __init__(self, units, activation=None):
        super().__init__()
        self.hidden = keras.layers.Dense(units, activation=activation)
        self.head = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        return self.head(self.hidden(inputs))


class OwnLayer(keras.layers.Layer):
    """A layer that is not registered."""

    def __init__(self, units):
        super().__init__()
        self.inner = keras.layers.Dense(units)

    def call(self, inputs):
        return self.inner(inputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.inner.units)


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


UNREGISTERED = {
    "subclassed": lambda hp: compiled(Plain(hp.Int("units", 2, 9))),
    "with a function": lambda hp: compiled(Plain(hp.Int("units", 2, 9), activation=tf.nn.relu)),
    "own layer": lambda hp: compiled(
        keras.Sequential(
            [
                keras.Input((5,)),
                OwnLayer(hp.Int("units", 2, 9)),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
    ),
}


@pytest.mark.parametrize(
    ("kind", "source"),
    [("subclassed", "dataset"), ("with a function", "arrays"), ("own layer", "arrays")],
)
def test_a_model_that_no_file_can_hold_is_built_again(kind, source, tmp_path):
    data = {"x": X, "y": Y} if source == "arrays" else {"x": dataset(), "y": None}
    data |= {"validation_data": (X[:30], Y[:30]), "directory": tmp_path}
    result = search(UNREGISTERED[kind], **data, trials=2)
    assert result.leaderboard(full=True)["status"].tolist() == ["COMPLETED"] * 2
    model = result.best_model()
    p = model.predict(X[:30], verbose=0)
    loss = -np.log(p[np.arange(30), Y[:30]]).mean()
    assert loss == pytest.approx(result.best_trial.scores["val_loss"], rel=1e-4)
    again = search(UNREGISTERED[kind], **data, trials=2).best_model()
    assert np.allclose(again.predict(X[:30], verbose=0), p, atol=1e-6)


@pytest.mark.parametrize("fast", [True, False], ids=["fast loop", "fit"])
def test_a_metric_of_several_numbers_is_logged_by_element(fast):
    def with_f1(hp):
        model = build(hp)
        f1 = keras.metrics.F1Score(average=None)
        model.compile("adam", "categorical_crossentropy", metrics=[f1])
        return model

    arguments = {} if fast else {"validation_freq": 1}
    scores = search(with_f1, y=np.eye(2)[Y], **arguments).best_trial.scores
    assert {"val_f1_score_0", "val_f1_score_1"} <= set(scores)
    assert "val_f1_score" not in scores


@pytest.mark.parametrize("metric", [keras.metrics.F1Score, keras.metrics.FBetaScore])
def test_a_metric_of_several_numbers_is_no_objective(metric, monkeypatch):
    def several(hp):
        model = build(hp)
        model.compile("adam", "categorical_crossentropy", metrics=[metric(average=None)])
        return model

    monkeypatch.setattr(keras.Model, "train_step", None)  # before any training
    name = f"val_{metric(average=None).name}"
    with pytest.raises(ObjectiveError, match=rf"logged as '{name}_0'.*`average=`"):
        search(several, y=np.eye(2)[Y], objective=kn.Objective(name, "max"))


class Locked(keras.callbacks.Callback):
    """Holds what cannot be copied."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class Logging(keras.callbacks.Callback):
    """Holds an open file."""

    def __init__(self, path):
        super().__init__()
        self.file = open(path, "w")  # noqa: SIM115


@pytest.mark.parametrize(
    "make",
    [
        lambda path: [Locked()],
        lambda path: Locked(),
        lambda path: [keras.callbacks.TerminateOnNaN(), Logging(path)],
        lambda path: keras.callbacks.EarlyStopping,
        lambda path: ["EarlyStopping"],
    ],
    ids=["lock", "single", "file", "class", "string"],
)
def test_a_callback_that_cannot_be_copied_is_named_before_training(make, tmp_path):
    given = make(tmp_path / "log.txt")
    with pytest.raises(SearchSpaceError, match=r"Locked|Logging|`callbacks` must hold"):
        search(callbacks=given)
    with pytest.raises(SearchSpaceError, match=r"Locked|Logging|`callbacks` must hold"):
        kn.TabularClassifier(budget=kn.Budget(trials=1), verbose=0).fit(X, Y, callbacks=given)
    for callback in given if isinstance(given, list) else []:
        if isinstance(callback, Logging):
            callback.file.close()


def test_every_trial_writes_files_of_its_own(tmp_path):
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_weights_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}.keras"),
        keras.callbacks.TensorBoard(tmp_path / "tb"),
    ]
    search(trials=2, callbacks=callbacks)
    written = sorted(p.name for p in tmp_path.iterdir())
    assert written == [
        "01_0000.keras",
        "01_0001.keras",
        "02_0000.keras",
        "02_0001.keras",
        "best_0000.weights.h5",
        "best_0001.weights.h5",
        "log_0000.csv",
        "log_0001.csv",
        "tb",
    ]
    assert sorted(p.name for p in (tmp_path / "tb").iterdir()) == ["0000", "0001"]
    for name in ("log_0000.csv", "log_0001.csv"):
        with open(tmp_path / name, newline="") as file:
            assert len(list(csv.DictReader(file))) == 2


def nested(change=0.0):
    cells = np.empty(80, dtype=object)
    for row in range(80):
        cells[row] = {"values": [X[row].tolist(), np.arange(3000.0)]}
    cells[70]["values"][1][1500] += change
    return cells


def test_the_digest_of_data_sees_every_cell():
    from kerasnas.data.fingerprint import fingerprint

    assert fingerprint(nested()) == fingerprint(nested())
    assert fingerprint(nested()) != fingerprint(nested(change=1.0))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """The folder of a search that has ended."""
    folder = tmp_path_factory.mktemp("search")
    search(directory=folder)
    return folder


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": 8},
        {"epochs": 3},
        {"callbacks": [keras.callbacks.TerminateOnNaN()]},
        {"initial": [{"units": 4}]},
        {"validation_data": (X[:20], Y[:20])},
        {"sample_weight": WEIGHTS},
        {"shuffle": False},
        {"y": 1 - Y},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_directory_never_gives_the_scores_of_another_call(directory, other):
    with pytest.raises(ProjectMismatchError):
        search(directory=directory, **other)


def test_a_directory_goes_on_with_the_same_call(directory):
    assert len(search(directory=directory, trials=2).history.scored()) == 2


def test_settings_of_a_callback_make_another_search(tmp_path):
    search(directory=tmp_path, callbacks=keras.callbacks.EarlyStopping(patience=1))
    search(directory=tmp_path, callbacks=[keras.callbacks.EarlyStopping(patience=1)])
    with pytest.raises(ProjectMismatchError, match="`callbacks`"):
        search(directory=tmp_path, callbacks=[keras.callbacks.EarlyStopping(patience=2)])


def test_targets_and_weights_are_columns_of_a_frame_of_any_library():
    polars = pytest.importorskip("polars")
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=Y, w=1.0)
    scores = [search().best_trial.scores["val_loss"]]
    scores.append(search(x=frame, y="y", sample_weight="w").best_trial.scores["val_loss"])
    scores.append(
        search(x=polars.DataFrame(frame), y="y", sample_weight="w").best_trial.scores["val_loss"]
    )
    assert scores[1:] == pytest.approx([scores[0]] * 2, abs=1e-5)
    with pytest.raises(SchemaError, match="`y` names the column `z`, which `x` does not have"):
        search(x=frame, y="z")


def test_validation_data_hold_the_columns_that_are_named():
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=Y)
    found = [search(validation_data=(X, Y)), search(x=frame, y="y", validation_data=frame)]
    found.append(search(x=frame, y="y", validation_data=(frame, Y)))
    losses = [one.best_trial.scores["val_loss"] for one in found]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)


def test_nullable_columns_are_numbers():
    frame = pd.DataFrame({"a": [1, 2, None], "b": [True, False, True]}).astype({"a": "Int64"})
    np.testing.assert_array_equal(as_arrays(frame), [[1, 1], [2, 0], [np.nan, 1]])


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ({"max_trials": 3}, r"Write `budget=kerasnas\.Budget\(trials=\.\.\.\)`"),
        ({"overwrite": True}, "Name a new or empty folder in `directory="),
        ({"loss": "mse"}, "Compile the model with it"),
    ],
    ids=str,
)
def test_arguments_of_a_tuner_are_refused_before_the_first_trial(argument, line):
    with pytest.raises(SearchSpaceError, match=line):
        search(**argument)


def test_a_class_and_a_model_are_no_hypermodels():
    with pytest.raises(SearchSpaceError, match=r"is the class OnTwoParts.*Pass `OnTwoParts\(\)`"):
        search(OnTwoParts)
    with pytest.raises(SearchSpaceError, match=r"must be a function `build\(hp\)`.*received Seq"):
        search(build(keras_tuner.HyperParameters()))
