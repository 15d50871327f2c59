"""What a search shows while it runs: a live line in a terminal or plain lines."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.status import Status

from kerasnas.clock import Clock
from kerasnas.history import TrialRecord
from kerasnas.objectives import Objective

Verbose = Literal["auto", 0, 1, 2]


@contextmanager
def silent_if(silent: bool) -> Iterator[None]:
    """Inside, a silent search prints no warnings either; handlers of the user still get them.

    Python prints what no handler takes.
    """
    logger, nobody = logging.getLogger("kerasnas"), logging.NullHandler()
    if silent:
        logger.addHandler(nobody)
    try:
        yield
    finally:
        logger.removeHandler(nobody)


class Progress:
    """Turns the events of a search into lines.

    Args:
        verbose: `"auto"` or 1 for a live line in a terminal and a line per trial elsewhere, 2 for a
            line per trial everywhere, 0 for silence.
        objective: The first objective.
        clock: The clock of the fit.
        trials: The limit on trials, or `None`.
    """

    def __init__(
        self, verbose: Verbose, objective: Objective, clock: Clock, trials: int | None
    ) -> None:
        self._objective = objective
        self._clock = clock
        self._trials = trials
        self._best = math.inf
        self._best_text = "-"
        self._console = Console(stderr=True, highlight=False, quiet=not verbose)
        live = verbose in ("auto", 1) and sys.stderr.isatty()
        self._status: Status | None = self._console.status("") if live else None

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, text: str) -> None:
        """Prints one line about the search as a whole."""
        self._console.print(text, markup=False, soft_wrap=True)

    def __call__(self, event: str, trial: TrialRecord, details: Mapping[str, Any]) -> None:
        """Takes one event: `start`, `epoch` or `end` of a trial."""
        if event == "end":
            self._end(trial)
        elif self._status is not None:
            epoch = f" epoch {details['epoch'] + 1}" if event == "epoch" else ""
            self._status.update(
                f"trial {trial.number + 1}{self._of()}{epoch} · best {self._best_text} · "
                f"{self._left()} · {brief(trial.values)}"
            )

    def saw(self, trial: TrialRecord) -> bool:
        """Takes note of a scored trial, also of one before a resume: whether it is the best."""
        loss = self._objective.loss(trial.scores)
        if not loss < self._best:
            return False
        self._best, self._best_text = loss, _number(trial.scores[self._objective.name])
        return True

    def _end(self, trial: TrialRecord) -> None:
        done = trial.status in ("COMPLETED", "STOPPED") and bool(trial.metrics)
        better = done and self.saw(trial)
        if done:
            what = f"{self._objective.name} {_number(trial.scores[self._objective.name])}"
            if trial.status == "STOPPED":
                what += f" at {100 * trial.fidelity:.3g} % of a training"
        else:
            what = f"{trial.status.lower()}: {trial.failure}"
        mark = " *" if better else ""
        self.say(
            f"trial {trial.number + 1}{self._of()}: {what}{mark}  [{trial.seconds:.1f} s, "
            f"{self._left()}]  {brief(trial.values)}"
        )

    def _of(self) -> str:
        return f" of {self._trials}" if self._trials is not None else ""

    def _left(self) -> str:
        left = self._clock.left
        if math.isinf(left):
            return f"{self._clock.spent:.0f} s so far"
        return f"{max(left, 0):.0f} s left"


def tell(text: str, verbose: Verbose) -> None:
    """Prints one line of a fit, where it is not silent and there is something to say.

    Args:
        text: The line; empty for none.
        verbose: As in `Progress`.
    """
    console = Console(stderr=True, highlight=False, quiet=not (verbose and text))
    console.print(text, markup=False, soft_wrap=True)


def brief(values: Mapping[str, Any], most: int = 6) -> str:
    """The first few hyperparameters, in one line."""
    shown = [f"{name}={_number(value)}" for name, value in list(values.items())[:most]]
    return ", ".join(shown) + (", …" if len(values) > most else "")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
