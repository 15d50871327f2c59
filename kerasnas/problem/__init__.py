"""What is learnt, from what, and judged on which rows: no networks, no trials, no time."""

from kerasnas.data.units import Units
from kerasnas.problem.answer_scorer import AnswerScorer
from kerasnas.problem.heads_scorer import HeadsScorer
from kerasnas.problem.inputs import Form
from kerasnas.problem.metrics import CLASSIFICATION, REGRESSION, Scorer
from kerasnas.problem.multilabel import MultiLabelScorer
from kerasnas.problem.problem import AnyProblem, Problem
from kerasnas.problem.view import View

__all__ = [
    "CLASSIFICATION",
    "REGRESSION",
    "AnswerScorer",
    "AnyProblem",
    "Form",
    "HeadsScorer",
    "MultiLabelScorer",
    "Problem",
    "Scorer",
    "Units",
    "View",
]
