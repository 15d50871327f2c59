"""Times become whole steps of a grid, and steps times again."""

import json

import numpy as np
import pandas as pd
import pytest

from kerasnas.data.grid_guess import infer_grid
from kerasnas.data.series_times import looks_like_time, read_stamps
from kerasnas.data.time_grid import TimeGrid
from kerasnas.errors import SchemaError

CALENDARS = [
    ("h", "duration", 24),
    ("15min", "duration", 96),
    ("D", "duration", 7),
    ("W-WED", "duration", 52),
    ("MS", "month", 12),
    ("ME", "month", 12),
    ("QS", "month", 4),
    ("YS", "month", 1),
    ("B", "business", 5),
]


@pytest.mark.parametrize(("freq", "kind", "season"), CALENDARS)
def test_calendars_are_found_and_give_back_every_time(freq, kind, season):
    stamps = pd.date_range("2020-01-31", periods=60, freq=freq)
    grid = infer_grid([stamps])
    assert (grid.kind, grid.season()) == (kind, season)
    positions = grid.positions(stamps)
    assert positions.tolist() == list(range(60))
    assert list(grid.stamps(positions)) == list(stamps)
    assert grid.off_grid(stamps) == 0
    assert TimeGrid.from_json(grid.to_json()) == grid


WEEKS = pd.date_range("2024-01-01", "2024-04-30", freq="30min")
OPEN = {
    "half hours of weekdays": (WEEKS.day_of_week < 5) & (WEEKS.hour >= 10) & (WEEKS.hour < 15),
    "with a break at noon": (WEEKS.hour >= 9) & (WEEKS.hour < 17) & (WEEKS.hour != 12),
    "shorter on Saturday": (WEEKS.hour >= 9)
    & (WEEKS.hour < np.where(WEEKS.day_of_week < 5, 18, 13))
    & (WEEKS.day_of_week < 6),
    "through midnight": (WEEKS.hour < 2) | (WEEKS.hour >= 20),
    "closed on Sunday": (WEEKS.day_of_week < 6) & (WEEKS.hour == 0) & (WEEKS.minute == 0),
    "Sunday to Thursday": ~np.isin(WEEKS.day_of_week, (4, 5))
    & (WEEKS.hour == 0)
    & (WEEKS.minute == 0),
    "weekdays at four": (WEEKS.day_of_week < 5) & (WEEKS.hour == 16) & (WEEKS.minute == 0),
}


@pytest.mark.parametrize("zone", [None, "America/New_York"])
@pytest.mark.parametrize("name", OPEN)
def test_times_of_business_are_slots_that_go_on_at_the_next_one(name, zone):
    stamps = WEEKS.tz_localize(zone, nonexistent="shift_forward")[OPEN[name]].unique()
    seen = len(stamps) // 2
    grid = infer_grid([stamps[:seen]])
    assert grid.kind == "slots"
    assert grid.off_grid(stamps) == 0
    assert list(grid.stamps(np.arange(len(stamps)))) == list(stamps)
    assert grid.following(seen - 1, 5)[0].equals(stamps[seen : seen + 5])
    assert TimeGrid.from_json(json.loads(json.dumps(grid.to_json()))) == grid


@pytest.mark.parametrize(
    "freq",
    ["BME", "BMS", "BQE", "BYE", "WOM-3FRI", "LWOM-MON", "SMS", "SME", "QE", "YE-JUN", "2MS"],
)
def test_days_of_the_month_by_any_rule_come_back(freq):
    stamps = pd.date_range("2015-01-01", periods=60, freq=freq)
    grid = infer_grid([stamps[:40]])
    assert grid.kind == "month"
    assert list(grid.stamps(np.arange(60))) == list(stamps)


@pytest.mark.parametrize("days", [9, 10, 14, 15, 28])
def test_steps_of_many_days_are_no_part_of_a_month(days):
    stamps = pd.date_range("2020-01-03", periods=30, freq=f"{days}D")
    grid = infer_grid([stamps])
    assert grid.kind == "duration"
    assert list(grid.stamps(np.arange(30))) == list(stamps)


@pytest.mark.parametrize("freq", ["ME", "B", "D"])
def test_the_time_of_day_is_kept(freq):
    stamps = pd.date_range("2020-01-01", periods=40, freq=freq) + pd.Timedelta("17h30min")
    grid = infer_grid([stamps])
    assert list(grid.stamps(grid.positions(stamps))) == list(stamps)


@pytest.mark.parametrize(("freq", "kind", "season"), CALENDARS)
def test_gaps_do_not_change_the_grid(freq, kind, season):
    stamps = pd.date_range("2020-01-31", periods=60, freq=freq)
    kept = stamps[[i for i in range(60) if i % 11 != 3]]
    grid = infer_grid([kept])
    assert (grid.kind, grid.season()) == (kind, season)
    assert list(grid.stamps(grid.positions(kept))) == list(kept)


