"""Rules that decide how far each trial is trained: pure functions of the history."""

from kerasnas.oracles.schedulers.asha import AshaScheduler
from kerasnas.oracles.schedulers.full import Full
from kerasnas.oracles.schedulers.hyperband import HyperbandScheduler, successive_halving
from kerasnas.oracles.schedulers.protocol import Decision, Done, Promote, Scheduler, Start, Verdict

__all__ = [
    "AshaScheduler",
    "Decision",
    "Done",
    "Full",
    "HyperbandScheduler",
    "Promote",
    "Scheduler",
    "Start",
    "Verdict",
    "successive_halving",
]
