"""Arguments as people write them: names of columns, weights, scorers, splitters, callbacks."""

import functools
import pickle  # noqa: TID251  (users do it)
from dataclasses import replace

import joblib
import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from sklearn import model_selection
from sklearn.utils.class_weight import compute_class_weight

import kerasnas as kn
from kerasnas.data.named_columns import take_columns
from kerasnas.errors import ObjectiveError, SchemaError
from kerasnas.estimators.arguments import settle_columns
from kerasnas.estimators.objective_names import settle_objectives, with_metrics
from kerasnas.problem.given import Given

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
    assert by_name.leaderboard(full=True)["val_log_loss"].iloc[0] == pytest.approx(
        by_array.leaderboard(full=True)["val_log_loss"].iloc[0]
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


@pytest.mark.parametrize(
    "groups",
    [
        [("a", 1), ("a", 2), ("a", 1), ("b", 1)],
        pd.DataFrame({"p": ["a", "a", "a", "b"], "q": [1, 2, 1, 1]}),
        np.array([["a", "1"], ["a", "2"], ["a", "1"], ["b", "1"]]),
    ],
    ids=["tuples", "frame", "matrix"],
)
def test_groups_may_be_told_apart_by_several_values(groups):
    taken = take_columns(np.zeros((4, 2)), [0, 1, 0, 1], None, groups)
    assert list(taken.groups) == [0, 1, 0, 2]


def test_a_missing_group_in_a_list_is_no_group_of_its_own():
    taken = take_columns(np.zeros((4, 2)), [0, 1, 0, 1], None, ["a", np.nan, "a", "b"])
    with pytest.raises(SchemaError, match=r"`groups` has 1 missing values \(first in row 1"):
        rows_of(np.array([0, 1, 0, 1]), groups=taken.groups)


def test_an_index_of_names_names_columns():
    frame = table(12)
    taken = take_columns(frame, frame.columns[5:6], "w", frame.columns[7:9])
    assert list(taken.x) == list("abcde") and np.array_equal(taken.y, frame["y"])
    expected = frame.groupby(["site", "ward"], sort=False).ngroup()
    assert np.array_equal(taken.groups, expected)


@pytest.mark.parametrize(
    "weights",
    [
        ["heavy"] * 20,
        pd.date_range("2024-01-01", periods=20),
        np.ones(20) * 1j,
        pd.array([1, None] * 10, dtype="Float64"),
        [{}] * 20,
        [[1.0], [1.0, 2.0]] * 10,
    ],
    ids=["texts", "dates", "complex", "gaps", "dicts", "lists"],
)
def test_weights_that_are_no_numbers_are_one_sentence(weights):
    with pytest.raises(SchemaError, match=r"^`sample_weight` must hold"):
        rows_of(np.array([0, 1] * 10), sample_weight=weights)


def test_weights_may_be_a_frame_of_one_column():
    weights = pd.DataFrame({"w": np.arange(20.0)})
    found = rows_of(np.array([0, 1] * 10), sample_weight=weights).weights
    assert found.tolist() == list(range(20))


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
    named = Given(frame, "y", seed=0, sample_weight="w", groups="site")
    for given in [(more, "y"), (more, "y", "w"), more, (more, more["y"], "w")]:
        found = settle_columns(replace(named, validation_data=given)).validation_data
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


def rows_of(y, validation=None, **arguments):
    from kerasnas.problem.rows import fit_target, settle_rows

    target = fit_target(y, classify=True, multilabel=True)
    return settle_rows(Given(None, y, seed=0, **arguments), len(y), target, validation)


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
    from kerasnas.problem.given import Validation

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


# Objectives.


def share_of_right(y_true, y_pred):
    return np.mean(y_true == y_pred)


def cost(y_true, y_pred):
    """Ten for a missed 'yes', one for a false one: less is better, and no word says so."""
    missed = (np.asarray(y_true) == "yes") & (np.asarray(y_pred) == "no")
    return float(np.mean(10 * missed + (np.asarray(y_true) != np.asarray(y_pred))))


def confident(y_true, y_proba):
    return float(np.mean(np.where(np.asarray(y_true) == "yes", y_proba, 1 - y_proba)))


def words(target):
    return np.where(np.asarray(target) == 1, "yes", "no")


METRICS = {
    "function": (share_of_right, "share_of_right", "max"),
    "cost": (cost, "cost", "min"),
    "probabilities": (confident, "confident", "max"),
    "scorer": (sklearn.metrics.get_scorer("roc_auc"), "roc_auc_score", "max"),
    "negated": (sklearn.metrics.get_scorer("neg_log_loss"), "neg_log_loss", "max"),
    "made": (
        sklearn.metrics.make_scorer(sklearn.metrics.recall_score, pos_label="yes"),
        "recall_score",
        "max",
    ),
    "recall": (keras.metrics.Recall(), "recall", "max"),
    "sparse": (keras.metrics.SparseCategoricalAccuracy(), "sparse_categorical_accuracy", "max"),
    "f1": (keras.metrics.F1Score(average="macro"), "f1_score", "max"),
    "crossentropy": (keras.metrics.CategoricalCrossentropy(), "categorical_crossentropy", "min"),
    "log loss": (sklearn.metrics.log_loss, "log_loss", "min"),
    "labels": (keras.metrics.Accuracy(name="same"), "same", "max"),
    "overlap": (keras.metrics.MeanIoU(num_classes=2, name="overlap"), "overlap", "max"),
    "partial": (
        functools.partial(sklearn.metrics.fbeta_score, beta=2, pos_label="yes"),
        "fbeta_score",
        "max",
    ),
}


def settled(metric, y, classify=True, weights=None):
    """The scorer and the objective of a task, as `fit` settles them."""
    from kerasnas.estimators.task import Task
    from kerasnas.problem import Problem
    from kerasnas.problem.rows import fit_target, settle_rows

    target = fit_target(y, classify=classify, multilabel=True)
    rows = settle_rows(Given(None, y, seed=0, sample_weight=weights), len(y), target)
    problem = Problem(reader=None, rows=rows, form=None)
    objectives = settle_objectives(metric, classify)
    task, objectives = with_metrics(Task(problem, None, None), objectives)
    return task.problem.scorer(), objectives[0], rows


@pytest.mark.parametrize("kind", METRICS)
def test_a_metric_of_ones_own_is_an_objective(kind):
    metric, name, direction = METRICS[kind]
    y = words(table(80)["y"])
    scorer, objective, rows = settled(metric, y)
    if name == "log_loss":
        assert objective.name == "val_log_loss"
    assert (objective.name, objective.direction) == (f"val_{name}", direction)
    truth = y[rows.valid]
    p = np.random.default_rng(1).uniform(0.1, 0.9, len(truth))
    found = scorer(np.stack([1 - p, p], axis=1))[name]
    said = np.where(p > 0.5, "yes", "no")
    expected = {
        "function": np.mean(truth == said),
        "cost": cost(truth, said),
        "probabilities": confident(truth, p),
        "scorer": sklearn.metrics.roc_auc_score(truth == "yes", p),
        "negated": -sklearn.metrics.log_loss(truth == "yes", p),
        "made": sklearn.metrics.recall_score(truth, said, pos_label="yes"),
        "recall": sklearn.metrics.recall_score(truth, said, pos_label="yes"),
        "sparse": np.mean(truth == said),
        "log loss": sklearn.metrics.log_loss(truth == "yes", p),
        "crossentropy": sklearn.metrics.log_loss(truth == "yes", p),
        "labels": np.mean(truth == said),
        "overlap": sklearn.metrics.jaccard_score(truth, said, average="macro"),
        "partial": sklearn.metrics.fbeta_score(truth, said, beta=2, pos_label="yes"),
    }
    if kind in expected:
        assert found == pytest.approx(expected[kind], rel=1e-5)
    assert np.isfinite(found)


def error_in_percent(y_true, y_pred):
    return float(np.mean(np.abs((y_true - y_pred) / y_true)))


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        (error_in_percent, "min"),
        (sklearn.metrics.get_scorer("neg_mean_absolute_percentage_error"), "max"),
        (sklearn.metrics.get_scorer("explained_variance"), "max"),
        (keras.metrics.MeanAbsolutePercentageError(), "min"),
        (keras.metrics.R2Score(), "max"),
        (lambda y_true, y_pred: -np.max(np.abs(y_true - y_pred)), "max"),
    ],
    ids=["function", "negated", "variance", "keras", "r2", "lambda"],
)
def test_a_metric_of_numbers_finds_its_direction(metric, direction):
    y = np.random.default_rng(0).uniform(1, 5, 60)
    scorer, objective, rows = settled(metric, y, classify=False)
    assert objective.direction == direction
    perfect = scorer(y[rows.valid].reshape(-1, 1))[objective.name.removeprefix("val_")]
    worse = scorer(np.full((len(rows.valid), 1), 3.0))[objective.name.removeprefix("val_")]
    assert (perfect > worse) == (direction == "max")


