"""How the time of a search is dealt out."""

from dataclasses import replace
from types import SimpleNamespace

import keras_tuner
import pytest

from kerasnas.clock import Deadline, OutOfTime, Purpose
from kerasnas.history import History
from kerasnas.oracles import Context
from kerasnas.spaces.picture_backbones.family import fine_tuning_recipe
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.image import PURPOSES
from kerasnas.spaces.space import Space
from kerasnas.trial.pace import Allowance, Pace, Times, purpose_of
from kerasnas.trial.plan import Plan

FIRST, SECOND, LATER = PURPOSES
TRIAL = SimpleNamespace(number=2, fidelity=1)
TWO_RUNGS = SimpleNamespace(rungs=[0.5, 1.0])


class Tables(Space):
    """A space that leaves the number of epochs to the trial engine."""


@pytest.mark.parametrize(
    ("objectives", "expected"), [(1, [FIRST, SECOND, LATER, LATER]), (2, [FIRST] * 4)]
)
def test_no_trial_of_a_front_takes_most_of_the_time(objectives, expected):
    recipe = Recipe(32, purposes=PURPOSES)
    assert [purpose_of(recipe, number, objectives) for number in range(4)] == expected


def test_without_a_recipe_all_trials_have_the_same_share():
    assert purpose_of(None, 0, 1) == purpose_of(None, 9, 1) == Purpose.TRIAL


def test_a_trial_has_its_share_of_the_seconds_left_for_trials():
    allowance = Allowance(deadline=made(60.0), number=3)
    assert allowance.share(None) == pytest.approx(10.0)
    assert allowance.most(Recipe(32)) == 0.0
    assert allowance.most(Recipe(32, enough=64)) == pytest.approx(27.0)
    assert Allowance(deadline=made(3.0)).share(None) == 1.0  # the floor of a trial


def test_a_fine_tuning_of_pictures_takes_most_of_the_time_to_have_a_few_epochs():
    recipe = fine_tuning_recipe(keras_tuner.HyperParameters(), 8_000)
    allowance = Allowance(deadline=made(480.0), number=1)
    share, most = allowance.share(recipe), allowance.most(recipe)
    plan = Plan(32, None, None, lengths=recipe.lengths, share=share, enough=recipe.enough)
    plan = replace(plan, deadline=made(480.0), most=most)
    # An epoch of 100 s would have had two of them, of 10 s as many as before.
    assert [plan.length(epoch) for epoch in (100.0, 10.0)] == [3, 16]


def made(seconds):
    return Deadline(seconds, now=lambda: 0.0)


@pytest.mark.parametrize(
    ("epoch", "length"),
    [
        (0.01, 256),  # a share of 4 seconds is enough for all
        (0.05, 64),
        (0.1, 64),  # 32 would fit the share, but 64 epochs are worth more of the time
        (0.25, 32),
        (0.9, 16),
        (9.0, 16),  # the least there is
    ],
)
def test_a_training_takes_more_than_its_share_to_have_enough_epochs(epoch, length):
    plan = Plan(batch_size=32, epochs=None, monitor=None, share=4.0, enough=64, most=10.0)
    assert plan.length(epoch) == length


def test_without_a_number_of_epochs_that_is_enough_the_share_decides():
    plan = Plan(batch_size=32, epochs=None, monitor=None, share=4.0)
    assert [plan.length(epoch) for epoch in (0.01, 0.1, 0.9)] == [256, 32, 16]


def test_all_folds_have_to_fit_into_the_time_that_is_left():
    times = {
        "share": 4.0,
        "enough": 64,
        "most": 10.0,
        "deadline": Deadline(15.0, now=lambda: 0.0),
        "parts": 5,
    }
    plan = Plan(batch_size=32, epochs=None, monitor=None, **times)
    assert [plan.length(epoch) for epoch in (0.01, 0.05, 0.1, 0.9)] == [256, 32, 16, 16]
    plan.must_end = True
    assert plan.length(0.1) == 16
    with pytest.raises(OutOfTime, match="no time for 16 epochs on 5 folds"):
        plan.length(0.9)


