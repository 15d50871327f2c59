"""A forecast depends on what a frame says, not on how it is written."""

from functools import cache

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasnas as kn
from kerasnas.data.series_times import (
    moments_of,
    numbers_of_stamps,
    order_of,
    read_stamps,
    written_form,
)

DAYS = pd.date_range("2024-01-01", periods=50)


@cache
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "day": DAYS,
                "shop": shop,
                "item": item,
                "price": rng.integers(1, 9, 50).astype("float64"),
                "open": rng.choice(["yes", "no"], 50),
                "sold": rng.integers(0, 50, 50).astype("float64"),
            }
        )
        for shop in ("n", "s")
        for item in (1, 2)
    ]
    return pd.concat(parts, ignore_index=True)


@cache
def fitted() -> kn.TimeSeriesForecaster:
    settings = {"space": "linear", "budget": kn.Budget(trials=1), "seed": 0, "verbose": 0}
    model = kn.TimeSeriesForecaster(3, "sold", series=["shop", "item"], time="day", **settings)
    return model.fit(panel())


def as_it_is(frame):
    return frame


def as_table(frame):
    import pyarrow

    return pyarrow.Table.from_pandas(frame, preserve_index=False)


CONTAINERS = {
    "frame": as_it_is,
    "dict": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "table": as_table,
    "levels": lambda frame: frame.set_index(["item", "day", "shop"]),
    "by day": lambda frame: frame.set_index("day"),
}
CASTS = {
    "numbers": lambda f: f.astype({"item": "float64", "sold": "int16", "price": "float32"}),
    "nullable": lambda f: f.astype({"item": "Int32", "sold": "Float64", "price": "Int64"}),
    "categories": lambda f: f.astype({"shop": "category", "open": "category"}),
    "texts": lambda f: f.assign(day=f["day"].dt.strftime("%Y-%m-%d")),
    "objects": lambda f: f.astype({"shop": object, "open": object, "sold": object}),
    "none": as_it_is,
}


@given(
    seed=st.integers(0, 10_000),
    container=st.sampled_from(sorted(CONTAINERS)),
    cast=st.sampled_from(sorted(CASTS)),
    cut=st.integers(0, 40),
)
@settings(max_examples=40, deadline=None)
def test_the_form_of_a_history_changes_no_forecast(seed, container, cast, cut):
    frame = panel()[panel()["day"] >= DAYS[cut]]
    rng = np.random.default_rng(seed)
    other = frame.iloc[rng.permutation(len(frame))]
    other = CASTS[cast](other[list(rng.permutation(frame.columns))])
    other.index = pd.Index(rng.permutation(len(other)) + 7)
    expected = fitted().predict()
    found = fitted().predict(history=CONTAINERS[container](other))
    found = found.loc[expected.index]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


FORMS = ["%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%y", "%d-%b-%Y", "%Y%m%d", "%B %d, %Y"]


@given(
    form=st.sampled_from([*FORMS, "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p"]),
    start=st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2060-01-01").date()),
    freq=st.sampled_from(["D", "W", "MS", "ME", "B"]),
    count=st.integers(30, 80),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_dates_are_read_as_they_were_written(form, start, freq, count, seed):
    stamps = pd.date_range(start, periods=count, freq=freq)
    texts = stamps.strftime(form)[np.random.default_rng(seed).permutation(count)]
    read = read_stamps(texts, "`t`").sort_values()
    assert list(read) == list(stamps)
    found = order_of(texts)
    assert found is None or found.doubt == ""


@given(
    form=st.sampled_from(["%Y%m%d", "%Y%m", "%YQ", "%G%V"]),
    start=st.dates(pd.Timestamp("1950-01-02").date(), pd.Timestamp("2060-01-01").date()),
)
@settings(max_examples=60, deadline=None)
def test_whole_numbers_are_dates_and_back(form, start):
    freq = {"%Y%m%d": "D", "%Y%m": "MS", "%YQ": "QS", "%G%V": "W-MON"}[form]
    stamps = pd.date_range(start, periods=70, freq=freq)
    numbers = numbers_of_stamps(stamps, form)
    assert written_form(np.unique(numbers)) == form
    assert list(moments_of(numbers, form)) == list(stamps)