@pytest.mark.parametrize(
    "own",
    [
        lambda y_true, y_pred_proba: float((y_pred_proba - y_true).sum()),
        lambda y_true, probs: float((probs - y_true).sum()),
        lambda y_true, probabilities: float((probabilities - y_true).sum()),
        lambda y_true, y_scores: float((y_scores - y_true).sum()),
    ],
    ids=["y_pred_proba", "probs", "probabilities", "y_scores"],
)
def test_functions_that_name_probabilities_get_them(own):
    scorer, _, rows = settled(kn.Objective(own, "min"), table(80)["y"].to_numpy())
    p = np.full(len(rows.valid), 0.25)
    expected = (p - rows.targets[rows.valid]).sum()
    assert scorer(np.stack([1 - p, p], axis=1))["own_metric"] == pytest.approx(expected)


def bias(y_true, y_pred):
    """The same of perfect answers and of shuffled ones."""
    return abs(float(np.mean(y_true) - np.mean(y_pred)))


def test_a_direction_that_is_given_need_not_be_found():
    y = np.random.default_rng(0).uniform(1, 5, 60)
    with pytest.raises(ObjectiveError, match="Whether more of `objective` 'bias' is better"):
        settled(bias, y, classify=False)
    assert settled(kn.Objective(bias, "min"), y, classify=False)[1].direction == "min"


