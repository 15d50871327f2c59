"""What people feed a forecaster: one report, one right value."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnas as kn
from kerasnas.data.series import fit_series
from kerasnas.data.series_times import looks_like_time, read_stamps
from kerasnas.errors import SchemaError

QUICK = {"budget": kn.Budget(trials=2, epochs=4), "seed": 0, "verbose": 0}
LINEAR = {**QUICK, "space": "linear", "budget": kn.Budget(trials=1)}
NAIVE = {**QUICK, "space": "naive", "budget": kn.Budget(trials=1)}
DAYS = pd.date_range("2024-01-01", periods=60)


def told(fit):
    """What a call warns of, and its answer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = fit()
    return answer, " ".join(str(w.message) for w in caught if w.category is UserWarning)


def wave(steps, season=12, size=10.0):
    return size * np.sin(np.arange(steps) * 2 * np.pi / season)


def forecast(frame, horizon=3, target="y", **arguments):
    return kn.TimeSeriesForecaster(horizon, target, **{**LINEAR, **arguments}).fit(frame).predict()


# F1, N41: names and columns of any kind


def sold():
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"day": DAYS, "store": store, "item": item, "sold": rng.poisson(20, 60)})
        for store in "AB"
        for item in (1, 2)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def of_items():
    forecaster = kn.TimeSeriesForecaster(
        3, ["sold"], time="day", series=["store", "item"], **LINEAR
    )
    return forecaster.fit(sold())


def test_series_are_told_apart_by_several_columns(of_items, tmp_path):
    found = of_items.predict()
    assert found.index.names == ["store", "item", "day"]
    assert [tuple(i)[:2] for i in found.index[::3]] == [("A", 1), ("A", 2), ("B", 1), ("B", 2)]
    of_items.save(tmp_path / "items.keras")
    pd.testing.assert_frame_equal(kn.load(tmp_path / "items.keras").predict(), found)
    table = of_items.backtest(sold()).forecasts
    assert {"store", "item", "origin", "day"} <= set(table)


def test_newer_steps_go_on_with_the_series_of_the_same_keys(of_items):
    later = sold().assign(day=sold()["day"] + pd.Timedelta("60D"))
    found = of_items.predict(history=later[later["store"] == "B"].groupby("item").head(5))
    assert set(found.index.get_level_values("store")) == {"B"}
    assert set(found.index.get_level_values("day")) == set(pd.date_range("2024-03-06", periods=3))


def test_a_multi_index_names_keys_and_time(of_items):
    found = forecast(sold().set_index(["store", "item", "day"]), target="sold")
    pd.testing.assert_frame_equal(found, of_items.predict())


def test_keys_may_be_categories_and_static_columns_belong_to_them():
    frame = sold().assign(kind=lambda f: f["store"] + f["item"].astype(str))
    frame["store"] = frame["store"].astype("category")
    arguments = {"time": "day", "series": ["store", "item"], "static": "kind", "target": "sold"}
    assert len(forecast(frame, **arguments)) == 12


@pytest.mark.parametrize("names", [(0, 1), (np.int64(5), np.int64(7)), (("a", "t"), ("a", "y"))])
def test_columns_may_have_names_of_any_type(names):
    frame = pd.DataFrame({0: DAYS, 1: np.arange(60.0)})
    frame.columns = pd.Index(names, tupleize_cols=False)
    found = forecast(frame, target=names[1], time=names[0])
    assert found.index[0] == pd.Timestamp("2024-03-01")
    assert found.iloc[:, 0].tolist() == pytest.approx([60, 61, 62], abs=0.1)


@pytest.mark.parametrize("column", ["x", "id", "y", "when"])
def test_lists_in_cells_are_refused_with_the_column(column):
    frame = pd.DataFrame({"when": DAYS, "id": "a", "x": 1.0, "y": np.arange(60.0)})
    frame[column] = [[1, 2]] * 60
    with pytest.raises(SchemaError, match=f"`{column}` holds list values"):
        forecast(frame, time="when", series="id")


