"""The shipped order of first configurations, and the script that learns it."""

import importlib.util
import json
from importlib.resources import files
from pathlib import Path

import keras_tuner
import numpy as np
import pytest

from kerasnas.estimators.table_task import _order
from kerasnas.spaces import tabular
from kerasnas.spaces.networks import FAMILIES
from kerasnas.spaces.solved import available
from kerasnas.spaces.trees import TREE_FAMILIES

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "portfolio.py"


def loaded(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    return loaded(SCRIPT)


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


def test_a_small_table_begins_with_the_linear_model():
    families = [*FAMILIES, *available()]
    usual = tabular(9, 2, families=families).portfolio
    simple = tabular(9, 2, families=families, order="simple_first").portfolio
    assert simple[0] == {"family": "linear"}
    assert simple[1:] == [values for values in usual if values != {"family": "linear"}]
    quick = tabular(9, 2, families=families, order="quick_first").portfolio
    both = tabular(9, 2, families=families, order="simple_quick_first").portfolio
    assert both[0] == {"family": "linear"}
    assert both[1:] == [values for values in quick if values != {"family": "linear"}]


def test_what_is_fitted_in_seconds_comes_first_among_the_best():
    families = [*FAMILIES, *available()]
    space = tabular(9, 2, families=families, order="quick_first")
    usual, quick_first = tabular(9, 2, families=families).portfolio, space.portfolio
    first = space.turns_after
    assert quick_first[first:] == usual[first:]
    quick = [values["family"] in available() for values in quick_first[:first]]
    assert quick == sorted(quick, reverse=True) and any(quick) and not all(quick)
    for some in (FAMILIES, available()):  # each kind keeps its order
        assert [v for v in quick_first[:first] if v["family"] in some] == [
            v for v in usual[:first] if v["family"] in some
        ]


def test_a_few_families_are_not_taken_for_a_hurry():
    orders = [
        tabular(9, 2, families=available(), order=o).portfolio for o in ("learnt", "quick_first")
    ]
    assert orders[0] == orders[1]  # all of them are quick


def test_in_a_hurry_the_slow_ones_wait_for_the_first_network():
    families = [*FAMILIES, *available()]
    usual = tabular(9, 2, families=families).portfolio
    hurried = tabular(9, 2, families=families, order="hurried").portfolio
    assert sorted(map(str, hurried)) == sorted(map(str, usual))
    network = next(i for i, c in enumerate(hurried) if c["family"] in FAMILIES)
    before, after = hurried[:network], hurried[network + 1 :]
    assert {"linear", "lightgbm"} <= {c["family"] for c in before}
    assert all(c.get("lightgbm_leaves", 31) > 8 for c in before)
    later = {c["family"] for c in after}
    assert "extra_trees" in later and any(c.get("lightgbm_leaves") == 8 for c in after)
    networks = [c for c in hurried if c["family"] in FAMILIES]
    assert networks == [c for c in usual if c["family"] in FAMILIES]


def test_with_many_classes_networks_and_trees_take_turns():
    families = [*FAMILIES, *available()]
    usual = tabular(9, 30, families=families).portfolio
    turns = tabular(9, 30, families=families, order="many_classes").portfolio
    assert sorted(map(str, turns)) == sorted(map(str, usual))
    assert turns[0] == {"family": "linear"}
    assert [c["family"] in FAMILIES for c in turns[1:7]] == [True, False] * 3
    networks = [c for c in turns if c["family"] in FAMILIES]
    assert networks == [c for c in usual if c["family"] in FAMILIES]
    assert _order(8_000, 60.0, 26) == "many_classes"
    assert _order(8_000, 60.0, 2) == _order(8_000, 60.0) == "hurried"


def errors(script, *scales, seed=0):
    """A table of values: candidates whose errors are independent and of these sizes."""
    rng = np.random.default_rng(seed)
    return script.Table(np.array(scales)[:, None] * rng.normal(size=(len(scales), 200)), True)


def test_regret_is_none_for_the_best_and_one_for_the_median(script):
    table = errors(script, 1.0, 2.0, 3.0, 50.0, 60.0)
    alone = script.losses(table.parts, True)
    assert table.regret([0]) == 0
    assert table.regret([2]) == pytest.approx(1)
    assert table.regret([1]) == pytest.approx((alone[1] - alone[0]) / (alone[2] - alone[0]))
    assert table.regret([3]) == table.regret([4]) == 3


def test_an_ensemble_may_be_better_than_the_best_candidate(script):
    table = errors(script, 1.0, 1.05, 1.1, 9.0, 9.0)
    assert table.regret([0, 1]) < 0
    assert table.regret([0, 1, 2]) < table.regret([0, 1])
    # Weights are chosen on other rows than the loss is taken of: a bad one does not get in.
    assert table.regret([0, 3]) == pytest.approx(0, abs=0.05)


def test_losses_are_those_of_the_field(script):
    from sklearn.metrics import log_loss

    p = np.random.default_rng(0).uniform(0.1, 0.9, size=50)
    expected = log_loss(np.ones(50), np.stack([1 - p, p], axis=1), labels=[0, 1])
    assert script.losses(p, False) == pytest.approx(expected)
    assert script.losses(np.array([[3.0, -4.0]]), True).tolist() == [np.sqrt(12.5)]


def test_each_next_one_helps_most_beside_those_before(script, monkeypatch):
    monkeypatch.setattr(script, "CANDIDATES", range(4))
    # The second is nearly the first; the third is worse alone, but errs elsewhere.
    rng = np.random.default_rng(0)
    first, other = rng.normal(size=(2, 200))
    parts = np.stack([first, first * 1.01, other * 1.3, other * 1.31 + first])
    tables = [script.Table(parts, True)]
    assert script.greedy(tables, 2) == [0, 2]
    # No other one helps: they follow by how good they are alone.
    assert script.greedy(tables, 4) == [0, 2, 1, 3]
    course = tables[0].course([0, 2, 1])
    assert course[0] == 0 > course[1] and course[2] == pytest.approx(course[1], abs=0.05)


def test_candidates_are_distinct_and_of_all_families(script):
    keys = [script.key(values) for values in script.CANDIDATES]
    assert len(set(keys)) == len(keys) >= 20
    assert {values["family"] for values in script.CANDIDATES} >= {*FAMILIES, "lightgbm", "linear"}
    assert all(0 <= place < len(keys) for place in script.BY_HAND)


def test_boosting_is_compared_by_values_that_its_families_take():
    boosting = loaded(SCRIPT.with_name("boosting.py"))
    for family, values in boosting.CONFIGURATIONS.values():
        declared = TREE_FAMILIES[family].declare(keras_tuner.HyperParameters(), True)
        assert set(values) <= set(declared)
    assert set(boosting.SHIPPED) <= set(boosting.CONFIGURATIONS)


def test_of_boosting_each_next_one_helps_an_ensemble_most():
    boosting = loaded(SCRIPT.with_name("boosting.py"))
    rng = np.random.default_rng(0)
    places = list(boosting.CONFIGURATIONS)
    sure = {place: np.full(200, 0.5) for place in places}
    half = rng.random(200) < 0.5
    sure[places[2]], sure[places[3]] = np.where(half, 0.9, 0.3), np.where(half, 0.3, 0.9)
    tables = [boosting.Table({place: (p, p) for place, p in sure.items()})]
    assert set(boosting.greedy(tables, 2)) == {places[2], places[3]}
