"""Where trials run. A simulated executor replays trainings from a table."""

from kerasnas.trial.executors.nasbench201 import NasBench201
from kerasnas.trial.executors.simulated import Faults, Simulated, SimulatedOutcome, Simulation

__all__ = ["Faults", "NasBench201", "Simulated", "SimulatedOutcome", "Simulation"]
