"""Rules that decide how far each trial is trained: pure functions of the history."""

from kerasnas.oracles.schedulers.asha import AshaScheduler
from kerasnas.oracles.schedulers.full import Full
from kerasnas.oracles.schedulers.hyperband import HyperbandScheduler, successive_halving
from kerasnas.oracles.schedulers.protocol import Decision, Done, Promote, Scheduler, Start, Verdict
from kerasnas.oracles.schedulers.prove import ProveScheduler
from kerasnas.oracles.schedulers.verify import VerifyScheduler

__all__ = [
    "AshaScheduler",
    "Decision",
    "Done",
    "Full",
    "HyperbandScheduler",
    "Promote",
    "ProveScheduler",
    "Scheduler",
    "Start",
    "Verdict",
    "VerifyScheduler",
    "successive_halving",
]