def paced(left, *finished):
    """A search with so many seconds left, after trials of so many seconds."""
    history = History()
    for number, seconds in enumerate(finished):
        history.start({})
        history.finish(number, "COMPLETED", metrics={"val_loss": 1.0}, seconds=seconds)
    clock = SimpleNamespace(seconds=60.0)
    job = SimpleNamespace(clock=clock, epochs=1, objectives=(1,), deadline=made(left))
    oracle = SimpleNamespace(
        history=history, scheduler=SimpleNamespace(rungs=[1.0]), fidelity="epochs"
    )
    return Pace(oracle, job, Tables())


@pytest.mark.parametrize(
    ("left", "building", "fits"), [(5, 0.5, True), (5, 0.8, False), (60, 0.8, True)]
)
def test_a_network_that_takes_long_to_build_is_given_up_in_the_last_seconds(left, building, fits):
    allowance = paced(left).allow(TRIAL)
    if fits:
        allowance.check_start(building)
    else:
        with pytest.raises(OutOfTime, match="to trace"):
            allowance.check_start(building)


def with_two_starts(left):
    """Tracing took 16 and 24 times as long as building."""
    pace = paced(left, 4.0, 8.0)
    for number, (building, start) in enumerate([(0.1, 1.6), (0.3, 7.2)]):
        pace.saw(number, Times(building, 0.1, start))
        # The first epochs count: later ones go on from a pause.
        pace.saw(number, Times(building, 0.1, 99.0))
    return pace


def test_how_long_tracing_takes_is_learnt_from_the_trials_before():
    allowance = with_two_starts(5.0).allow(TRIAL)
    allowance.check_start(0.2)
    with pytest.raises(OutOfTime, match="to trace"):
        allowance.check_start(0.3)


def test_what_is_traced_for_long_is_trained_for_its_share_besides():
    allowance = with_two_starts(20.0).allow(TRIAL)
    assert allowance.limit(3.0, 0.0).left == pytest.approx(6.0)
    assert allowance.limit(3.0, 0.3).left == pytest.approx(9.0)
    assert allowance.limit(3.0, 2.0).left == pytest.approx(20.0)


def test_trials_that_run_together_take_the_length_that_the_first_of_them_was_given():
    history, job = History(), SimpleNamespace(clock=SimpleNamespace(seconds=60.0), epochs=None)
    pace = Pace(SimpleNamespace(history=history, scheduler=TWO_RUNGS), job, Tables())
    pace.note([16, 32], 32)
    pace.note([16, 32], 16)
    assert history.notes["lengths"]["epochs"] == {"[16, 32]": 32}


def test_no_trial_begins_that_would_not_even_be_traced():
    assert paced(2.5, 4.0, 8.0).another() is False
    assert paced(3.5, 4.0, 8.0).another() is True
    assert paced(3.5, 4.0, 4.0).another() is True
    pace = paced(3.5, 4.0, 4.0)
    pace.saw(0, Times(0.2, 0.0, 3.6))
    assert pace.another() is False


def test_a_bracket_that_failed_in_its_lowest_rung_leaves_no_gap():
    """What has paused at a higher rung is to be finished, and no trial of the lowest is known."""
    history = History()
    history.start({}, fidelity=0.1)
    history.finish(0, "FAILED", failure="no memory", seconds=1.0)
    history.start({}, rung=1, fidelity=0.3)
    history.finish(1, "STOPPED", metrics={"val_loss": 1.0}, seconds=3.0)
    objective = SimpleNamespace(loss=lambda scores: scores["val_loss"])
    oracle = SimpleNamespace(history=history, objectives=(objective,), fidelity="rows")
    job = SimpleNamespace(clock=SimpleNamespace(seconds=60.0), epochs=9, deadline=made(60.0))
    assert Pace(oracle, job, Tables()).context(Context()).must_finish() is False
    job.deadline = made(1.0)
    assert Pace(oracle, job, Tables()).context(Context()).must_finish() is True


@pytest.mark.parametrize("limit", [100.0, None])
def test_an_oracle_is_told_of_the_time_and_that_trials_may_pause(limit):
    clock = SimpleNamespace(seconds=limit, spent=3.0)
    job = SimpleNamespace(clock=clock, epochs=9, deadline=Deadline(5.0, now=lambda: 0.0))
    told = Pace(SimpleNamespace(), job, Tables()).context(Context(noisy=True))
    assert (told.noisy, told.pausing, told.epochs, told.spent()) == (True, True, 9, 3.0)
    assert (told.seconds_left is None) == (told.must_finish is None) == (limit is None)
    if told.seconds_left is not None:
        assert told.seconds_left() == 5.0
