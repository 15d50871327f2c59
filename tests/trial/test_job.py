"""How much time trials may use."""

import pytest

from kerasnas.clock import Clock, Purpose
from kerasnas.trial import Job


@pytest.mark.parametrize(
    ("finished", "kept"),
    [(0, 2.0), (1, 4.0), (2, 6.0), (7, 15.0), (30, 15.0)],  # 15 % of the budget at most
)
def test_time_is_kept_for_as_many_members_as_there_can_be(finished, kept):
    job = Job(view=lambda hp: None, objectives=(), seed=0, clock=Clock(100.0))
    job.members, job.member_seconds, job.finished = 8, 2.0, finished
    assert job.deadline.left == pytest.approx(100.0 - kept, abs=0.5)


def test_no_time_is_kept_where_there_is_no_ensemble_or_no_clock():
    job = Job(view=lambda hp: None, objectives=(), seed=0, clock=Clock(100.0), finished=5)
    assert job.deadline.left == pytest.approx(100.0, abs=0.5)
    job.clock, job.members = Clock(None), 8
    assert job.deadline.endless


def test_time_is_kept_for_what_can_be_fitted_again():
    job = Job(lambda hp: None, (), 0, Clock(100.0))  # of which 15 seconds are for this
    job.keep_for_again([20.0, 8.0, 9.0, 6.0])
    assert job.clock.kept(Purpose.SECOND_FIT) == 14.0
    job.keep_for_again([3.0])
    assert job.clock.kept(Purpose.SECOND_FIT) == 3.0
    endless = Job(lambda hp: None, (), 0, Clock(None))
    endless.keep_for_again([1e6])
    assert endless.deadline.endless