def test_a_frame_of_another_library_is_taken():
    table = pytest.importorskip("pyarrow").table({"t": DAYS, "y": np.arange(60.0)})
    assert forecast(table)["y"].tolist() == pytest.approx([60, 61, 62], abs=0.1)


# F2: scales of each series


@pytest.mark.parametrize(
    ("noise", "space"), [(1e-2, "linear"), (1e-5, "linear"), (1e-7, "linear"), (1e-5, "tide")]
)
def test_a_nearly_constant_series_does_not_spoil_the_others(noise, space):
    rng = np.random.default_rng(0)
    month = pd.date_range("2014-01-01", periods=96, freq="MS")
    parts = []
    for number in range(8):
        y = 100 + wave(96) + rng.normal(0, 3, 96)
        y = 100 + noise * rng.normal(size=96) if number == 0 else y
        parts.append(pd.DataFrame({"t": month, "id": number, "y": y}))
    settings = {**QUICK, "space": space, "budget": kn.Budget(trials=2, epochs=3)}
    model = kn.TimeSeriesForecaster(6, "y", series="id", **settings).fit(pd.concat(parts))
    best = model.leaderboard(full=True)
    assert 0.6 < best.loc[best["kind"] == "trial", "val_mase"].min() < 1.3


def test_series_of_very_different_sizes_are_forecast_alike():
    month = pd.date_range("2014-01-01", periods=96, freq="MS")
    sizes = [1e-3, 1.0, 1e6]
    parts = [pd.DataFrame({"t": month, "id": s, "y": s * (10 + wave(96))}) for s in sizes]
    found = forecast(pd.concat(parts), horizon=12, series="id")["y"]
    for size in sizes:
        assert found[size].to_numpy() / size == pytest.approx(10 + wave(12), abs=0.3)


def test_one_blip_of_a_constant_series_is_no_scale_of_all():
    month = pd.date_range("2014-01-01", periods=96, freq="MS")
    flat = np.full(96, 50.0)
    flat[40] = 50.001
    rng = np.random.default_rng(0)
    ys = [flat, *(100 + wave(96) + rng.normal(0, 3, 96) for _ in range(4))]
    frame = pd.concat([pd.DataFrame({"t": month, "id": i, "y": y}) for i, y in enumerate(ys)])
    model = kn.TimeSeriesForecaster(6, "y", series="id", **LINEAR).fit(frame)
    assert model.leaderboard(full=True)["val_mase"].min() < 1.3
    assert model.predict()["y"][0].to_numpy() == pytest.approx(50.0, abs=1e-3)


# F3, N35, N36: times as people write them

MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")
AFTER = ["2024-01-01", "2024-02-01", "2024-03-01"]


FORMS = (
    ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%y", "%Y/%m/%d", "%d-%b-%y", "%b %Y", "%Y-%b"],
    ["%B %d, %Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%YM%m", "%Y%m", "%Y%m%d", "%m/%Y"],
)


@pytest.mark.parametrize("form", [form for some in FORMS for form in some])
def test_months_in_texts_of_any_form(form):
    frame = pd.DataFrame({"month": MONTHS.strftime(form), "y": np.arange(60.0)})
    found, words = told(lambda: forecast(frame, time="month", **NAIVE))
    assert [str(day.date()) for day in found.index] == AFTER
    assert words == ""


def test_quarters_and_weeks_in_texts():
    quarters = pd.period_range("2014Q1", periods=40, freq="Q")
    for texts in (quarters.astype(str), [f"{q.year}-Q{q.quarter}" for q in quarters]):
        found = forecast(pd.DataFrame({"q": texts, "y": np.arange(40.0)}), **NAIVE)
        assert [str(day.date()) for day in found.index[:2]] == ["2024-01-01", "2024-04-01"]
    weeks = pd.date_range("2020-01-06", periods=80, freq="W-MON").isocalendar()
    texts = [f"{year}-W{week:02}" for year, week in zip(weeks["year"], weeks["week"], strict=True)]
    found = forecast(pd.DataFrame({"w": texts, "y": np.arange(80.0)}), **NAIVE)
    assert str(found.index[0].date()) == "2021-07-19"


