"""Stored rows are the rows of their array, read when they are asked for or a little earlier."""

import threading

import numpy as np

from kerasnas.data import stored as module
from kerasnas.data.room import on_disk
from kerasnas.data.stored import _AHEAD, Ahead, StoredRows, held

X = np.random.default_rng(0).integers(0, 256, (50, 4, 3)).astype("uint8")


class Counting(StoredRows):
    """Stored rows that write down which of them were read."""

    def __init__(self, array):
        super().__init__(array)
        self.reads = []

    def read(self, index):
        self.reads.append(list(index))
        return super().read(index)


def readers():
    return [t for t in threading.enumerate() if t.name.startswith("kerasnas-reader")]


def test_rows_of_rows_of_an_array():
    order = np.random.default_rng(1).permutation(50)
    some = StoredRows(X)[order[:30]]
    assert isinstance(some, StoredRows)
    assert (len(some), some.shape, some.dtype) == (30, (30, 4, 3), X.dtype)
    assert np.array_equal(some.read(np.array([5, 3, 5])), X[order[[5, 3, 5]]])
    assert np.array_equal(some[2:9], X[order[2:9]])
    assert np.array_equal(some[np.arange(20)[::-1]][:], X[order[:20][::-1]])
    assert np.array_equal(some[np.arange(4)], X[order[:4]])


def test_batches_are_read_ahead_but_only_a_few():
    stored = Counting(X)
    ahead = Ahead(stored)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(50).astype("int32")
        stored.reads.clear()
        ahead.start(order, 8)
        for step in range(7):
            rows = order[step * 8 : (step + 1) * 8]
            assert np.array_equal(ahead.read(rows), X[rows])
            assert len(stored.reads) <= step + 1 + _AHEAD
        assert sorted(i for rows in stored.reads for i in rows) == list(range(50))  # each once
    ahead.stop()
    assert readers() == []


def test_an_epoch_that_was_broken_off_leaves_nothing():
    ahead = Ahead(StoredRows(X))
    order = np.arange(50, dtype="int32")
    ahead.start(order, 8)
    assert np.array_equal(ahead.read(order[:8]), X[:8])
    assert np.array_equal(ahead.read(order[20:24]), X[20:24])  # what nobody had announced
    ahead.start(order[::-1], 8)
    assert np.array_equal(ahead.read(order[::-1][:8]), X[::-1][:8])
    ahead.stop()
    ahead.stop()
    assert readers() == []


def test_arrays_in_files_stay_there(tmp_path, monkeypatch):
    from kerasnas.data import room

    assert held(X) is X
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r", allow_pickle=False)
    assert isinstance(held(mapped), StoredRows)
    assert isinstance(held(mapped[..., None]), StoredRows)
    monkeypatch.setattr(room, "_SHARE", 0.0)
    assert isinstance(held(X), StoredRows)


def test_an_epoch_of_some_rows_stays_that_share_of_fewer_rows():
    stored = StoredRows(np.arange(1000), epoch=100)
    assert StoredRows(np.arange(1000)).epoch == 1000
    assert stored[np.arange(0, 1000, 2)].epoch == 50


def test_pages_are_given_back_and_the_rows_stay(monkeypatch):
    array = on_disk((400, 3), "float32")
    array[:] = np.arange(1200).reshape(400, 3)
    monkeypatch.setattr(module, "_SEEN", 50)
    stored = StoredRows(array[:300])
    for _ in range(3):
        assert np.array_equal(stored.read(np.arange(300)), np.arange(900).reshape(300, 3))
