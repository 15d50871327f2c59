"""Families that a library fits: they stop by validation rows, obey seeds and lack no class."""

import dataclasses

import keras_tuner
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerasnas.clock import ENDLESS, Deadline
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.numeric import smooth_clip, unclipped
from kerasnas.problem import View
from kerasnas.spaces import solved, tabular
from kerasnas.spaces.linear import LIKE_BASELINE, LinearValues, solve_linear
from kerasnas.spaces.method import Steps
from kerasnas.spaces.trees import TREE_FAMILIES, TreeRows, fit_trees, network_of

INSTALLED = [name for name, family in TREE_FAMILIES.items() if family.installed]


def rows(classes: int | None, deadline: Deadline = ENDLESS) -> TreeRows:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 4)).astype("float32")
    x[:, 3] = rng.integers(0, 6, 500)
    x[rng.random(x.shape) < 0.05] = np.nan
    signal = np.nan_to_num(x[:, 0]) + np.isin(x[:, 3], [1, 4]) + rng.normal(size=500) * 0.2
    y = signal if classes is None else np.digitize(signal, [0.3, 1.5])
    weights = rng.uniform(0.5, 2.0, 500)
    return TreeRows(
        x[:400], y[:400], weights[:400], x[400:], y[400:], None, classes, 1, 3, deadline
    )


def fitted(name: str, data: TreeRows, **given):
    hp = keras_tuner.HyperParameters()
    values = TREE_FAMILIES[name].declare(hp, data.classes is not None)
    return fit_trees(name, data, {**values, **given})


@pytest.mark.parametrize("name", INSTALLED)
def test_trees_learn_and_repeat_with_their_seed(name):
    data = rows(3)
    network = network_of(fitted(name, data))
    answers = network(data.x_valid).numpy()
    assert (answers.argmax(axis=1) == data.y_valid).mean() > 0.75
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(network_of(fitted(name, data))(data.x_valid), answers)


@pytest.mark.parametrize("name", INSTALLED)
def test_a_class_without_training_rows_gets_probability_zero(name):
    data = rows(3)
    gone = dataclasses.replace(data, y=np.where(data.y == 1, 2, data.y))
    answers = network_of(fitted(name, gone))(data.x_valid).numpy()
    assert answers.shape == (100, 3)
    assert (answers[:, 1] == 0).all()


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("classes", [None, 3])
def test_told_how_many_rounds_it_looks_at_no_validation_row(name, classes):
    data = rows(classes)
    told = dataclasses.replace(data, rounds=7)
    blind = dataclasses.replace(told, x_valid=data.x_valid * np.nan, y_valid=data.y_valid[::-1])
    trees = fitted(name, told)
    assert trees.rounds == 7
    np.testing.assert_array_equal(trees.answer(data.x), fitted(name, blind).answer(data.x))


@pytest.mark.parametrize("classes", [None, 3])
def test_in_stages_boosting_comes_to_the_same_trees(classes):
    whole = fitted("histgb", rows(classes), learning_rate=0.1)
    staged = fitted("histgb", rows(classes, Deadline.after(1e6)), learning_rate=0.1)
    x = rows(classes).x
    assert staged.rounds == whole.rounds > 10  # more than one stage
    np.testing.assert_array_equal(staged.answer(x), whole.answer(x))


@pytest.mark.parametrize("held_up", [(), (1,), (40,), (100, 160)])
def test_stages_end_with_the_time_they_may_take(held_up):
    clock, done = [0.0], 0
    data = rows(None, Deadline(50.0, now=lambda: clock[0]))  # of which one ensemble may take 9
    numbers = []
    for target in data.stages(3000):
        numbers.append(target)
        for iteration in range(done, target):
            clock[0] += 1.0 if iteration in held_up else 0.02
        done = target
    assert numbers == sorted(set(numbers))
    assert 4.5 < clock[0] < 10.8
    assert list(dataclasses.replace(data, deadline=ENDLESS).stages(3000)) == [3000]
    assert list(dataclasses.replace(data, rounds=70).stages(3000)) == [70]


