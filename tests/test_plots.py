"""Pictures of a search: drawn without a screen, from an estimator or a result."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.errors import ObjectiveError, SchemaError


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"signal": rng.normal(size=150), "noise": rng.normal(size=150)})
    return frame, np.where(frame["signal"] > 0, "up", "down")


@pytest.fixture(scope="module")
def fitted(table):
    estimator = kn.TabularClassifier(
        budget=kn.Budget(trials=4, epochs=10),
        space="mlp",
        folds=False,
        constraints=[kn.Constraint("params", max=10**7)],
        seed=0,
        verbose=0,
    )
    return estimator.fit(*table)


def test_history_shows_every_trial_and_the_baselines(fitted):
    ax = kn.plots.history(fitted)
    assert len(ax.collections[0].get_offsets()) == 4
    assert ax.get_ylabel() == "val_log_loss"
    assert {"majority", "linear"} <= {text.get_text() for text in ax.texts}


def test_the_best_so_far_only_gets_better(fitted):
    course = kn.plots.history(fitted.result_).get_lines()[0].get_ydata()
    assert (np.diff(course) <= 0).all()


def test_the_front_is_that_of_the_leaderboard(fitted):
    ax = kn.plots.pareto_front(fitted, objectives=["val_accuracy", "params"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("params", "val_accuracy")
    points = np.array(ax.get_lines()[0].get_data()).T
    board = fitted.leaderboard(full=True).query("kind == 'trial'")
    for params, accuracy in points:
        better = board[(board["params"] <= params) & (board["val_accuracy"] >= accuracy)]
        assert len(better) == 1 or (better["params"] == params).all()


def test_the_limit_of_a_constraint_is_drawn(fitted):
    ax = kn.plots.pareto_front(fitted)
    assert any(np.allclose(line.get_xdata(), 10**7) for line in ax.get_lines()[1:])


@pytest.mark.parametrize("names", ["params", ["params"], ["params", "nothing_loss"]])
def test_names_that_cannot_be_drawn(fitted, names):
    with pytest.raises(ObjectiveError):
        kn.plots.pareto_front(fitted, objectives=names)


def test_a_picture_can_be_saved(fitted, tmp_path):
    kn.plots.history(fitted).figure.savefig(tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 1000


def test_importance_finds_the_column_that_matters(fitted, table):
    importance = fitted.feature_importance()
    assert importance["feature"].tolist()[0] == "signal"
    assert importance["importance"][0] > 5 * abs(importance["importance"][1])
    again = fitted.feature_importance(*table, repeats=2)
    assert again["feature"].tolist()[0] == "signal"
    ax = kn.plots.importance(importance)
    assert ax.get_xlabel() == "change of log_loss when shuffled"


def test_a_loaded_estimator_needs_rows(fitted, table, tmp_path):
    fitted.save(tmp_path / "model.keras")
    loaded = kn.load(tmp_path / "model.keras")
    with pytest.raises(SchemaError, match=r"feature_importance\(X, y\)"):
        loaded.feature_importance()
    assert len(loaded.feature_importance(*table, repeats=1)) == 2
