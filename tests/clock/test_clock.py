"""Seconds spent, left and kept of one fit."""

import math

import pytest

from kerasnas.clock import ALLOTMENTS, Clock, Purpose


class Made:
    """A source of time that stands still unless a test moves it."""

    def __init__(self, now=100.0):
        self.now = now

    def __call__(self):
        return self.now


def test_the_clock_counts_earlier_calls():
    now = Made()
    clock = Clock(10.0, spent=4.0, now=now)
    assert (clock.spent, clock.left) == (4.0, 6.0)
    now.now = 103.0
    assert (clock.spent, clock.left, clock.deadline.left) == (7.0, 3.0, 3.0)
    clock.resume(1.0)
    assert (clock.spent, clock.left) == (4.0, 6.0)


def test_without_a_limit_nothing_ends_and_nothing_is_kept():
    clock = Clock(None, now=Made())
    assert clock.left == clock.deadline.left == math.inf
    assert clock.keep(Purpose.ENSEMBLE, 5.0) == 0.0
    assert clock.for_trials.endless
    assert all(math.isinf(clock.most(purpose)) for purpose in Purpose)
    assert clock.allot(Purpose.ANSWER).endless


def test_trials_end_before_what_is_kept_begins():
    clock = Clock(100.0, now=Made())
    assert clock.keep(Purpose.ANSWER) == 3.0
    assert clock.keep(Purpose.ENSEMBLE, 4.0) == 4.0
    assert clock.for_trials.left == 93.0
    assert clock.keep(Purpose.ENSEMBLE, 1000.0) == 15.0  # no more than its share
    assert clock.keep(Purpose.ENSEMBLE, 6.0) == clock.kept(Purpose.ENSEMBLE) == 6.0
    assert clock.for_trials.left == 91.0
    assert clock.kept(Purpose.SECOND_FIT) == 0.0


def test_what_is_kept_is_a_share_of_the_budget_however_much_of_it_is_spent():
    now = Made()
    clock = Clock(100.0, now=now)
    now.now += 90.0
    assert clock.keep(Purpose.SECOND_FIT) == 15.0
    assert clock.allot(Purpose.SECOND_FIT).left == 10.0  # but nothing goes on after the end


@pytest.mark.parametrize(
    ("budget", "seconds"), [(0.8, 0.4), (10.0, 0.5), (50.0, 1.5), (100.0, 3.0), (3600.0, 3.0)]
)
def test_shares_have_floors_and_caps(budget, seconds):
    assert ALLOTMENTS[Purpose.ANSWER].seconds(budget) == pytest.approx(seconds)


def test_a_clock_allots_by_the_table():
    now = Made()
    clock = Clock(100.0, now=now)
    clock.keep(Purpose.ENSEMBLE, 10.0)
    assert clock.allot(Purpose.TABLE_BASELINE).left == pytest.approx(15.0)  # of the seconds left
    assert clock.allot(Purpose.SECOND_SOUND_NETWORK).left == pytest.approx(36.0)  # of the trials'
    assert clock.allot(Purpose.COLUMN_FILTER).left == pytest.approx(5.0)  # of the budget
    now.now += 50.0
    assert clock.allot(Purpose.TABLE_BASELINE).left == pytest.approx(7.5)
    assert clock.allot(Purpose.SECOND_SOUND_NETWORK).left == pytest.approx(16.0)
    assert clock.allot(Purpose.COLUMN_FILTER).left == pytest.approx(5.0)


@pytest.mark.parametrize(("spent", "there"), [(0.0, True), (92.0, True), (92.5, False)])
def test_near_the_end_some_purposes_are_not_begun(spent, there):
    clock = Clock(100.0, spent=spent, now=Made())
    assert clock.has_time(Purpose.TABLE_BASELINE) is there  # needs 8 of the seconds left
    assert clock.has_time(Purpose.COLUMN_FILTER)  # needs 30 seconds of the whole budget
    assert not Clock(20.0, now=Made()).has_time(Purpose.COLUMN_FILTER)
    assert Clock(None, now=Made()).has_time(Purpose.COLUMN_FILTER)