def test_months_of_any_day_lie_on_one_grid():
    stamps = pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-03-31", "2020-05-31"])
    grid = infer_grid([stamps])
    assert grid.positions(stamps).tolist() == [0, 1, 2, 4]
    assert str(grid.stamps(np.array([3]))[0].date()) == "2020-04-30"


def test_days_of_a_time_zone_go_through_a_change_of_clocks():
    stamps = pd.date_range("2024-03-25", periods=14, freq="D", tz="Europe/Berlin")
    grid = infer_grid([stamps])
    assert grid.positions(stamps).tolist() == list(range(14))
    assert list(grid.stamps(np.arange(14))) == list(stamps)


def test_hours_of_a_time_zone_follow_the_local_clock_through_a_change():
    stamps = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")
    grid = infer_grid([stamps])
    # Two o'clock is left out on the 31st of March.
    assert grid.positions(stamps).tolist() == [i for i in range(73) if i != 26]
    assert grid.left_out(np.arange(73)).tolist() == [i == 26 for i in range(73)]
    later, steps = grid.following(23, 4)
    assert list(later) == list(stamps[24:28])
    assert steps.tolist() == [0, 1, 3, 4]


def test_an_hour_that_comes_twice_is_one_step_of_the_local_clock():
    stamps = pd.date_range("2024-10-26", periods=72, freq="h", tz="Europe/Berlin")
    grid = infer_grid([stamps])
    assert grid.positions(stamps)[26:29].tolist() == [26, 26, 27]
    assert (np.diff(grid.passed(stamps)) == 1).all()
    later, steps = grid.following(25, 4)
    assert list(later) == list(stamps[26:30])
    assert steps.tolist() == [0, 0, 1, 2]


def test_hours_that_are_regular_by_the_time_that_passes_stay_so():
    stamps = pd.date_range("2024-03-30", periods=40, freq="3h", tz="UTC").tz_convert(
        "Europe/Berlin"
    )
    grid = infer_grid([stamps])
    assert grid.positions(stamps).tolist() == list(range(40))
    assert list(grid.stamps(np.arange(40))) == list(stamps)


@pytest.mark.parametrize(
    "form", ["%a, %d %b %Y", "%d%b%y", "%d. %b %Y", "%b %d, %Y, %I:%M %p", "%m.%Y", "%m-%Y"]
)
def test_texts_of_times_are_read_in_the_forms_that_tables_know(form):
    stamps = pd.date_range("2024-01-01", periods=20, freq="MS")
    texts = pd.Series(stamps.strftime(form))
    assert looks_like_time(texts)
    assert list(read_stamps(texts, "`time`")) == list(stamps)


def test_whole_numbers_with_a_step():
    grid = infer_grid([pd.Index([10, 15, 20, 30])])
    assert (grid.kind, grid.step) == ("integer", 5)
    assert grid.positions(pd.Index([30, 35])).tolist() == [4, 5]


def test_times_between_steps_are_counted():
    stamps = pd.date_range("2024-01-01", periods=20, freq="h")
    shifted = stamps[:10].append(stamps[10:11] + pd.Timedelta("7min")).append(stamps[11:])
    grid = infer_grid([shifted])
    assert grid.off_grid(shifted) == 1
    assert grid.positions(shifted).tolist() == list(range(20))


@pytest.mark.parametrize("values", [["2020-01", "2020-02"], ["2020-01-01 10:00", "2020-01-02"]])
def test_dates_as_strings_are_times(values):
    series = pd.Series(values)
    assert looks_like_time(series)
    assert isinstance(read_stamps(series, "`when`"), pd.DatetimeIndex)


def test_words_are_no_times():
    assert not looks_like_time(pd.Series(["a", "b"]))
    with pytest.raises(SchemaError, match=r"`when` has values that are no times.*to_datetime"):
        read_stamps(pd.Series(["a", "b"]), "`when`")


def test_missing_times_are_refused():
    with pytest.raises(SchemaError, match="1 missing values"):
        read_stamps(pd.Series(pd.DatetimeIndex(["2020-01-01", None])), "`when`")


def test_times_that_jitter_lie_on_round_steps():
    rng = np.random.default_rng(0)
    exact = pd.date_range("2024-01-01", periods=200, freq="10min")
    grid = infer_grid([exact + pd.to_timedelta(rng.integers(-40, 40, 200), "s")])
    assert (grid.kind, grid.step) == ("duration", 600_000_000)
    assert grid.positions(exact).tolist() == list(range(200))


def test_strings_with_the_offsets_of_summer_and_winter_are_times():
    stamps = pd.date_range("2024-10-25", periods=120, freq="h", tz="Europe/Berlin")
    words = pd.Series([stamp.isoformat() for stamp in stamps])
    assert looks_like_time(words)
    read = read_stamps(words, "`when`")
    assert (read == stamps).all()
    assert infer_grid([read]).step == 3_600_000_000
