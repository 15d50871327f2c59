"""Rows without their picture or their sound, as the reader sees them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerasnas.data.gaps import GapReader, clips_there, filled_pictures, pictures_there
from kerasnas.data.images import fit_image_reader
from kerasnas.data.sound_reader import SoundReader
from kerasnas.errors import SchemaError

PICTURE = np.full((6, 8, 3), 90, "uint8")


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT, "", np.full((6, 8, 3), np.nan)])
@pytest.mark.parametrize("box", [list, pd.Series])
def test_a_row_may_have_no_picture(gap, box):
    found = pictures_there(box([PICTURE, gap, PICTURE]))
    pictures, there = found.pictures, found.there
    assert there.tolist() == [True, False, True] and len(pictures) == 2


def test_rows_of_nan_in_an_array():
    x = np.stack([PICTURE / 255.0, np.full(PICTURE.shape, np.nan)]).astype("float32")
    found = pictures_there(x)
    pictures, there = found.pictures, found.there
    assert there.tolist() == [True, False] and pictures.items.shape == (1, 6, 8, 3)
    assert pictures_there(np.stack([PICTURE] * 3)).there.all()


def test_nothing_at_all():
    assert pictures_there([None, None]).pictures is None
    gaps = [None, (None, 8000), (8000, None)]
    assert clips_there(gaps) == ([], pytest.approx(np.zeros(3, bool)))


def test_a_file_that_is_not_there_is_a_gap_and_is_named(tmp_path: Path):
    for name in "abc":
        Image.fromarray(PICTURE).save(tmp_path / f"{name}.png")
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    with pytest.warns(UserWarning, match=r"gone\.png.*count as rows without one"):
        found = pictures_there([*paths, tmp_path / "gone.png", None])
    pictures, there = found.pictures, found.there
    assert there.tolist() == [True, True, True, False, False]
    reader = fit_image_reader(pictures)
    filled = filled_pictures(reader, pictures, there)
    assert len(filled) == 5 and not filled.one(3).any() and filled.one(0).any()
    batches = dict(zip(*_rows(reader.batches(filled)), strict=True))
    assert [bool(batches[i].any()) for i in range(5)] == there.tolist()
    with pytest.raises(SchemaError, match="cannot be used"):
        pictures_there([tmp_path / "gone.png"])


def _rows(batches):
    index, images = zip(*batches, strict=True)
    return np.concatenate(index).tolist(), [i for part in images for i in part]


def reader(known=True):
    return GapReader(fit_image_reader(pictures_there(np.stack([PICTURE] * 4)).pictures), known)


def test_the_reader_fills_new_rows():
    raw = reader().read([None, PICTURE])
    assert raw.items.shape == (2, 6, 8, 3) and not raw.items[0].any()
    assert reader().read([None]).items.shape == (1, 6, 8, 3)
    assert not reader().probe()[-1].any()


def test_it_says_so_where_fit_saw_none():
    with pytest.warns(UserWarning, match="1 rows have no picture.*is a guess"):
        reader(known=False).read([PICTURE, None])


def test_sounds_without_samples():
    sounds = GapReader(SoundReader(1000, 500), True)
    raw = sounds.read([np.ones(100, "float32"), None])
    assert [len(wave) for wave in raw] == [100, 0]
    ((_, batch),) = sounds.batches(raw)
    assert batch.shape == (2, 500) and not batch[1].any()


@pytest.mark.parametrize("one", [reader(), GapReader(SoundReader(1000, 500), False)])
def test_it_comes_back_from_json(one):
    assert GapReader.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize("content", [None, {}, {"reader": "os", "content": {}, "known": True}])
def test_other_json_is_refused(content):
    with pytest.raises(SchemaError):
        GapReader.from_json(content)
