"""The directory of a search: one process at a time, nothing lost, nothing left over."""

import errno
import json
import subprocess
import sys
import textwrap

import keras
import keras_tuner
import numpy as np
import pytest

import kerasnas as kn
from kerasnas import artifact, leftovers
from kerasnas.directories import LOCK, Scratch, holding, is_full
from kerasnas.errors import DirectoryError, SearchFailedError
from kerasnas.journal import JOURNAL
from kerasnas.trial.candidates import write_answers
from kerasnas.trial.checkpoint import State, checkpoint_path
from kerasnas.trial.rebuilt import write_weights

pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
LIMITS = {"seed": 0, "verbose": 0, "oracle": "random"}


def build(hp):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(hp.Int("units", 2, 30)), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    return model


def search(directory, trials=3, space=build, **more):
    limits = LIMITS | {"budget": kn.Budget(trials=trials)} | more
    return kn.search(space, X, X[:, 0], directory=directory, **limits)


def scores(result):
    return [t.metrics for t in result.history]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    return folder, scores(search(folder))


@pytest.fixture
def copied(done, tmp_path):
    """A copy of a search of three trials, and the scores of these."""
    for path in sorted(done[0].rglob("*")):
        place = tmp_path / path.relative_to(done[0])
        place.mkdir() if path.is_dir() else place.write_bytes(path.read_bytes())
    return tmp_path, done[1]


def test_another_process_is_refused_until_the_first_has_ended(tmp_path):
    code = f"""
        from kerasnas.directories import holding
        with holding({str(tmp_path)!r}):
            print("held", flush=True)
            input()
    """
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout.readline() == "held\n"
        clf = kn.TabularClassifier(directory=tmp_path, seed=0)
        for attempt in (lambda: search(tmp_path), lambda: clf.fit(object(), [1])):
            with pytest.raises(DirectoryError, match="Another process is searching in `directory`"):
                attempt()  # before the data are looked at
        other.kill()
        other.wait()
    assert len(search(tmp_path, trials=1).history) == 1


def test_leftovers_of_a_killed_process_are_swept(tmp_path, monkeypatch):
    trials, hp = tmp_path / "trials", keras_tuner.HyperParameters()
    trials.mkdir()
    monkeypatch.setattr(np, "savez", killed)
    monkeypatch.setattr(np, "save", killed)
    # A killed process tidies nothing up; the system frees its locks.
    monkeypatch.setattr(leftovers, "_clear", lambda _, lock: lock.release())
    for write in (
        lambda: State(epochs=1).write(checkpoint_path(trials, "0000", 0)),
        lambda: write_answers(trials, "0000", np.zeros((2, 1))),
        lambda: write_weights(build(hp), trials / "0.keras"),
    ):
        with pytest.raises(KeyboardInterrupt):
            write()
    monkeypatch.undo()
    assert len([*trials.iterdir()]) == 3
    with holding(tmp_path):
        pass
    assert not [*trials.iterdir()]


def killed(*_, **__):
    raise KeyboardInterrupt


def test_files_of_the_user_stay(tmp_path):
    (tmp_path / "trials").mkdir()
    names = ("notes.tmp", "data.new", "trials/notes.txt", ".kerasnas-notes", ".kerasnas-1.keras")
    for name in names:
        (tmp_path / name).write_text("mine")
    with holding(tmp_path):
        pass
    assert [(tmp_path / name).read_text() for name in names] == ["mine"] * 5


def test_scratch_folders_of_killed_processes_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = Scratch()
    dead, being_made = tmp_path / "kerasnas-search-dead", tmp_path / "kerasnas-search-new"
    for folder in (dead, being_made):
        folder.mkdir()
    (dead / LOCK).touch()
    another = Scratch()
    assert not dead.exists() and being_made.exists()
    assert mine.path.exists() and another.path.exists()


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_lost_file_of_the_best_trial_is_made_again(copied, damage, caplog):
    folder, before = copied
    number = min(range(3), key=lambda n: before[n]["val_loss"])
    (best,) = (folder / "trials").glob(f"{number:04d}.*keras")
    content = best.read_bytes()
    if damage == "gone":
        best.unlink()
    else:
        middle = len(content) // 2
        new = content[:middle] if damage == "cut" else content[:middle] + b"\0" + content[middle:]
        best.write_bytes(new)
    again = search(folder)
    assert "gone or damaged" in caplog.text
    assert scores(again) == before
    assert again.best_model()(X).shape == (40, 1)


class Losing(keras.callbacks.Callback):
    """Removes the files of all trials at the beginning of one training, the `at`-th."""

    def __init__(self, folder, at):
        super().__init__()
        self.folder, self.at = folder, at

    def __deepcopy__(self, memo):
        return self  # which counts all trainings

    def on_train_begin(self, logs=None):
        self.at -= 1
        if self.at == 0:
            for path in self.folder.glob("*.keras"):
                path.unlink()


