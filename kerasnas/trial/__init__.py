"""One trial: build, train, measure, write."""

from kerasnas.trial.job import Job, Keeping
from kerasnas.trial.tuner import Tuner

__all__ = ["Job", "Keeping", "Tuner"]
