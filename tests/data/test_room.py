"""Large arrays lie in nameless files, small ones in memory, and nothing is left behind."""

import errno
import tempfile

import numpy as np
import pytest

from kerasnas.data import room as module
from kerasnas.data.room import (
    Spool,
    blocks,
    fits,
    free_bytes,
    joined_rows,
    most_bytes,
    resident_bytes,
    room,
)
from kerasnas.errors import BudgetError, SchemaError


@pytest.fixture
def scarce(monkeypatch, tmp_path):
    """Four thousand bytes may be kept in memory; temporary files are looked for in one folder."""
    monkeypatch.setattr(module, "free_bytes", lambda: 32_000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_process_tells_how_much_it_holds():
    assert resident_bytes() > 10**7


def test_memory_is_said_in_words_or_bytes(monkeypatch):
    monkeypatch.setattr(module, "free_bytes", lambda: 1000)
    monkeypatch.setattr(module, "resident_bytes", lambda: 50)
    asked = [None, "4GB", "1.5 gib", "500MB", 2**20, 7.5]
    assert list(map(most_bytes, asked)) == [800, 4 * 10**9, 3 * 2**29, 5 * 10**8, 2**20, 7]
    for wrong in ("4", "many", "GB", 0, -1, True, [1], float("nan")):
        with pytest.raises(BudgetError, match="`memory` cannot be read"):
            most_bytes(wrong)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def test_the_machine_tells_how_much_memory_is_free():
    assert 2**20 < free_bytes() < 2**50
    assert fits(1000)
    assert not fits(free_bytes())


@pytest.mark.parametrize(
    ("most", "used", "cached"),
    [
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_limits_of_containers_count(tmp_path, most, used, cached):
    (tmp_path / most).write_text("1000\n")
    (tmp_path / used).write_text("700\n")
    (tmp_path / "memory.stat").write_text(f"anon 600\n{cached} 50\n")
    assert module._left(tmp_path, most, used) == 350
    (tmp_path / most).write_text("max\n")
    assert module._left(tmp_path, most, used) is None
    assert module._left(tmp_path / "none", most, used) is None


def test_what_is_too_large_lies_in_a_file_without_a_name(scarce):
    assert not isinstance(room((40, 10, 10), "uint8"), np.memmap)
    array = room((41, 10, 10), "uint8")
    assert isinstance(array, np.memmap)
    array[:] = noise(41, 10, 10)
    assert np.array_equal(array, noise(41, 10, 10))
    assert list(scarce.iterdir()) == []


def test_a_full_disk_is_an_error_and_no_crash(scarce, monkeypatch):
    failing = []

    def reserve(*_):
        raise OSError(*failing)

    monkeypatch.setattr(module.os, "posix_fallocate", reserve, raising=False)
    failing[:] = errno.ENOSPC, "No space left on device"
    with pytest.raises(SchemaError, match=r"too much for memory .*TMPDIR"):
        room((5000,), "uint8")
    failing[:] = errno.EOPNOTSUPP, "Operation not supported"
    assert isinstance(room((5000,), "uint8"), np.memmap)  # the disk says that there is room
    with pytest.raises(SchemaError, match="TMPDIR"):
        room((10**15,), "uint8")


def test_two_arrays_one_after_the_other(scarce, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 700)
    x = noise(60, 10, 10)
    for cut in (10, 50):
        both = joined_rows(x[:cut], x[cut:])
        assert isinstance(both, np.memmap)
        assert np.array_equal(both, x)
    assert [len(x[part]) for part in blocks(x)] == [7] * 8 + [4]


@pytest.mark.parametrize("rows", [30, 90])
def test_spooled_rows_are_the_rows(scarce, rows):
    x = noise(rows, 10, 10)
    spool = Spool()
    for start in range(0, rows, 8):
        spool.add(x[start : start + 8])
    found = spool.rows()
    spool.close()
    assert isinstance(found, np.memmap) == (rows > 40)
    assert np.array_equal(found, x)
    assert list(scarce.iterdir()) == []


@pytest.mark.parametrize("rows", [3, 40])
def test_spooled_rows_of_several_shapes(scarce, rows):
    x = [noise(10, 6 + i % 5, 3).astype("float32") for i in range(rows)]
    spool = Spool()
    for one in x:
        spool.add(one[None])
    found = spool.rows()
    spool.close()
    assert len(found) == rows
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(found, x, strict=True))
