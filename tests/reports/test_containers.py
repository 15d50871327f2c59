"""Tables, images, sounds and their files as other libraries hand them over."""

import datetime
import decimal
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerasnas.data import Schema, infer_schema, ingest, to_frame
from kerasnas.data.documents import to_documents
from kerasnas.data.gaps import clips_there, pictures_there
from kerasnas.data.named_columns import take_columns
from kerasnas.data.pictures import to_pictures
from kerasnas.data.sounds import to_sounds
from kerasnas.data.texts import fit_text_reader
from kerasnas.problem.rows import fit_target

R = np.random.default_rng(5)
PIXELS = R.integers(0, 256, (4, 10, 12, 3)).astype("uint8")


def decoded(x):
    pictures = to_pictures(x)
    return [pictures.one(row, 3) for row in range(len(pictures))]


@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "YCbCr", "LA", "L"])
def test_an_image_of_pillow_is_what_its_file_is(mode, tmp_path):
    images = [Image.fromarray(pixels).convert(mode) for pixels in PIXELS]
    paths = [
        tmp_path / f"{row}.{'tif' if mode in ('CMYK', 'YCbCr') else 'png'}" for row in range(4)
    ]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    np.testing.assert_array_equal(decoded(images), decoded(paths))
    np.testing.assert_array_equal(decoded([Image.open(path) for path in paths]), decoded(paths))


def test_an_opened_image_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(PIXELS[0]).save(tmp_path / "turned.png", exif=exif)
    image = decoded([Image.open(tmp_path / "turned.png")] * 2)[0]
    assert image.shape == (12, 10, 3)
    np.testing.assert_array_equal(image, decoded([tmp_path / "turned.png"] * 2)[0])


FORMS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "BytesIO": io.BytesIO,
}


@pytest.mark.parametrize("form", FORMS)
def test_files_in_memory_are_files(form):
    held = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(held, "png")
    np.testing.assert_array_equal(decoded([FORMS[form](held.getvalue())] * 2)[1], PIXELS[0])


@pytest.mark.parametrize("form", FORMS)
def test_sounds_in_memory_are_files(form):
    from scipy.io import wavfile

    held = io.BytesIO()
    samples = (R.normal(size=800) * 3000).astype("int16")
    wavfile.write(held, 8000, samples)
    clip = to_sounds([FORMS[form](held.getvalue())]).one(0)
    assert clip.rate == 8000
    np.testing.assert_allclose(clip.samples, samples / 32768, atol=1e-4)


def test_a_sound_with_an_unknown_rate_is_an_array():
    assert to_sounds([(np.zeros(80), None)]).one(0).rate is None


def test_a_long_text_in_the_place_of_a_path_is_cut_in_messages():
    assert len(to_pictures(["x" * 5000] * 2).name(0)) < 80


# Tables of polars, pyarrow and Hugging Face.


class OfHuggingFace:
    """What a data set of Hugging Face offers; its `to_pandas` takes no arguments of pyarrow."""

    def __init__(self, columns):
        self.columns_by_name = columns

    @property
    def column_names(self):
        return list(self.columns_by_name)

    @property
    def shape(self):
        return (len(self), len(self.columns_by_name))

    def __len__(self):
        return len(next(iter(self.columns_by_name.values())))

    def to_pandas(self, batch_size=None, batched=False):
        return pd.DataFrame(self.columns_by_name)


def table_of(library, columns):
    """A table of a library, or what looks like one."""
    if library == "pandas":
        return pd.DataFrame(columns)
    if library == "hugging face":
        return OfHuggingFace(columns)
    if library == "polars":
        return pytest.importorskip("polars").DataFrame(columns, strict=False)
    return pytest.importorskip("pyarrow").table(columns)


LIBRARIES = ["pandas", "polars", "pyarrow", "hugging face"]
TABLES = ["polars", "pyarrow"]


def with_gaps(values, every):
    return [None if row % every == 1 else value for row, value in enumerate(values)]


DAY = datetime.datetime(2024, 1, 1, 5)
COLUMNS = {
    "big": with_gaps([2**60 + row for row in range(40)], 5),
    "few": with_gaps([row % 7 for row in range(40)], 6),
    "real": with_gaps([row / 3 for row in range(40)], 9),
    "truth": with_gaps([row % 2 == 0 for row in range(40)], 8),
    "text": with_gaps([f"c{row % 3}" for row in range(40)], 7),
    "day": with_gaps([DAY.date() + datetime.timedelta(row) for row in range(40)], 11),
    "moment": [DAY + datetime.timedelta(hours=7 * row) for row in range(40)],
    "exact": with_gaps([decimal.Decimal(row) / 4 for row in range(40)], 10),
    "while": [datetime.timedelta(minutes=row * row) for row in range(40)],
    "clock": [datetime.time(row % 24, row) for row in range(40)],
}