@pytest.mark.parametrize(
    ("times", "after"),
    [
        (pd.date_range("2014-01-01", periods=60, freq="MS").strftime("%Y%m"), [201901, 201902]),
        (DAYS.strftime("%Y%m%d"), [20240301, 20240302]),
        ([20141 + 10 * (i // 4) + i % 4 for i in range(40)], [20241, 20242]),
        ([201901 + 100 * (i // 52) + i % 52 for i in range(100)], [202049, 202050]),
        (range(1960, 2020), [2020, 2021]),
        (pd.date_range("2024-01-30", periods=60, freq="h").strftime("%Y%m%d%H"), [2024020112]),
        (range(1_704_067_200, 1_704_067_200 + 3600 * 60, 3600), [1_704_283_200]),
    ],
    ids=["months", "days", "quarters", "weeks", "years", "hours", "seconds"],
)
def test_whole_numbers_that_are_dates_go_on_as_dates(times, after, tmp_path):
    frame = pd.DataFrame({"t": pd.Index(times).astype("int64"), "y": np.arange(float(len(times)))})
    model = kn.TimeSeriesForecaster(3, "y", time="t", **NAIVE).fit(frame)
    assert model.predict().index[: len(after)].tolist() == after
    newer = pd.DataFrame({"t": after[:1], "y": [1.0]})
    found = model.predict(history=newer)
    assert found.index[:-1].tolist() == model.predict().index[1:].tolist()
    model.save(tmp_path / "dates.keras")
    assert kn.load(tmp_path / "dates.keras").predict().index.equals(model.predict().index)


def test_counts_that_only_look_like_dates_are_counted_on():
    for first in (199_990, 20_240_101, 202_401):
        frame = pd.DataFrame({"t": np.arange(first, first + 60), "y": np.arange(60.0)})
        assert forecast(frame, time="t", **NAIVE).index[0] == first + 60


def test_unsorted_dates_in_texts_are_found_and_sorted():
    frame = pd.DataFrame({"when": DAYS[:30].strftime("%d/%m/%Y"), "y": np.arange(30.0)})
    found = forecast(frame.sample(frac=1, random_state=0), **QUICK)
    assert found["y"].tolist() == pytest.approx([30, 31, 32], abs=0.1)
    assert found.index[0] == pd.Timestamp("2024-01-31")


def test_unsorted_digits_of_dates_without_a_name_are_found_too():
    frame = pd.DataFrame({"day": DAYS.strftime("%Y%m%d").astype("int64"), "y": np.arange(60.0)})
    assert forecast(frame.sample(frac=1, random_state=0)).index[0] == 20240301


def test_an_order_of_day_and_month_that_nothing_settles_is_told():
    frame = pd.DataFrame({"id": np.repeat(range(9), 2), "y": np.arange(18.0)})
    frame["t"] = ["02/01/2024", "03/02/2024"] * 9
    warned = pytest.warns(UserWarning, match=r"`t` were read with the month first.*dayfirst=")
    with warned, pytest.raises(SchemaError, match="Shorten `horizon`"):
        forecast(frame, time="t", series="id", horizon=1)


def test_newer_dates_are_read_in_the_order_of_fit():
    frame = pd.DataFrame({"t": DAYS.strftime("%d/%m/%Y"), "y": np.arange(60.0)})
    model = kn.TimeSeriesForecaster(3, "y", **NAIVE).fit(frame)
    newer = pd.DataFrame({"t": ["01/03/2024", "02/03/2024", "03/03/2024"], "y": 1.0})
    assert model.predict(history=newer).index[0] == pd.Timestamp("2024-03-04")


def shuffled(frame):
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "int64[pyarrow]", "float64", "str"])
@pytest.mark.parametrize("form", ["%Y%m", "%Y%m%d"])
def test_dates_as_digits_are_found_whatever_their_dtype(dtype, form):
    texts = pd.Series(MONTHS.strftime(form))
    frame = pd.DataFrame({"t": texts if dtype == "str" else texts.astype("int64").astype(dtype)})
    schema, panel = fit_series(shuffled(frame.assign(y=np.arange(60.0))), "y")
    assert schema.time == "t" and schema.grid.kind == "month"
    assert panel.values[0][:, 0].tolist() == list(range(60))


@pytest.mark.parametrize("dtype", ["int64", "Int64", "str"])
def test_the_years_of_every_series_are_times(dtype):
    years = pd.Series(range(1990, 2020)).astype(dtype)
    parts = [pd.DataFrame({"year": years, "of": of, "y": np.arange(30.0)}) for of in "ab"]
    schema, panel = fit_series(shuffled(pd.concat(parts)), "y", series="of")
    assert schema.time == "year"
    assert [part[:, 0].tolist() for part in panel.values] == [list(range(30))] * 2


def test_numbers_that_only_look_like_years_are_none():
    sizes = pd.DataFrame({"size": [1950, 1990, 2010, 1950, 2050] * 6, "y": np.arange(30.0)})
    assert fit_series(sizes, "y")[0].time is None


def test_parts_of_dates_in_columns_of_their_own_are_told():
    frame = pd.DataFrame({"Year": MONTHS.year, "Month": MONTHS.month, "y": np.arange(60.0)})
    with pytest.warns(UserWarning, match=r"`Year` and `Month` hold parts of dates.*to_datetime"):
        fit_series(shuffled(frame), "y")
    dated = frame.assign(t=MONTHS)
    _, words = told(lambda: fit_series(dated, "y"))
    assert words == ""


def test_texts_of_times_that_nobody_reads_are_told():
    frame = pd.DataFrame({"t": MONTHS[:24].strftime("%y~%b"), "y": np.arange(24.0)})
    with pytest.raises(SchemaError, match=r"`t` has a text of its own in every row.*`time=`"):
        fit_series(frame, "y")
    with pytest.raises(SchemaError, match="`t` has a text of its own in every row"):
        fit_series(pd.concat([frame.assign(of=of) for of in "ab"]), "y", series="of")


# F4: digits


@pytest.mark.parametrize("level", [1e8, -1e8, 1e12])
def test_a_small_wave_on_a_large_level_is_forecast(level, tmp_path):
    y = level + wave(260, 7, 3.0)
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=260), "y": y})
    model = kn.TimeSeriesForecaster(7, "y", **QUICK).fit(frame[:240])
    found = model.predict()["y"].to_numpy()
    assert np.abs(found - y[240:247]).mean() < 0.05
    assert model.evaluate(frame)["rmse"] < 0.05
    model.save(tmp_path / "level.keras")
    plain = keras.models.load_model(tmp_path / "level.keras")
    window = y[240 - model.lookback_ : 240]
    assert plain.input.dtype == "float64"
    assert plain(window[None, :, None]).numpy()[0, :, 0] == pytest.approx(found, rel=1e-15)


def test_networks_and_covariates_keep_the_digits_too():
    rng = np.random.default_rng(0)
    waves, x = 3 * np.sin(np.arange(200) * 2 * np.pi / 7), rng.normal(size=200)
    settings = {**QUICK, "known_future": "x", "space": ("linear", "tide"), "ensemble": False}
    scores, found = [], []
    for level in (0.0, 1_234_567_890.1):
        frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=200)})
        frame = frame.assign(x=level + x, y=level + waves + 5 * x)
        model = kn.TimeSeriesForecaster(7, "y", **settings).fit(frame[:190])
        table = model.leaderboard(full=True).set_index("trial_id").sort_index()
        scores.append(table.loc[["0000", "0001", "dlinear"], "val_rmse"].to_numpy())
        found.append(model.predict(frame[190:197][["t", "x"]])["y"].to_numpy() - level)
    np.testing.assert_allclose(*scores, rtol=1e-3)
    np.testing.assert_allclose(*found, atol=0.2)


