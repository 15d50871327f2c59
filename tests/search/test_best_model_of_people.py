"""`best_model` of a user's `build`: compiled as `build` does, with the weights that were scored."""

import keras
import keras_tuner
import numpy as np
import pytest

import kerasnas as kn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int32")
ROWS = (X[60:], Y[60:])


def build(hp):
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(hp.Int("units", 2, 9), activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
    # A rate at which some epochs are worse than the one before.
    rate = hp.Float("rate", 0.3, 0.5)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def search(hypermodel, oracle="random", objective="val_loss", epochs=6):
    return kn.search(
        hypermodel,
        X[:60],
        Y[:60],
        validation_data=ROWS,
        objective=objective,
        oracle=oracle,
        budget=kn.Budget(trials=2, epochs=epochs),
        seed=0,
        verbose=0,
    )


def scores(model):
    return model.evaluate(*ROWS, verbose=0, return_dict=True)


def assert_scored(result, objective="val_loss"):
    assert (result.leaderboard(full=True)["failure"] == "").all()
    found = scores(result.best_model())[objective.removeprefix("val_")]
    assert found == pytest.approx(result.best_trial.scores[objective], abs=1e-4)


def test_the_best_model_can_be_evaluated_and_trained_further():
    result = search(build)
    model = result.best_model()
    assert model.optimizer.learning_rate.numpy() == pytest.approx(result.best_trial.values["rate"])
    assert_scored(result)
    model.fit(*ROWS, epochs=1, verbose=0)
    assert_scored(result)  # the model of the result is another one
    assert scores(result.best_model(where="units >= 0"))["loss"] == pytest.approx(
        result.best_trial.scores["val_loss"], abs=1e-4
    )


def test_another_network_at_the_second_call_of_build_is_not_handed_out(caplog):
    kinds = iter(["relu"] * 3 + ["tanh"] * 9)

    def moody(hp):
        inputs = keras.Input((5,))
        hidden = keras.layers.Dense(hp.Int("units", 4, 5), activation=next(kinds))(inputs)
        model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    model = search(moody, epochs=1).best_model()
    assert not model.compiled
    assert model.layers[1].activation is keras.activations.relu
    assert "another network each time" in caplog.text


def test_a_build_that_fails_at_its_second_call_leaves_the_model_uncompiled(caplog):
    calls = iter(range(99))

    def once(hp):
        if next(calls) > 2:
            raise OSError("the file with the vocabulary is gone")
        return build(hp)

    model = search(once, epochs=1).best_model()
    assert not model.compiled
    assert model.predict(X, verbose=0).shape == (80, 2)
    assert "vocabulary is gone" in caplog.text


class Told(keras_tuner.HyperModel):
    """A `fit` that returns something of its own."""

    def __init__(self, tell):
        super().__init__()
        self.tell = tell

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, y, validation_data=None, **kwargs):
        return self.tell(model, model.fit(x, y, validation_data=validation_data, **kwargs))


@pytest.mark.parametrize(
    "tell",
    [
        lambda model, history: np.float32(scores(model)["loss"]),
        lambda model, history: {f"val_{k}": v for k, v in scores(model).items()},
        lambda model, history: min(history.history["val_loss"]),
        lambda model, history: history,
    ],
    ids=["last number", "last dict", "best number", "history"],
)
def test_the_weights_are_those_of_the_score_that_fit_returns(tell):
    assert_scored(search(Told(tell)))


class OwnLengths(keras_tuner.HyperModel):
    """A `fit` that gives `model.fit` what KerasTuner would not have handed to it."""

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, epochs=hp.Int("epochs", 2, 3), verbose=0, **kwargs)


class NoRoom(keras_tuner.HyperModel):
    """A `fit` that takes only what it needs, and passes no callbacks on."""

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, y, validation_data, callbacks):
        other = self.build(hp)
        return other.fit(x, y, validation_data=validation_data, epochs=2, verbose=0)


@pytest.mark.parametrize("oracle", ["random", "hyperband"])
@pytest.mark.parametrize("hypermodel", [OwnLengths, NoRoom])
def test_a_fit_may_set_its_own_epochs(hypermodel, oracle):
    result = search(hypermodel(), oracle)
    assert_scored(result)
    if hypermodel is OwnLengths:
        assert all(t.measures["epochs"] == t.values["epochs"] for t in result.history)


def test_a_mistake_inside_a_fit_is_told_as_it_is():
    class Broken(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            return len(3)

    with pytest.raises(kn.errors.SearchFailedError, match="object of type 'int' has no len"):
        search(Broken())
