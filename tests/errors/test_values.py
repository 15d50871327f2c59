"""Values that Python counts with and no array holds, and arguments of other kinds."""

import datetime
import decimal
import fractions
import pathlib
import uuid

import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.data.documents import to_documents
from kerasnas.data.infer import infer_schema
from kerasnas.data.ingest import ingest
from kerasnas.data.pixels import open_image
from kerasnas.data.series import fit_series
from kerasnas.data.tables import to_frame
from kerasnas.errors import KerasNASError

X = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60) % 7})
Y = np.arange(60) % 2
SETTINGS = {"budget": kn.Budget(trials=1), "seed": 0, "verbose": 0, "space": "linear"}


@pytest.mark.parametrize("value", [10**400, decimal.Decimal("sNaN")])
def test_a_cell_that_no_column_can_hold_is_named(value):
    odd = [*range(59), value]
    with pytest.raises(KerasNASError, match=r"`c` holds a .* in row 59"):
        kn.TabularClassifier(**SETTINGS).fit(X.assign(c=pd.Series(odd, dtype=object)), Y)
    for y in (odd, pd.Series(odd, dtype=object)):
        with pytest.raises(KerasNASError, match=r"`y` holds a .* in row 59"):
            kn.TabularRegressor(**SETTINGS).fit(X, y)


@pytest.mark.parametrize("value", [(1, 2), range(3), [], b"\xff"], ids=repr)
@pytest.mark.parametrize("estimator", [kn.TabularClassifier, kn.TabularRegressor])
def test_a_target_that_is_no_value_is_one_sentence(estimator, value):
    with pytest.raises(KerasNASError, match="`y`"):
        estimator(**SETTINGS).fit(X, [value, *Y[1:].tolist()])


@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize(
    "cell",
    [
        range(3),
        object(),
        {1, 2},
        iter([1]),
        lambda: 1,
        bytearray(b"a"),
        np.array([1, 2]),
        np.void(b"ab"),
        1j,
        np.longdouble("1e4000"),
    ],
    ids=lambda cell: type(cell).__name__,
)
def test_a_cell_that_no_other_process_reads_alike_is_named(cell, count):
    """Such a cell was taken for a category by the name of its place in memory, or cut to 0."""
    column = pd.Series([float(n) for n in range(60)], dtype=object)
    for row in range(60 - count, 60):
        column.iat[row] = cell
    with pytest.raises(KerasNASError, match=f"`c` holds an? .* in row {60 - count}"):
        to_frame(X.assign(c=column))


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (np.timedelta64(5, "D"), "5 days 00:00:00"),
        (fractions.Fraction(1, 3), "1/3"),
        (pathlib.PurePosixPath("/x"), "/x"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (datetime.time(1, 2), "01:02:00"),
    ],
)
def test_a_cell_with_a_text_of_its_own_is_a_category(cell, text):
    frame = X.assign(c=pd.Series([cell, *["x", "y", "z"] * 19, "x", "y"], dtype=object))
    read = ingest(frame, infer_schema(to_frame(frame)[0]))["c"]
    assert read[:2].tolist() == [text, "x"]


@pytest.mark.parametrize("value", [10**400, decimal.Decimal("sNaN"), 1j, object()])
def test_a_cell_of_a_series_that_no_column_can_hold_is_named(value):
    column = pd.Series([*range(59), value], dtype=object)
    with pytest.raises(KerasNASError, match=r"`y` holds .* in row 59"):
        fit_series(pd.DataFrame({"t": range(60)}).assign(y=column), "y", time="t")


@pytest.mark.parametrize(
    "value", [np.full((3, 3), np.nan), np.zeros(0), {}, object(), decimal.Decimal("sNaN")]
)
def test_a_cell_that_is_no_text_is_named(value):
    with pytest.raises(KerasNASError, match=r"(?s)1 cells that are no texts .* in row 1"):
        to_documents(["a", value, "b"])


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT, float("nan"), np.datetime64("NaT")])
def test_a_missing_text_is_an_empty_one(value):
    assert to_documents(["a", value, "b"]).columns.popitem()[1].tolist() == ["a", "", "b"]


def test_a_target_that_no_series_holds_is_told():
    with pytest.raises(KerasNASError, match="`y` cannot be read as one value a row"):
        kn.TabularClassifier(**SETTINGS).fit(X, ["\ud800", *["a", "b"] * 29, "a"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("constraints", 5), ("refit", "x"), ("verbose", "loud"), ("verbose", 7), ("seed", 1.5)],
)
def test_arguments_of_another_kind_are_named(name, value):
    with pytest.raises(KerasNASError, match=f"`{name}` must be"):
        kn.TabularClassifier(**SETTINGS | {name: value}).fit(object(), Y)  # before the data


@pytest.mark.parametrize("value", [-1, 0, 2, "a", float("nan"), True])
@pytest.mark.parametrize("name", ["validation_split", "batch_size"])
def test_numbers_of_fit_are_checked_whether_or_not_they_are_used(name, value):
    if (name, value) == ("batch_size", 2):
        return
    with pytest.raises(KerasNASError, match=f"`{name}` must"):
        kn.TabularClassifier(**SETTINGS).fit(object(), Y, **{name: value})


def test_an_image_of_too_many_pixels_is_a_broken_one(tmp_path, monkeypatch):
    from PIL import Image

    Image.new("L", (100, 100)).save(tmp_path / "big.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="more pixels than are opened"):
        open_image(tmp_path / "big.png", None)
