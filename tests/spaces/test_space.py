"""What a space can be asked for, and how a user's hypermodel is taken: nothing is guessed."""

import keras
import keras_tuner
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.method import KerasFit, Solve, Steps, Training
from kerasnas.spaces.space import Space, UserSpace, as_space
from kerasnas.spaces.table import ColumnFilter


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 3))])
    model.compile(optimizer="sgd", loss="mse")
    return model


class OwnFit(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)


class Namesakes(keras_tuner.HyperModel):
    """Its own methods happen to have the names of ours, and mean something else."""

    portfolio = "stocks and bonds"
    turns_after = "seven"
    zero_cost = True
    default_epochs = "many"

    def __init__(self):
        super().__init__()
        self.called = []

    def build(self, hp):
        return build(hp)

    def _note(self, *args, **kwargs):
        self.called.append((args, kwargs))
        raise AssertionError("a method of the user's own was called")

    recipe = solve = solve_again = training = train_model = method = form = _note
    sketch = front_sizes = for_fold = rows_at_once = solves_again = _note


class Silent(keras_tuner.HyperModel):
    """A hypermodel that does not call the constructor of keras-tuner's class."""

    def __init__(self):
        self.units = 3

    def build(self, hp):
        return build(hp)


def test_a_plain_hypermodel_is_taken_as_it_is():
    space, hp = as_space(OwnFit()), keras_tuner.HyperParameters()
    assert isinstance(space, UserSpace) and space.has_own_fit
    assert isinstance(space.method(hp), KerasFit)
    assert space.recipe(hp) is None and space.portfolio == ()
    assert space.front_sizes(hp) == {} and space.rows_at_once(hp) is None
    assert space.for_fold(2) is space and not space.zero_cost
    assert space.default_epochs == 1  # as in Keras


def test_methods_of_a_user_with_our_names_change_nothing():
    hypermodel = Namesakes()
    space, hp = as_space(hypermodel), keras_tuner.HyperParameters()
    assert space.method(hp) == Steps() or isinstance(space.method(hp), Steps)
    assert (space.portfolio, space.turns_after, space.default_epochs) == ((), None, 1)
    x = np.zeros((20, 2), "float32")
    result = kn.search(
        hypermodel, x, x[:, :1], budget=kn.Budget(trials=2, epochs=1), seed=0, verbose=0
    )
    plain = kn.search(build, x, x[:, :1], budget=kn.Budget(trials=2, epochs=1), seed=0, verbose=0)
    assert hypermodel.called == []
    assert [t.values for t in result.history] == [t.values for t in plain.history]
    assert [t.status for t in result.history] == ["COMPLETED"] * 2


@pytest.mark.parametrize("hypermodel", [build, Silent()])
def test_functions_and_hypermodels_without_a_constructor_are_spaces(hypermodel):
    space, hp = as_space(hypermodel), keras_tuner.HyperParameters()
    assert space.build(hp).count_params() == 3
    assert isinstance(space.method(hp), Steps) and space.method(hp).recipe is None
    assert [p.name for p in hp.space] == ["units"]


@pytest.mark.parametrize(
    ("hypermodel", "own"),
    [
        (OwnFit(), True),
        (kn.spaces.tabular(3, classes=2), False),
        (keras_tuner.applications.HyperXception(input_shape=(71, 71, 3), classes=2), False),
    ],
)
def test_only_a_fit_written_by_a_user_is_the_way_to_train(hypermodel, own):
    hp = keras_tuner.HyperParameters()
    assert isinstance(as_space(hypermodel).method(hp), KerasFit) is own


def test_a_space_is_not_wrapped():
    space = kn.spaces.tabular(3, classes=2)
    assert as_space(space) is space


@pytest.mark.parametrize("wrong", [None, 3, "tabular"])
def test_what_is_no_hypermodel_is_refused(wrong):
    with pytest.raises(SearchSpaceError, match="`hypermodel` must be a function"):
        as_space(wrong)


def test_the_defaults_of_a_space():
    class Least(Space):
        def build(self, hp):
            return build(hp)

    space, hp = Least(), keras_tuner.HyperParameters()
    method = space.method(hp)
    assert isinstance(method, Steps) and method.recipe.batch_size == 32
    network = space.build(hp)
    assert isinstance(method.training(network), Training)
    assert method.training(network).model is network
    assert method.training(network).pacing.courses == ()
    assert space.form(hp) is None


def test_solvers_and_steps_of_tables():
    space, hp = kn.spaces.tabular(3, 2, families=("histgb", "mlp")), keras_tuner.HyperParameters()
    hp.values["family"] = "histgb"
    method = space.method(hp)
    assert isinstance(method, Solve) and method.again is not None and space.solves_again()
    hp.values["family"] = "mlp"
    assert isinstance(space.method(hp), Steps)
    assert not kn.spaces.tabular(3, 2, families=("mlp",)).solves_again()


def test_the_space_of_a_fold_builds_the_networks_of_that_fold():
    own = [
        ColumnFilter(np.array([0, 1]), np.array([0, 1])),
        ColumnFilter(np.array([2]), np.array([2])),
    ]
    space = kn.spaces.tabular(
        4, 2, families=("mlp",), column_filter=own[0], column_filters_of_folds=own
    )
    hp = keras_tuner.HyperParameters()
    hp.values["columns"] = "useful"
    counts = [space.for_fold(number).build(hp).count_params() for number in (0, 1)]
    assert counts[0] > counts[1]  # two columns, and one
    assert space.build(hp).count_params() == counts[0]


def test_in_a_stock_tuner_a_space_trains_with_its_recipe(tmp_path):
    seen = []

    class Told(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate.numpy()))

    space, hp = kn.spaces.tabular(3, 2, rows=64, families=("mlp",)), keras_tuner.HyperParameters()
    model = space.build(hp)
    x, y = np.random.default_rng(0).normal(size=(64, 3)), np.arange(64) % 2
    space.fit(hp, model, x, y, epochs=2, verbose=0, callbacks=[Told()])
    steps = 2 * -(-64 // space.recipe(hp).batch_size)
    assert len(seen) == steps