# F5: calendars

HALF_HOURS = pd.date_range("2024-01-01", "2024-03-31", freq="30min")
TRADED = HALF_HOURS[(HALF_HOURS.day_of_week < 5) & (HALF_HOURS.hour >= 10) & (HALF_HOURS.hour < 15)]


@pytest.mark.parametrize("days", [6, 10, 40])
def test_after_the_last_half_hour_comes_the_next_trading_day(days):
    stamps = TRADED[: 10 * days]
    frame = pd.DataFrame({"t": stamps, "y": 10 + wave(len(stamps), 10)})
    (model, words) = told(lambda: kn.TimeSeriesForecaster(10, "y", **QUICK).fit(frame))
    found = model.predict()["y"]
    assert list(found.index) == list(TRADED[10 * days : 10 * days + 10])
    assert found.index[0].hour == 10
    assert found.to_numpy() == pytest.approx(10 + wave(10, 10), abs=0.1)
    assert model.season_ == 10
    assert words == ""


@pytest.mark.parametrize(
    "freq", ["B", "BME", "BMS", "ME", "QE", "QS", "BQE", "W-FRI", "WOM-3FRI", "YE", "2W-WED"]
)
def test_dates_of_every_calendar_go_on(freq):
    stamps = pd.date_range("2015-01-01", periods=63, freq=freq)
    found, words = told(
        lambda: forecast(pd.DataFrame({"t": stamps[:60], "y": np.arange(60.0)}), **NAIVE)
    )
    assert list(found.index) == list(stamps[60:])
    assert words == ""


