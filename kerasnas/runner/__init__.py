"""One trial: build, train, measure, write."""

from kerasnas.runner.job import Job
from kerasnas.runner.metrics import CLASSIFICATION, REGRESSION, Scorer
from kerasnas.runner.multilabel import MultiLabelScorer
from kerasnas.runner.tuner import Tuner
from kerasnas.runner.view import View

__all__ = ["CLASSIFICATION", "REGRESSION", "Job", "MultiLabelScorer", "Scorer", "Tuner", "View"]
