"""Trials in worker processes: the same trials with the same scores, none lost and none repeated."""

import multiprocessing
import os
import runpy
import signal
import sys
from collections import deque
from itertools import count
from multiprocessing import Pipe
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import SimpleNamespace

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.data.stored import StoredRows
from kerasnas.errors import SearchSpaceError, WorkerLostError
from kerasnas.problem.given import Given
from kerasnas.problem.view import View
from kerasnas.spaces.space import UserSpace
from kerasnas.trial.attempt import Attempt
from kerasnas.trial.execution import ExecutionReport
from kerasnas.trial.executors import spawning, worker
from kerasnas.trial.executors.executor import Inline
from kerasnas.trial.executors.named import executor_of
from kerasnas.trial.executors.process import Processes
from kerasnas.trial.executors.stored_view import ArrayFiles, ViewStore, opened
from kerasnas.trial.executors.worker import Said, WorkerSetup
from kerasnas.trial.executors.worker_pool import WorkerPool
from kerasnas.trial.job import TrialSettings
from kerasnas.trial.pace import Allowance


def test_two_workers_give_the_same_trials_and_lose_none_to_a_kill(
    user, check_outcome, tmp_path, monkeypatch
):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")  # below it TensorFlow says that there is no GPU
    two = kn.executors.Process(workers=2, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTES", str(user.notes))
        patch.setenv("DRIVER", str(os.getpid()))
        found = user.module.search(executor=two, directory=tmp_path)
    assert len([*user.notes.glob("worker-*")]) >= 2
    check_outcome(found, tmp_path)


def test_a_killed_driver_takes_its_workers_along_and_repeats_nothing(user, kill_driver, tmp_path):
    kill_driver(tmp_path / "search", "Process", "", {"NOTES": str(user.notes)})


class FakeLink:
    def __init__(self, life, told):
        self.life, self.told = life, told

    def send(self, kind, number, content):
        self.told.append(kind)

    def end(self):
        return "exit code -9"


class FakeWorkers:
    """A place whose workers say what a test has them say.

    Each of `lives` is what one worker says until it dies, or until nobody listens any more.
    """

    check = staticmethod(spawning.check_sendable)

    def __init__(self, tmp_path, *lives):
        self.lives, self.got = [deque(life) for life in lives], []
        self.views = ViewStore(ArrayFiles(tmp_path / "rows"))
        setup = WorkerSetup.of_this_process(TrialSettings((), 0, tmp_path), tmp_path)
        self.pool = WorkerPool(self, 1, 1000, setup)

    @property
    def started(self):
        return len(self.got)

    def start(self, number):
        self.got.append([])
        told = self.got[-1]
        return FakeLink(self.lives[self.started - 1], told)

    def heard(self, links):
        for link in links:
            yield link, link.life.popleft() if link.life else None

    def close(self):
        pass

    def submit(self, **facts):
        record = SimpleNamespace(trial_id="0000", number=0)
        attempt = Attempt(
            settings=TrialSettings((), 0, Path()),
            space=UserSpace(keras.Sequential),
            allowance=Allowance(),
            record=record,
            hp=None,
            view=View(x=np.zeros((3, 2))),
            batch_size=None,
            **facts,
        )
        self.pool.submit(attempt)


READY = Said("ready")


def test_a_trial_whose_worker_is_lost_twice_has_failed(tmp_path, caplog):
    fakes = FakeWorkers(tmp_path, [READY], [READY], [READY])
    fakes.submit()
    trial_id, execution = fakes.pool.wait()
    assert (trial_id, execution.status, fakes.started) == ("0000", "FAILED", 3)
    assert execution.failure == "WorkerLostError: its worker was lost 2 times (exit code -9)"
    assert "The worker of trial 0000 was lost (exit code -9)." in caplog.text


def test_workers_that_cannot_even_start_end_the_search(tmp_path):
    fakes = FakeWorkers(tmp_path, [], [])
    fakes.submit()
    with pytest.raises(WorkerLostError, match="before they are ready"):
        fakes.pool.wait()


@pytest.mark.parametrize(("held", "started"), [(1000, 1), (1001, 2)])
def test_a_worker_that_holds_much_memory_is_replaced_after_its_trial(held, started, tmp_path):
    ended = Said("ended", execution=ExecutionReport(), held_bytes=held)
    fakes = FakeWorkers(tmp_path, [READY, ended], [READY])
    fakes.submit()
    assert fakes.pool.wait()[1].status == "COMPLETED"
    assert fakes.started == started


def test_a_trial_is_told_its_epochs_and_a_hopeless_one_is_stopped(tmp_path):
    epochs = [Said("epoch", epoch=i, logs={"loss": 1.0}) for i in range(3)]
    ended = Said("ended", execution=ExecutionReport(status="STOPPED"))
    fakes = FakeWorkers(tmp_path, [READY, *epochs, ended])
    seen = []
    fakes.submit(on_epoch=lambda epoch, logs: seen.append(epoch) or epoch == 1)
    fakes.pool.wait()
    assert seen == [0, 1, 2]
    assert fakes.got == [["setup", "space", "view", "trial", "stop"]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ObjectiveError", kn.errors.ObjectiveError), ("DirectoryError", kn.errors.DirectoryError)],
)
def test_what_ends_a_search_ends_it_from_a_worker_as_well(kind, expected, tmp_path):
    fakes = FakeWorkers(tmp_path, [READY, Said("fatal", kind=kind, text="no such metric")])
    fakes.submit()
    with pytest.raises(expected, match="no such metric"):
        fakes.pool.wait()


def test_views_come_back_from_their_files_as_they_were(tmp_path):
    rng, numbers = np.random.default_rng(0), count()
    large = rng.normal(size=(2000, 3))
    view = View(
        x={"a": large, "b": tf.constant(large), "c": StoredRows(large, np.arange(0, 2000, 2))},
        y=np.array(["yes", "no"] * 1000, dtype=object),
        validation=(large, None, rng.normal(size=4)),
        assemble=lambda network: next(numbers),
        folds=((np.arange(3), np.arange(3, 5)),),
    )
    store = ViewStore(ArrayFiles(tmp_path / "rows"))
    stored = store.stored(view)
    spawning.check_sendable({"view": stored})
    again = opened(stored)
    assert isinstance(again.x["b"], tf.Tensor)
    assert type(again.x["a"]) is np.ndarray
    for one, other in zip(tf.nest.flatten(view.x), tf.nest.flatten(again.x), strict=True):
        np.testing.assert_array_equal(one[:2000], other[:2000])
    assert again.y.dtype == object
    assert again.y.tolist() == view.y.tolist()
    np.testing.assert_array_equal(again.validation[0], large)
    assert again.validation[1] is None
    np.testing.assert_array_equal(again.folds[0][1], [3, 4])
    again.x["a"][:] = 0.0  # a copy of this process: the file stays as it is
    np.testing.assert_array_equal(opened(stored).x["a"], large)
    assert len([*(tmp_path / "rows").iterdir()]) == 5  # the numbers once, strings twice
    store.forget()
    assert not (tmp_path / "rows").exists()


STRINGS = ["", "a\0", "ünï", "\udc80", "longer than the others"]


@pytest.mark.parametrize(
    "x",
    [
        np.array([[text] for text in STRINGS], dtype=object),
        np.array([b"", b"a\0", b"\xff"], dtype=object),
        tf.constant([["words"], [""], ["a\0"]]),
        tf.constant("alone"),
        {"facts": {"note": tf.constant(["one", "two"]), "tags": np.array(["", ""], dtype=object)}},
        {"boxes": np.array([[0, 1], {"a": ["b"]}, None, 0.5], dtype=object)},
        np.array([], dtype=object),
    ],
)
def test_strings_and_objects_come_back_as_they_were(x, tmp_path):
    stored = ViewStore(ArrayFiles(tmp_path / "rows")).stored(View(x=x, y=x, validation=(x, x)))
    again = opened(ForkingPickler.loads(ForkingPickler.dumps(stored)))  # as a pipe does it
    tf.nest.assert_same_structure(again.validation, (x, x))
    for one, other in zip(tf.nest.flatten(x), tf.nest.flatten(again.x), strict=True):
        assert type(one) is type(other)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert np.asarray(one).tolist() == np.asarray(other).tolist()


def test_strings_lie_in_their_files_once_and_take_no_more_room_than_their_bytes(tmp_path):
    texts = np.array(["x" * 10_000] + ["y"] * 999, dtype=object)
    ViewStore(ArrayFiles(tmp_path / "rows")).stored(View(x=texts, validation=(texts, None)))
    sizes = [path.stat().st_size for path in (tmp_path / "rows").iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) < 20_000


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (
            tf.data.Dataset.from_tensor_slices([1.0]),
            "need arrays, received `x` with _TensorSliceDataset",
        ),
        (np.array([1, lambda: None], dtype=object), "`x` cannot be sent to another process"),
    ],
)
def test_what_no_other_process_can_have_is_refused(x, expected, tmp_path):
    with pytest.raises(SearchSpaceError, match=expected):
        ViewStore(ArrayFiles(tmp_path / "rows")).stored(View(x=x))


