"""scikit-learn's own checks, and the parts of its contract that users lean on."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import kerasnas as kn

# Checks that cannot hold, each with the reason.
_HELD_OUT = (
    "rows are held out at random, so that a repeated row may lie on both sides of the split and a "
    "row of weight 2 cannot"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": _HELD_OUT,
    "check_sample_weight_equivalence_on_sparse_data": _HELD_OUT,
}


# What odd data may do to networks.
ON_NETWORKS = ("check_fit2d_1feature", "check_dtype_object", "check_estimators_pickle")


# A dozen formats of one matrix: what is in it, and the penalty that suits it, stays the same.
ON_FORMATS = ("check_estimator_sparse_array", "check_estimator_sparse_matrix")
ONE_PENALTY = [{"family": "linear", "linear_penalty": 1.0, "linear_columns": "clipped"}]


def estimators() -> list[object]:
    """One of each, with the quickest trial that passes the checks on quality."""
    budget = kn.Budget(trials=1, epochs=1)
    return [
        kn.TabularClassifier(budget=budget, space="linear", folds=False, seed=0, verbose=0),
        kn.TabularRegressor(budget=budget, space="linear", folds=False, seed=0, verbose=0),
    ]


@parametrize_with_checks(
    estimators(),
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scikit_learn_check(estimator, check):
    if check.func.__name__ in ON_FORMATS:
        estimator.set_params(initial=ONE_PENALTY)
    check(estimator)


@pytest.mark.parametrize("check", ON_NETWORKS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_networks_pass_it_too(check):
    budget = kn.Budget(trials=1, epochs=1)
    estimator = kn.TabularClassifier(budget=budget, space="mlp", folds=False, seed=0, verbose=0)
    getattr(estimator_checks, check)("TabularClassifier", estimator)