@pytest.mark.parametrize("library", TABLES)
def test_columns_of_every_type_are_what_they_are_in_pandas(library):
    own = pd.DataFrame(COLUMNS)
    for name in ("big", "few"):
        own[name] = pd.array(COLUMNS[name], dtype="Int64")
    raws = []
    for table in (table_of(library, COLUMNS), own):
        frame, _ = to_frame(table)
        schema = infer_schema(frame)
        assert isinstance(schema, Schema) and all(c.dropped is None for c in schema.columns)
        raws.append(ingest(frame, schema))
    for name in COLUMNS:
        assert raws[0][name].dtype == raws[1][name].dtype
        np.testing.assert_array_equal(raws[0][name], raws[1][name])
    assert raws[0]["big"][0] == 2**60 and raws[0]["big"][2] == 2**60 + 2


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_every_library_are_named(library):
    table = table_of(library, {"text": ["a b", "c"] * 3, "label": [0, 1] * 3, "w": [1.0] * 6})
    taken = take_columns(table, "label", "w")
    assert list(taken.y) == [0, 1] * 3 and list(taken.weights) == [1.0] * 6
    assert list(taken.x) == ["text"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_readers_find_their_column_in_tables_of_every_library(library, tmp_path):
    texts = ["one text", "two texts"] * 2
    reader = fit_text_reader(to_documents(pd.DataFrame({"title": texts})), 100)
    found = reader.read(table_of(library, {"title": texts, "n": list(range(4))}))
    assert next(iter(found.columns.values())).tolist() == texts
    paths = [str(tmp_path / f"{row}.png") for row in range(4)]
    for pixels, path in zip(PIXELS, paths, strict=True):
        Image.fromarray(pixels).save(path)
    found = decoded(table_of(library, {"path": paths, "n": list(range(4))}))
    np.testing.assert_array_equal(found, PIXELS)
    waves = [np.sin(np.arange(50.0) * row) for row in (1, 2, 3)]
    of_lists = [wave.tolist() for wave in waves] if library == "polars" else waves
    sounds = to_sounds(table_of(library, {"audio": of_lists, "n": [1, 2, 3]}))
    np.testing.assert_allclose(sounds.one(2).samples, waves[2], atol=1e-6)


@pytest.mark.parametrize("library", TABLES)
def test_columns_alone_are_what_their_tables_are(library, tmp_path):
    paths = [str(tmp_path / f"{row}.png") for row in range(4)]
    for pixels, path in zip(PIXELS, paths, strict=True):
        Image.fromarray(pixels).save(path)
    column = table_of(library, {"path": paths})["path"]
    np.testing.assert_array_equal(decoded(column), PIXELS)
    assert to_documents(column).columns["text"].tolist() == paths


@pytest.mark.parametrize("library", TABLES)
def test_rows_without_a_picture_or_a_sound_are_gaps_in_every_library(library):
    held = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(held, "png")
    files = [held.getvalue(), None, held.getvalue()]
    waves = [[0.1] * 40, None, [0.2] * 40]
    pictures = pictures_there(table_of(library, {"picture": files})["picture"])
    assert pictures.there.tolist() == [True, False, True]
    clips, there = clips_there(table_of(library, {"sound": waves})["sound"])
    assert there.tolist() == [True, False, True] and len(clips) == 2


@pytest.mark.parametrize("library", ["pandas", "nullable", *TABLES])
def test_several_labels_have_the_names_of_their_columns_in_every_library(library):
    matrix = {"u": [1, 1, 0, 0], "v": [0, 1, 1, 0]}
    y = table_of("pandas" if library == "nullable" else library, matrix)
    y = y.convert_dtypes() if library == "nullable" else y
    target = fit_target(y, classify=True, multilabel=True)
    assert target.classes_.tolist() == ["u", "v"]
    assert target.encode(y).T.tolist() == list(matrix.values())


@pytest.mark.parametrize("library", ["pandas", "parquet", *TABLES])
def test_lists_of_labels_come_from_every_library(library):
    labels = [["a"], ["a", "b"], [], ["b"]]
    if library == "parquet":
        y = pd.Series([np.array(some, dtype=object) for some in labels])
    else:
        y = table_of(library, {"labels": labels})["labels"]
    target = fit_target(y, classify=True, multilabel=True)
    assert target.classes_.tolist() == ["a", "b"]
    assert target.encode(y).tolist() == [[1, 0], [1, 1], [0, 0], [0, 1]]
    one = y[:1] if library != "pyarrow" else y.slice(0, 1)
    assert target.encode(one).tolist() == [[1, 0]]
