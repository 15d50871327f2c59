"""Measuring how long something takes."""

from types import SimpleNamespace

import pytest

from kerasnas.clock import Laps, Stopwatch, laps_of, seconds_of


def test_a_stopwatch_counts_from_its_start_and_by_laps():
    clock = SimpleNamespace(now=5.0)
    watch = Stopwatch(lambda: clock.now)
    clock.now = 7.0
    assert (watch.seconds, watch.lap()) == (2.0, 2.0)
    clock.now = 10.0
    assert (watch.lap(), watch.seconds) == (3.0, 5.0)


@pytest.fixture
def work():
    """Takes 9 seconds at first, then 1, 2, 3 and so on."""
    clock = SimpleNamespace(now=0.0, takes=iter([9.0, 1.0, 2.0, 3.0, 4.0]))

    def run():
        clock.now += next(clock.takes)

    return run, lambda: clock.now


def test_the_first_lap_stands_apart(work):
    run, now = work
    laps = laps_of(run, later=3, now=now)
    assert laps == Laps(9.0, (1.0, 2.0, 3.0))
    assert (laps.median, laps.fastest, laps.quantile(1.0)) == (2.0, 1.0, 3.0)


def test_no_lap_begins_after_the_seconds_are_over(work):
    run, now = work
    assert laps_of(run, later=9, seconds=3.0, now=now).later == (1.0, 2.0)


def test_a_single_lap_has_to_do(work):
    run, now = work
    assert seconds_of(run, now=now) == 9.0
    assert (Laps(9.0).median, Laps(9.0).fastest, Laps(9.0).quantile(0.5)) == (9.0, 9.0, 9.0)
