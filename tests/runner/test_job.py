"""How much time trials may use."""

import pytest

from kerasnas.budget import Clock
from kerasnas.runner import Job


@pytest.mark.parametrize(
    ("finished", "kept"),
    [(0, 2.0), (1, 4.0), (2, 6.0), (7, 15.0), (30, 15.0)],  # 15 % of the budget at most
)
def test_time_is_kept_for_as_many_members_as_there_can_be(finished, kept):
    job = Job(view=lambda hp: None, objectives=(), seed=0, clock=Clock(100.0))
    job.members, job.member_seconds, job.finished = 8, 2.0, finished
    assert job.seconds_left == pytest.approx(100.0 - kept, abs=0.5)


def test_no_time_is_kept_where_there_is_no_ensemble_or_no_clock():
    job = Job(view=lambda hp: None, objectives=(), seed=0, clock=Clock(100.0), finished=5)
    assert job.seconds_left == pytest.approx(100.0, abs=0.5)
    job.clock, job.members = Clock(None), 8
    assert job.seconds_left == float("inf")