def test_a_function_that_cannot_be_sent_is_refused_before_anything_slow():
    with pytest.raises(SearchSpaceError, match=r"`hypermodel` cannot be sent .* top level"):
        kn.search(lambda hp: None, np.zeros((9, 1)), np.zeros(9), executor="process")
    facts = kn.TensorInput(name="facts")
    block = kn.DenseBlock(units=lambda hp: hp.Int("units", 1, 2))(facts)
    auto = kn.AutoModel(facts, kn.RegressionHead()(block), executor="process")
    with pytest.raises(SearchSpaceError, match="`outputs` cannot be sent"):
        auto.fit(np.zeros((9, 1)), np.zeros(9))


@pytest.mark.parametrize("guard", [True, False])
def test_a_script_without_a_guard_is_told_the_line_to_write(guard, tmp_path):
    lines = ["from kerasnas.trial.executors.process import Process"]
    lines += ["if __name__ == '__main__':"] if guard else ["if True:"]
    lines += ["    Process(2).check({})"]
    script = tmp_path / "script.py"
    script.write_text("\n".join(lines))
    if guard:
        runpy.run_path(str(script), run_name="__main__")
        return
    with pytest.raises(SearchSpaceError, match=r"line 3 of 'script.py'.*Write `if __name__ =="):
        runpy.run_path(str(script), run_name="__main__")