HOURS = pd.date_range("2024-01-01", "2024-03-31 23:00", freq="h")
EVERY_DAY = pd.date_range("2022-01-01", "2024-06-30")
DAY_OF_WEEK = EVERY_DAY.day_of_week


@pytest.mark.parametrize(
    "stamps",
    [
        EVERY_DAY[DAY_OF_WEEK.isin([1, 3])],
        EVERY_DAY[DAY_OF_WEEK.isin([0, 2, 4])],
        EVERY_DAY[EVERY_DAY.day.isin([1, 6, 11, 16, 21, 26])],
        EVERY_DAY[EVERY_DAY.day.isin([1, 8, 15, 22])],
        HOURS[HOURS.hour.isin([6, 12, 22])],
        HOURS[HOURS.hour.isin([7, 8, 17, 18]) & (HOURS.day_of_week < 5)],
        pd.date_range("2022-01-01", periods=200, freq="2D"),
        pd.date_range("2022-01-03", periods=40, freq="28D"),
    ],
    ids=["two days", "three days", "pentads", "quarters of months", "thrice", "rush", "2D", "28D"],
)
def test_uneven_times_of_the_week_the_day_and_the_month_go_on(stamps):
    frame = pd.DataFrame({"t": stamps[:-4], "y": np.arange(len(stamps) - 4.0)})
    schema, panel = fit_series(frame, "y")
    last = panel.starts[0] + len(panel.values[0]) - 1
    assert list(schema.grid.following(last, 4)[0]) == list(stamps[-4:])
    assert not panel.notes and len(panel.values[0]) == len(frame)


def test_a_week_that_is_closed_on_fridays_goes_on():
    stamps = DAYS[~np.isin(DAYS.day_of_week, (4, 5))]
    found = forecast(pd.DataFrame({"t": stamps[:-3], "y": np.arange(len(stamps) - 3.0)}), **NAIVE)
    assert list(found.index) == list(stamps[-3:])


# F7, N34, N31, N32: history


