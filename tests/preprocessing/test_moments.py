"""Datetimes: exact to the second over centuries, cyclical, with differences."""

import datetime

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasnas.data import MISSING_DATETIME
from kerasnas.preprocessing.moments import DatetimeColumns, calendar

EPOCH = datetime.datetime(1970, 1, 1)
moments = st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 12, 31, 23, 59, 59))


def seconds_of(moment):
    return (moment - EPOCH) // datetime.timedelta(seconds=1)


def expected(moment):
    march = datetime.date(moment.year - (moment.month < 3), 3, 1)
    return {
        "time of day": moment.hour * 3600 + moment.minute * 60 + moment.second,
        "day of week": moment.weekday(),
        "day of month": moment.day - 1,
        "day of year": (moment.date() - march).days,
    }


@settings(deadline=None)
@given(moments)
def test_calendar_of_any_date(moment):
    parts = calendar(np.array([seconds_of(moment)], dtype="int64"))
    assert {name: int(value[0]) for name, (value, _) in parts.items()} == expected(moment)


@pytest.mark.parametrize(
    "moment",
    [
        "1969-12-31 23:59:59",
        "1970-01-01 00:00:00",
        "1900-02-28 12:00:00",
        "1900-03-01 00:00:00",
        "2000-02-29 23:59:59",
        "2100-02-28 00:00:00",
        "2100-03-01 00:00:00",
        "1800-01-01 00:00:01",
    ],
)
def test_calendar_around_leap_days(moment):
    moment = datetime.datetime.fromisoformat(moment)
    parts = calendar(np.array([seconds_of(moment)], dtype="int64"))
    assert {name: int(value[0]) for name, (value, _) in parts.items()} == expected(moment)


def test_parts_stay_inside_their_cycle():
    seconds = np.random.default_rng(0).integers(-(10**11), 10**11, 5000)
    for value, period in calendar(seconds).values():
        assert value.min() >= 0
        assert value.max() < period


def test_calendar_in_a_graph_equals_pandas():
    times = pd.to_datetime(np.random.default_rng(1).integers(-5e9, 7e9, 400), unit="s")
    seconds = times.to_numpy().astype("datetime64[s]").astype("int64")
    x = keras.Input((1,), dtype="int64")
    parts = calendar(x)
    model = keras.Model(x, {name: value for name, (value, _) in parts.items()})
    found = {name: np.asarray(value)[:, 0] for name, value in model(seconds[:, None]).items()}
    assert np.array_equal(found["day of week"], times.day_of_week)
    assert np.array_equal(found["day of month"], times.day - 1)
    assert np.array_equal(
        found["time of day"], times.hour * 3600 + times.minute * 60 + times.second
    )


def features(train, new, names=("a", "b")):
    columns = DatetimeColumns(list(names[: train.shape[1]]), train)
    x = keras.Input((train.shape[1],), dtype="int64")
    built = columns.build(x)
    model = keras.Model(x, keras.layers.Concatenate()(built.tensors))
    assert len(built.names) == len(built.owners) == model.output.shape[1]
    return pd.DataFrame(np.asarray(model(new)), columns=built.names)


def test_single_seconds_matter_after_decades():
    # 2^31 seconds have no room in float32: neighbours would be 128 seconds apart.
    base = seconds_of(datetime.datetime(2038, 1, 19))
    train = base + np.arange(0, 86_400, 3600, dtype="int64")[:, None]
    new = base + np.array([[0], [1], [2]], dtype="int64")
    table = features(train, new)
    angle = np.arctan2(table["a time of day (sin)"], table["a time of day (cos)"])
    assert np.allclose(np.diff(angle), 2 * np.pi / 86_400, rtol=0.05)


def test_differences_of_two_columns_are_exact():
    start = seconds_of(datetime.datetime(2024, 5, 1)) + np.arange(50, dtype="int64") * 86_400
    gap = np.arange(50, dtype="int64") * 60
    train = np.stack([start, start - gap], axis=1)
    table = features(train, train)
    centred = (gap - np.median(gap).astype("int64")) / np.subtract(*np.quantile(gap, [0.75, 0.25]))
    assert np.allclose(table["a minus b"], centred / np.sqrt(1 + (centred / 3) ** 2), atol=1e-6)
    assert (np.diff(table["a minus b"]) > 0).all()


def test_differences_with_a_missing_side_are_zero():
    train = np.array([[0, 60], [100, 400], [500, MISSING_DATETIME]], dtype="int64")
    table = features(train, train)
    assert table["a minus b"][2] == 0
    assert table["b is missing"].tolist() == [0, 0, 1]
    assert "a is missing" not in table


def test_missing_only_in_new_rows():
    train = np.array([[0], [40_000], [90_000]], dtype="int64")
    row = features(train, np.array([[MISSING_DATETIME]], dtype="int64"))
    assert np.isfinite(row).all(axis=None)
    assert row["a time of day (sin)"][0] == row["a time of day (cos)"][0] == 0


def test_extremes_of_int64_give_numbers():
    train = np.array([[0, 1], [40_000, 5], [90_000, 7]], dtype="int64")
    edges = np.array([[2**63 - 1, -(2**63) + 1], [-(2**63) + 1, 2**63 - 1]], dtype="int64")
    assert np.isfinite(features(train, edges)).all(axis=None)


def test_parts_that_never_change_are_left_out():
    midnights = np.arange(10, dtype="int64")[:, None] * 86_400
    names = features(midnights, midnights).columns
    assert not any("time of day" in name for name in names)
    assert any("day of week" in name for name in names)
