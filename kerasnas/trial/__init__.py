"""One trial: build, train, measure, write."""

from kerasnas.trial.job import Job
from kerasnas.trial.tuner import Tuner

__all__ = ["Job", "Tuner"]