def test_a_scorer_that_perfect_answers_have_not_is_maximised():
    y = words(np.arange(300) % 2)
    scorer = sklearn.metrics.get_scorer("positive_likelihood_ratio")
    with pytest.warns(sklearn.exceptions.UndefinedMetricWarning):
        assert settled(scorer, y)[1].direction == "max"


def test_weights_reach_a_metric_of_ones_own():
    y, weights = words(table(80)["y"]), np.linspace(0.1, 3, 80)
    scorer, _, rows = settled(sklearn.metrics.get_scorer("accuracy"), y, weights=weights)
    p = np.random.default_rng(1).uniform(size=len(rows.valid))
    truth, said = y[rows.valid], np.where(p > 0.5, "yes", "no")
    expected = np.average(truth == said, weights=weights[rows.valid])
    assert scorer(np.stack([1 - p, p], axis=1))["accuracy_score"] == pytest.approx(expected)
    with pytest.raises(ObjectiveError, match="takes no `sample_weight`"):
        settled(share_of_right, y, weights=weights)


def test_scorers_of_several_labels_see_the_probabilities_as_they_are():
    rng = np.random.default_rng(0)
    y = (rng.random((90, 3)) < 0.5).astype(int)
    y[:, 0] |= ~y.any(axis=1)
    scorer, _, rows = settled(sklearn.metrics.get_scorer("roc_auc_ovr"), y)
    p = np.clip(0.4 * rows.targets[rows.valid] + rng.uniform(0, 0.6, (len(rows.valid), 3)), 0, 1)
    expected = sklearn.metrics.roc_auc_score(rows.targets[rows.valid], p, average="macro")
    assert scorer(p)["roc_auc_score"] == pytest.approx(expected)


def test_labels_are_no_metric_of_numbers():
    y = np.random.default_rng(0).uniform(1, 5, 60)
    with pytest.raises(ObjectiveError, match="compares labels, and no number is answered exactly"):
        settled(keras.metrics.Accuracy(), y, classify=False)


def broken(y_true, y_pred):
    raise ZeroDivisionError("no such rows")


