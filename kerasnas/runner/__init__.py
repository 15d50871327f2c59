"""One trial: build, train, measure, write."""

from kerasnas.runner.job import Job
from kerasnas.runner.tuner import Tuner

__all__ = ["Job", "Tuner"]
