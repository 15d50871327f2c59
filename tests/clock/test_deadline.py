"""Moments until which something may go on."""

import math
from types import SimpleNamespace

import pytest

from kerasnas.clock import ENDLESS, Deadline, Margin, OutOfTime, Purpose
from kerasnas.errors import KerasNASError


@pytest.fixture
def clock():
    return SimpleNamespace(now=50.0)


@pytest.fixture
def deadline(clock):
    return Deadline.after(10.0, now=lambda: clock.now)


def test_seconds_run_out(clock, deadline):
    assert (deadline.left, deadline.passed, deadline.endless) == (10.0, False, False)
    clock.now = 60.0
    assert (deadline.left, deadline.passed) == (0.0, True)
    clock.now = 61.0
    assert deadline.left == -1.0


def test_a_deadline_says_what_there_is_no_time_for(clock, deadline):
    deadline.require(10.0, "for an epoch")
    clock.now = 57.0
    with pytest.raises(OutOfTime, match=r"no time for an epoch: it needs 10 seconds, and 3 are"):
        deadline.require(10.0, "for an epoch")
    clock.now = 70.0
    with pytest.raises(OutOfTime, match=r"and 0 are left"):
        deadline.require(0.0, "for an epoch")
    assert issubclass(OutOfTime, KerasNASError) and issubclass(OutOfTime, TimeoutError)


def test_parts_end_at_fixed_moments(clock, deadline):
    half, early, soon = deadline.part(0.5), deadline.minus(1.0), deadline.at_most(4.0)
    clock.now = 52.0
    assert (half.left, early.left, soon.left) == (3.0, 7.0, 2.0)
    assert deadline.at_most(100.0) == deadline
    assert deadline.minus(100.0).passed


def test_a_passed_deadline_has_no_later_parts(clock, deadline):
    clock.now = 64.0
    assert deadline.part(0.5) == deadline
    assert deadline.at_most(1.0) == deadline


def test_without_a_limit(clock):
    endless = Deadline(now=lambda: clock.now)
    assert endless.endless and endless.left == math.inf and not endless.passed
    assert endless.part(0.1).endless and endless.minus(5.0).endless
    assert endless.at_most(2.0).left == 2.0
    endless.require(1e9, "for anything")
    assert Deadline.after(math.inf).endless


def test_a_purpose_has_its_share_of_the_seconds_left(clock, deadline):
    assert deadline.allot(Purpose.SECOND_SOUND_NETWORK).left == pytest.approx(4.0)
    clock.now = 58.0
    assert deadline.allot(Purpose.SECOND_SOUND_NETWORK).left == 1.0  # its floor, half of the rest
    clock.now = 61.0
    assert deadline.allot(Purpose.SECOND_SOUND_NETWORK) == deadline
    assert ENDLESS.allot(Purpose.TRIAL).endless
    assert ENDLESS.allot(Purpose.SOLVE_TEXTS).endless  # a cap is for budgets of seconds
    with pytest.raises(ValueError, match="ask the clock"):
        deadline.allot(Purpose.ANSWER)


def test_what_has_begun_may_be_late(clock, deadline):
    late = deadline.allowing(Margin.BACKBONE_LATE)
    assert late.left == 15.0
    clock.now = 60.0
    assert (deadline.left, late.left) == (0.0, 5.0)
    assert ENDLESS.allowing(Margin.BACKBONE_LATE).endless
