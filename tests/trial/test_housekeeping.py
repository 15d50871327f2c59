"""Which models of trials stay in memory."""

import keras

from kerasnas.trial import housekeeping


def models(folder, sizes):
    made = {}
    for trial_id, size in sizes.items():
        made[trial_id] = keras.Sequential(name=f"trial_{trial_id}")
        if size is not None:
            (folder / f"{trial_id}.keras").write_bytes(b"0" * size)
    return made


def test_models_without_a_file_go(tmp_path):
    held = models(tmp_path, {"0000": 10, "0001": None, "0002": 10})
    housekeeping.keep_in_memory(held, tmp_path)
    assert list(held) == ["0000", "0002"]


def test_the_oldest_go_where_all_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(housekeeping, "_MOST_BYTES", 100)
    held = models(tmp_path, {"0000": 30, "0001": 40, "0002": 30, "0003": 20})
    housekeeping.keep_in_memory(held, tmp_path)
    assert list(held) == ["0001", "0002", "0003"]
    assert all((tmp_path / f"{i}.keras").exists() for i in ("0000", "0001"))
