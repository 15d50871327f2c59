"""Where trials run: in this process, in others, or replayed from a table."""

from kerasnas.trial.executors.executor import Executor, Inline
from kerasnas.trial.executors.named import executor_of
from kerasnas.trial.executors.nasbench201 import NasBench201
from kerasnas.trial.executors.process import Process
from kerasnas.trial.executors.ray_cluster import Ray
from kerasnas.trial.executors.simulated import Faults, Simulated, SimulatedOutcome, Simulation

__all__ = [
    "Executor",
    "Faults",
    "Inline",
    "NasBench201",
    "Process",
    "Ray",
    "Simulated",
    "SimulatedOutcome",
    "Simulation",
    "executor_of",
]