@pytest.mark.parametrize(
    ("objective", "sentence"),
    [
        ("roc_auc", "Did you mean 'val_auc'"),
        ("val_roc_auc", "Did you mean 'val_auc'"),
        ("val_recall", r"For a metric of your own pass .*get_scorer"),
        ("val_acuracy", "Did you mean 'val_accuracy'"),
        ("categorical_crossentropy", "Did you mean 'val_log_loss'"),
        (keras_tuner.Objective("val_f1_score", "max"), "Did you mean 'val_f1'"),
        (broken, "'broken' cannot be computed for these targets: no such rows"),
        (lambda y_true, y_pred: 1.0, "Whether more .* is better is not known"),
        (lambda y_true, y_pred: [0.5, 0.5], "gives 2 numbers, expected one"),
        (keras.metrics.F1Score(average=None), 'gives 2 numbers.*average="macro"'),
        (7, "`objective` must be the name"),
        ({"val_auc": "max"}, r"received a dict. Write .*Objective\('val_auc', 'max'\)"),
        (keras.losses.BinaryCrossentropy(), r"is a loss of Keras.*keras\.metrics\.Binary"),
        (keras.losses.binary_crossentropy, r"is a loss of Keras.*'val_log_loss'"),
        ([share_of_right, share_of_right], "more than once"),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0][:24],
)
def test_an_objective_that_cannot_be_is_told_before_training(objective, sentence):
    with pytest.raises(ObjectiveError, match=sentence):
        settled(objective, words(table(40)["y"]))


@pytest.mark.parametrize("name", ["val_mape", "val_mse", "mse", "neg_mean_absolute_error"])
def test_near_names_of_metrics_of_numbers_are_suggested(name):
    near = "val_mae" if "absolute" in name or "mape" in name else "val_rmse"
    with pytest.raises(ObjectiveError, match=f"Did you mean '{near}'"):
        settle_objectives(name, classify=False)


@pytest.mark.parametrize(
    "objective",
    [
        keras_tuner.Objective("val_loss", "min"),
        kn.Objective("val_loss", "min"),
        "val_loss",
        None,
        keras_tuner.Objective("val_log_loss", "min"),
    ],
)
def test_objectives_of_keras_tuner_are_taken(objective):
    (found,) = settle_objectives(objective, classify=True)
    assert (found.name, found.direction) == ("val_log_loss", "min")


def test_a_search_asks_for_names():
    with pytest.raises(ObjectiveError, match="must name what the model logs"):
        kn.search(lambda hp: None, np.zeros((4, 1)), np.zeros(4), objective=share_of_right)


@pytest.fixture(scope="module")
def by_cost():
    """A classifier that is chosen by a function."""
    frame = table(120)
    x, y = frame[list("abcde")], words(frame["y"])
    arguments = {**QUICK, "budget": kn.Budget(trials=2, epochs=2), "folds": False}
    return kn.TabularClassifier(**arguments, objective=kn.Objective(cost, "min")).fit(x, y)


def test_the_leaderboard_is_ranked_by_a_metric_of_ones_own(by_cost):
    board = by_cost.leaderboard(full=True)
    trials = board[(board["kind"] == "trial") & (board["status"] == "COMPLETED")]
    assert (trials["val_cost"].diff().dropna() >= 0).all()
    assert board[board["kind"] == "baseline"]["val_cost"].notna().all()


# Folds.

GROUPS = np.repeat(np.arange(12), 5)
HALF = np.arange(60) < 30


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")  # as scikit-learn says
@pytest.mark.parametrize(
    ("folds", "held", "times"),
    [
        (model_selection.KFold(3), 60, 1),
        (model_selection.StratifiedKFold(4, shuffle=True, random_state=0), 60, 1),
        (model_selection.TimeSeriesSplit(5), 50, 1),
        (model_selection.GroupKFold(3), 60, 1),
        (model_selection.LeaveOneGroupOut(), 60, 1),
        (model_selection.RepeatedKFold(n_splits=2, n_repeats=2, random_state=0), 60, 2),
        (model_selection.ShuffleSplit(3, test_size=20, random_state=0), None, None),
        (model_selection.PredefinedSplit(np.arange(60) % 3 - 1), 40, 1),
        ([(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))], 60, 1),
        ([(HALF, ~HALF), (~HALF, HALF)], 60, 1),
        ([([0, 1, 2, 3], [4, 5]), ([0, 1], [2, 3])], 4, 1),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int | None) else "",
)
def test_folds_of_scikit_learn_and_pairs_of_indices(folds, held, times):
    from kerasnas.clock import Budget
    from kerasnas.estimators.folds import parse_folds

    y = np.arange(60) % 2
    count = parse_folds(folds, Budget(trials=1), 0.0)
    rows = rows_of(y, groups=GROUPS, count_folds=count)
    expected = (
        list(folds.split(np.zeros((60, 1)), y, GROUPS)) if not isinstance(folds, list) else folds
    )
    assert len(rows.parts) == len(expected)
    for (train, valid), pair in zip(rows.parts, expected, strict=True):
        ids = [np.flatnonzero(p) if np.asarray(p).dtype == bool else np.sort(p) for p in pair]
        assert np.array_equal(train, ids[0])
        assert np.array_equal(valid, ids[1])
    if held is not None:
        assert len(np.unique(rows.valid)) == held
        assert len(rows.valid) == held * times
    answers = [rows.targets[valid] for _, valid in rows.parts]
    assert np.array_equal(rows.joined(answers), rows.targets[rows.valid])


