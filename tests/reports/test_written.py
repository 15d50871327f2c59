"""Numbers, dates, gaps and durations as people write them, beyond what public reports name."""

import datetime
import fractions
import json
import uuid

import numpy as np
import pandas as pd
import pytest

from kerasnas.data import (
    MISSING_DATETIME,
    RegressionTarget,
    Schema,
    fit_class_target,
    fit_regression_target,
    infer_schema,
    ingest,
    to_frame,
    warn_of_schema,
)
from kerasnas.data.date_texts import tidied
from kerasnas.data.durations import seconds_of
from kerasnas.errors import SchemaError

R = np.random.default_rng(7)
ROWS = 120
AMOUNTS = R.integers(100, 999_999, ROWS) / 100
MOMENTS = pd.DatetimeIndex(
    pd.Timestamp("2019-03-01") + pd.to_timedelta(R.integers(0, 2000 * 86400, ROWS), unit="s")
)
DAYS = MOMENTS.normalize()


def read(values, new=None):
    """The column that is inferred, and raw values read by a schema that went through JSON."""
    frame, _ = to_frame(pd.DataFrame({"it": values, "x": R.normal(size=ROWS)}))
    schema = infer_schema(frame)
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert again == schema
    if new is not None:
        frame, _ = to_frame(pd.DataFrame({"it": new, "x": np.zeros(len(new))}))
    return schema["it"], ingest(frame, schema).get("it")


def seconds(moments):
    return pd.DatetimeIndex(moments).as_unit("s").asi8


@pytest.mark.parametrize(
    ("write", "factor"),
    [
        (lambda v: f"{v:.2f}-", -1.0),
        (lambda v: f"\u2013{v:.2f}", -1.0),
        (lambda v: f"{v:.4e}".replace("e", "D"), 1.0),
        (lambda v: f"{v:.2f}×10^3", 1e3),
        (lambda v: f"€ {v:,.0f},-".replace(",", ".", 1) if v >= 1000 else f"€ {v:.0f},-", 1.0),
        (lambda v: f"CHF {v:,.2f}".replace(",", "\u2019"), 1.0),
    ],
)
def test_signs_powers_and_cents_are_part_of_a_number(write, factor):
    column, values = read([write(v) for v in AMOUNTS])
    assert (column.kind, column.note) == ("numeric", None)
    np.testing.assert_allclose(values, factor * AMOUNTS, rtol=1e-3, atol=0.51)


@pytest.mark.parametrize("word", ["refused", "k. A.", "***", "not reported", "∞"])
def test_a_word_that_recurs_among_numbers_is_a_gap_and_is_told(word):
    texts = [word if row % 5 == 0 else f"{v:.2f}" for row, v in enumerate(AMOUNTS)]
    column, values = read(texts)
    assert column.kind == "numeric" and word in column.note
    assert np.isnan(values[::5]).all() and np.isfinite(np.delete(values, np.s_[::5])).all()
    with pytest.raises(SchemaError, match="`it` has 1 value that is not a number"):
        read(texts, ["a lot"])
    assert np.isnan(read(texts, [word])[1]).all()


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%d %b %Y"])
def test_a_word_that_recurs_among_dates_is_a_gap_and_is_told(form):
    texts = ["still open" if row % 5 == 0 else d.strftime(form) for row, d in enumerate(DAYS)]
    column, values = read(texts)
    assert column.kind == "datetime" and "'still open'" in column.note
    assert (values[::5] == MISSING_DATETIME).all()
    np.testing.assert_array_equal(values[1::5], seconds(DAYS)[1::5])


def test_few_values_of_several_kinds_stay_categories():
    assert read((["1", "2", "3", "many"] * 30)[:ROWS])[0].kind == "categorical"


def test_censored_values_are_read_as_their_bound_and_told():
    texts = ["<0.5" if row % 6 == 0 else f"{v:.2f}" for row, v in enumerate(AMOUNTS)]
    column, values = read(texts)
    assert column.kind == "numeric" and "'<0.5', which are read as 0.5" in column.note
    np.testing.assert_allclose(values[::6], 0.5)


