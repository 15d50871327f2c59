"""What a search tells its callbacks, and what the trackers write of it."""

import logging

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.callbacks import MLflow, SearchCallback, TensorBoard, WandB
from kerasnas.errors import SearchSpaceError

# A search keeps its files in a temporary folder that goes with the last reference to its result.
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


class Listening(SearchCallback):
    def __init__(self):
        self.heard = []

    def on_search_begin(self, info):
        self.heard.append(("search begins", info.objectives[0].name, info.budget.trials))

    def on_trial_begin(self, record):
        self.heard.append(("begin", record.trial_id, sorted(record.values)))

    def on_epoch_end(self, record, epoch, logs):
        self.heard.append(("epoch", record.trial_id, epoch, "val_loss" in logs))

    def on_trial_end(self, record):
        self.heard.append(("end", record.trial_id, record.status, "val_loss" in record.scores))

    def on_search_end(self, result):
        self.heard.append(("search ends", result.best_trial.trial_id in ("0000", "0001")))


class Failing(SearchCallback):
    def __init__(self):
        self.times = 0

    def on_trial_begin(self, record):
        self.times += 1
        raise ConnectionError("no server")


def build(hp):
    units = hp.Int("units", 2, 4)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def searched(callbacks):
    budget = kn.Budget(trials=2, epochs=2)
    return kn.search(
        build, X, Y, oracle="random", budget=budget, callbacks=callbacks, seed=0, verbose=0
    )


def test_a_search_tells_everything_in_its_order_and_does_without_a_callback_that_fails(caplog):
    listening, failing = Listening(), Failing()
    own = keras.callbacks.EarlyStopping(patience=9)
    with caplog.at_level(logging.WARNING, "kerasnas"):
        searched([failing, own, listening])
    assert listening.heard == [
        ("search begins", "val_loss", 2),
        ("begin", "0000", ["units"]),
        ("epoch", "0000", 0, True),
        ("epoch", "0000", 1, True),
        ("end", "0000", "COMPLETED", True),
        ("begin", "0001", ["units"]),
        ("epoch", "0001", 0, True),
        ("epoch", "0001", 1, True),
        ("end", "0001", "COMPLETED", True),
        ("search ends", True),
    ]
    assert failing.times == 1
    told = [r.message for r in caplog.records if "Failing" in r.message]
    assert told == [
        "The callback Failing failed (ConnectionError: no server). The search goes on without it."
    ]


def test_an_estimator_tells_its_callbacks_of_trials_without_epochs():
    listening = Listening()
    quick = {"budget": kn.Budget(trials=1), "space": "linear", "folds": False, "seed": 0}
    kn.TabularClassifier(callbacks=[listening], verbose=0, **quick).fit(X, Y)
    kinds = [event[0] for event in listening.heard]
    assert kinds == ["search begins", "begin", "end", "search ends"]


def test_a_keras_callback_is_told_where_it_belongs():
    clf = kn.TabularClassifier(callbacks=[keras.callbacks.EarlyStopping()])
    with pytest.raises(SearchSpaceError, match="Pass Keras callbacks to `fit`"):
        clf.fit(X, Y)


def test_tensorboard_has_a_folder_for_each_trial_with_its_hyperparameters(tmp_path):
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    searched(TensorBoard(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000", "0001"]
    run = loading.EventAccumulator(str(tmp_path / "0001"))
    run.Reload()
    assert [event.step for event in run.Tensors("val_loss")] == [0, 1]
    assert len(run.Tensors("trial/val_loss")) == 1
    told = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = HParamsPluginData.FromString(told).session_start_info.hparams
    assert 2 <= values["units"].number_value <= 4


def test_mlflow_has_a_run_for_each_trial_below_that_of_the_search(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    place = (tmp_path / "mlruns").as_uri()
    searched([MLflow("tried", place)])
    client = mlflow.MlflowClient(place)
    runs = client.search_runs([client.get_experiment_by_name("tried").experiment_id])
    by_name = {run.info.run_name: run for run in runs}
    assert set(by_name) == {"search", "0000", "0001"}
    trial = by_name["0001"]
    assert trial.data.tags["mlflow.parentRunId"] == by_name["search"].info.run_id
    assert 2 <= int(trial.data.params["units"]) <= 4
    steps = client.get_metric_history(trial.info.run_id, "val_loss")
    assert [metric.step for metric in steps] == [0, 1]
    assert "trial_val_loss" in trial.data.metrics and trial.info.status == "FINISHED"
    assert by_name["search"].data.tags["best_trial"] in ("0000", "0001")


def test_weights_and_biases_keeps_a_run_for_each_trial_on_this_machine(tmp_path):
    pytest.importorskip("wandb")
    searched([WandB(mode="offline", folder=tmp_path)])
    assert len(list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))) == 2
