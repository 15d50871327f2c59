"""What further users were played with: containers, columns and texts of kinds that reports name."""

import collections
import dataclasses
import decimal
import json
import uuid
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasnas as kn
from kerasnas.auto_model.readers import by_name
from kerasnas.data import Schema, infer_schema, ingest, to_frame, warn_of_schema
from kerasnas.data.dataset_parts import dataset_parts
from kerasnas.data.documents import split_documents, to_documents
from kerasnas.data.named_columns import take_columns, warn_of_order
from kerasnas.data.picture_reading import looked
from kerasnas.data.pictures import to_pictures
from kerasnas.data.targets import fit_class_target
from kerasnas.errors import DataTypeError, SchemaError, SearchSpaceError
from kerasnas.problem.inputs import ArrayInput, SeriesInput
from kerasnas.problem.inputs.documents import DocumentInput
from kerasnas.problem.rows import fit_target

FRAME = pd.DataFrame({"a": [0.5, 1.5, 2.5], "b": ["x", "y", "x"]})
Named = collections.namedtuple("Named", "a b")
Classed = dataclasses.make_dataclass("Classed", ["a", "b"])


@pytest.mark.parametrize("row", [Named, Classed])
def test_rows_with_names_are_columns_with_names(row):
    frame, named = to_frame([row(*values) for values in FRAME.itertuples(index=False)])
    assert named
    pd.testing.assert_frame_equal(frame, FRAME)


def test_a_lazy_frame_is_the_table_that_it_will_be():
    polars = pytest.importorskip("polars")
    lazy = polars.DataFrame({"a": [0.5, 1.5, 2.5], "b": ["x", "y", "x"], "y": [0, 1, 0]}).lazy()
    taken = take_columns(lazy, "y")
    pd.testing.assert_frame_equal(to_frame(taken.x)[0], FRAME, check_dtype=False)
    assert list(taken.y) == [0, 1, 0]
    assert to_frame(lazy)[0].shape == (3, 3)


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ([0.5, 1.5], "x.drop(columns='it').join(pandas.DataFrame(x['it'].tolist(), x.index)"),
        (np.zeros(2), "x.drop(columns='it').join(pandas.DataFrame(x['it'].tolist(), x.index)"),
        (["wifi", "pool"], "x['it'] = x['it'].str.join(' ')"),
        ({"w": 1, "h": 2}, "x.drop(columns='it').join(pandas.json_normalize(x['it']))"),
    ],
)
def test_cells_of_several_values_are_refused_with_the_line_that_spreads_them(cell, line):
    x = pd.DataFrame({"it": [cell] * 4, "z": np.arange(4.0)})
    with pytest.raises(DataTypeError) as error:
        to_frame(x)
    assert f"`{line}" in str(error.value)
    begin = str(error.value).index("`x") + 1
    typed = str(error.value)[begin : str(error.value).index("`.", begin)]
    if typed.startswith("x['it'] = "):
        x["it"] = x["it"].str.join(" ")
    else:  # the line is what it says
        wide = pd.DataFrame(x["it"].tolist(), x.index).add_prefix("it_")
        spread = pd.json_normalize(x["it"]) if "json" in typed else wide
        x = x.drop(columns="it").join(spread)
    assert to_frame(x)[0].shape[0] == 4