def ticking(seconds: float, tick: float) -> Deadline:
    """A deadline by a clock that goes on by one tick whenever it is read."""
    clock = [0.0]

    def now() -> float:
        clock[0] += tick
        return clock[0]

    return Deadline(seconds, now=now)


@pytest.mark.parametrize("classes", [None, 3])
def test_lightgbm_ends_with_the_seconds_of_one_ensemble(classes):
    deadline = ticking(50.0, 0.1)  # of which one ensemble may take 9
    trees = fitted("lightgbm", rows(classes, deadline))
    assert 8.0 < deadline.now() < 10.0
    assert 30 < trees.rounds < 100
    assert trees.rate > 0.05  # too few small steps: larger ones
    hurried = fitted("lightgbm", rows(classes, ticking(50.0, 20.0)))
    assert hurried.rounds == 1  # an answer there is, however late it is


@pytest.mark.parametrize("classes", [None, 3])
def test_with_time_enough_the_clock_changes_nothing(classes):
    whole = fitted("lightgbm", rows(classes))
    timed = fitted("lightgbm", rows(classes, ticking(1e6, 0.1)))
    assert whole.rate is None and timed.rate is None
    assert timed.rounds == whole.rounds > 10
    np.testing.assert_array_equal(timed.answer(rows(classes).x), whole.answer(rows(classes).x))


def test_again_boosting_takes_the_rate_that_the_clock_had_left():
    first = fitted("lightgbm", rows(3, ticking(50.0, 0.1)))
    told = dataclasses.replace(rows(3), rounds=first.rounds, rate=first.rate)
    again = fitted("lightgbm", told)
    assert again.rate == first.rate
    np.testing.assert_array_equal(again.answer(told.x), first.answer(told.x))


def test_no_single_ensemble_takes_more_than_its_share():
    clock, done = [0.0], 0
    for target in rows(3, Deadline(50.0, now=lambda: clock[0])).stages(3000):
        clock[0] += 0.25 * (target - done)  # so slow that it learns little in its share
        done = target
    assert clock[0] < 10.0


def test_boosting_ends_where_validation_was_best():
    data = rows(None)
    long = fitted("histgb", data, learning_rate=0.3)
    assert 0 < len(long.trees) < 200
    error = [
        np.mean((network_of(long.first(n))(data.x_valid).numpy()[:, 0] - data.y_valid) ** 2)
        for n in (len(long.trees) // 2, len(long.trees))
    ]
    assert error[1] <= error[0]


def test_little_time_means_few_iterations():
    assert len(fitted("extra_trees", rows(3, Deadline.after(0.01))).trees) <= 50


def test_columns_are_what_they_were_before_they_were_clipped():
    z = np.array([[-1e9, -20.0, -3.0, 0.0, 0.1, 5.0, 19.0, 1e9]])
    back = np.asarray(unclipped(smooth_clip(z.astype("float32"))))
    np.testing.assert_allclose(back, np.clip(z, -20, 20), rtol=1e-4)
    other = np.array([[-40.0, 3.5]], "float32")  # no clip has made these
    np.testing.assert_array_equal(np.asarray(unclipped(other)), other)


def test_scores_of_classes_are_the_mean_of_clipped_and_plain_columns():
    rng = np.random.default_rng(0)
    plain = rng.standard_t(2, size=(300, 3))
    y = (plain @ [1.0, -1.0, 0.5] + rng.normal(size=300) > 0).astype("int32")
    x = np.asarray(smooth_clip(plain.astype("float32")))
    network = solve_linear(x, y, None, (), 2, LinearValues(1.0, "both"))
    far = np.asarray(unclipped(x))
    logits = [
        make_pipeline(step, LogisticRegression()).fit(columns, y).decision_function(columns)
        for step, columns in (("passthrough", x), (StandardScaler(), far))
    ]
    expected = 1 / (1 + np.exp(-np.mean(logits, axis=0)))
    np.testing.assert_allclose(network(x).numpy()[:, 1], expected, atol=2e-3)


def test_linear_is_ridge_with_a_coefficient_for_every_category():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(300, 2)), rng.integers(0, 40, (300, 1))], axis=1).astype(
        "float32"
    )
    y = x[:, 0] * 2 + (x[:, 2] % 2)
    answers = solve_linear(x, y, None, (40,), None, LinearValues(1e-3))(x).numpy()[:, 0]
    assert np.sqrt(np.mean((answers - y) ** 2)) < 0.01


