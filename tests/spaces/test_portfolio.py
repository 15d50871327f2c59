"""The shipped order of first configurations, and the script that learns it."""

import importlib.util
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from kerasnas.spaces import tabular
from kerasnas.spaces.networks import FAMILIES
from kerasnas.spaces.solved import available

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "portfolio.py"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("portfolio", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_file_is_what_the_script_learnt(script):
    path = files("kerasnas.spaces") / "portfolios" / "tabular.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    learnt = content["configurations"]
    known = {values["family"] for values in script.CANDIDATES}
    assert script.LENGTH <= len(learnt) <= script.LENGTH + len(known)
    assert len({script.key(values) for values in learnt}) == len(learnt)
    assert all(values in script.CANDIDATES for values in learnt)
    assert content["learnt_from"]["candidates"] >= 20
    assert set(content["learnt_from"]["tables"]) <= set(script.TABLES)
    assert {values["family"] for values in learnt} == known


def test_all_families_together_start_with_it():
    families = [*FAMILIES, *available()]
    portfolio = tabular(9, 2, families=families).portfolio
    assert len(portfolio) >= 10
    assert all(values["family"] in families for values in portfolio)
    assert len({values["family"] for values in portfolio[:3]}) >= 2


def test_what_is_fitted_in_seconds_comes_first_where_time_is_short():
    families = [*FAMILIES, *available()]
    usual = tabular(9, 2, families=families).portfolio
    hurried = tabular(9, 2, families=families, solved_first=True).portfolio
    places = [values["family"] in available() for values in hurried]
    assert places == sorted(places, reverse=True)
    assert [v for v in hurried if v["family"] in FAMILIES] == [
        v for v in usual if v["family"] in FAMILIES
    ]


def test_regret_is_none_for_the_best_and_one_for_the_median(script):
    regret = script.regrets(np.array([[1.0, 2.0, 3.0, np.nan, 90.0], [5, 5, 5, 5, 5]]))
    assert regret[0].tolist() == [0, 0.5, 1, 3, 3]
    assert regret[1].tolist() == [0, 0, 0, 0, 0]


def test_each_next_one_helps_most_beside_those_before(script):
    # The first is good everywhere; the third is bad alone and best where the first is worst.
    regret = np.array([[0.2, 0.3, 3.0, 0.3], [0.2, 0.3, 3.0, 0.3], [0.8, 0.7, 0.0, 0.9]])
    # Then none helps any more: a second round begins with the best of the others.
    assert script.greedy(regret, 4) == [0, 2, 1, 3]
    assert script.greedy(regret, 2) == [0, 2]
    assert script.reached(regret[2], [0, 2, 1]).tolist() == [0.8, 0.0, 0.0]


def test_candidates_are_distinct_and_of_all_families(script):
    keys = [script.key(values) for values in script.CANDIDATES]
    assert len(set(keys)) == len(keys) >= 20
    assert {values["family"] for values in script.CANDIDATES} >= {*FAMILIES, "histgb", "linear"}
    assert all(0 <= place < len(keys) for place in script.BY_HAND)
