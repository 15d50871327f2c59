"""Pictures of a search: drawn without a screen, from an estimator or a result."""

import re
from types import SimpleNamespace

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
    assert ax.get_ylabel() == "val_log_loss (lower is better)"
    assert ax.get_title() and ax.get_xlabel() == "trial"
    assert {"majority", "linear"} <= {text.get_text() for text in ax.texts}


def test_the_best_so_far_only_gets_better(fitted):
    course = kn.plots.history(fitted.result_).get_lines()[0].get_ydata()
    assert (np.diff(course) <= 0).all()


def test_the_front_is_that_of_the_leaderboard(fitted):
    ax = kn.plots.pareto_front(fitted, objectives=["val_accuracy", "params"])
    assert ax.get_xlabel() == "params, weights (lower is better)"
    assert ax.get_ylabel() == "val_accuracy (higher is better)"
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
    assert ax.get_xlabel() == "log_loss gets worse by this when the column is shuffled"


def test_a_loaded_estimator_needs_rows(fitted, table, tmp_path):
    fitted.save(tmp_path / "model.keras")
    loaded = kn.load(tmp_path / "model.keras")
    with pytest.raises(SchemaError, match=r"feature_importance\(X, y\)"):
        loaded.feature_importance()
    assert len(loaded.feature_importance(*table, repeats=1)) == 2


def test_a_loaded_estimator_can_be_drawn(fitted, tmp_path):
    fitted.save(tmp_path / "model.keras")
    loaded = kn.load(tmp_path / "model.keras")
    before, after = kn.plots.history(fitted), kn.plots.history(loaded)
    assert np.array_equal(before.collections[0].get_offsets(), after.collections[0].get_offsets())
    assert kn.plots.pareto_front(loaded).get_title()


def board(budget, losses, **more):
    """An estimator as far as a picture needs it."""
    families = ("mlp", "lightgbm")
    rows = [
        {
            "trial_id": f"{n:04d}",
            "kind": "trial",
            "status": "COMPLETED",
            "feasible": True,
            "seconds": 2.0,
            "hyperparameters": {"family": families[n % 2]},
            "val_loss": loss,
        }
        for n, loss in enumerate(losses)
    ]
    baselines = [
        {**rows[0], "trial_id": name, "kind": "baseline", "val_loss": loss}
        for name, loss in more.items()
    ]
    fused = {**rows[0], "trial_id": "ensemble", "kind": "ensemble", "val_loss": 0.05}
    fused["hyperparameters"] = {"members": {"0000": 0.5, "0001": 0.5}}
    fitted = SimpleNamespace(
        rows=[*rows, *baselines, fused], ranked_by=(kn.Objective("val_loss"),), origin=object()
    )
    return SimpleNamespace(fitted_=fitted, budget=budget, constraints=())


def test_seconds_are_counted_where_the_budget_was_of_seconds():
    ax = kn.plots.history(board("1min", [0.3, 0.2, 0.1]))
    assert ax.get_xlabel() == "seconds spent on trials"
    places = np.concatenate([c.get_offsets()[:, 0] for c in ax.collections])
    assert sorted(places) == [2.0, 4.0, 6.0]
    assert kn.plots.history(board("1min", [0.3, 0.2]), by="trial").get_xlabel() == "trial"


def test_families_and_the_ensemble_have_looks_of_their_own():
    ax = kn.plots.history(board(kn.Budget(trials=4), [0.3, 0.2, 0.1, 0.4]))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"mlp", "lightgbm", "best so far", "ensemble of 2"} <= set(labels)
    colours = {tuple(c.get_facecolor()[0]) for c in ax.collections}
    assert len(colours) == 2


def test_the_axis_ends_where_the_interest_ends():
    losses = [0.1 + 0.01 * n for n in range(19)] + [50.0]
    ax = kn.plots.history(board(kn.Budget(trials=20), losses, linear=0.3, mean=9.0))
    low, high = ax.get_ylim()
    assert low < 0.05 and 0.3 < high < 0.5


def test_notebooks_show_what_was_found(fitted):
    for shown in (fitted._repr_html_(), fitted.result_._repr_html_()):
        assert "Answer" in shown and "linear (baseline)" in shown
        assert not re.search(r"\bnan\b|NA&gt;", shown, re.IGNORECASE)
    assert fitted._repr_mimebundle_()["text/html"] == fitted._repr_html_()
    assert "Answer" not in kn.TabularClassifier()._repr_html_()


def test_no_row_says_that_it_has_no_operations(fitted):
    assert not any(row.get("flops") == 0 for row in fitted.fitted_.rows)