@pytest.fixture(scope="module")
def weekly():
    y = np.tile([0, 1, 2, 3, 4, 5, 10.0], 15)[:100]
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=100), "y": y})
    return kn.TimeSeriesForecaster(7, "y", time="t", **NAIVE).fit(frame[:85]), frame


def test_series_without_a_value_are_named():
    parts = [pd.DataFrame({"t": DAYS, "id": i, "y": np.arange(60.0)}) for i in "abc"]
    frame = pd.concat(parts).reset_index(drop=True)
    frame.loc[frame["id"] == "c", "y"] = np.nan
    model, words = told(lambda: kn.TimeSeriesForecaster(3, "y", series="id", **NAIVE).fit(frame))
    assert "1 series have no `y` and are left out (series 'c')" in words
    _, words = told(lambda: model.predict(history=frame))
    assert "left out (series 'c')" in words
    with pytest.raises(SchemaError, match="`y`, the target, has no values"):
        model.predict(history=frame[frame["id"] == "c"])


def test_gaps_and_doubled_rows_of_a_history_are_told(weekly):
    model, frame = weekly
    history = pd.concat([frame[85:].drop(index=[88, 89]), frame[95:96]])
    _, words = told(lambda: model.predict(history=history))
    assert "1 rows share their step" in words and "2 steps are missing" in words
    assert "`history`" in words and "`y`" in words


def test_only_the_new_days_are_joined_with_what_fit_saw(weekly):
    model, frame = weekly
    found, words = told(lambda: model.predict(history=frame[85:90]))
    assert np.abs(found["y"].to_numpy() - frame["y"].to_numpy()[90:97]).mean() < 1e-5
    assert words == ""
    again = model.predict(history=frame[:90])
    np.testing.assert_allclose(found, again, rtol=1e-6)


def test_days_between_fit_and_history_are_filled_in_and_told(weekly):
    model, frame = weekly
    found, words = told(lambda: model.predict(history=frame[88:92]))
    assert "3 steps between `fit` and `history` are missing" in words
    assert found.index[0] == pd.Timestamp("2024-04-02")


def test_a_history_shorter_than_a_window_is_told(weekly):
    model, frame = weekly
    later = frame[:3].assign(t=frame["t"][:3] + pd.Timedelta("400D"))
    _, words = told(lambda: model.predict(history=later))
    assert "fewer steps than the 14 of a window are known" in words


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: np.arange(len(t)), "`t` holds whole numbers, but held dates in `fit`"),
        (lambda t: t.dt.tz_localize("UTC"), r"`t` had no time zone in `fit`.*tz_localize\(None\)"),
        (lambda t: ["soon"] * len(t), "`t` has values that are no times"),
    ],
    ids=["integers", "a time zone", "words"],
)
def test_times_of_another_kind_are_refused(weekly, change, sentence):
    model, frame = weekly
    with pytest.raises(SchemaError, match=sentence):
        model.predict(history=frame.assign(t=change(frame["t"])))


def test_dates_after_whole_numbers_are_refused():
    frame = pd.DataFrame({"t": np.arange(60), "y": np.arange(60.0)})
    model = kn.TimeSeriesForecaster(3, "y", time="t", **NAIVE).fit(frame)
    with pytest.raises(SchemaError, match="`t` holds dates, but held whole numbers in `fit`"):
        model.predict(history=frame.assign(t=DAYS))


