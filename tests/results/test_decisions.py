"""Decisions of one head and of several, in a file and back."""

import numpy as np
import pytest

from kerasnas.data import ClassTarget
from kerasnas.objectives import Objective
from kerasnas.problem import HeadsScorer, Scorer
from kerasnas.problem.heads import ClassHead, ValueHead
from kerasnas.results.conformal import Conformal
from kerasnas.results.decisions import Decisions, chosen_thresholds

INTERVAL = Conformal(0.9, 40, low=-1.0, high=2.0)
SET = Conformal(0.9, 40, least=0.2)


@pytest.mark.parametrize(
    "decisions",
    [
        Decisions(),
        Decisions(0.3, INTERVAL),
        Decisions(outputs={"kind": Decisions(0.3, SET), "price": Decisions(None, INTERVAL)}),
    ],
)
def test_they_come_back_from_json(decisions):
    assert Decisions.from_json(decisions.to_json()) == decisions


def test_a_file_of_one_head_says_what_it_always_said():
    assert set(Decisions(0.3, INTERVAL).to_json()) == {"threshold", "conformal"}


def test_intervals_leave_thresholds_as_they_are():
    one = Decisions(0.3).with_intervals({"": SET})
    assert one == Decisions(0.3, SET) and one.intervals == {"": SET}
    several = Decisions(outputs={"kind": Decisions(0.3)})
    several = several.with_intervals({"kind": SET, "price": INTERVAL})
    assert several.of("kind") == Decisions(0.3, SET)
    assert several.intervals == {"kind": SET, "price": INTERVAL}
    assert several.of("other") == Decisions()


def test_the_threshold_belongs_to_the_head_of_the_objective():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 6, 4000)
    truth = (rng.random(4000) < p).astype(int)
    heads = {"price": ValueHead(), "kind": ClassHead(ClassTarget(np.array([0, 1])))}
    scorer = HeadsScorer(
        heads, {"price": Scorer(p), "kind": Scorer(truth, 2)}, {"price": 1.0, "kind": 1.0}
    )
    answers = np.stack([p, 1 - p, p], axis=1)
    found = chosen_thresholds(answers, scorer, Objective("val_kind_f1", "max"), 0)
    assert 0.1 < found.of("kind").threshold < 0.4 and found.of("price").threshold is None
    alone = chosen_thresholds(answers[:, 1:], Scorer(truth, 2), Objective("val_f1", "max"), 0)
    assert alone.threshold == found.of("kind").threshold
    assert chosen_thresholds(answers, scorer, Objective("val_loss", "min"), 0) == Decisions()
