"""Arguments as people write them: names of columns, weights, scorers, splitters, callbacks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_class_weight

import kerasnas as kn
from kerasnas.data.named_columns import take_columns
from kerasnas.errors import SchemaError
from kerasnas.estimators.arguments import settle_columns

# The columns that `fit` was told to take out are in the tables of `predict` and `evaluate` as well.
pytestmark = pytest.mark.filterwarnings("ignore:`x` has .* did not see in fit")

QUICK = {"budget": kn.Budget(trials=1, epochs=2), "seed": 0, "verbose": 0, "space": "mlp"}


def table(rows=200):
    """A table of five numbers, its target, weights and groups."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 5))
    frame = pd.DataFrame(x, columns=list("abcde"))
    frame["y"] = (x[:, 0] + x[:, 1] > 0).astype(int)
    frame["w"] = rng.uniform(0.5, 2.0, rows)
    frame["site"] = rng.integers(0, 20, rows)
    frame["ward"] = rng.integers(0, 3, rows)
    return frame


@pytest.fixture(scope="module")
def by_name():
    """A classifier whose target, weights and groups are named columns of the table."""
    return kn.TabularClassifier(**QUICK).fit(table(), "y", sample_weight="w", groups="site")


@pytest.fixture(scope="module")
def by_array():
    """The same, given as arrays."""
    frame = table()
    return kn.TabularClassifier(**QUICK).fit(
        frame[[*"abcde", "ward"]],
        frame["y"].to_numpy(),
        sample_weight=frame["w"].to_numpy(),
        groups=frame["site"].to_numpy(),
    )


def test_named_weights_and_groups_are_no_features(by_name):
    assert list(by_name.feature_names_in_) == [*"abcde", "ward"]


def test_names_of_columns_mean_what_their_arrays_mean(by_name, by_array):
    frame = table()
    assert np.array_equal(by_name.predict_proba(frame), by_array.predict_proba(frame))
    assert by_name.leaderboard()["val_log_loss"].iloc[0] == pytest.approx(
        by_array.leaderboard()["val_log_loss"].iloc[0]
    )


def test_evaluate_and_score_take_names(by_name):
    frame = table()
    named = by_name.evaluate(frame, "y", sample_weight="w")
    arrays = by_name.evaluate(frame, frame["y"], sample_weight=frame["w"].to_numpy())
    assert named == arrays
    assert named != by_name.evaluate(frame, "y")
    assert by_name.score(frame, "y") == by_name.evaluate(frame, "y")["accuracy"]
    assert by_name.score(frame, "y", sample_weight="w") == pytest.approx(named["accuracy"])


def test_feature_importance_takes_the_name_of_the_target(by_name):
    frame = table(60)
    importance = by_name.feature_importance(frame, "y", repeats=1)
    assert set(importance["feature"]) <= {*"abcde", "ward"}


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (range(6), 5),
        (range(6), np.int64(5)),
        (["a", "b", "c", "d", "e", 5], 5),
        (pd.MultiIndex.from_product([["x", "y"], ["p", "q", "r"]]), ("y", "r")),
        (list("abcdef"), ["f"]),
        ([0.5, 1.5, 2.5, 3.5, 4.5, "f"], "f"),
    ],
    ids=["integer", "numpy", "mixed", "tuple", "list", "floats"],
)
def test_a_target_has_a_name_of_any_type(labels, name):
    frame = pd.DataFrame(np.arange(60.0).reshape(10, 6), columns=labels)
    taken = take_columns(frame, name)
    assert taken.x.shape == (10, 5)
    assert np.array_equal(taken.y, frame.to_numpy()[:, 5])


@pytest.mark.parametrize("kind", ["dict", "rows", "polars", "arrow"])
def test_names_work_in_every_kind_of_table(kind):
    frame = table(12)
    if kind == "dict":
        x = {name: frame[name].to_numpy() for name in frame}
    elif kind == "rows":
        x = frame.to_dict("records")
    elif kind == "polars":
        x = pytest.importorskip("polars").DataFrame({n: frame[n].to_numpy() for n in frame})
    else:
        x = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    taken = take_columns(x, "y", "w", ["site", "ward"])
    assert np.array_equal(taken.y, frame["y"])
    assert np.array_equal(taken.weights, frame["w"])
    expected = frame.groupby(["site", "ward"], sort=False).ngroup()
    assert np.array_equal(taken.groups, expected)
    assert sorted(taken.x) == list("abcde")