@pytest.mark.parametrize(
    ("folds", "sentence"),
    [
        ([([0, 1, 2], [2, 3]), ([0], [1])], r"`folds\[0\]` trains on 1 rows.*first: row 2"),
        ([([0, 1], [99]), ([0], [1])], r"names the row 99, but `x` has 60 rows"),
        ([([0, 1], []), ([0], [1])], r"`folds\[0\]` must be two arrays|0 to validate on"),
        ([([0.5], [1.5]), ([0], [1])], r"`folds\[0\]` must be two arrays"),
        (model_selection.KFold(90), "cannot split these rows"),
        (
            model_selection.PredefinedSplit(np.arange(50) % 3),
            "names the folds of 50 rows, but `x` has 60 rows",
        ),
    ],
)
def test_folds_that_do_not_fit_are_told(folds, sentence):
    from kerasnas.clock import Budget
    from kerasnas.estimators.folds import parse_folds

    with pytest.raises(SchemaError, match=sentence):
        rows_of(np.arange(60) % 2, count_folds=parse_folds(folds, Budget(trials=1), 0.0))


def test_a_metric_of_ones_own_gets_all_numbers_of_a_row():
    def off(y_true, y_pred):
        assert y_true.shape == y_pred.shape == (len(y_true), 2)
        return float(np.abs(y_true - y_pred).mean())

    x = table(40)[list("abcde")]
    found = kn.TabularRegressor(**QUICK, objective=off).fit(x, x[["a", "b"]])
    assert found.leaderboard()["val_off"].notna().all()


def test_a_splitter_that_needs_groups_says_so():
    x, y = table(40)[list("abcde")], table(40)["y"]
    with pytest.raises(SchemaError, match=r"`folds=GroupKFold.*groups"):
        kn.TabularClassifier(**QUICK, folds=model_selection.GroupKFold(3)).fit(x, y)
    with pytest.raises(SchemaError, match="exclude each other"):
        kn.TabularClassifier(**QUICK, folds=model_selection.KFold(3)).fit(
            x, y, validation_data=(x, y)
        )
    with pytest.raises(kn.errors.SearchSpaceError, match=r"read once.*list"):
        kn.TabularClassifier(**QUICK, folds=iter([([0], [1])])).fit(x, y)
    with pytest.raises(kn.errors.SearchSpaceError, match=r"a splitter such as"):
        kn.TabularClassifier(**QUICK, folds=model_selection.KFold).fit(x, y)


@pytest.mark.parametrize("without", ["nothing", "rows for intervals", "broken rows"])
def test_folds_that_name_their_rows_keep_to_them(without):
    from kerasnas.problem.given_folds import GivenFolds, folds_of_kept

    fold_of, y, kept = np.arange(60) % 3 - 1, np.arange(60) % 2, np.arange(60)
    folds = GivenFolds(model_selection.PredefinedSplit(fold_of))
    how = {"calibration": lambda count: 20} if without == "rows for intervals" else {}
    if without == "broken rows":
        kept = np.arange(5, 60)
        folds = folds_of_kept(folds, kept, 60)
    rows = rows_of(y[kept], count_folds=folds, **how)
    held = [fold_of[kept[valid]] for _, valid in rows.parts]
    assert [set(fold.tolist()) for fold in held] == [{0}, {1}]
    assert not {0} & set(fold_of[kept[rows.parts[0][0]]].tolist())


def test_calibration_rows_are_in_no_fold_of_the_user():
    from kerasnas.problem.given_folds import GivenFolds

    pairs = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]
    for how in (pairs, model_selection.KFold(3)):
        rows = rows_of(np.arange(60) % 2, count_folds=GivenFolds(how), calibration=lambda count: 20)
        used = {int(row) for part in rows.parts for ids in part for row in ids}
        assert len(rows.calibration) == 20
        assert not used & set(rows.calibration.tolist())
        assert len(used) == 40


