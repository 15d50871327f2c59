"""The problems of `benchmarks/search.py`: safe to read, and what they say they are."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def load():
    """Imports a script of the benchmarks, which import each other by name."""
    known, path = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(FOLDER))

    def loaded(name):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield loaded
    sys.path[:] = path
    for name in ("search", "search_problems", "strategies"):
        if name not in known:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def problems(load):
    return load("search_problems")


def test_a_table_is_searched_by_its_own_grid(problems, tmp_path):
    sizes = [len(choices) for choices in problems.TABLES["fcnet"].values()]
    losses = np.random.default_rng(0).uniform(1.0, 2.0, (*sizes, 2))
    np.savez(tmp_path / "fcnet-made.npz", val_loss=losses, train_time=np.full(losses.shape, 3.0))
    table = problems.problem("fcnet-made", tmp_path, None)
    values = {key: choices[-1] for key, choices in problems.TABLES["fcnet"].items()}
    outcome = table.train(values, 1.0, np.random.default_rng(0))
    assert outcome.metrics["val_loss"] in np.log(losses[(-1,) * len(sizes)])
    assert outcome.seconds == 3.0 and table.seconds == 180.0
    assert table.regret(values) >= 0


@pytest.mark.parametrize(("kind", "alike"), [("curves-0", True), ("crossing-0", False)])
def test_early_scores_of_crossing_curves_mislead(problems, kind, alike):
    curves = problems.problem(kind, None, None)
    rng = np.random.default_rng(0)
    drawn = [
        {h.name: h.prob_to_value(float(rng.random())) for h in curves.hyperparameters.space}
        for _ in range(200)
    ]
    early = [curves.train(v, 1 / 9, rng).metrics["val_loss"] for v in drawn]
    end = [curves.truth(v) for v in drawn]
    rank = [np.argsort(np.argsort(column)) for column in (early, end)]
    assert (np.corrcoef(*rank)[0, 1] > 0.6) == alike
    full = curves.train(drawn[0], 1.0, rng)
    assert full.metrics["val_loss"] == pytest.approx(end[0], abs=0.03)
    assert curves.train(drawn[0], 1 / 9, rng).seconds == pytest.approx(full.seconds / 9)


def test_one_search_is_a_row_of_regrets_and_the_same_again(load, problems):
    search = load("search")
    one, same = (search.search("branin", "random", 3, None, None) for _ in range(2))
    assert one["regret"] == same["regret"] and one["trainings"] == 60
    assert one["regret"] == sorted(one["regret"], reverse=True)
    assert list(search.ranks([0.5, 0.1, 0.5])) == [2.5, 1.0, 2.5]
