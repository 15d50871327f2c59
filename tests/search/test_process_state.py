"""The user's process is left as it was, whatever a search does."""

import logging
import os
import random
import threading
import warnings

import keras
import numpy as np
import optuna
import pandas as pd
import pytest
import tensorflow as tf
import threadpoolctl

import kerasnas as kn
from kerasnas.errors import SearchSpaceError
from kerasnas.process_state import allows_unsafe

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

X = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
FRAME = pd.DataFrame(X, columns=list("abc"))
Y = np.where(X[:, 0] > 0, "yes", "no")
LIMITS = {"budget": kn.Budget(trials=2, epochs=1), "seed": 0, "verbose": 0}


def build(hp):
    """As careless as a build function may be."""
    warnings.simplefilter("ignore")
    logging.getLogger("tensorflow").setLevel(logging.CRITICAL)
    random.random()
    np.random.normal(size=hp.Int("units", 2, 9))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hp.get("units"))])
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    return model


def search():
    return kn.search(build, X, X[:, 0], **LIMITS)


def fit_table():
    kn.TabularClassifier(space=("mlp", "linear"), folds=2, **LIMITS).fit(FRAME, Y)


def fit_failing():
    with pytest.raises(kn.errors.SchemaError):
        kn.TabularClassifier(**LIMITS).fit(FRAME, Y[:7])


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def state():
    """All settings that somebody might notice."""
    numpy_state = np.random.get_state()
    loggers = ("", "kerasnas", "tensorflow", "keras", "optuna", "absl")
    return {
        "policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "format": keras.config.image_data_format(),
        "unsafe": allows_unsafe(),
        "progress bars": keras.config.is_interactive_logging_enabled(),
        "tracebacks": keras.config.is_traceback_filtering_enabled(),
        "random": random.getstate(),
        "numpy": (numpy_state[1].tolist(), numpy_state[2:]),
        "generator": tf.random.get_global_generator().state.numpy().tolist(),
        "pools": [(p["user_api"], p["num_threads"]) for p in threadpoolctl.threadpool_info()],
        "tensorflow threads": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "threads": threading.active_count(),
        "umask": umask(),
        "levels": {name: logging.getLogger(name).level for name in loggers},
        "optuna": optuna.logging.get_verbosity(),
        "filters": list(warnings.filters),
        "numpy errors": np.geterr(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }


@pytest.fixture
def settings():
    """Settings away from what they usually are, put back afterwards."""
    keras.config.enable_unsafe_deserialization()
    keras.config.set_epsilon(1e-6)
    yield
    keras.config.disable_traceback_filtering()
    keras.config.enable_traceback_filtering()
    keras.config.set_epsilon(1e-7)
    keras.config.set_dtype_policy("float32")
    keras.backend.clear_session()
    assert not allows_unsafe()


@pytest.mark.parametrize("run", [search, fit_table, fit_failing])
def test_nothing_of_the_process_is_changed(run, settings):
    search() if run is search else None  # pools of threads are made at their first use
    tf.random.set_seed(3)
    wanted, before = float(tf.random.uniform(())), state()
    tf.random.set_seed(3)
    run()
    after, drawn = state(), float(tf.random.uniform(()))
    assert after == before
    assert drawn == wanted


def test_a_policy_is_honoured_by_search_and_refused_by_estimators(settings):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = search().best_model()
    assert model.layers[-1].dtype_policy.name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    with pytest.raises(SearchSpaceError, match=r"set_dtype_policy\('float32'\)"):
        kn.TabularClassifier(**LIMITS).fit(object(), Y)  # before the data are looked at