@pytest.mark.parametrize(
    ("folds", "space"),
    [
        (model_selection.TimeSeriesSplit(3), "mlp"),
        (model_selection.RepeatedKFold(n_splits=2, n_repeats=2, random_state=0), "linear"),
    ],
    ids=["time", "repeated"],
)
def test_a_fit_on_folds_of_scikit_learn(folds, space):
    frame = table(90)
    arguments = {**QUICK, "space": space, "folds": folds}
    clf = kn.TabularClassifier(**arguments).fit(frame[list("abcde")], frame["y"])
    board = clf.leaderboard(full=True)
    trial = board[board["kind"] == "trial"].iloc[0]
    assert trial["status"] == "COMPLETED"
    assert np.isfinite(trial["val_log_loss"])
    assert clf.predict(frame[list("abcde")]).shape == (90,)


def test_a_directory_knows_its_split(tmp_path):
    x, y = table(60)[list("abcde")], table(60)["y"]
    arguments = {**QUICK, "directory": tmp_path, "space": "linear"}
    kn.TabularClassifier(**arguments, folds=model_selection.KFold(3)).fit(x, y)
    again = kn.TabularClassifier(**arguments, folds=model_selection.KFold(3)).fit(x, y)
    assert len(again.result_.history.scored()) == 1
    other = model_selection.KFold(3, shuffle=True, random_state=0)
    with pytest.raises(kn.errors.ProjectMismatchError, match="`split`"):
        kn.TabularClassifier(**arguments, folds=other).fit(x, y)
    with pytest.raises(kn.errors.ProjectMismatchError, match="`batch_size`"):
        kn.TabularClassifier(**arguments, folds=model_selection.KFold(3)).fit(x, y, batch_size=16)


# Objects that go elsewhere.


@pytest.mark.parametrize("name", [n for n in kn.oracles.STRATEGIES if n != "auto"])
def test_an_oracle_goes_through_pickle(name):
    from kerasnas import oracles

    oracle = oracles.create(name)
    again = pickle.loads(pickle.dumps(oracle))
    assert type(again) is type(oracle)
    assert again.describe() == oracle.describe()


def test_an_estimator_with_an_oracle_goes_through_joblib(tmp_path):
    x, y = table(60)[list("abcde")], table(60)["y"]
    oracle = kn.oracles.Evolution(population=4)
    arguments = {**QUICK, "space": "linear", "folds": False, "oracle": oracle}
    clf = kn.TabularClassifier(**arguments).fit(x, y)
    joblib.dump(clf, tmp_path / "clf.joblib")  # noqa: TID251  (users do it)
    again = joblib.load(tmp_path / "clf.joblib")  # noqa: TID251
    assert np.allclose(again.predict_proba(x), clf.predict_proba(x), atol=1e-6)
    assert isinstance(again.oracle, kn.oracles.Evolution)


def test_callbacks_of_keras_find_a_loss_of_validation(tmp_path):
    frame = table(60)
    path = tmp_path / "log.csv"
    callbacks = [
        keras.callbacks.EarlyStopping(patience=1),
        keras.callbacks.ReduceLROnPlateau(),
        keras.callbacks.CSVLogger(path),
    ]
    arguments = {**QUICK, "budget": kn.Budget(trials=2, epochs=2), "folds": 2}
    kn.TabularClassifier(**arguments).fit(frame[list("abcde")], frame["y"], callbacks=callbacks)
    logs = sorted(tmp_path.iterdir())
    assert len(logs) > 1
    for log in logs:
        found = pd.read_csv(log)
        assert found["val_loss"].equals(found["val_log_loss"])


def test_a_table_of_another_library_is_converted_once():
    class Foreign:
        def __init__(self, frame):
            self.frame, self.column_names, self.conversions = frame, list(frame.columns), 0

        def to_pandas(self):
            self.conversions += 1
            return self.frame

    frame = pd.DataFrame({"a": [1.0, 2.0], "y": [0, 1], "w": [1, 1], "site": [3, 4]})
    table = Foreign(frame)
    named = Given(table, "y", seed=0, sample_weight="w", groups="site")
    found = settle_columns(named)
    assert table.conversions == 1 and list(found.x) == ["a"]
    assert settle_columns(Given(table, np.array([0, 1]), seed=0)).x is table
