"""By how much measured times are multiplied, and the few fixed seconds: the one table of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType

_CHOSEN = "chosen by judgement; no script measures it alone"


@unique
class Margin(Enum):
    """What a factor or a number of seconds is for."""

    TRIAL_OVERRUN = "times its share, after which a slow trial is ended once there is an answer"
    PAUSING_TRIAL = "times its share, that a full training gets where most trainings pause early"
    LAST_TRAINING = "times the seconds that a full training seems to need"
    ANOTHER_TRIAL = "times the median trial, with less than which no trial begins"
    REFIT = "times the seconds of the trial, with less than which it is not trained again"
    TRACE = "times its building, which a network takes at least before its first epoch"
    LEAST_EPOCH = "of an epoch, without which a training is not worth its time"
    NEXT_FOLD = "times the first fold, which another fold takes at most: the first one traces"
    STACK_SAVING = "of the seconds of steps, which one program of all folds can save"
    STACK_SAVING_XLA = "of the seconds of steps, which compiling this program can save besides"
    STACK_TRACE = "times tracing one network, which tracing a program of all folds takes"
    STACK_TRACE_XLA = "times tracing one network, which tracing and compiling this program takes"
    STACK_FASTER = "of the seconds of a step, below which another form of it is faster for sure"
    MEMBER = "times the end of a trial, which building it into an ensemble takes"
    BACKBONE_EPOCH = "times the reading of all texts, which an epoch and the answers after it take"
    BACKBONE_LATE = "times the allotted seconds, after which reading texts is given up"
    SOLVER_STEP = "times a pair of products with the matrix, which a step of a solver takes"
    EARLY_BOOSTING = "times the allotted seconds, where four iterations are all that is known"
    TREE_SECONDS = "seconds that a small tree of scikit-learn's boosting takes"
    STUDENT_PLAN = "times its seconds, that the epochs of a distilled network are planned for"
    USUAL_BUDGET_SECONDS = "seconds that sizes are chosen for where the budget has none"
    OVERTIME_SECONDS = "seconds beyond the budget for finding the first configuration to train"
    FOLD_SECONDS = "seconds that a fold is planned for at least"
    MEMBER_SECONDS = "seconds that a member of an ensemble takes at least"
    BUILD_SECONDS = "seconds that building and scoring a network takes before one was timed"
    IDLE_SECONDS = "seconds that who has to wait for other trials sleeps before asking again"
    LOOK_SECONDS = "seconds between two looks at the clock in a training"
    LATENCY_SECONDS = "seconds that measuring a latency takes at most"
    IMPORTANCE_SECONDS = "seconds that shuffling columns for a report takes at most"


@dataclass(frozen=True)
class Amount:
    """One factor or number of seconds.

    Attributes:
        value: The factor, or the seconds where the name of the margin ends in `SECONDS`.
        reason: Why it is as large.
        source: Where the number comes from: a script, a measurement, a paper, or a choice.
    """

    value: float
    reason: str
    source: str = _CHOSEN


_TABLE: dict[Margin, Amount] = {
    Margin.TRIAL_OVERRUN: Amount(2.0, "A plan that is wrong by more will not come right."),
    Margin.PAUSING_TRIAL: Amount(
        0.5, "Many short trainings need room beside the full one.", "benchmarks/strategies.py"
    ),
    Margin.LAST_TRAINING: Amount(
        1.2, "A last training that breaks off has taken the time for nothing."
    ),
    Margin.ANOTHER_TRIAL: Amount(0.5, "A trial must have a chance to come to an end."),
    Margin.REFIT: Amount(1.3, "All rows are a quarter more than four fifths of them."),
    Margin.TRACE: Amount(
        8.0, "A network that could not even be traced took the rest of a search of wide tables."
    ),
    Margin.LEAST_EPOCH: Amount(0.1, "Weights of less are next to random.", "benchmarks/tables.py"),
    Margin.NEXT_FOLD: Amount(
        0.5,
        "Trials broken off in their last fold lost 20 of 60 seconds.",
        "benchmarks/tables.py",
    ),
    Margin.STACK_SAVING: Amount(
        0.25,
        "An expectation: a program that promises less is not even traced.",
        "benchmarks/stacked_training.py",
    ),
    Margin.STACK_SAVING_XLA: Amount(
        0.1, "An expectation, as without XLA.", "benchmarks/stacked_training.py"
    ),
    Margin.STACK_TRACE: Amount(
        4.0, "Gradients of all folds are one large graph.", "benchmarks/stacked_training.py"
    ),
    Margin.STACK_TRACE_XLA: Amount(
        8.0, "XLA compiles this large graph.", "benchmarks/stacked_training.py"
    ),
    Margin.STACK_FASTER: Amount(0.9, "Less is noise, or is lost where folds end early."),
    Margin.MEMBER: Amount(
        1.5,
        "A member is traced and written as a trial is, in a larger graph.",
        "benchmarks/tables.py",
    ),
    Margin.BACKBONE_EPOCH: Amount(
        3.5,
        "Backwards costs twice as much as forwards; validation comes on top.",
        "benchmarks/text.py",
    ),
    Margin.BACKBONE_LATE: Amount(1.5, "Long texts are slower than the sample that was timed."),
    Margin.SOLVER_STEP: Amount(
        3.0,
        "A step was measured to cost three times as much as one pair of products.",
        "benchmarks/large_tables.py",
    ),
    Margin.EARLY_BOOSTING: Amount(2.0, "Few iterations tell their pace within a factor of two."),
    Margin.TREE_SECONDS: Amount(
        0.0005, "One iteration of 270 classes took 4 of 30 seconds before any clock was looked at."
    ),
    Margin.STUDENT_PLAN: Amount(0.9, "The rest is for tracing and for the last validation."),
    Margin.USUAL_BUDGET_SECONDS: Amount(300.0, "The default budget of an estimator."),
    Margin.OVERTIME_SECONDS: Amount(10.0, "Without a first configuration there is no answer."),
    Margin.FOLD_SECONDS: Amount(
        0.5, "Less is within the error of planning a training by a few steps."
    ),
    Margin.MEMBER_SECONDS: Amount(
        0.8,
        "Before a trial has shown it, this is what a small member takes.",
        "benchmarks/tables.py",
    ),
    Margin.BUILD_SECONDS: Amount(
        0.5, "A network of cells is built and scored in about as much.", "benchmarks/nasbench201.py"
    ),
    Margin.IDLE_SECONDS: Amount(0.05, "Trials take seconds; asking costs a lock."),
    Margin.LOOK_SECONDS: Amount(
        0.5, "A training ends this late at most, and steps need not wait for looks."
    ),
    Margin.LATENCY_SECONDS: Amount(0.25, "Most networks answer thirty times in less."),
    Margin.IMPORTANCE_SECONDS: Amount(4.0, "A report is there within ten seconds."),
}

MARGINS: Mapping[Margin, Amount] = MappingProxyType(_TABLE)
"""The amount of every margin."""


def amount(margin: Margin) -> float:
    """The factor, or the seconds, of a margin."""
    return MARGINS[margin].value
