"""scikit-learn's own checks, and the parts of its contract that users lean on."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import kerasnas as kn

# Checks that cannot hold, each with the reason.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows are held out at random and steps take batches in a random order, so that a repeated "
        "row and a row of weight 2 train on different batches"
    ),
}


def estimators() -> list[object]:
    """One of each, with as little training as the checks on quality allow."""
    budget = kn.Budget(trials=1, epochs=12)
    return [
        kn.TabularClassifier(budget=budget, seed=0, verbose=0),
        kn.TabularRegressor(budget=budget, seed=0, verbose=0),
    ]


@parametrize_with_checks(
    estimators(),
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scikit_learn_check(estimator, check):
    check(estimator)
