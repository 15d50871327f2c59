"""Trees of libraries as Keras graphs: the same answers for every float32 input."""

import warnings

import keras
import lightgbm
import numpy as np
import pytest
import tensorflow as tf
from sklearn import ensemble

from kerasnas.errors import ArtifactError
from kerasnas.spaces.trees import network_of, read_forest, read_hist_gradient_boosting
from kerasnas.spaces.trees import trees as module
from kerasnas.spaces.trees.catboost import read_catboost
from kerasnas.spaces.trees.lightgbm import read_lightgbm
from kerasnas.spaces.trees.trees import below, round_down
from kerasnas.spaces.trees.xgboost import read_xgboost

ROWS = 600
TINY = np.finfo("float32").tiny


def table(seed: int, infinite: bool = True, unseen: bool = True) -> np.ndarray:
    """Values that repeat (ties at thresholds), gaps, infinities, and a column of codes."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(ROWS, 5)), 1).astype("float32")
    x[rng.random(x.shape) < 0.05] = np.nan
    if infinite:
        x[rng.random(x.shape) < 0.02] = np.inf
        x[rng.random(x.shape) < 0.02] = -np.inf
    x[:, 0] = rng.integers(0, 12, ROWS)
    if unseen:
        x[:60, 0] = rng.integers(-4, 60, 60)
        x[60:80, 0] = np.nan
    return x


def targets(kind: str) -> np.ndarray:
    x = table(0)
    signal = np.clip(np.nan_to_num(x[:, 1]), -3, 3) + np.isin(x[:, 0], [1, 3, 8]) * 2
    y = signal + np.random.default_rng(1).normal(size=ROWS) * 0.3
    return {"value": y, "two": (y > 0).astype(int), "three": np.digitize(y, [-0.5, 1.0])}[kind]


def gap(network: keras.Model, library: object, x: np.ndarray) -> float:
    answer = getattr(library, "predict_proba", library.predict)(x).reshape(len(x), -1)
    return float(np.abs(network(tf.constant(x)).numpy() - answer).max())


@pytest.mark.parametrize("categorical", [None, [0]])
@pytest.mark.parametrize("kind", ["value", "two", "three"])
def test_boosting_of_scikit_learn(kind, categorical):
    name = "Regressor" if kind == "value" else "Classifier"
    cls = getattr(ensemble, f"HistGradientBoosting{name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # infinities meet while bins are made
        model = cls(categorical_features=categorical, max_iter=25, random_state=0).fit(
            table(0, unseen=False), targets(kind)
        )
    trees = read_hist_gradient_boosting(model)
    assert bool(trees.sets.columns) == (categorical is not None)
    assert gap(network_of(trees), model, table(7)) < 2e-6


@pytest.mark.parametrize("loss", ["poisson", "gamma", "quantile"])
def test_other_losses_of_boosting(loss):
    more = {"quantile": 0.2} if loss == "quantile" else {}
    x, y = table(0, infinite=False), np.exp(targets("value"))
    model = ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=10, **more).fit(x, y)
    network = network_of(read_hist_gradient_boosting(model))
    assert gap(network, model, table(7, infinite=False)) < 2e-5


@pytest.mark.parametrize("kind", ["value", "two", "three"])
@pytest.mark.parametrize("family", ["ExtraTrees", "RandomForest"])
def test_forests_of_scikit_learn(family, kind):
    cls = getattr(ensemble, f"{family}{'Regressor' if kind == 'value' else 'Classifier'}")
    model = cls(20, max_leaf_nodes=60, random_state=0)
    model.fit(table(0, infinite=False), targets(kind))
    assert gap(network_of(read_forest(model)), model, table(7, infinite=False)) < 2e-6


@pytest.mark.parametrize("categorical", ["auto", [0]])
@pytest.mark.parametrize("kind", ["value", "two", "three"])
def test_lightgbm(kind, categorical):
    cls = lightgbm.LGBMRegressor if kind == "value" else lightgbm.LGBMClassifier
    model = cls(n_estimators=25, verbose=-1, n_jobs=1, min_child_samples=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(table(0), targets(kind), categorical_feature=categorical)
        assert gap(network_of(read_lightgbm(model)), model, table(7)) < 2e-6


def test_trees_of_lightgbm_that_could_not_split():
    x, y = np.zeros((50, 2), "float32"), np.arange(50.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(x, y)
        assert gap(network_of(read_lightgbm(model)), model, x) < 1e-6


def test_numbers_that_lightgbm_takes_for_zero():
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 0.0, 1.0], (300, 1)).astype("float32")
    model = lightgbm.LGBMRegressor(n_estimators=3, verbose=-1, min_child_samples=5)
    model.fit(x, x[:, 0] ** 2 + x[:, 0])
    near = np.float32(1e-35) * np.array([-2, -1, -0.5, 0, 0.5, 1, 2], dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert gap(network_of(read_lightgbm(model)), model, near[:, None]) < 1e-6


@pytest.mark.parametrize("types", [None, ["c", "q", "q", "q", "q"]])
@pytest.mark.parametrize("kind", ["value", "two", "three"])
def test_xgboost(kind, types):
    xgboost = pytest.importorskip("xgboost")
    cls = xgboost.XGBRegressor if kind == "value" else xgboost.XGBClassifier
    model = cls(n_estimators=25, n_jobs=1, enable_categorical=types is not None)
    model.set_params(feature_types=types)
    known = types is not None  # XGBoost refuses codes that it has not seen
    x = table(7, infinite=False, unseen=not known)
    model.fit(table(0, infinite=False, unseen=not known), targets(kind))
    assert gap(network_of(read_xgboost(model)), model, x) < 5e-6


@pytest.mark.parametrize("kind", ["value", "two", "three"])
def test_catboost(kind, tmp_path):
    catboost = pytest.importorskip("catboost")
    cls = catboost.CatBoostRegressor if kind == "value" else catboost.CatBoostClassifier
    model = cls(n_estimators=25, verbose=0, thread_count=1, train_dir=str(tmp_path))
    model.fit(table(0, infinite=False), targets(kind))
    assert gap(network_of(read_catboost(model)), model, table(7, infinite=False)) < 5e-6


def test_a_file_of_trees_needs_plain_keras_only(tmp_path):
    model = ensemble.HistGradientBoostingClassifier(
        categorical_features=[0], max_iter=10, random_state=0
    ).fit(table(0, infinite=False, unseen=False), targets("three"))
    network = network_of(read_hist_gradient_boosting(model))
    network.save(tmp_path / "trees.keras")
    again = keras.models.load_model(tmp_path / "trees.keras")
    x = tf.constant(table(7))
    np.testing.assert_array_equal(again(x), network(x))
    assert "kerasnas" not in network.to_json()


def test_thresholds_keep_every_decision():
    rng = np.random.default_rng(0)
    thresholds = np.concatenate(
        [rng.normal(size=200), [0.0, 1e300, -1e300, np.inf, 1e-45, -1e-45, 0.1, 16_777_217.0]]
    )
    rounded = round_down(thresholds)
    near = rounded[:, None].astype("float32")
    with np.errstate(over="ignore"):
        up = np.nextafter(near, np.float32(np.inf))
        down = np.nextafter(near, np.float32(-np.inf))
    x = np.concatenate([near, up, down, np.zeros_like(near), np.full_like(near, np.inf)], axis=1)
    x[np.abs(x) < TINY] = 0.0
    np.testing.assert_array_equal(x <= near, x.astype("float64") <= thresholds[:, None])


def test_strictly_below_skips_what_tensorflow_counts_as_zero():
    thresholds = np.array([0.0, -0.0, 1.5, -2.0, TINY], dtype="float32")
    assert below(thresholds).tolist() == [-TINY, -TINY, *np.nextafter(thresholds[2:4], -9e9), 0.0]


def test_a_changed_scikit_learn_is_noticed():
    class Stranger:
        n_features_in_ = 2

    with pytest.raises(ArtifactError, match="cannot read"):
        read_hist_gradient_boosting(Stranger())


def test_parameters_are_the_numbers_that_the_trees_hold():
    model = ensemble.ExtraTreesRegressor(3, max_leaf_nodes=8, random_state=0)
    model.fit(table(0, infinite=False), targets("value"))
    nodes = sum(e.tree_.node_count for e in model.estimators_)
    assert network_of(read_forest(model)).count_params() == 5 * nodes


@pytest.mark.parametrize("kind", ["value", "two", "three"])
def test_ensembles_of_folds_are_walked_as_one(kind):
    name = "Regressor" if kind == "value" else "Classifier"
    cls = getattr(ensemble, f"HistGradientBoosting{name}")
    x, y = table(0, infinite=False, unseen=False), targets(kind)
    found = []
    for part in range(3):
        model = cls(categorical_features=[0], max_iter=5 + 5 * part, random_state=0)
        found.append(read_hist_gradient_boosting(model.fit(x[part::3], y[part::3])))
    fresh = tf.constant(table(7))
    mean = np.mean([network_of(one)(fresh).numpy() for one in found], axis=0)
    together = network_of(*found)
    np.testing.assert_allclose(together(fresh).numpy(), mean, atol=2e-6)
    np.testing.assert_allclose(found[1].answer(table(7)), network_of(found[1])(fresh), atol=2e-6)


def test_few_rows_at_a_time_are_answered_as_all_at_once(monkeypatch):
    x, model = table(0), lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trees = read_lightgbm(model.fit(x, targets("three"), categorical_feature=[0]))
    assert trees.sets.columns
    whole = trees.answer(x)
    monkeypatch.setattr(module, "_CELLS", 7 * (x.shape[1] + len(trees.sets.columns)))
    assert np.array_equal(trees.answer(x), whole)
    assert trees.answer(x[:0]).shape == (0, whole.shape[1])
