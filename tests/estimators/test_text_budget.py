import numpy as np
import pytest

import kerasnas as kn
from kerasnas.baselines import texts as baselines
from kerasnas.clock import Clock, OutOfTime
from kerasnas.data import ClassTarget
from kerasnas.data.documents import to_documents
from kerasnas.estimators import text_task
from kerasnas.estimators.feature_cache import FeatureCache
from kerasnas.estimators.text_budget import Room, kept, room_for
from kerasnas.problem import Form, Scorer
from kerasnas.problem.given import Given
from kerasnas.problem.given_folds import GivenFolds
from kerasnas.problem.heads import ClassHead
from kerasnas.problem.inputs import documents
from kerasnas.problem.rows import Rows, settle_rows
from kerasnas.problem.split import Split


class Watch:
    """A time that only passes when it is told to."""

    def __init__(self):
        self.now = 0.0

    def clock(self, seconds):
        return Clock(seconds, now=lambda: self.now)


def settled(labels, **more):
    target = text_task.fit_target(labels, classify=True, multilabel=True)
    return settle_rows(Given(None, labels, seed=0, **more), len(labels), target)


def room(texts, labels, seconds, pace, longest=20_000, begun=None):
    watch = Watch()
    documents, rows = to_documents(texts), settled(labels)

    def read(some):
        characters = sum(len(t) for column in some.columns.values() for t in column)
        watch.now += 1.0 + characters / pace

    found = room_for(documents, rows, longest, watch.clock(seconds), 0, read, begun or {})
    return documents, rows, found, watch


def test_few_texts_are_all_used_without_timing_anything():
    _, rows, found, watch = room(["a b c"] * 200, np.arange(200) % 2, seconds=20, pace=1.0)
    assert len(found.train) == len(rows.train) and len(found.valid) == len(rows.valid)
    assert watch.now == 0.0


def test_a_search_goes_on_with_the_texts_that_it_began_with():
    """The machine may be slower or faster than it was; other texts would make another search."""
    case = {"texts": ["x" * 2000] * 3000, "labels": np.arange(3000) % 2, "seconds": 20}
    _, _, first, _ = room(**case, pace=1e5)
    begun = {"longest": first.longest, "rows": [len(first.train), len(first.valid)]}
    for pace in (1e3, 1e5, 1e9):
        _, _, found, watch = room(**case, pace=pace, begun=begun)
        assert found.longest == first.longest and watch.now == 0.0
        np.testing.assert_array_equal(found.train, first.train)
        np.testing.assert_array_equal(found.valid, first.valid)


@pytest.mark.parametrize("pace", [1e3, 1e5])
def test_more_texts_than_there_is_time_for_are_cut_and_then_left_out(pace):
    labels = np.arange(3000) % 2
    labels[:30] = 2  # a rare class stays
    documents, rows, found, watch = room(["x" * 2000] * 3000, labels, seconds=20, pace=pace)
    assert found.longest == 600
    assert 40 <= len(found.valid) < len(rows.valid)
    assert 40 <= len(found.train) < len(rows.train)
    fewer, settled_rows = kept(documents, rows, found)
    assert len(fewer) == len(found.train) + len(found.valid)
    assert set(settled_rows.targets[settled_rows.train]) == {0, 1, 2}
    used = np.concatenate([settled_rows.train, settled_rows.valid])
    assert sorted(used) == list(range(len(fewer)))
    if pace == 1e5:
        characters = found.longest * len(fewer)
        assert characters / pace < 0.2 * (20 - watch.now)


def test_calibration_rows_stay_what_they_are_where_texts_are_left_out():
    labels = np.arange(3000) % 2
    documents = to_documents([f"text {i}" for i in range(3000)])
    rows = settled(labels, calibration=lambda count: 300)
    assert len(rows.calibration) == 300
    texts = documents.columns["text"][rows.calibration]
    fewer, left = kept(documents, rows, Room(100, rows.train[:50], rows.valid[:20]))
    assert len(fewer) == 50 + 20 + 300
    assert fewer.columns["text"][left.calibration].tolist() == texts.tolist()
    np.testing.assert_array_equal(left.targets[left.calibration], labels[rows.calibration])


def test_fast_reading_leaves_nothing_out():
    _, rows, found, _ = room(["x" * 2000] * 3000, np.arange(3000) % 2, seconds=20, pace=1e9)
    assert found.longest == 20_000 and len(found.train) == len(rows.train)


def test_no_further_form_is_made_without_time_for_it():
    watch = Watch()

    def made(form):
        watch.now += 30.0
        return Form(form, {})

    forms = FeatureCache(made, watch.clock(100), "texts")
    assert forms(1).data == 1
    assert forms(2).data == 2
    with pytest.raises(OutOfTime, match="no time to bring all texts to another form"):
        forms(3)
    assert forms(1).data == 1  # is there already
    assert forms(4, timed=False).data == 4  # keeps its own time


@pytest.mark.parametrize(("slowness", "fits"), [(0.0, True), (5.0, False)])
def test_a_baseline_for_which_there_is_no_time_is_left_out(monkeypatch, slowness, fits):
    watch = Watch()
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    texts = np.array([f"{'good' if y else 'bad'} film {i}" for i, y in enumerate(labels)], object)
    learnt = baselines._learnt

    def slow(columns, train):
        watch.now += slowness
        return learnt(columns, train)

    monkeypatch.setattr(baselines, "_learnt", slow)
    split = Split(np.arange(300), np.arange(300, 400))
    head = ClassHead(ClassTarget(np.arange(2)))
    rows = Rows({"answer": head}, {"answer": labels}, None, split)
    scorer, clock = Scorer(labels[rows.valid], 2), watch.clock(60)
    majority, linear = baselines.text_baselines({"x": texts}, rows, scorer, clock).rows
    assert majority["status"] == "COMPLETED"
    assert (linear["status"] == "COMPLETED") is fits
    assert watch.now <= 6.0
    if fits:
        assert linear["val_accuracy"] == 1.0
    else:
        assert linear["failure"] == baselines.NO_TIME


def test_the_space_is_explored_without_learning_a_vocabulary(monkeypatch):
    asked = []
    fitted = documents.fit_tokens
    monkeypatch.setattr(
        documents, "fit_tokens", lambda *given: asked.append(given) or fitted(*given)
    )
    texts = ["good film", "bad film"] * 40
    clf = kn.TextClassifier(budget=kn.Budget(trials=1, epochs=1), seed=0, verbose=0)
    clf.fit(texts, ["good", "bad"] * 40)
    assert clf.best_hyperparameters["family"] == "linear"
    assert not asked


def test_folds_of_the_user_that_there_is_no_time_for_are_not_dropped_in_silence(
    monkeypatch, caplog
):
    def room_for(documents, rows, *rest):
        return Room(200, rows.train[:10], rows.valid[:10])

    monkeypatch.setattr(text_task, "room_for", room_for)
    texts, labels = [f"word {i} and {i % 7}" for i in range(40)], np.arange(40) % 2
    halves = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]
    given = Given(texts, labels, seed=0, count_folds=GivenFolds(halves))
    with caplog.at_level("WARNING", logger="kerasnas"):
        text_task.prepare_texts(given, Clock(None), classify=True, families=["linear"])
    assert "no time for the folds that `folds` gives" in caplog.text
