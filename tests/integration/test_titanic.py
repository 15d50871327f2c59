"""A table, names and pictures of digits in, a fare and a fate out: titanic, by the benchmark."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import kerasnas as kn

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "composition.py"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("composition", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_three_inputs_and_two_outputs_and_the_file_in_plain_keras(script, data_dir, tmp_path):
    train, test = script.load(data_dir, seed=0)
    auto = script.compose(kn.Budget(trials=1, epochs=16), seed=0)
    auto.fit(train.x, train.y)
    row = auto.leaderboard(full=True).iloc[0]
    assert row["kind"] == "trial"
    combined = row["val_fate_log_loss"] + (row["val_fare_rmse"] / train.y["fare"].std()) ** 2
    assert row["val_loss"] == pytest.approx(combined, rel=0.2)
    answer = auto.predict(test.x)["fare"], auto.predict_proba(test.x)["fate"]
    found = script.scores(test, *answer)
    trivial = script.baselines(train, test)["mean / majority"]
    assert found["fare_rmse"] < 0.95 * trivial["fare_rmse"]
    assert found["fate_accuracy"] > trivial["fate_accuracy"] + 0.1
    # Each head's own scores, as `evaluate` tells them.
    told = auto.evaluate(test.x, test.y)
    assert told["fare_rmse"] == pytest.approx(found["fare_rmse"], rel=1e-6)
    assert told["fate_accuracy"] == pytest.approx(found["fate_accuracy"])
    gaps = script.file_gaps(auto, test, tmp_path)
    assert max(gaps.values()) < 1e-5
    again = kn.load(tmp_path / "titanic.keras")
    np.testing.assert_array_equal(again.predict(test.x)["fate"], auto.predict(test.x)["fate"])
