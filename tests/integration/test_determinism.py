"""The same line in two processes: the same trials and answers, by modality and executor."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import json
    import sys

    import keras
    import keras_tuner
    import numpy as np
    import pandas as pd
    import tensorflow as tf

    import kerasnas as kn

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    from kerasnas.trial.executors import Faults, Simulated, SimulatedOutcome

    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    limits = {"budget": kn.Budget(trials=2, epochs=2), "seed": 5, "verbose": 0}
    # What asks for the second trial is the same in every modality.
    one = limits | {"budget": kn.Budget(trials=1, epochs=2)}
    facts = pd.DataFrame({"a": rng.normal(size=40), "b": [f"k{n % 3}" for n in range(40)]})


    def build(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 30))])
        model.add(keras.layers.Dropout(0.3))
        model.add(keras.layers.Dense(1))
        model.compile("adam", "mse")
        return model


    def search():
        x = rng.normal(size=(40, 4)).astype("float32")
        result = kn.search(build, x, x[:, 0], **limits)
        return result, result.best_model()(x).numpy()


    def datasets():
        x = rng.normal(size=(40, 4)).astype("float32")
        data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
        result = kn.search(build, data, validation_data=data, **limits)
        return result, result.best_model()(x).numpy()


    def tables():
        clf = kn.TabularClassifier(folds=False, **limits).fit(facts, y)
        return clf, clf.predict_proba(facts)


    def folds():
        clf = kn.TabularClassifier(folds=3, space="mlp", **one).fit(facts, y)
        return clf, clf.predict_proba(facts)


    def images():
        x = rng.integers(0, 255, (40, 10, 10, 1)).astype("uint8")
        clf = kn.ImageClassifier(**one).fit(x, y)
        return clf, clf.predict_proba(x)


    def texts():
        x = [f"word{n % 7} word{n % 5} word{n % 2}" for n in range(40)]
        clf = kn.TextClassifier(**one).fit(x, y)
        return clf, clf.predict_proba(x)


    def sounds():
        x = [rng.normal(size=4000).astype("float32") for _ in y]
        clf = kn.AudioClassifier(sample_rate=8000, **one).fit(x, y)
        return clf, clf.predict_proba(x)


    def series():
        frame = pd.DataFrame({"t": range(120), "y": np.sin(np.arange(120) / 3)})
        made = kn.TimeSeriesForecaster(3, "y", "t", **one).fit(frame)
        return made, made.predict().to_numpy(float)


    def composed():
        node = kn.TabularInput(name="facts")
        heads = {"kind": kn.ClassificationHead()(kn.TabularBlock()(node))}
        auto = kn.AutoModel([node], heads, **one)
        auto.fit({"facts": facts}, {"kind": y})
        return auto, auto.predict({"facts": facts})


    class Curve:
        # A search space whose trainings are computed.

        fidelities = (0.1, 0.3, 1.0)
        full_seconds = 10.0
        hyperparameters = keras_tuner.HyperParameters()
        hyperparameters.Float("rate", 1e-4, 1.0, sampling="log")
        hyperparameters.Choice("kind", ["a", "b", "c"])
        hyperparameters.Int("units", 2, 40)

        def train(self, values, fidelity, rng):
            loss = abs(np.log(values["rate"]) + 3) + "abc".index(values["kind"]) + 1 / fidelity
            return SimulatedOutcome({"val_loss": loss + rng.normal(0, 0.1)}, values["units"])

        def measures(self, values):
            return {}

        def zero_cost(self):
            return None


    def simulated():
        # Every strategy, four workers of which some are lost.
        told = []
        for name in ("Random", "Grid", "Bayesian", "Evolution", "LocalSearch", "Reinforce",
                     "Hyperband", "Asha", "Bohb"):
            oracle = getattr(kn.oracles, name)("val_loss", seed=3)
            Simulated(Curve(), workers=4, seconds=400, seed=1, faults=Faults(crash=0.1)).run(oracle)
            told.append([[t.values, t.metrics, t.status] for t in oracle.history])
        return told


    found = {"simulated": simulated()}
    for run in (search, datasets, tables, folds, images, texts, sounds, series, composed):
        made, answers = run()
        table = made.leaderboard(full=True)
        table = table[table["kind"] == "trial"]
        scores = [c for c in table if str(c).startswith("val_")]
        trials = table.sort_values("trial_id")[["trial_id", "status", *scores]]
        configurations = [str(h) for h in table.sort_values("trial_id")["hyperparameters"]]
        if isinstance(answers, dict):
            answers = [np.asarray(a).tolist() for a in answers.values()]
        found[run.__name__] = [trials.to_json(), configurations, np.asarray(answers).tolist()]
    json.dump(found, open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What two processes have found, with other seeds of Python's hashes."""
    folder = tmp_path_factory.mktemp("runs")
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    processes = []
    for number in range(2):
        environment = {**os.environ, "PYTHONHASHSEED": str(number + 1)}
        command = [sys.executable, str(script), str(folder / f"{number}.json")]
        processes.append(subprocess.Popen(command, env=environment, cwd=folder))
    assert [process.wait() for process in processes] == [0, 0]
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(2)]


def test_two_processes_find_and_simulate_the_same(runs):
    """One test: workers that share tests would run the processes once for each of them."""
    one, other = runs
    assert len(one) == 10
    assert [name for name in one if one[name] != other[name]] == []
    assert all(len(trials) > 20 for trials in one["simulated"])
