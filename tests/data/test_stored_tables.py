"""Tables in files: which files are meant, what is read of them, which rows are drawn."""

import gzip

import numpy as np
import pandas as pd
import pytest

from kerasnas.data import csv_files, stored_tables
from kerasnas.data.documents import stored_texts
from kerasnas.data.stored_tables import stored_table
from kerasnas.errors import SchemaError

pa = pytest.importorskip("pyarrow")
arrow = pytest.importorskip("pyarrow.dataset")

ROWS = 500


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "row": range(ROWS),
            "value": rng.normal(size=ROWS),
            "code": [f"0{i % 7}" for i in range(ROWS)],
            "note": ['say "hi",\nand go', "", "plain", None, "x"] * (ROWS // 5),
        }
    )


@pytest.fixture(scope="module")
def folder(frame, tmp_path_factory):
    """The same rows as two Parquet files, as two CSV files, and by a column in the path."""
    path = tmp_path_factory.mktemp("stored")
    parts = frame.iloc[:180], frame.iloc[180:]
    for kind in ("parquet", "csv", "parted/code=1", "parted/code=2"):
        (path / kind).mkdir(parents=True)
    for number, part in enumerate(parts):
        part.to_parquet(path / "parquet" / f"{number}.parquet", index=False)
        part.to_csv(path / "csv" / f"{number}.csv", index=False)
        part.drop(columns="code").to_parquet(path / f"parted/code={number + 1}/a.parquet")
    (path / "csv" / ".hidden.csv").write_text("other\n1\n")
    return path


@pytest.fixture
def small_parts(monkeypatch):
    """A part is a few rows."""
    monkeypatch.setattr(stored_tables, "_PART", 64)
    monkeypatch.setattr(csv_files, "_PART", 1000)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_paths_folders_globs_and_lists_mean_the_same_rows(folder, frame, kind, small_parts):
    here = folder / kind
    files = [here / f"0.{kind}", str(here / f"1.{kind}")]
    for given in (here, str(here), str(here / f"*.{kind}"), files, [str(f) for f in files]):
        table = stored_table(given).with_texts(["code"])
        found = list(table.frames())
        assert len(found) > 4
        pd.testing.assert_frame_equal(
            pd.concat(found, ignore_index=True).fillna(""), frame.fillna(""), check_dtype=False
        )
    only = stored_table(files[0]).with_texts(["code"]).columns(["code"])
    assert only["code"].tolist() == frame["code"][:180].tolist()
    assert list(stored_table(here).without(["note"]).first()) == ["row", "value", "code"]


def test_datasets_and_folders_by_column(folder, frame, tmp_path):
    dataset = arrow.dataset(pa.Table.from_pandas(frame))
    assert stored_table(dataset).whole()["row"].tolist() == list(range(ROWS))
    parted = stored_table(folder / "parted").whole()
    assert parted["code"].value_counts().to_dict() == {1: 180, 2: 320}

    class HuggingFace:
        def with_format(self, type):
            assert type == "arrow"
            return self

        def iter(self, batch_size):
            yield from (pa.Table.from_pandas(frame[:300]), pa.Table.from_pandas(frame[300:]))

    assert stored_table(HuggingFace()).whole()["row"].tolist() == list(range(ROWS))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("most", [1, 20, 300, ROWS, 10 * ROWS])
def test_so_many_rows_are_drawn_with_their_places(folder, kind, most, small_parts):
    drawn = stored_table(folder / kind).draw(lambda first: most, seed=1)
    assert len(drawn.frame) == min(most, ROWS) and drawn.total == ROWS
    assert drawn.frame["row"].tolist() == drawn.places.tolist() == sorted(set(drawn.places))


def test_every_row_is_drawn_as_often_and_the_seed_decides(folder, small_parts, monkeypatch):
    table = stored_table(folder / "parquet")
    counts = np.zeros(ROWS)
    for seed in range(60):
        counts[table.draw(lambda first: 100, seed).places] += 1
    assert counts.sum() == 60 * 100
    early, late = counts[:250].mean(), counts[250:].mean()
    assert abs(early - late) < 1.0  # the mean is 12, of which chance moves each half by 0.2
    first = table.draw(lambda first: 100, 3).places
    monkeypatch.setattr(stored_tables, "_PART", 100)
    assert np.array_equal(first, table.draw(lambda first: 100, 3).places)


def test_types_are_those_of_a_file_that_is_read_whole(tmp_path, small_parts):
    values = [*range(400), "n/a", *range(99)]  # the odd cell is in one part only
    pd.DataFrame({"a": values, "b": 1.5}).to_csv(tmp_path / "a.csv", index=False)
    whole = pd.read_csv(tmp_path / "a.csv", low_memory=False)
    pd.testing.assert_frame_equal(stored_table(tmp_path / "a.csv").whole(), whole)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    pd.testing.assert_frame_equal(stored_table(packed).whole(), whole)


def test_numbers_of_several_files_find_a_common_type(tmp_path):
    for name, values in (("a", [1, 2]), ("b", [0.5, 1.5])):
        pd.DataFrame({"x": values}).to_parquet(tmp_path / f"{name}.parquet")
    assert stored_table(tmp_path).whole()["x"].tolist() == [1, 2, 0.5, 1.5]


def test_files_that_do_not_go_together_are_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, columns in (("a", ["x"]), ("b", ["x", "more"])):
        rows = pd.DataFrame([[1] * len(columns)], columns=columns)
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        rows.to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"no parquet at all")
    (tmp_path / "rowless.csv").write_text("x\n")
    for given, words in [
        ("nothing.csv", "There is no file or folder"),
        ("*.pq", "There is no file or folder"),
        ("empty", "has no CSV or Parquet files"),
        ("[ab].*", "holds both Parquet files and others"),
        ("[ab].csv", "names the columns x,more"),
        ("[ab].parquet", "only one of them has `more`"),
        ("broken.parquet", "cannot be read"),
        ("rowless.csv", "has no rows"),
    ]:
        with pytest.raises(SchemaError, match=words.replace("[", "\\[")):
            stored_table(tmp_path / given).whole()


def test_texts_are_files_only_where_files_are_meant(folder, tmp_path):
    table = folder / "csv"
    for given in (
        table,
        str(table),
        str(table / "*.csv"),
        [table / "0.csv"],
        [str(table / "0.csv")],
    ):
        assert stored_texts(given) is not None, given
    (tmp_path / "a.txt").write_text("a text")
    (tmp_path / "labels.csv").write_text("a,b\n1,2\n")
    for given in (tmp_path, "a text", "x" * 9999, ["report.csv", "data.csv"], ["a"], [], None):
        assert stored_texts(given) is None, given