def test_what_a_session_defines_is_nowhere_to_be_imported(monkeypatch):
    session = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "__main__", session)

    def build(hp):
        return None

    build.__module__, build.__qualname__ = "__main__", "build"
    session.build = build
    with pytest.raises(SearchSpaceError, match="is defined in this session"):
        spawning.check_sendable({"hypermodel": build})


def test_threads_are_set_for_workers_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with spawning.environment(spawning.variables(2)):
        told = [os.environ[n] for n in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")]
    assert told == ["2", "2"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_gpus_are_dealt_out_to_the_places_of_workers(monkeypatch, tmp_path):
    seen = []

    class Started:
        def __init__(self, **_):
            pass

        def start(self):
            seen.append(os.environ["CUDA_VISIBLE_DEVICES"])

    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Process", Started)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "9")
    for gpus in (("3", "5"), ()):
        place = Processes(1, gpus, tmp_path / "rows")
        for number in (0, 1, 2, 1):  # the second one has died, and is replaced
            place.start(number)
    assert seen == ["3", "5", "3", "5", "", "", "", ""]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "9"


@pytest.mark.parametrize(
    ("given", "expected"), [(None, ("0", "1")), ("2,GPU-8a, 4", ("2", "GPU-8a"))]
)
def test_there_is_a_worker_for_each_gpu_that_tensorflow_sees(given, expected, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert spawning.visible_gpus() == expected
    assert kn.executors.Process().size == 2
    assert kn.executors.Process(gpus=[0, 1, 2]).size == 3
    assert kn.executors.Process(workers=5).size == 5


def test_executors_by_name():
    assert executor_of("inline") == Inline()
    assert executor_of("process") == kn.executors.Process()
    assert executor_of(kn.executors.Process(3)).size == 3
    assert kn.executors.Process(3, threads=5).threads_each == 5
    with pytest.raises(SearchSpaceError, match=r"`executor` must be one of .* Did you mean 'proc"):
        kn.TabularClassifier(executor="proces").check_arguments()
    with pytest.raises(SearchSpaceError, match="`workers` must be a whole number"):
        kn.executors.Process(workers=0)


def test_spaces_are_sent_without_the_rows():
    rng = np.random.default_rng(0)
    facts, note = kn.TabularInput(name="facts"), kn.TextInput(name="note")
    both = kn.Merge()([kn.TabularBlock()(facts), kn.TextBlock()(note)])
    auto = kn.AutoModel([facts, note], kn.ClassificationHead()(both))
    x = {"facts": rng.normal(size=(60, 3)), "note": ["some words", "others"] * 30}
    task = auto._prepare(Given(x, np.arange(60) % 2, seed=0), Clock())
    alone = task.hypermodel.on_its_own(None)
    assert alone is task.hypermodel.on_its_own(None)
    assert {len(a) for one in alone.inputs.values() for a in tf.nest.flatten(one.form.data)} == {1}
    spawning.check_sendable({"space": alone})
    hp = keras_tuner.HyperParameters()
    again = task.hypermodel.build(hp)
    assert alone.build(hp).count_params() == again.count_params()


def test_workers_leave_ctrl_c_to_the_driver(monkeypatch):
    handlers = {}
    monkeypatch.setattr(worker.signal, "signal", lambda number, how: handlers.update({number: how}))
    monkeypatch.setattr(worker.threading, "Thread", lambda **_: SimpleNamespace(start=lambda: None))
    here, there = Pipe()
    here.close()
    worker.work(there)
    assert handlers == {signal.SIGINT: signal.SIG_IGN}