@pytest.mark.parametrize(("bare", "factor"), [("{:.4f}", 0.01), ("{:.2f}", 1.0)])
def test_bare_numbers_among_per_cents_are_settled_by_their_size_and_told(bare, factor):
    shares = R.uniform(2, 98, ROWS)
    texts = [bare.format(v * factor) if i % 3 else f"{v:.2f}%" for i, v in enumerate(shares)]
    column, values = read(texts)
    assert column.kind == "numeric" and "with and without `%`" in column.note
    np.testing.assert_allclose(values, shares, atol=0.01)
    np.testing.assert_allclose(read(texts, ["0.5", "50%"])[1], [0.5 / factor, 50])


@pytest.mark.parametrize(
    "units", [("kg", "g"), ("EUR", "USD"), ("DR", "CR"), ("MB", "KB"), ("kmpl", "km/kg")]
)
def test_several_units_are_told_with_what_to_do(units):
    frame = pd.DataFrame({"size": [f"{v:.1f} {units[i % 2]}" for i, v in enumerate(AMOUNTS)]})
    with pytest.warns(UserWarning, match=r"`size` holds numbers in several units .*column_kinds"):
        warn_of_schema(infer_schema(frame.assign(x=AMOUNTS)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:30", 5400),
        ("01:02:03.5", 3723.5),
        ("2:30 PM", 52200),
        ("12:00 a.m.", 0),
        ("1 days 02:00:00", 93600),
        ("-1 days +23:00:00", -3600),
        ("1h 20m", 4800),
        ("1 hour, 5 minutes", 3900),
        ("PT1H20M", 4800),
        ("P1DT1S", 86401),
        ("10:75", np.nan),
        ("12 kg", np.nan),
        ("P", np.nan),
        ("", np.nan),
    ],
)
def test_durations_and_times_of_day_are_seconds(text, expected):
    np.testing.assert_equal(seconds_of(text), expected)


@pytest.mark.parametrize(
    "cells",
    [
        list(MOMENTS.time),
        MOMENTS.strftime("%H:%M:%S"),
        [f"{m.hour}h {m.minute}m {m.second}s" for m in MOMENTS],
        [str(pd.Timedelta(m - m.normalize())) for m in MOMENTS],
    ],
)
def test_columns_of_durations_are_numbers(cells):
    column, values = read(cells)
    assert column.kind == "numeric" and "taken in seconds" in column.reason
    np.testing.assert_allclose(values, (MOMENTS - DAYS).total_seconds())


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("2024-W05", "2024-01-29"),
        ("2024W057", "2024-02-04"),
        ("2024-Q3", "2024-07-01"),
        ("Q1 24", "2024-01-01"),
        ("4Q1999", "1999-10-01"),
        ("31st January 2024", "31 January 2024"),
        ("3 de marzo de 2024", "3 Mar 2024"),
        ("1. Dezember 2024", "1. Dec 2024"),
        ("21 août 2021", "21 Aug 2021"),
        ("3 марта 2024 г.", "3 Mar 2024"),
        ("3 марта 2024 г. 12:30", "3 Mar 2024 12:30"),
        ("15 Ağustos 2024", "15 Aug 2024"),
        ("15. září 2024", "15. Sep 2024"),
        ("15. marraskuuta 2024", "15. marraskuuta 2024"),
        ("15 marraskuu 2024", "15 Nov 2024"),
        ("2024年1月31日", "2024-01-31"),
        ("2024. 1. 31.", "2024-01-31"),
        ("20240131T120000Z", "2024-01-31 12:00:00Z"),
        ("01.02.2024 14.30", "01.02.2024 14:30:"[:-1]),
        ("31/01/2024 - 08:00", "31/01/2024 08:00"),
        ("01/02/2024 3:04 p.m.", "01/02/2024 3:04 pm"),
    ],
)
def test_dates_are_brought_into_a_known_form(text, tidy):
    assert tidied(text) == tidy


@pytest.mark.parametrize(
    ("write", "moments"),
    [
        (lambda m: f"{m.year}-Q{m.quarter}", DAYS.to_period("Q").to_timestamp()),
        (lambda m: f"{m.quarter}Q{m.year % 100}", DAYS.to_period("Q").to_timestamp()),
        (lambda m: "{}-W{:02d}-{}".format(*m.isocalendar()), DAYS),
        (lambda m: f"{m.day}. {m:%b.} {m.year}".replace("Mar.", "März"), DAYS),
        (lambda m: m.strftime("%Y%m%d%H%M%S"), MOMENTS),
        (lambda m: m.strftime("%Y%m%dT%H%M%SZ"), MOMENTS),
        (lambda m: m.strftime("%d/%m/%Y %H:%M:%S,123"), MOMENTS),
        (lambda m: m.strftime("%d/%m/%Y" if m.day % 2 else "%Y-%m-%d"), DAYS),
        (lambda m: m.strftime("%d.%m.%Y" if m.day % 2 else "%d %b %Y"), DAYS),
    ],
)
def test_columns_of_dates_in_many_forms_are_dates(write, moments):
    column, values = read([write(m) for m in MOMENTS])
    assert (column.kind, column.note) == ("datetime", None)
    np.testing.assert_array_equal(values, seconds(moments))


