"""`kerasnas.search`: what is checked before any training, and what it gives back."""

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.data.fingerprint import fingerprint
from kerasnas.errors import ObjectiveError, ProjectMismatchError, SearchFailedError

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")
BUDGET = kn.Budget(trials=2)


def build(hp):
    """Without an `Input`, as much keras-tuner code is written."""
    model = keras.Sequential(
        [
            keras.layers.Dense(hp.Choice("width", [4, 8]), activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_model_without_an_input_is_searched_and_read_back():
    result = kn.search(build, X, Y, objective="val_accuracy", budget=BUDGET, seed=0, verbose=0)
    assert len(result.leaderboard(full=True)) == 2
    assert result.best_model()(X[:3]).shape == (3, 2)
    assert set(result.best_hyperparameters) == {"width"}


def test_an_oracle_with_another_objective_is_refused():
    oracle = kn.oracles.Random(objective="val_accuracy")
    with pytest.raises(ObjectiveError, match=r"\['val_accuracy'\].*\['val_loss'\]"):
        kn.search(build, X, Y, oracle=oracle, budget=BUDGET, seed=0, verbose=0)


def test_a_constraint_on_what_no_trial_logs_ends_the_search_at_the_first_trial():
    limits = [kn.Constraint("val_acuracy", min=0.1)]
    with pytest.raises(ObjectiveError, match=r"`constraints` 'val_acuracy'.*'val_accuracy'\?"):
        kn.search(build, X, Y, constraints=limits, budget=BUDGET, seed=0, verbose=0)


def test_all_failed_names_the_cause_and_the_first_traceback():
    def broken(hp):
        model = build(hp)
        model.layers[0].units = "four"
        return model

    with pytest.raises(SearchFailedError, match="None of the 2 trials") as caught:
        kn.search(broken, X, Y, budget=BUDGET, seed=0, verbose=0)
    assert "Traceback" in str(caught.value)


def test_another_search_in_the_directory_is_refused(tmp_path):
    kn.search(build, X, Y, budget=BUDGET, seed=0, verbose=0, directory=tmp_path)
    with pytest.raises(ProjectMismatchError, match="`seed` is 1, there it is 0"):
        kn.search(build, X, Y, budget=BUDGET, seed=1, verbose=0, directory=tmp_path)


def test_a_search_says_why_it_ended_early_and_what_was_best_before(tmp_path, capsys):
    settings = {"oracle": "random", "seed": 0, "directory": tmp_path}
    kn.search(build, X, Y, budget=kn.Budget(trials=1), **settings)
    assert "ended early" not in capsys.readouterr().err
    kn.search(build, X, Y, budget=kn.Budget(trials=9), **settings)
    said = capsys.readouterr().err
    assert "The search ended early: the search space is exhausted after 2 trials." in said
    result = kn.search(build, X, Y, budget=kn.Budget(trials=9), **settings)
    marked = " *" in said
    assert marked == (result.best_trial.number == 1)


@pytest.mark.parametrize("place", [0, 2_500, 4_999])
def test_every_text_of_a_long_array_counts_in_its_digest(place):
    """NumPy writes an array of more than 1,000 values with dots in the place of the middle."""
    texts = np.array([f"text {i}" for i in range(5_000)], dtype=object)
    other = texts.copy()
    other[place] = "another"
    assert fingerprint(texts) == fingerprint(texts.copy()) != fingerprint(other)


def test_the_same_line_again_repeats_no_trial(tmp_path):
    first = kn.search(build, X, Y, budget=BUDGET, seed=0, verbose=0, directory=tmp_path)
    again = kn.search(build, X, Y, budget=BUDGET, seed=0, verbose=0, directory=tmp_path)
    assert again.leaderboard(full=True).equals(first.leaderboard(full=True))
