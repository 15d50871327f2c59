"""The time that trials leave for what comes after them, by what they have taken so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasnas.clock import Clock, Margin, Purpose, amount
from kerasnas.trial.job import Keeping


class Reserve:
    """Keeps time on the clock for the ensemble and for second fits.

    Args:
        clock: The clock of the fit.
        keeping: What is kept of trials.

    Attributes:
        member_seconds: Seconds that a member of an ensemble needs to be built in: at first a guess,
            then what the trials so far tell.
    """

    def __init__(self, clock: Clock, keeping: Keeping) -> None:
        self._clock = clock
        self._keeping = keeping
        self._writing: list[float] = []
        self.member_seconds = amount(Margin.MEMBER_SECONDS)
        self.finished(0)

    def wrote(self, seconds: float) -> None:
        """Takes note of the seconds of measuring and writing a trial.

        A member of an ensemble is traced and written as a trial is, in a larger graph.
        """
        self._writing.append(seconds)
        seen = amount(Margin.MEMBER) * float(np.mean(self._writing))
        self.member_seconds = max(amount(Margin.MEMBER_SECONDS), seen)

    def finished(self, trials: int, again: Sequence[float] = ()) -> None:
        """Keeps as much time as the present trials ask for.

        Args:
            trials: Trials that have come to a good end.
            again: Seconds of fitting each of the best ones once more, the best one first; those
                that would take too much are left out.
        """
        members = min(self._keeping.members, trials + 1)  # with the trial that runs next
        self._clock.keep(Purpose.ENSEMBLE, members * self.member_seconds)
        room, kept = self._clock.most(Purpose.SECOND_FIT), 0.0
        for seconds in again:
            if kept + seconds <= room:
                kept += seconds
        self._clock.keep(Purpose.SECOND_FIT, kept)