BERLIN = MOMENTS.tz_localize("UTC").tz_convert("Europe/Berlin")


@pytest.mark.parametrize(
    "cells",
    [
        BERLIN,
        pd.Series(list(BERLIN), dtype=object),
        pd.Series(BERLIN).astype("timestamp[us, tz=Europe/Berlin][pyarrow]"),
        [moment.isoformat() for moment in BERLIN],
        [moment.strftime("%d.%m.%Y %H:%M:%S %z") for moment in BERLIN],
    ],
)
def test_the_local_clock_is_what_people_live_by(cells):
    column, values = read(cells)
    assert column.kind == "datetime" and "local time" in column.reason
    np.testing.assert_array_equal(values, seconds(BERLIN.tz_localize(None)))


def test_times_of_another_zone_are_brought_to_the_clock_of_fit():
    local = seconds(BERLIN.tz_localize(None))
    for new in (MOMENTS.tz_localize("UTC"), BERLIN.tz_convert("Asia/Tokyo")):
        np.testing.assert_array_equal(read(BERLIN, new)[1], local)
        np.testing.assert_array_equal(read(BERLIN, [m.isoformat() for m in new])[1], local)
    with pytest.warns(UserWarning, match="`it` has no time zone in `x`, and Europe/Berlin in fit"):
        found = read(BERLIN, BERLIN.tz_localize(None))[1]
    np.testing.assert_array_equal(found, local)


def test_masked_cells_are_missing():
    values = np.ma.masked_array(np.arange(ROWS) * 7, mask=np.arange(ROWS) % 4 == 0)
    for table in (np.ma.stack([values, values + 1], axis=1), {"x0": values, "x1": AMOUNTS}):
        frame, named = to_frame(table)
        raw = ingest(frame, infer_schema(frame, named=named), named=named)["x0"]
        np.testing.assert_array_equal(np.isnan(raw), values.mask)
    for fit in (fit_class_target, RegressionTarget().encode):
        with pytest.raises(SchemaError, match="`y` has 30 missing values"):
            fit(values)


@pytest.mark.parametrize(
    "cells",
    [
        [fractions.Fraction(int(100 * v), 100) for v in AMOUNTS],
        AMOUNTS.astype("longdouble"),
    ],
)
def test_numbers_of_rare_types_are_numbers(cells):
    column, values = read(cells)
    assert column.kind == "numeric"
    np.testing.assert_allclose(values, AMOUNTS, atol=0.011)


@pytest.mark.parametrize(
    ("write", "text", "number"),
    [
        (lambda v: f"${v:,.2f}", "$1,000", 1000),
        (lambda v: f"{v:.2f}".replace(".", ","), "1,5", 1.5),
        (lambda v: f"{v:.2f} %", "3%", 3),
    ],
)
def test_targets_of_regressors_are_read_as_columns_are(write, text, number):
    texts = [write(v) for v in AMOUNTS]
    target = fit_regression_target(texts)
    np.testing.assert_allclose(target.encode(pd.Series(texts)), AMOUNTS, atol=0.01)
    again = RegressionTarget.from_json(json.loads(json.dumps(target.to_json())))
    assert again == target and again.encode([text]) == [number]
    with pytest.raises(SchemaError, match="`y` has 1 values that are not numbers"):
        target.encode(["many"])


def test_labels_that_are_alike_are_told():
    with pytest.warns(UserWarning, match=r"`y` has labels that differ in blanks .*'Yes', 'yes'"):
        assert len(fit_class_target(["Yes", "yes", "No"]).classes_) == 3


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([{"a"}, {"b"}], "`y` holds an? .*set.* in row 0"),
        ((label for label in "ab"), "`y` is a generator"),
        ({"y": [0, 1]}, "`y` is a dict"),
    ],
)
def test_targets_that_are_no_column_are_one_sentence(y, words):
    with pytest.raises(SchemaError, match=words):
        fit_class_target(y)


