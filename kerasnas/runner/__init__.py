"""One trial: build, train, measure, write."""

from kerasnas.runner.metrics import CLASSIFICATION, REGRESSION, Scorer
from kerasnas.runner.tuner import Job, Tuner

__all__ = ["CLASSIFICATION", "REGRESSION", "Job", "Scorer", "Tuner"]
