"""Ctrl-C and SIGTERM: what was found until then is the answer, and the program goes on."""

import functools
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.interruption import Interruption, SearchStopped

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype("float32")
Y = np.where(X[:, 0] > 0, "yes", "no")
FRAME = pd.DataFrame(X, columns=list("abc"))
LIMITS = {"budget": kn.Budget(trials=4, epochs=2), "seed": 0, "verbose": 0}


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C is heard as in a terminal: processes in the background are started deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Signal(keras.callbacks.Callback):
    """Sends a signal to this process in the epoch after so many trials have a score."""

    def on_epoch_end(self, epoch, logs=None):
        if PLANNED["scored"] == PLANNED["after"]:
            number = PLANNED["signal"]
            assert signal.getsignal(number) != signal.SIG_DFL, "the search does not hear it"
            signal.raise_signal(number)


class Scored(kn.callbacks.SearchCallback):
    """Counts the trials that have a score."""

    def on_trial_end(self, record):
        PLANNED["scored"] += bool(record.metrics)


PLANNED = {}


def planned(trial, number=signal.SIGINT):
    """The callback, for a signal in one trial; 0 for none."""
    PLANNED.update(scored=0, after=trial - 1, signal=number)
    return Signal()


def handlers():
    return [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]


def build(hp):
    model = keras.Sequential([keras.layers.Dense(hp.Int("units", 2, 9)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def pictures():
    return np.repeat(RNG.integers(0, 255, (40, 12, 12, 1)), 1, axis=3).astype("uint8")


def fit(kind, callback, **settings):
    settings = LIMITS | {"callbacks": [Scored()]} | settings
    if kind == "search":
        settings["callbacks"].append(callback)
        return kn.search(build, X, X[:, 0], **settings)
    more = {"callbacks": [callback]}
    if kind == "table":
        clf = kn.TabularClassifier(space="mlp", folds=False, **settings)
        return clf.fit(FRAME, Y, **more)
    if kind == "images":
        return kn.ImageClassifier(space="conv", **settings).fit(pictures(), Y[:40], **more)
    if kind == "texts":
        texts = [f"{a} {b}" for a, b in zip(Y, Y[::-1], strict=True)]
        return kn.TextClassifier(space="conv", **settings).fit(texts, Y, **more)
    if kind == "series":
        steps = np.arange(120)
        frame = pd.DataFrame({"t": steps, "y": np.sin(steps / 3)})
        return kn.TimeSeriesForecaster(4, "y", "t", space="nhits", **settings).fit(frame, **more)
    if kind == "sounds":
        sounds = [(RNG.normal(size=8000) * (1 + 5 * (y == "yes")) / 50).astype("f4") for y in Y]
        return kn.AudioClassifier(sample_rate=8000, space="cnn", **settings).fit(sounds, Y, **more)
    facts = kn.TabularInput(name="facts")
    heads = {"answer": kn.ClassificationHead()(kn.TabularBlock()(facts))}
    composed = kn.AutoModel([facts], heads, **settings)
    composed.fit({"facts": FRAME}, {"answer": Y}, **more)
    return composed


@pytest.mark.parametrize(
    "kind", ["search", "table", "images", "texts", "series", "sounds", "composed"]
)
def test_ctrl_c_ends_a_search_and_the_best_so_far_answers(kind, tmp_path, caplog):
    before = handlers()
    with caplog.at_level(logging.WARNING, "kerasnas"):
        found = fit(kind, planned(2), directory=tmp_path if kind == "table" else None)
    assert handlers() == before
    assert [r.message for r in caplog.records if "Ctrl-C ended the search" in r.message]
    result = found if kind == "search" else found.result_
    assert len(result.history.scored()) == 1
    assert result.best_model() is not None
    if kind == "table":
        assert set(found.predict(FRAME)) <= {"yes", "no"}
        again = fit(kind, planned(0), directory=tmp_path)
        assert len(again.result_.history.scored()) == 4
        whole = fit(kind, planned(0))
        assert again.leaderboard(full=True)["val_log_loss"].equals(
            whole.leaderboard(full=True)["val_log_loss"]
        )


def test_before_there_is_an_answer_it_is_an_ordinary_interrupt(tmp_path):
    before = handlers()
    with pytest.raises(KeyboardInterrupt) as caught:
        fit("table", planned(1), directory=tmp_path)
    assert not isinstance(caught.value, SearchStopped)
    assert handlers() == before
    again = fit("table", planned(0), directory=tmp_path)
    assert len(again.result_.history.scored()) == 4


def test_sigterm_ends_a_search_too():
    assert len(fit("search", planned(2, signal.SIGTERM)).history.scored()) == 1


def test_a_signal_while_the_ensemble_is_built_leaves_the_best_trial(monkeypatch):
    from kerasnas.results import ensemble

    def interrupted(*_, **__):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ensemble, "select", interrupted)
    clf = fit("table", planned(0), budget=kn.Budget(trials=2, epochs=1))
    assert len(clf.result_.history.scored()) == 2
    assert "ensemble" not in set(clf.leaderboard(full=True)["kind"])
    assert set(clf.predict(FRAME)) <= {"yes", "no"}


def test_a_second_one_ends_it_at_once():
    with Interruption(Clock()) as interruption:
        interruption.allow()
        with pytest.raises(SearchStopped), interruption.breakable():
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt) as caught:
            signal.raise_signal(signal.SIGINT)
        assert not isinstance(caught.value, SearchStopped)


def test_an_interrupt_that_was_swallowed_is_raised_again():
    with Interruption(Clock()) as interruption:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)  # the place where it is raised ignores it
        with pytest.raises(KeyboardInterrupt) as raised, interruption.breakable():
            pass
    assert raised.type is KeyboardInterrupt, "there is no answer to go on with"


def test_outside_of_what_can_be_broken_off_it_waits():
    clock = Clock()
    with Interruption(clock) as interruption:
        interruption.allow()
        signal.raise_signal(signal.SIGINT)
        assert clock.left <= 0
        with pytest.raises(SearchStopped), interruption.breakable():
            pytest.fail("not reached")


def test_a_handler_of_the_program_stays():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with Interruption(Clock()) as interruption:
            interruption.allow()
            signal.raise_signal(signal.SIGINT)
        assert seen == [1] and not interruption.signal
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_no_signal_is_touched():
    before, seen = handlers(), []

    def look():
        with Interruption(Clock()):
            seen.extend(handlers())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == before


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot be sent the signal")
def test_sigterm_before_an_answer_ends_the_process():
    code = """
        import signal
        from kerasnas.clock import Clock
        from kerasnas.interruption import Interruption
        with Interruption(Clock()):
            signal.raise_signal(signal.SIGTERM)
    """
    run = functools.partial(subprocess.run, env=dict(os.environ), check=False)
    assert run([sys.executable, "-c", textwrap.dedent(code)]).returncode == -signal.SIGTERM
