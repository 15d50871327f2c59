"""Members of an ensemble that are fitted once more, on the rows that they were scored on too."""

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas import artifact
from kerasnas.clock import Budget, Clock, Deadline
from kerasnas.estimators.table_task import prepare
from kerasnas.history import TrialRecord
from kerasnas.problem.given import Given
from kerasnas.results.again import Again
from kerasnas.results.ensemble import Wish
from kerasnas.trial.answers import call
from kerasnas.trial.job import Job, Solved
from kerasnas.trial.networks import hyperparameters

VALUES = {
    "histgb": {"family": "histgb", "histgb_learning_rate": 0.2},
    "extra_trees": {"family": "extra_trees", "forest_trees": 50},
    "linear": {"family": "linear", "linear_penalty": 1.0},
}
TREES = ("histgb", "extra_trees")


def table(rows: int = 300, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    frame["kind"] = rng.choice(["x", "y", "z"], rows)
    y = frame["a"] * (frame["kind"] == "x") + np.sin(2 * frame["b"]) + rng.normal(size=rows) * 0.3
    return frame, y.to_numpy()


def solved(family: str, classify: bool, seconds: float | None = None):
    """A task, what fits members of it again, and the trial that was fitted first."""
    x, y = table()
    targets = np.digitize(y, [-0.5, 0.5]) if classify else y
    task = prepare(Given(x, targets, seed=0), classify=classify).task(tuple(VALUES))
    trial = TrialRecord(3, VALUES[family])
    hp = hyperparameters(trial)
    view = task.problem.view(hp)
    solution = task.hypermodel.solve(hp, view, 5, Deadline())
    job = Job(task.problem.view, (), 0, Clock(seconds))
    known = {"0003": Solved(solution, 2.0)}
    again = Again({"0003": trial}, known, task.hypermodel, job, task.problem.whole, 0.8)
    return task, again, view, solution


def answers(model, task, x):
    inputs = artifact.as_inputs(task.problem.reader.read(x, "x"), artifact.input_dtypes(model))
    return call(model)(inputs).numpy()


@pytest.mark.parametrize("family", list(VALUES))
@pytest.mark.parametrize("classify", [False, True])
def test_a_member_and_its_twin_answer_with_their_mean(family, classify, monkeypatch):
    task, again, view, solution = solved(family, classify)
    twins = []
    fit = task.hypermodel.solve_again

    def spied(hp, rows, seed, first):
        twins.append(fit(hp, rows, seed, first))
        assert len(rows.y) == len(task.problem.rows.train) + len(task.problem.rows.valid) == 300
        return twins[-1]

    monkeypatch.setattr(task.hypermodel, "solve_again", spied)
    model = again({"0003": 1.0})["0003"]
    new, _ = table(50, seed=1)
    each = [answers(view.assemble(one.network), task, new) for one in (solution, *twins)]
    assert len(twins) == (2 if family in TREES else 1)  # a linear model has no seed
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(answers(model, task, new), np.mean(each, axis=0), atol=1e-5)
    if family in TREES:
        assert np.abs(each[1] - each[2]).max() > 1e-3  # another seed
        assert twins[0].rounds == solution.rounds


def test_weights_of_all_rows_are_those_that_the_user_gave():
    x, y = table()
    given = np.linspace(0.5, 3.0, len(y))
    task = prepare(Given(x, y, seed=0, sample_weight=given), classify=False).task(("histgb",))
    whole = task.problem.whole(hyperparameters(TrialRecord(0, VALUES["histgb"])))
    np.testing.assert_allclose(whole.weights, given / given.mean(), rtol=1e-6)
    np.testing.assert_array_equal(whole.y[:, 0], task.problem.rows.head.units.standardise(y)[:, 0])


def test_nothing_is_fitted_again_where_time_is_short_or_nothing_was_solved():
    _, again, _, _ = solved("linear", False, seconds=100.0)
    weights = {"0003": 0.4, "0004": 0.6}
    assert set(again(weights)) == {"0003"}
    building = 2 * again.member_seconds
    again.job.clock.resume(100.0 - building - 1.0)  # fitting took 2 seconds
    assert again(weights) == {}


@pytest.fixture(scope="module")
def fitted():
    """Under a budget of trials, which leaves time for every member on any machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerasnas.estimators.estimator.fits_again", lambda folds, budget: True)
        x, y = table(2100)  # more than are a small table: that has folds
        estimator = kn.TabularRegressor(
            budget=Budget(trials=6), space=("linear", "histgb", "extra_trees"), seed=0, verbose=0
        )
        return estimator.fit(x, y)


def test_an_estimator_says_which_members_were_fitted_again(fitted):
    board = fitted.leaderboard(full=True)
    row = board[board["kind"] == "ensemble"].iloc[0]
    members, again = row["hyperparameters"]["members"], row["hyperparameters"]["fitted_again"]
    assert set(again) == set(members)
    assert fitted.fitted_again
    # The score is that of the members as they were scored, before they saw these rows.
    chosen = fitted.result_.choose_ensemble(Wish(8))
    assert row["val_rmse"] == pytest.approx(chosen.row["val_rmse"])
    assert not fitted.result_.solved
    new, truth = table(400, seed=5)
    inputs = artifact.as_inputs(
        fitted.fitted_.reader.read(new, "x"), artifact.input_dtypes(chosen.model)
    )
    before = call(chosen.model)(inputs).numpy()[:, 0]
    errors = [float(np.sqrt(np.mean((p - truth) ** 2))) for p in (fitted.predict(new), before)]
    assert errors[0] < errors[1]


def test_the_file_answers_as_the_estimator_does(fitted, tmp_path):
    path = tmp_path / "model.keras"
    fitted.save(path)
    new, _ = table(60, seed=5)
    np.testing.assert_allclose(kn.load(path).predict(new), fitted.predict(new), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ({}, True),
        ({"folds": False}, False),
        ({"folds": 3}, False),
        ({"budget": 29}, False),
        ({"budget": Budget(trials=3, seconds=60)}, False),
        ({"ensemble": "5ms"}, False),
        ({"objective": ["val_rmse", "latency_ms"]}, False),
        ({"constraints": (kn.Constraint("params", max=10_000),)}, False),
        ({"validation_data": True}, False),
    ],
)
def test_what_the_user_has_measured_or_held_out_is_what_answers(given, again, monkeypatch):
    given = dict(given)
    held_out = given.pop("validation_data", None)
    jobs = []
    monkeypatch.setattr(
        "kerasnas.estimators.estimator.run", lambda space, job, *_, **__: jobs.append(job)
    )
    estimator = kn.TabularRegressor(
        **{"budget": 60, "space": "linear", "seed": 0, "verbose": 0, **given}
    )
    x, y = table(2500)
    with pytest.raises(AttributeError):  # there is no result
        estimator.fit(x, y, validation_data=(x[:50], y[:50]) if held_out else None)
    assert jobs[0].keeping.again is again