# F10: clocks that change


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("start", "zone", "freq", "horizon"),
    [
        ("2024-02-28", "Europe/Berlin", "h", 24),
        ("2024-02-28", "Europe/Berlin", "h", 12),
        ("2024-09-26", "Europe/Berlin", "h", 48),
        ("2024-02-07", "America/New_York", "30min", 48),
    ],
    ids=["spring", "half a day", "autumn", "half hours"],
)
def test_hours_follow_the_local_clock_through_a_change(start, zone, freq, horizon, known):
    a_day = 24 if freq == "h" else 48
    seen = 31 * a_day + a_day * 5 // 6
    t = pd.date_range(start, periods=seen + horizon, freq=freq, tz=zone)
    y = 10 + 5 * np.sin((t.hour + t.minute / 60).to_numpy() * 2 * np.pi / 24)
    frame = pd.DataFrame({"t": t, "y": y, "holiday": 0.0})
    frame = frame if known else frame.drop(columns="holiday")
    settings = {**QUICK, "known_future": ["holiday"] if known else []}
    model, words = told(lambda: kn.TimeSeriesForecaster(horizon, "y", **settings).fit(frame[:seen]))
    found = model.predict(frame[seen:].drop(columns="y") if known else None)["y"]
    assert len({stamp.utcoffset() for stamp in t}) == 2
    assert list(found.index) == list(t[seen:])
    assert np.abs(found.to_numpy() - y[seen:]).mean() < 0.2
    assert words == ""


# N44: frames of another form


def wide():
    rng = np.random.default_rng(0)
    columns = {
        "a": np.tile([0, 1, 2, 3, 4, 5, 10.0], 12)[:80],
        "b": 1000 + rng.normal(size=80).cumsum(),
        "c": np.tile([-5.0, 5.0], 40),
    }
    return pd.DataFrame(columns, pd.date_range("2024-01-01", periods=80)).rename_axis("date")


@pytest.fixture(scope="module")
def of_targets():
    settings = {**LINEAR, "budget": kn.Budget(trials=2)}
    return kn.TimeSeriesForecaster(3, ["a", "b", "c"], time="date", **settings).fit(wide())


def test_several_targets_are_forecast_in_one_file(of_targets, tmp_path):
    found = of_targets.predict()
    assert found.columns[:4].tolist() == ["a", "b", "c", "a_q0.1"]
    assert found.index.name == "date"
    assert found["a"].tolist() == pytest.approx([3, 4, 5], abs=0.2)
    assert found["b"].to_numpy() == pytest.approx(wide()["b"].iloc[-1], abs=5)
    assert found["c"].tolist() == pytest.approx([-5, 5, -5], abs=0.3)
    of_targets.save(tmp_path / "targets.keras")
    again = kn.load(tmp_path / "targets.keras")
    pd.testing.assert_frame_equal(again.predict(), found)
    assert again.evaluate(wide()) == pytest.approx(of_targets.evaluate(wide()))
    assert set(of_targets.backtest(wide()).forecasts["target"]) == {"a", "b", "c"}


def test_several_targets_of_several_series_with_a_known_future():
    frame = pd.concat([wide().assign(shop=s, x=np.arange(80.0) % 2) for s in ("n", "s")])
    settings = {**LINEAR, "series": "shop", "known_future": "x"}
    model = kn.TimeSeriesForecaster(3, ["a", "c"], **settings).fit(frame.drop(columns="b"))
    days = pd.date_range("2024-03-21", periods=3)
    future = pd.concat([pd.DataFrame({"date": days, "shop": s, "x": 1.0}) for s in ("n", "s")])
    found = model.predict(future)
    assert found.index.names == ["shop", "date"] and found.shape == (6, 12)
    newer = frame[:3].set_axis(days).rename_axis("date")
    later = future.assign(date=future["date"] + pd.Timedelta("3D"))
    assert len(model.predict(later, history=newer)) == 3


@pytest.mark.parametrize("index", ["date", None])
def test_the_index_is_the_time_by_its_name_and_without_one(of_targets, index):
    newer = wide().iloc[-5:].set_axis(pd.date_range("2024-03-21", periods=5)).rename_axis(index)
    found, words = told(lambda: of_targets.predict(history=newer))
    assert found.index[0] == pd.Timestamp("2024-03-26")
    assert words == ""


