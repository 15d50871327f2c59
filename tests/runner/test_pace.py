"""How the time of a search is dealt out."""

import pytest

from kerasnas.runner.pace import share_of
from kerasnas.spaces.recipes import Recipe


@pytest.mark.parametrize(("objectives", "expected"), [(1, [0.1, 0.5, 0.3, 0.3]), (2, [0.1] * 4)])
def test_no_trial_of_a_front_takes_most_of_the_time(objectives, expected):
    recipe = Recipe(32, shares=(0.1, 0.5, 0.3))
    assert [share_of(recipe, number, objectives) for number in range(4)] == expected


def test_without_a_recipe_all_trials_have_the_same_share():
    assert share_of(None, 0, 1) == share_of(None, 9, 1) < 0.5
