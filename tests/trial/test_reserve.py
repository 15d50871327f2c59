"""How much time trials leave for what comes after them."""

import dataclasses

import pytest

from kerasnas.clock import Clock, Purpose
from kerasnas.trial import Job, Keeping
from kerasnas.trial.reserve import Reserve


def job_of(seconds, **keeping):
    return Job(lambda hp: None, (), 0, Clock(seconds), keeping=Keeping(**keeping))


@pytest.mark.parametrize(
    ("finished", "kept"),
    [(0, 2.0), (1, 4.0), (2, 6.0), (7, 15.0), (30, 15.0)],  # 15 % of the budget at most
)
def test_time_is_kept_for_as_many_members_as_there_can_be(finished, kept):
    job = job_of(100.0, members=8)
    reserve = Reserve(job.clock, job.keeping)
    reserve.member_seconds = 2.0
    reserve.finished(finished)
    assert job.deadline.left == pytest.approx(100.0 - kept, abs=0.5)


def test_a_member_needs_what_writing_a_trial_tells():
    job = job_of(100.0, members=8)
    reserve = Reserve(job.clock, job.keeping)
    guess = reserve.member_seconds
    reserve.wrote(0.001)
    assert reserve.member_seconds == guess  # never less than the guess
    reserve.wrote(10.0)
    assert reserve.member_seconds > 5.0


def test_no_time_is_kept_where_there_is_no_ensemble_or_no_clock():
    job = job_of(100.0)
    Reserve(job.clock, job.keeping).finished(5)
    assert job.deadline.left == pytest.approx(100.0, abs=0.5)
    endless = job_of(None, members=8)
    Reserve(endless.clock, endless.keeping).finished(5, [1e6])
    assert endless.deadline.endless


def test_time_is_kept_for_what_can_be_fitted_again():
    job = job_of(100.0, again=True)  # 15 seconds are for second fits
    reserve = Reserve(job.clock, job.keeping)
    reserve.finished(4, [20.0, 8.0, 9.0, 6.0])
    assert job.clock.kept(Purpose.SECOND_FIT) == 14.0
    reserve.finished(5, [3.0])
    assert job.clock.kept(Purpose.SECOND_FIT) == 3.0


def test_nobody_writes_into_the_job_of_a_search():
    job = job_of(100.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.epochs = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.keeping.members = 3