def test_a_target_whose_index_is_in_another_order_is_told():
    y = pd.Series([0, 1, 2], index=[2, 0, 1])
    with pytest.warns(UserWarning, match=r"`y` has the index of `x` in another.*y\.loc\[x\.index"):
        take_columns(FRAME, y)
    with pytest.warns(UserWarning, match=r"`sample_weight` has the index"):
        take_columns(FRAME, [0, 1, 0], y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        take_columns(FRAME, y.loc[FRAME.index])
        take_columns(FRAME, y.set_axis([7, 8, 9]))
        take_columns(FRAME[:2], y)


def test_parts_of_a_dict_whose_index_is_in_another_order_are_told():
    y = pd.Series([0, 1, 2], index=[2, 0, 1])
    with pytest.warns(UserWarning, match=r"`y\['price'\]` has the index of `x\['facts'\]` in"):
        warn_of_order({"facts": FRAME, "extra": np.ones(3)}, {"y": {"price": y}})
    with pytest.warns(UserWarning, match=r"`x\['c'\]` has the index of `x\['a'\]` in another"):
        warn_of_order({"a": FRAME["a"], "c": y}, {"y": [0, 1, 0]})


def test_moments_as_targets_are_refused_with_a_line_that_works():
    moments = pd.Series(pd.date_range("2024-01-01", periods=3))
    with pytest.raises(SchemaError, match=r"`\(y - y.min\(\)\).dt.total_seconds\(\)`"):
        fit_target(moments, classify=False).encode(moments)
    assert (moments - moments.min()).dt.total_seconds().tolist() == [0.0, 86400.0, 172800.0]


# Texts


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_texts_keep_their_letters_in_every_encoding(encoding, tmp_path):
    content = "für Größe".encode(encoding)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from_files = split_documents(tmp_path, None)[0].columns["text"]
        in_memory = to_documents([content, "x"]).columns["text"]
    assert from_files.tolist() == ["für Größe"] * 2 and in_memory[0] == "für Größe"
    told = [str(warning.message) for warning in caught]
    assert len(told) == (2 if encoding == "cp1252" else 0)
    assert all("no UTF-8" in words and "read as Windows-1252" in words for words in told)


def test_texts_that_name_files_are_told(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("a text")
    with pytest.warns(UserWarning, match=r"`text` holds the names of files.*read_text\(\)"):
        DocumentInput(100).read([str(path)] * 4)
    with pytest.raises(SchemaError, match=r"\[path.read_text\(\) for path in x\]"):
        to_documents([path] * 4)


def test_lists_of_words_are_refused_with_the_line_that_joins_them():
    for x in ([["a"], ["b", "c"]], pd.Series([["a"], ["b", "c"]])):
        with pytest.raises(SchemaError, match=r"\[' '.join\(words\) for words in x\]"):
            to_documents(x)


def test_a_set_of_texts_has_no_order():
    with pytest.raises(SchemaError, match="`x` is set, expected texts"):
        to_documents({"one", "two"})


@pytest.mark.parametrize(
    ("seen", "given", "first"),
    [
        (["01234", "02345", "99999"], [1234, 2345], "'1234', in fit '01234'"),
        (["true", "false", "true"], [True, False], "'True', in fit 'true'"),
        (["yes", "no", "no"], [1.0, 0.0], "'1', in fit 'yes'"),
    ],
)
def test_values_of_another_type_that_no_category_is_written_as_are_told(seen, given, first):
    schema = infer_schema(pd.DataFrame({"it": seen * 20, "x": np.arange(60.0)}))
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    new = pd.DataFrame({"it": given, "x": [1.0, 2.0]})
    with pytest.warns(UserWarning, match=rf"`it` is .* in `x`, and held strings.*{first}"):
        ingest(new, schema)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ingest(new.assign(it=seen[:2]), schema)
        ingest(new.assign(it=["new", None]), schema)
        digits = infer_schema(pd.DataFrame({"it": ["1", "2", "3"] * 20, "x": np.arange(60.0)}))
        ingest(new.assign(it=[1, 3]), digits)


@pytest.mark.parametrize("values", [["1", "1-", "2", "3-"], ["1+", "2-", "3"], ["10-", "8", "9"]])
def test_signs_behind_few_whole_numbers_are_grades(values):
    column = infer_schema(pd.DataFrame({"grade": values * 10})).columns[0]
    assert column.kind == "categorical" and column.dropped is None
    amounts = pd.DataFrame({"sum": [f"{i}.50-" for i in range(40)]})
    assert infer_schema(amounts).columns[0].kind == "numeric"


class Relation:
    """What hands out its rows as a stream of Arrow and in no other way."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_streams_of_arrow_are_tables():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pandas(FRAME)
    coded = table.set_column(1, "b", table["b"].dictionary_encode())
    for stream in (table.to_reader(2), Relation(table), coded.to_reader(2), coded):
        pd.testing.assert_frame_equal(
            to_frame(stream)[0].astype({"b": str}), FRAME.astype({"b": str})
        )


def test_a_stream_that_can_be_read_once_holds_the_named_target():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"a": np.arange(40.0), "y": [0, 1] * 20})
    fitting = {"budget": kn.Budget(trials=1, epochs=1), "space": "linear", "verbose": 0}
    model = kn.TabularClassifier(**fitting, folds=False, ensemble=False, seed=0)
    model.fit(table.to_reader(7), "y")
    assert model.score(table.to_reader(7), "y") == model.score(table.to_pandas(), "y")


def moments(zone=None):
    return pd.DataFrame({"t": pd.date_range("2024-01-01", periods=40, freq="7h", tz=zone)})


@pytest.mark.parametrize(
    ("seen", "given", "told"),
    [
        (moments(), moments("Asia/Tokyo"), "`t` has a time zone in `x`, and none but UTC in fit"),
        (
            moments(),
            moments("Asia/Tokyo").astype(str),
            "its times are brought to UTC. If fit had local times, drop",
        ),
        (moments("Asia/Tokyo"), moments(), "`t` has no time zone in `x`, and Asia/Tokyo in fit"),
        (moments(), moments("UTC"), ""),
        (moments("UTC"), moments("Asia/Tokyo"), ""),
        (moments("Asia/Tokyo"), moments("UTC"), ""),
        (moments("Asia/Tokyo").astype(str), moments("Asia/Tokyo"), ""),
    ],
)
def test_times_with_a_zone_where_fit_had_none_are_told(seen, given, told):
    schema = infer_schema(seen)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ingest(given, schema)
    assert [told in str(warning.message) for warning in caught] == ([True] if told else [])


def test_a_table_in_which_nothing_varies_is_told():
    with pytest.warns(UserWarning, match="`a` has one value in all rows, and so has every other"):
        warn_of_schema(infer_schema(pd.DataFrame({"a": [1.0] * 20, "b": ["x"] * 20})))


@pytest.mark.parametrize("ending", ["gif", "png", "tiff", "webp"])
def test_images_of_several_frames_are_told(ending, tmp_path):
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (10, 200)]
    frames[0].save(tmp_path / f"0.{ending}")
    frames[0].save(tmp_path / f"1.{ending}", save_all=True, append_images=frames[1:])
    pictures = to_pictures([tmp_path / f"{i}.{ending}" for i in range(2)])
    with pytest.warns(UserWarning, match=rf"1 of the 2 images have several frames.*1\.{ending}"):
        looked(pictures)


def test_a_frame_has_a_column_for_each_input_and_output():
    found = by_name(FRAME, ["b", "a"], "AutoModel")
    assert list(found) == ["b", "a"] and list(found["b"]) == ["x", "y", "x"]
    assert by_name(FRAME, ["facts"], "AutoModel") == {"facts": FRAME}


def test_inputs_and_outputs_that_nobody_has_are_told():
    with pytest.warns(UserWarning, match="AutoModel has no output `z`: it is ignored.*`a` and `b`"):
        assert set(by_name({"a": 1, "b": 2, "z": 3}, ["a", "b"], "AutoModel", "output")) == {*"ab"}


@pytest.mark.parametrize(("level", "spread"), [(1e5, 50.0), (0.0, 1e-9), (0.0, 1e12), (3.0, 0.0)])
@pytest.mark.parametrize("source", [ArrayInput(), SeriesInput()])
def test_arrays_are_scaled_whatever_their_level_and_spread(source, level, spread):
    rows = np.random.default_rng(0).normal(level, spread, (20_000, 4)).astype("float32")
    fitted = source.fit(source.read(rows), np.arange(len(rows)))
    scaled = fitted.form(None).data
    assert np.abs(scaled.mean()) < 0.01
    assert scaled.std() == pytest.approx(1.0 if spread else 0.0, abs=0.01)


def test_numbers_of_arrays_that_float32_merges_are_told():
    x = np.random.default_rng(0).normal(size=(50, 3))
    x[:, 1] += 1.7e9
    with pytest.warns(UserWarning, match=r"`x` holds numbers that float32 merges, in 1 .*first: 1"):
        ArrayInput().read(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ArrayInput().read(x.astype("float32"))
        ArrayInput().read(np.arange(50)[:, None])


def test_parts_of_a_table_keep_the_names_of_their_columns():
    pyarrow = pytest.importorskip("pyarrow")
    parts = [FRAME[:2], FRAME[["b", "a"]][2:]]
    batches = pyarrow.Table.from_pandas(FRAME).to_batches(max_chunksize=2)
    rows = [row for _, row in FRAME.iterrows()]
    for table in (parts, iter(parts), batches, rows):
        frame, named = to_frame(table)
        assert named
        pd.testing.assert_frame_equal(frame, FRAME)
    with pytest.raises(SchemaError, match="columns of the first, `a` and `b`: part 1 has `a`"):
        to_frame([FRAME, FRAME[["a"]]])


def test_batches_of_frames_keep_the_names_of_their_columns():
    taken = dataset_parts((FRAME[i : i + 2], FRAME["a"][i : i + 2]) for i in (0, 2))
    pd.testing.assert_frame_equal(taken.x, FRAME)
    assert list(taken.y) == [0.5, 1.5, 2.5]
    nested = dataset_parts(({"facts": FRAME[i : i + 2]}, [1, 0][: 3 - i - 1]) for i in (0, 2))
    pd.testing.assert_frame_equal(nested.x["facts"], FRAME)


def test_what_cannot_be_an_array_is_no_table():
    with pytest.raises(DataTypeError, match="`x` is DataFrameGroupBy, expected a table"):
        to_frame(FRAME.groupby("b"))


def test_whole_decimals_are_labels_and_other_objects_are_refused_before_training():
    target = fit_class_target([decimal.Decimal(i) for i in (0, 1, 1)])
    assert target.classes_.dtype == "int64"
    assert list(target.encode([decimal.Decimal(1), 0])) == [1, 0]
    with pytest.raises(SchemaError, match=r"labels of the type UUID.*`\[str\(label\) for label in"):
        fit_class_target([uuid.UUID(int=i) for i in (0, 1, 1)])


def test_a_score_of_labels_of_another_type_is_one_sentence():
    x, y = np.arange(40.0)[:, None], np.arange(40) // 20
    fitting = {"budget": kn.Budget(trials=1, epochs=1), "space": "linear", "verbose": 0}
    model = kn.TabularClassifier(**fitting, folds=False, ensemble=False, seed=0).fit(x, y)
    with pytest.raises(SchemaError, match="Pass labels of the type that they had in fit"):
        model.score(x, y.astype(str))


def test_inputs_in_a_dict_and_heads_in_a_list():
    facts = kn.TabularInput(name="facts")
    z = kn.TabularBlock()(facts)
    model = kn.AutoModel({"facts": facts}, {"kind": kn.ClassificationHead()(z)}, budget=1)
    with pytest.raises(SchemaError, match=r"is one weight a row for all outputs.*`kind`"):
        model.fit(FRAME, {"kind": [0, 1, 0]}, sample_weight={"kind": [1.0, 1.0, 2.0]})
    with pytest.raises(SearchSpaceError, match=r"`outputs` is a list of heads.*outputs=\{"):
        kn.AutoModel(facts, [kn.ClassificationHead()(z)])


@pytest.mark.filterwarnings("ignore:`y` holds Interval")
def test_labels_that_fit_takes_are_scored_in_the_same_form():
    x = np.arange(40.0)[:, None]
    cut = pd.cut(pd.Series(x[:, 0]), [-1, 19, 99])
    fitting = {"budget": kn.Budget(trials=1, epochs=1), "space": "linear", "verbose": 0}
    with pytest.warns(UserWarning, match="`y` holds Interval, and the answers are texts"):
        fit_class_target(cut)
    model = kn.TabularClassifier(**fitting, folds=False, ensemble=False, seed=0).fit(x, cut)
    assert model.score(x, cut) == model.score(x, cut.astype(str)) > 0.9
    other = cut.astype(str).where(np.arange(40) > 0, "never seen")
    assert model.score(x, other) == pytest.approx(model.score(x, cut) - 1 / 40)


def test_one_number_a_row_is_an_array_of_one_column():
    read = ArrayInput().read(pd.Series([1.0, 2.0, 4.0]), [3.0])
    assert read.data.tolist() == [[1.0], [2.0], [4.0], [3.0]]
    with pytest.raises(SchemaError, match="rows of several shapes"):
        ArrayInput().read([[1.0, 2.0], [3.0]])


def test_lists_of_several_shapes_in_a_dataset_are_one_sentence():
    with pytest.raises(SchemaError, match="Give several inputs or targets as a dict"):
        dataset_parts(iter([([np.ones((2, 3)), np.ones((2, 4))], [0, 1])]))