def test_linear_classifies():
    data = rows(3)
    x = np.nan_to_num(data.x)
    network = solve_linear(x, data.y, data.weights, (), 3, LinearValues(1.0))
    assert (network(x).numpy().argmax(axis=1) == data.y).mean() > 0.6


def test_the_space_solves_trees_and_trains_the_rest():
    data = rows(3)
    model = tabular(4, 3, families=("mlp", "extra_trees", "linear"), codes=1)
    view = View(x=data.x, y=data.y, validation=(data.x_valid, data.y_valid))
    hp = keras_tuner.HyperParameters()
    hp.values["family"] = "extra_trees"
    model.build(hp)
    assert "forest_min_leaf" in hp.values and "learning_rate" not in hp.values
    assert model.solve(hp, view, 0, Deadline()).network.output.shape == (None, 3)
    hp = keras_tuner.HyperParameters()
    hp.values["family"] = "mlp"
    model.build(hp)
    assert "learning_rate" in hp.values and "forest_min_leaf" not in hp.values
    assert isinstance(model.method(hp), Steps)


def test_a_library_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(solved, "installed", lambda family: family != "catboost")
    with pytest.raises(SearchSpaceError, match="pip install catboost"):
        tabular(4, 3, families=("catboost",))


def test_lightgbm_stands_for_the_boosting_of_scikit_learn_unless_that_is_named():
    assert "lightgbm" in solved.available() and "histgb" not in solved.available()
    named = tabular(4, 3, families=("histgb", "linear"))
    assert {"family": "histgb"} in named.portfolio


def test_the_boosting_that_is_searched_stands_for_the_baseline():
    usual = tabular(4, 3, families=solved.available())
    assert usual.like_baseline("hist_gradient_boosting") == [{"family": "lightgbm"}]
    named = tabular(4, 3, families=("histgb", "lightgbm"))
    assert named.like_baseline("hist_gradient_boosting") == [{"family": "histgb"}]
    assert tabular(4, 3, families=("mlp",)).like_baseline("linear") == []


def test_the_linear_baseline_itself_is_a_configuration():
    usual = tabular(4, 3, families=solved.available())
    (forest,) = usual.like_baseline("random_forest")
    assert forest == next(c for c in usual.portfolio if c["family"] == "extra_trees")
    first, second = usual.like_baseline("linear")
    assert first == {"family": "linear"}
    assert second == {"family": "linear", **LIKE_BASELINE}
    assert tabular(4, None, families=("linear",)).like_baseline("linear") == [first]
    rng = np.random.default_rng(0)
    plain, kinds = rng.standard_t(3, size=(200, 2)), rng.integers(0, 3, 200)
    y = (plain[:, 0] + kinds + rng.normal(size=200) > 1).astype("int32")
    clipped = np.asarray(smooth_clip(plain.astype("float32")))
    x = np.concatenate([clipped, kinds[:, None].astype("float32")], axis=1)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(second)
    values = solved.declare(hp, "linear", True)
    network = solve_linear(x, y, None, (3,), 2, values)
    design = np.concatenate([StandardScaler().fit_transform(plain), np.eye(3)[kinds]], axis=1)
    expected = LogisticRegression().fit(design, y).predict_proba(design)
    np.testing.assert_allclose(network(x).numpy(), expected, atol=2e-3)
