"""How the time of a search is dealt out."""

from types import SimpleNamespace

import pytest

from kerasnas import Objective
from kerasnas.runner import Tuner
from kerasnas.spaces.recipes import Recipe

ACCURACY, PARAMS = Objective("val_accuracy", "max"), Objective("params", "min")


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [((ACCURACY,), [0.1, 0.5, 0.3, 0.3]), ((ACCURACY, PARAMS), [0.1, 0.1, 0.1, 0.1])],
)
def test_no_trial_of_a_front_takes_most_of_the_time(objectives, expected):
    tuner = SimpleNamespace(job=SimpleNamespace(objectives=objectives))
    recipe = Recipe(32, shares=(0.1, 0.5, 0.3))
    assert [Tuner._share(tuner, recipe, number) for number in range(4)] == expected


def test_without_a_recipe_all_trials_have_the_same_share():
    tuner = SimpleNamespace(job=SimpleNamespace(objectives=(ACCURACY,)))
    assert Tuner._share(tuner, None, 0) == Tuner._share(tuner, None, 9) < 0.5