def test_several_targets_are_a_frame():
    frame = table(12)
    taken = take_columns(frame, ["y", "ward"])
    assert list(taken.y.columns) == ["y", "ward"]
    assert list(taken.x.columns) == [*"abcde", "w", "site"]


def test_labels_that_look_like_names_stay_labels():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert take_columns(frame, ["a", "b"]).y == ["a", "b"]


def test_validation_data_have_the_columns_that_are_named():
    frame, more = table(50), table(30)
    arrays = (more[[*"abcde", "ward"]], more["y"], more["w"])
    for given in [(more, "y"), (more, "y", "w"), more, (more, more["y"], "w")]:
        found = settle_columns(frame, "y", "w", "site", given).validation_data
        assert list(found[0].columns) == [*"abcde", "ward"]
        for mine, expected in zip(found, arrays, strict=True):
            assert np.array_equal(mine, expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"y": "Y"}, "`y` names the column `Y`.*did you mean `y`"),
        ({"y": 7}, "`y` names the column `7`"),
        ({"y": "y", "sample_weight": "W"}, "`sample_weight` names.*did you mean `w`"),
        ({"y": "y", "groups": "sites"}, "`groups` names.*did you mean `site`"),
        ({"y": "y", "groups": ["site", "wart"]}, "`groups` names.*did you mean `ward`"),
        ({"y": "y", "sample_weight": ["w", "a"]}, "`sample_weight` names the columns"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_near_one(arguments, words):
    with pytest.raises(SchemaError, match=words):
        kn.TabularClassifier(**QUICK).fit(table(20), **arguments)


def test_a_name_without_a_table_is_told():
    with pytest.raises(SchemaError, match=r"`groups` is the column name 'site'.*no column names"):
        kn.TabularClassifier(**QUICK).fit(np.zeros((4, 2)), [0, 1, 0, 1], groups="site")


def rows_of(y, **arguments):
    from kerasnas.problem.rows import fit_target, settle_rows

    target = fit_target(y, classify=True, multilabel=True)
    return settle_rows(y, len(y), target, seed=0, **arguments)


@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [False, True], [3, 5, 9]])
def test_balanced_class_weights_are_those_of_scikit_learn(labels):
    shares = np.arange(1, len(labels) + 1)
    y = np.random.default_rng(0).choice(labels, 90, p=shares / shares.sum())
    found = rows_of(y, class_weight="balanced")
    classes = np.unique(y)
    balanced = compute_class_weight("balanced", classes=classes, y=y)
    expected = dict(zip(classes, balanced, strict=True))
    assert np.allclose(found.weights, [expected[label] for label in y])
    weights = np.arange(90.0)
    both = rows_of(y, class_weight="balanced", sample_weight=weights)
    assert np.allclose(both.weights, found.weights * weights)


def test_balanced_weights_count_the_rows_of_fit_alone():
    from kerasnas.problem.rows import Validation

    y = np.array([0] * 30 + [1] * 10)
    found = rows_of(y, class_weight="balanced", validation=Validation(None, np.ones(60, int)))
    assert np.allclose(np.unique(found.weights), [40 / 60, 40 / 20])


@pytest.mark.parametrize(
    "weight",
    [
        {0: -1, 1: 2},
        {0: 0, 1: 0},
        {0: np.nan},
        {0: np.inf},
        {0: "heavy"},
        {0: None},
        [1, 2],
        np.array([1.0, 2.0]),
        "balance",
        "01",
        2.0,
        {2: 1.0},
        {"0": 1.0},
    ],
    ids=str,
)
def test_class_weights_that_cannot_be_are_one_sentence(weight):
    with pytest.raises(SchemaError, match=r"^`class_weight`"):
        rows_of(np.array([0, 1] * 10), class_weight=weight)


@pytest.mark.parametrize("estimator", ["TextClassifier", "ImageClassifier"])
def test_class_weights_are_checked_in_every_modality(estimator):
    x = ["good film", "bad film"] * 10 if estimator == "TextClassifier" else np.zeros((20, 8, 8))
    quick = {k: v for k, v in QUICK.items() if k != "space"}
    with pytest.raises(SchemaError, match=r"^`class_weight`"):
        getattr(kn, estimator)(**quick).fit(x, [0, 1] * 10, class_weight={0: -1, 1: 2})
