"""A metric of one's own with several targets, and with the outputs of an `AutoModel`."""

import keras
import numpy as np
import pytest
from sklearn.metrics import get_scorer

import kerasnas as kn
from kerasnas.errors import ObjectiveError

X = np.random.default_rng(0).normal(size=(120, 3))
Y = np.stack([10 * X[:, 0], X[:, 1] + 5], axis=1)


def worst_target(y_true, y_pred):
    return float(np.abs(y_true - y_pred).mean(axis=0).max())


@pytest.mark.parametrize(
    ("objective", "better"),
    [
        (worst_target, "min"),
        (get_scorer("neg_mean_absolute_error"), "max"),
        (keras.metrics.MeanAbsoluteError(), "min"),
    ],
    ids=["function", "scorer", "keras"],
)
def test_a_metric_sees_all_targets_at_once(objective, better):
    found = kn.TabularRegressor(
        objective=objective,
        budget=kn.Budget(trials=1, epochs=2),
        space="linear",
        folds=False,
        ensemble=False,
        seed=0,
        verbose=0,
    ).fit(X, Y, validation_data=(X, Y))
    main = found.fitted_.ranked_by[0]
    row = found.leaderboard(full=True).set_index("trial_id").loc["0000"]
    answers = found.predict(X, model="0000")
    by_hand = worst_target(Y, answers) if objective is worst_target else np.abs(Y - answers).mean()
    assert main.direction == better
    assert abs(row[main.name]) == pytest.approx(by_hand, rel=1e-4)


def test_outputs_of_an_auto_model_refuse_it_before_they_read_anything():
    x = kn.TensorInput(name="x")
    z = kn.DenseBlock()(x)
    auto = kn.AutoModel(
        [x], {"a": kn.RegressionHead()(z), "b": kn.RegressionHead()(z)}, objective=worst_target
    )
    with pytest.raises(ObjectiveError, match="val_a_rmse"):
        auto.fit(None, None)