def test_doubled_rows_can_be_added_up():
    frame = pd.DataFrame({"t": DAYS.repeat(3), "y": 2.0, "price": 1.5})
    with pytest.raises(SchemaError, match=r'repeat a time.*`duplicates="sum"`'):
        forecast(frame, **NAIVE)
    found, words = told(lambda: forecast(frame, duplicates="sum", **NAIVE))
    assert found["y"].tolist() == [6.0, 6.0, 6.0]
    assert words == ""
    assert forecast(frame, duplicates="last", **NAIVE)["y"].tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(SchemaError, match="`duplicates` must be one of 'mean', 'sum', 'last'"):
        forecast(frame, duplicates="add", **NAIVE)


def test_a_few_doubled_rows_are_averaged_and_the_argument_is_named():
    frame = pd.DataFrame({"t": [*DAYS, DAYS[5]], "y": [*np.arange(60.0), 7.0]})
    _, words = told(lambda: forecast(frame, **NAIVE))
    assert "averaged" in words and "duplicates=" in words


# Numbers in texts, as in tables


@pytest.mark.parametrize(
    ("write", "style"),
    [
        (lambda v: f"{v:,.1f}", "thousands with commas"),
        (lambda v: f"{v:,.1f}".replace(",", " ").replace(".", ","), "decimal commas"),
        (lambda v: f"${v:.0f}", "a currency"),
    ],
)
def test_targets_in_texts_are_numbers(write, style):
    y = 1000 + 10.0 * np.arange(60)
    frame = pd.DataFrame({"t": DAYS, "y": [write(v) for v in y], "p": [write(v) for v in y]})
    model = kn.TimeSeriesForecaster(3, "y", **LINEAR).fit(frame)
    assert model.predict()["y"].tolist() == pytest.approx([1600, 1610, 1620], abs=3)
    assert model.channels_ == ["y", "p"]
    newer = frame.assign(t=frame["t"] + pd.Timedelta("60D"))
    assert model.predict(history=newer)["y"].tolist() == pytest.approx([1600, 1610, 1620], abs=3)


# Found by playing further users.


def test_a_row_without_a_category_has_none_of_them():
    """A column of holidays names those that there are; on other days nothing stands in it."""
    days = np.arange(60)
    frame = pd.DataFrame({"t": DAYS, "y": np.where(days % 6 == 0, 10.0, 1.0)})
    frame["holiday"] = np.where(days % 6 == 0, "rest", None)
    model = kn.TimeSeriesForecaster(3, "y", known_future=["holiday"], **LINEAR).fit(frame)
    later = pd.DataFrame({"t": DAYS[-1] + pd.to_timedelta([1, 2, 3], "D")})
    assert model.predict(future=later.assign(holiday=["rest", None, None]))["y"].tolist() == (
        pytest.approx([10, 1, 1], abs=0.5)
    )
    with pytest.raises(SchemaError, match="`future` must hold `holiday` for the 3 steps"):
        model.predict(future=later.assign(holiday="rest")[:2])


@pytest.mark.parametrize(
    "write",
    [
        lambda m: f"{['Jän', 'Feb', 'Mär', 'Apr', 'Mai'][m.month - 1]} {m.year}",
        lambda m: f"{m.year}年{m.month}月",
        lambda m: f"1st of {m:%B %Y}",
    ],
)
def test_months_in_other_words_are_read_as_in_tables(write):
    months = [m for m in pd.date_range("2010-01-01", "2020-05-01", freq="MS") if m.month < 6]
    texts = pd.Series([write(m) for m in months])
    assert looks_like_time(texts)
    assert read_stamps(texts, "t").equals(pd.DatetimeIndex(months))


def test_a_text_that_is_no_time_is_shown():
    times = pd.Series([f"2024-01-{day:02}" for day in range(1, 31)])
    times[7] = "half past"
    with pytest.raises(SchemaError, match=r"no times \(first: 'half past' in row 7\)"):
        read_stamps(times, "`t`")


def test_rows_of_a_list_are_a_frame():
    rows = pd.DataFrame({"t": DAYS.astype(str), "y": np.arange(60.0)}).to_dict("records")
    assert forecast(rows, **NAIVE).index[0] == pd.Timestamp("2024-03-01")