def test_moments_of_python_keep_their_zone():
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    cells = [moment.to_pydatetime().replace(tzinfo=zone) for moment in MOMENTS]
    np.testing.assert_array_equal(read(pd.Series(cells, dtype=object))[1], seconds(MOMENTS))


# Found by playing further users.


@pytest.mark.parametrize(
    "write",
    [
        lambda v: f"{v:.2f}".translate(str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")),
        lambda v: f"{v:.2f}".translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
        lambda v: f'"{v:.2f}"',
        lambda v: f'="{v:.2f}"',
        lambda v: f"'{v:.2f}",
        lambda v: f"{v:,.2f}[3]",
        lambda v: f"{v:.2f}{'**' if v > 5000 else ''}",
        lambda v: f"{v:.2f}\u200b",
        lambda v: f"{v:.2f} {'Monat' if v < 500 else 'Monate'}",
        lambda v: f"{v:.2f} {'mes' if v < 500 else 'meses'}",
        lambda v: f"${v:.2f}" if v < 500 else f"${v / 1e3:.5f}k",
        lambda v: f"{v:,.2f} €" if v < 500 else f"€{v / 1e6:.8f} million",
    ],
)
def test_marks_around_a_number_do_not_change_it(write):
    texts = [write(v) for v in AMOUNTS]
    column, values = read(texts)
    assert (column.kind, column.note, column.dropped) == ("numeric", None, None)
    np.testing.assert_allclose(values, AMOUNTS, rtol=1e-5, atol=0.006)
    np.testing.assert_array_equal(read(texts, texts[:3])[1], values[:3])


def test_a_mark_of_the_file_before_the_first_number_is_no_part_of_it():
    texts = [f"{v:.2f}" for v in AMOUNTS]
    column, values = read(["\ufeff" + texts[0], *texts[1:]])
    assert (column.kind, column.note) == ("numeric", None)
    np.testing.assert_allclose(values, AMOUNTS, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:32.456", 92.456),
        ("2yrs 3mon", 2.25 * 31_557_600),
        ("6 months", 0.5 * 31_557_600),
        ("P1Y6M", 1.5 * 31_557_600),
    ],
)
def test_laps_and_years_are_durations(text, expected):
    assert seconds_of(text) == pytest.approx(expected)


def test_several_words_among_numbers_are_gaps():
    """A survey has a word for each way of not answering."""
    words = ["Refused", "Don't know", "Not asked", "Prefer not to say", "Interview broken off"]
    texts = [words[i % 5] if i % 4 == 0 else f"{v:.2f}" for i, v in enumerate(AMOUNTS)]
    column, values = read(texts)
    assert column.kind == "numeric" and all(word in column.note for word in words[::2])
    assert np.isnan(values[::4]).all()


@pytest.mark.parametrize(
    ("write", "odd", "noun"),
    [
        (lambda row: f"{AMOUNTS[row]:.0f}", "1133 - 1384", "numbers"),
        (lambda row: f"{AMOUNTS[row]:.0f} kg", "12 to 15 kg", "numbers"),
        (lambda row: DAYS[row].strftime("%d/%m/%Y"), "early in 2020", "dates"),
    ],
)
def test_strings_that_are_nearly_all_numbers_or_dates_are_told(write, odd, noun):
    texts = [f"{odd} ({row})" if row % 30 == 7 else write(row) for row in range(ROWS)]
    schema = infer_schema(pd.DataFrame({"area": texts, "x": AMOUNTS}))
    assert schema["area"].kind != "numeric"
    with pytest.warns(UserWarning) as caught:
        warn_of_schema(schema)
    said = " ".join(str(warning.message) for warning in caught)
    assert f"`area` is read as strings: 4 of 120 values are no {noun} (first: '{odd} (7)')" in said
    assert "column_kinds={'area': 'categorical'}" in said
    assert "column_kinds={'area': 'categorical'}" in schema.explain()["reason"][0]


def test_objects_that_never_repeat_are_ids_as_their_texts_are():
    ids = [uuid.UUID(int=row + 10**30) for row in range(ROWS)]
    schema = infer_schema(pd.DataFrame({"id": ids, "x": AMOUNTS}))
    assert "never repeat" in schema["id"].dropped