def test_a_best_file_lost_during_a_search_leaves_the_answer_to_the_next_best(tmp_path, caplog):
    losing = Losing(tmp_path / "trials", at=3)
    result = search(tmp_path, callbacks=[losing], verbose=2)
    assert len(result.history.scored()) == 3
    assert result.best_trial.number == 2
    assert result.best_model()(X).shape == (40, 1)
    best = min(result.history, key=lambda t: t.metrics["val_loss"])
    assert best.number != 2, "another seed: the last trial must not be the best"
    assert "the best trial that has one answers" in caplog.text


def test_of_equal_trials_the_further_objectives_decide(tmp_path):
    class Tied(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            model.fit(*args, **kwargs)
            return {"val_loss": 1.0}

    sizes = {
        "objective": ["val_loss", kn.Objective("params", "min")],
        "initial": [{"units": 20}, {"units": 5}],
    }
    result = search(tmp_path, trials=2, space=Tied(), **sizes)
    assert result.best_trial.values["units"] == 5
    assert result.best_model().count_params() == 26
    again = search(tmp_path, trials=2, space=Tied(), **sizes)
    assert [t.seconds for t in again.history] == [t.seconds for t in result.history]


def test_all_files_lost_and_the_time_used_up_is_no_error_for_ever(tmp_path):
    search(tmp_path, trials=2)
    for path in (tmp_path / "trials").glob("*.keras"):
        path.unlink()
    again = search(tmp_path, budget=kn.Budget(seconds=1e-3, trials=2))
    assert again.best_model()(X).shape == (40, 1)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.9])
def test_the_true_prefix_of_a_damaged_journal_goes_on(copied, place, caplog):
    folder, before = copied
    path = folder / JOURNAL
    content = bytearray(path.read_bytes())
    first = content.index(b"\n") + 1
    spot = first + int(place * (len(content) - first - 2))
    content[spot] ^= 0x11
    path.write_bytes(bytes(content))
    again = search(folder)
    assert "is damaged" in caplog.text
    assert scores(again) == before
    start = bytes(content).rindex(b"\n", 0, spot) + 1
    assert (folder / "journal.damaged-1.jsonl").read_bytes() == bytes(content)[start:]
    assert path.read_bytes().startswith(bytes(content)[:start])


def test_a_journal_without_checksums_is_read(copied):
    folder, before = copied
    path = folder / JOURNAL
    old = [json.loads(line) for line in path.read_text().splitlines()]
    for event in old:
        del event["crc32"]
    old[0]["format"] = 1
    path.write_text("".join(json.dumps(event) + "\n" for event in old))
    again = search(folder, trials=4)
    assert scores(again)[:3] == before and len(again.history) == 4
    assert len(search(folder, trials=4).history) == 4


@pytest.mark.parametrize("answered", [False, True])
def test_a_full_disk_fails_no_trial(tmp_path, monkeypatch, caplog, answered):
    whole, written = artifact.write, []

    def full(model, path, *more):
        written.append(path)
        if len(written) > answered:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(model, path, *more)

    monkeypatch.setattr(artifact, "write", full)
    if answered:
        assert len(search(tmp_path).history.scored()) == 1
        assert "The best model so far is the answer." in caplog.text
    else:
        with pytest.raises(DirectoryError, match="does not count as failed"):
            search(tmp_path)
    monkeypatch.undo()
    again = search(tmp_path)
    assert [t.status for t in again.history] == ["COMPLETED"] * 3


def test_a_journal_on_a_full_disk_keeps_its_whole_lines(tmp_path, monkeypatch):
    from kerasnas.history import History

    history = History(tmp_path / JOURNAL)
    history.start({"units": 3})
    before = (tmp_path / JOURNAL).read_bytes()

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, line):
            self.file.write(line[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(history._journal, "_file", Full(history._journal._file))
    with pytest.raises(DirectoryError, match="No space left on device"):
        history.finish(0, "COMPLETED")
    assert (tmp_path / JOURNAL).read_bytes() == before
    assert history.trials[0].status == "RUNNING"
    history.close()


def test_what_is_no_full_disk(tmp_path):
    assert not is_full(ValueError("no"), tmp_path)
    assert not is_full(OSError(errno.ENOENT, "no"), tmp_path)
    assert is_full(OSError("unable to write"), tmp_path / "gone")


def test_a_search_of_which_nothing_comes_ends_after_twenty_trials(caplog):
    def broken(hp):
        model = keras.Sequential([keras.layers.Dense(hp.Int("units", 2, 300))])
        model.compile("adam", "mse")
        model.layers[0].units = "four"
        return model

    with pytest.raises(SearchFailedError, match="None of the 20 trials"):
        search(None, trials=200, space=broken)
    assert "The search ended early: the last 20 trials failed, 20 of them with" in caplog.text
