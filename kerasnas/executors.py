"""Where the trials of a search run, for the argument `executor` of everything that searches."""

from kerasnas.trial.executors import Executor, Inline, Process, Ray

__all__ = ["Executor", "Inline", "Process", "Ray"]
