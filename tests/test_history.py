"""The journal: a true prefix of what happened, whatever happened to the process."""

import json
import math

import pytest

from kerasnas.errors import ProjectMismatchError
from kerasnas.history import History
from kerasnas.journal import JOURNAL, begun_in

PRINT = {"objective": ["val_loss"], "seed": 0, "space": {"rate": [0, 1]}}


def write(path, fingerprint=PRINT):
    history = History(path, fingerprint)
    for number in range(3):
        history.start({"rate": number / 7, "kind": "mlp"}, origin="random", spent=number)
        history.report(number, 0, {"val_loss": 2.0})
        history.report(number, 1, {"val_loss": 1.0})
        if number < 2:
            history.finish(
                number, "COMPLETED", metrics={"val_loss": 1.0}, measures={"params": 5}, seconds=0.5
            )
    history.close()
    return history


def test_reading_gives_what_was_written(tmp_path):
    written = write(tmp_path / "deep" / "journal")
    read = History(tmp_path / "deep" / "journal", PRINT)
    assert read.trials == written.trials
    assert read.finished == written.finished and read.spent == 2.0
    assert [t.number for t in read.running] == [2]
    assert read.trials[0].scores == {"params": 5.0, "val_loss": 1.0}
    assert read.trials[0].trial_id == "0000"
    read.close()


def test_every_cut_of_the_file_is_a_true_prefix(tmp_path):
    """A killed process leaves any number of bytes behind."""
    path = tmp_path / "journal"
    write(path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 13), len(whole) - 1]:
        path.write_bytes(whole[:length])
        history = History(path, PRINT)
        lines = whole[:length].count(b"\n")
        started = whole[:length].split(b"\n")[:lines]
        assert len(history) == sum(b'"started"' in line for line in started)
        history.start({"rate": 0.5})
        history.close()
        again = History(path, PRINT)
        assert again.trials == history.trials
        again.close()


def test_a_line_that_is_no_event_is_refused(tmp_path):
    path = tmp_path / "journal"
    for text in ("hello\n", "[1, 2]\n", '{"event": "started"}\n'):
        path.write_text(text)
        with pytest.raises(ProjectMismatchError, match="is not a journal of kerasnas"):
            History(path, PRINT)
        assert path.read_text() == text


def test_a_newer_format_is_refused(tmp_path):
    path = tmp_path / "journal"
    path.write_text(json.dumps({"event": "search", "format": 99, "fingerprint": PRINT}) + "\n")
    with pytest.raises(ProjectMismatchError, match="newer kerasnas"):
        History(path, PRINT)


def test_another_search_is_named(tmp_path):
    write(tmp_path / "journal")
    other = PRINT | {"seed": 1, "columns": ["age"]}
    with pytest.raises(ProjectMismatchError) as error:
        History(tmp_path / "journal", other)
    assert "`seed` is 1, there it is 0" in str(error.value)
    assert '`columns` is ["age"], there it is null' in str(error.value)
    assert "objective" not in str(error.value)
    # Tuples and lists are the same in JSON.
    History(tmp_path / "journal", PRINT | {"objective": ("val_loss",)}).close()


def test_a_promotion_is_the_same_trial_again(tmp_path):
    history = History(tmp_path / "journal")
    for number in range(2):
        history.start({"x": number})
        history.report(number, 0, {"val_loss": 3.0 - number})
        history.finish(number, "STOPPED", metrics={"val_loss": 3.0 - number})
    history.start({"x": 0}, number=0, rung=1, fidelity=0.5)
    assert history.trials[0].status == "RUNNING" and len(history) == 2
    history.report(0, 1, {"val_loss": 0.5})
    history.finish(0, "COMPLETED", metrics={"val_loss": 0.5})
    history.close()
    for again in (history, History(tmp_path / "journal")):
        trial = again.trials[0]
        assert (trial.rung, trial.fidelity, trial.status) == (1, 0.5, "COMPLETED")
        # The reports of both executions, and the place in the order of ends is the later one.
        assert trial.reports == [(0, {"val_loss": 3.0}), (1, {"val_loss": 0.5})]
        assert [t.number for t in again.finished] == [1, 0]
        assert [t.number for t in again.completed()] == [0]
        again.close()


def test_a_trial_that_was_cut_off_reports_anew(tmp_path):
    write(tmp_path / "journal")
    history = History(tmp_path / "journal", PRINT)
    history.start(history.trials[2].values, number=2)
    history.report(2, 0, {"val_loss": 9.0})
    assert history.trials[2].reports == [(0, {"val_loss": 9.0})]
    history.close()


def test_numbers_that_are_not_finite_survive(tmp_path):
    history = History(tmp_path / "journal")
    history.start({})
    history.finish(0, "FAILED", metrics={"a": math.nan, "b": math.inf}, failure="diverged")
    history.close()
    again = History(tmp_path / "journal")
    again.close()
    trial = again.trials[0]
    assert math.isnan(trial.metrics["a"]) and trial.metrics["b"] == math.inf


def test_values_found_while_a_trial_ran_are_kept(tmp_path):
    history = History(tmp_path / "journal")
    history.start({"x": 1})
    history.start({"x": 2})
    history.finish(0, "COMPLETED", values={"x": 1, "late": 3})
    history.finish(1, "COMPLETED", values={"x": 2})
    history.close()
    again = History(tmp_path / "journal")
    again.close()
    assert [t.values for t in again] == [{"x": 1, "late": 3}, {"x": 2}]
    assert (tmp_path / "journal").read_text().count('"x": 2') == 1


def test_notes_are_kept_and_spent_never_falls(tmp_path):
    history = History(tmp_path / "journal")
    history.note("space", {"names": ["a"]}, spent=5.0)
    history.note("space", {"names": ["a", "b"]}, spent=3.0)
    history.close()
    again = History(tmp_path / "journal")
    assert again.notes["space"]["names"] == ["a", "b"] and again.spent == 5.0
    again.close()


def test_to_ask_whose_a_journal_is_changes_nothing_in_it(tmp_path):
    """Another process may be writing its last line."""
    path = tmp_path / JOURNAL
    assert begun_in(None) == begun_in(tmp_path) == {}
    write(path)
    with path.open("ab") as file:
        file.write(b'{"event": "sta')
    before = path.read_bytes()
    assert begun_in(tmp_path) == PRINT
    assert path.read_bytes() == before
    path.write_bytes(b'{"event": "search", "fing')
    assert begun_in(tmp_path) == {}
