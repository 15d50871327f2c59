"""Frames of series become regular arrays, or one sentence says why not."""

import json

import numpy as np
import pandas as pd
import pytest

from kerasnas.data.panel import Panel, SeriesSchema
from kerasnas.data.series import fit_series, read_future, read_series
from kerasnas.errors import SchemaError


def shops(days=30):
    parts = []
    for number, shop in enumerate(["north", "south"]):
        time = pd.date_range("2024-01-01", periods=days + number, freq="D")
        steps = np.arange(days + number, dtype=float)
        parts.append(
            pd.DataFrame(
                {
                    "day": time,
                    "shop": shop,
                    "sales": steps + 100 * number,
                    "price": steps / 10,
                    "open": ["yes", "no"] * (len(time) // 2) + ["yes"] * (len(time) % 2),
                    "kind": ["big", "small"][number],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


NAMED = {"time": "day", "series": "shop", "known_future": ["open"], "static": ["kind"]}


def test_columns_become_channels_the_target_first():
    schema, panel = fit_series(shops(), "sales", **NAMED)
    assert [(c.name, c.role) for c in schema.channels] == [
        ("sales", "target"),
        ("price", "past"),
        ("open=no", "future"),
        ("open=yes", "future"),
        ("kind=big", "static"),
        ("kind=small", "static"),
    ]
    assert panel.names == ["north", "south"]
    assert panel.lengths.tolist() == [30, 31]
    assert panel.values[1][:, 0].tolist() == list(range(100, 131))
    assert panel.values[0][0].tolist() == [0, 0, 0, 1, 1, 0]
    assert panel.notes == []


def test_the_order_of_rows_does_not_matter():
    frame = shops()
    _, panel = fit_series(frame, "sales", **NAMED)
    _, shuffled = fit_series(frame.sample(frac=1.0, random_state=0), "sales", **NAMED)
    for name, values in zip(panel.names, panel.values, strict=True):
        np.testing.assert_array_equal(values, shuffled.values[shuffled.names.index(name)])


def test_gaps_are_filled_in_and_reported():
    frame = shops()
    frame = frame.drop(index=[4, 5])
    frame.loc[10, "sales"] = np.nan
    _, panel = fit_series(frame, "sales", **NAMED)
    assert panel.values[0][:12, 0].tolist() == list(range(12))
    assert np.flatnonzero(~panel.observed[0]).tolist() == [4, 5, 10]
    assert panel.notes == [
        "2 steps are missing (series 'north')",
        "1 steps have no `sales` (series 'north')",
    ]
    # What is known ahead keeps its last value in a gap: it is a category.
    assert panel.values[0][3:6, 3].tolist() == [0, 0, 0]


def test_times_between_steps_and_rows_that_share_one():
    time = list(pd.date_range("2024-01-01", periods=20, freq="h"))
    time[7] += pd.Timedelta("10min")
    frame = pd.DataFrame({"time": [*time, time[3]], "y": [*np.arange(20.0), 5.0]})
    _, panel = fit_series(frame, "y")
    assert panel.values[0][:, 0].tolist() == [0, 1, 2, 4, *range(4, 20)]
    assert len(panel.notes) == 2
    assert "moved to the nearest" in panel.notes[0]
    assert "averaged" in panel.notes[1]


def test_rows_after_the_last_target_are_the_known_future():
    frame = shops()
    frame.loc[frame["day"] > "2024-01-25", "sales"] = np.nan
    schema, panel = fit_series(frame, "sales", **NAMED)
    assert panel.lengths.tolist() == [25, 25]
    later = read_future(None, schema, panel, 5)
    assert [v.shape for v in later] == [(5, 2), (5, 2)]
    with pytest.raises(SchemaError, match="for the 6 steps after the last known one"):
        read_future(None, schema, panel, 6)


def test_the_known_future_from_a_frame_in_any_order():
    schema, panel = fit_series(shops(), "sales", **NAMED)
    future = pd.DataFrame(
        {
            "day": pd.to_datetime(["2024-02-01", "2024-01-31", "2024-02-01", "2024-02-02"]),
            "shop": ["north", "north", "south", "south"],
            "open": ["yes", "no", "no", "yes"],
        }
    )
    later = read_future(future, schema, panel, 2)
    assert later[0].tolist() == [[1, 0], [0, 1]]
    assert later[1].tolist() == [[1, 0], [0, 1]]
    with pytest.raises(SchemaError, match=r"for 1 series \(first: 'south'\)"):
        read_future(future.iloc[:3], schema, panel, 2)
    with pytest.raises(SchemaError, match="`open` is missing"):
        read_future(future.drop(columns="open"), schema, panel, 2)


@pytest.mark.parametrize(
    "data",
    [
        pd.Series(np.arange(20.0), index=pd.date_range("2024-01-01", periods=20), name="y"),
        pd.Series(np.arange(20.0), index=pd.period_range("2024-01", periods=20, freq="M")),
        np.arange(20.0),
        {"y": np.arange(20.0)},
        pd.DataFrame({"y": np.arange(20), "m": pd.date_range("2020", periods=20).astype(str)}),
    ],
    ids=["series", "periods", "array", "dict", "dates as strings"],
)
def test_forms_of_one_series(data):
    schema, panel = fit_series(data, "y")
    assert panel.names == [None]
    assert panel.values[0].tolist() == [[float(i)] for i in range(20)]
    assert schema.grid is not None


def test_without_times_rows_of_a_series_are_its_steps():
    frame = pd.DataFrame({"id": ["a", "b"] * 10, "y": np.arange(20.0)})
    schema, panel = fit_series(frame, "y", series="id")
    assert schema.grid is None
    assert panel.values[1][:, 0].tolist() == list(range(1, 20, 2))


def test_json_gives_back_schema_and_panel():
    schema, panel = fit_series(shops(), "sales", **NAMED)
    assert SeriesSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    again = Panel.from_json(json.loads(json.dumps(panel.tail(7).to_json())))
    assert again.names == panel.names
    assert again.starts == [23, 24]
    np.testing.assert_array_equal(again.values[0], panel.values[0][-7:])


def test_a_level_that_fit_has_not_seen_is_none_of_the_known():
    schema, _ = fit_series(shops(), "sales", **NAMED)
    frame = shops()
    frame["open"] = "holiday"
    assert read_series(frame, schema).values[0][:, 2:4].sum() == 0


@pytest.mark.parametrize(
    ("change", "arguments", "sentence"),
    [
        ({}, {"target": "sale"}, r"`target` names 'sale', which is no column.*`sales`"),
        ({}, {"time": "date"}, "`time` names 'date'"),
        ({}, {"known_future": ["sales"]}, "`sales` is named by several of"),
        ({}, {"series": None, "static": ["kind"]}, "`static` needs `series=`"),
        ({"sales": "many"}, {}, "`sales`, the target, must hold numbers"),
        ({"price": np.inf}, {}, r"`price` has infinite values \(first in row 0\)"),
        (
            {"sales": -2e30},
            {},
            r"`sales` has values beyond 1e\+18 \(first in row 0: -2e\+30",
        ),
        ({"price": 1e300}, {}, r"frame\['price'\] /= 1e300"),
        ({"when": pd.Timestamp("2024-01-01")}, {}, "`when` holds times"),
        ({"sales": np.nan}, {}, "`sales`, the target, has no values"),
        ({}, {"static": ["price"]}, "`price` is named in `static` but has [0-9]+ values in the"),
    ],
)
def test_one_sentence_for_what_is_wrong(change, arguments, sentence):
    given = {"target": "sales", **NAMED, **arguments}
    with pytest.raises(SchemaError, match=sentence):
        fit_series(shops().assign(**change), **given)


@pytest.mark.parametrize("value", [np.inf, 1e300, "1e300"])
def test_numbers_too_large_to_forecast_from_are_told_in_new_rows_too(value):
    schema, _ = fit_series(shops(), "sales", **NAMED)
    with pytest.raises(SchemaError, match=r"`price` has (infinite values|values beyond)"):
        read_series(shops().assign(price=value), schema)


def test_all_problems_of_the_columns_come_together():
    frame = shops().assign(price=np.inf, when=pd.Timestamp("2024-01-01"))
    with pytest.raises(SchemaError, match=r"2 problems, .*`price`.*; `when`"):
        fit_series(frame, "sales", **NAMED)


def test_many_series_without_a_column_that_tells_them_apart():
    with pytest.raises(SchemaError, match=r"repeat a time.*`series=`"):
        fit_series(shops().drop(columns=["shop"]), "sales", time="day")


def test_two_columns_of_times_need_a_word():
    frame = shops().assign(other=pd.Timestamp("2024-01-01"))
    with pytest.raises(SchemaError, match=r"`day` and `other` all hold times.*time='day'"):
        fit_series(frame, "sales", series="shop")


def test_a_frame_to_predict_lacks_columns():
    schema, _ = fit_series(shops(), "sales", **NAMED)
    with pytest.raises(SchemaError, match=r"2 problems.*`price` is missing; `kind` is missing"):
        read_series(shops().drop(columns=["price", "kind"]), schema)


def test_times_of_events_are_no_steps():
    rng = np.random.default_rng(0)
    hours = pd.to_timedelta(np.cumsum(rng.exponential(5.0, 300)), "h")
    frame = pd.DataFrame({"when": pd.Timestamp("2024-01-01") + hours, "y": 1.0})
    with pytest.raises(SchemaError, match=r"no regular steps.*set_index\('when'\)\.resample"):
        fit_series(frame, "y")
    with pytest.raises(SchemaError, match="of 2000000001 steps would have no row"):
        fit_series(pd.DataFrame({"t": [0, 1, 2_000_000_000], "y": 1.0}), "y", time="t")


def test_sparse_rows_on_steps_are_series_with_gaps():
    sold = np.random.default_rng(0).uniform(size=730) < 0.15
    days = pd.date_range("2024-01-01", periods=730, freq="D")[sold]
    frame = pd.DataFrame({"day": days, "y": 1.0})
    _, panel = fit_series(frame, "y")
    assert panel.lengths[0] > 700
    assert any("steps are missing" in note for note in panel.notes)


def test_a_target_of_few_whole_numbers_in_strings_is_numbers():
    days = pd.date_range("2024-01-01", periods=40)
    frame = pd.DataFrame({"day": days, "sales": [str(i % 7) for i in range(40)]})
    _, panel = fit_series(frame, "sales", time="day")
    assert panel.values[0][:8, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
