"""What a search shows while it runs: one line that is renewed, or a line for each event."""

from __future__ import annotations

import html
import logging
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from kerasnas.clock import Clock
from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective, violation

Verbose = Literal["auto", 0, 1, 2]

WIDTH = 80  # columns of the line at most: those of a terminal that nobody has widened
_BAR = 12  # columns of the bar
_BETWEEN = "  "


class Stage(StrEnum):
    """The parts of a search, in their order, by the words that the user sees."""

    READING = "reading"
    BASELINES = "baselines"
    TRIALS = "trials"
    ENSEMBLE = "ensemble"
    WRITING = "writing"


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
    """Turns the stages and events of a search into lines.

    A terminal and a notebook show one line that is renewed. A file shows a line when a stage or a
    trial has ended. Trials have one number everywhere: their `trial_id` in the leaderboard.

    Args:
        verbose: `"auto"` or 1 for one renewed line in a terminal or a notebook and plain lines
            elsewhere, 2 for plain lines everywhere, 0 for silence.
        clock: The clock of the fit.
        trials: The limit on trials, or `None`.
    """

    def __init__(self, verbose: Verbose, clock: Clock, trials: int | None = None) -> None:
        self._clock = clock
        self._trials = trials
        self._objective: Objective | None = None
        self._constraints: tuple[Constraint, ...] = ()
        self._best, self._best_text = math.inf, ""
        self._stage = Stage.READING
        self._begun = clock.spent
        self._ended = 0
        self._now = ""
        self._detailed = verbose == 2
        self._console = Console(stderr=True, highlight=False, quiet=not verbose)
        self._live: Live | None = None
        self._notebook: _NotebookLine | None = None
        if verbose in ("auto", 1):
            if self._console.is_jupyter:
                self._notebook = _NotebookLine()
            elif sys.stderr.isatty():
                self._live = Live(self, console=self._console, transient=True, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        if self._notebook is not None:
            self._notebook.show("")

    def __rich__(self) -> Text:
        """The line of this moment, for a terminal."""
        width = min(WIDTH, self._console.width)
        return Text(self.line(width), no_wrap=True, overflow="ellipsis")

    def line(self, width: int = WIDTH) -> str:
        """The bar, the time left, the stage or the trial, and the best score so far.

        Args:
            width: Columns that the line may have.
        """
        full, empty = ("#", "-") if self._console.options.ascii_only else ("━", "─")
        done = round(_BAR * self._share())
        parts = [full * done + empty * (_BAR - done), self._time_left()]
        parts.append(self._now if self._stage is Stage.TRIALS and self._now else str(self._stage))
        if self._best_text:
            parts.append(f"best {self._best_text}")
        return cut(_BETWEEN.join(parts), width)

    def enter(self, stage: Stage) -> None:
        """Says that a stage begins, and in plain lines how long the last one has taken."""
        seconds = self._clock.spent - self._begun
        if self._is_plain and stage is not self._stage and self._stage is not Stage.TRIALS:
            self.say(f"{self._stage:<10}  {seconds:.1f} s")
        self._stage, self._begun, self._now = stage, self._clock.spent, ""
        self._renew()

    def judge_by(
        self,
        objective: Objective,
        constraints: Sequence[Constraint],
        earlier: Iterable[TrialRecord],
    ) -> None:
        """Begins the trials.

        Args:
            objective: The first objective.
            constraints: What the best trial has to meet.
            earlier: Scored trials of the same search before this call.
        """
        self.enter(Stage.TRIALS)
        self._objective, self._constraints = objective, tuple(constraints)
        for trial in earlier:
            self._ended += 1
            self._is_best(trial)

    def say(self, text: str) -> None:
        """Prints one line about the search as a whole."""
        self._console.print(text, markup=False, soft_wrap=True)

    def detail(self, text: str) -> None:
        """Prints a line for those who asked for everything."""
        if self._detailed:
            self.say(text)

    def __call__(self, event: str, trial: TrialRecord, details: Mapping[str, Any]) -> None:
        """Takes one event: `start`, `epoch` or `end` of a trial."""
        epoch = f" epoch {details['epoch'] + 1}" if event == "epoch" else ""
        self._now = f"trial {trial.trial_id}{epoch}"
        if event == "end":
            self._end(trial)
        self._renew()

    def _end(self, trial: TrialRecord) -> None:
        self._ended += 1
        if not self._is_plain:
            self._is_best(trial)
            return
        mark = " *" if self._is_best(trial) else ""
        parts = [f"trial {trial.trial_id}", f"{trial.seconds:.1f} s", self._time_left()]
        if trial.status in ("COMPLETED", "STOPPED") and trial.metrics:
            assert self._objective is not None, "trials begin after `judge_by`"
            name = self._objective.name
            parts.insert(1, f"{name} {_number(trial.scores.get(name))}{mark}")
            if trial.status == "STOPPED":
                parts.append(f"at {100 * trial.fidelity:.3g} % of a training")
            self.say(cut(_BETWEEN.join([*parts, family_of(trial.values)]), WIDTH))
        else:
            # A reason may be longer than the line: nothing else tells it in time.
            self.say(_BETWEEN.join([*parts, f"{trial.status.lower()}: {trial.failure}"]))

    def _is_best(self, trial: TrialRecord) -> bool:
        """Takes note of a trial: whether it is the best so far that can answer."""
        done = trial.status in ("COMPLETED", "STOPPED") and bool(trial.metrics)
        if self._objective is None or not done or violation(self._constraints, trial.scores) > 0:
            return False
        name, loss = self._objective.name, self._objective.loss(trial.scores)
        if not loss < self._best:
            return False
        by = f"{trial.trial_id} {family_of(trial.values, short=True)}".strip()
        self._best = loss
        self._best_text = f"{name} {_number(trial.scores[name])} ({by})"
        return True

    @property
    def _is_plain(self) -> bool:
        return self._live is None and self._notebook is None

    def _renew(self) -> None:
        """Shows the line of this moment; in a terminal it is renewed by itself."""
        if self._notebook is not None:
            self._notebook.show(self.line())

    def _share(self) -> float:
        """How much of the budget is spent, of seconds or of trials: whatever ends it sooner."""
        shares = [0.0]
        if self._clock.seconds:
            shares.append(self._clock.spent / self._clock.seconds)
        if self._trials:
            shares.append(self._ended / self._trials)
        return min(1.0, max(shares))

    def _time_left(self) -> str:
        left = self._clock.left
        if math.isinf(left):
            return f"{_clock_time(self._clock.spent)} so far"
        return f"{_clock_time(max(left, 0.0))} left"


@dataclass(frozen=True)
class _Shown:
    """A line as a notebook shows it."""

    text: str

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>" if self.text else ""

    def __repr__(self) -> str:
        return self.text


class _NotebookLine:
    """One output of a notebook's cell that is renewed. Needs no widgets."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str) -> None:
        """Shows a text. It replaces the text that was shown before."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(_Shown(text), display_id=True)
        else:
            self._handle.update(_Shown(text))


def cut(text: str, width: int) -> str:
    """A text of at most so many columns, with three dots where something is left out."""
    text = text.rstrip()
    return text if len(text) <= width else f"{text[: max(0, width - 3)]}..."


def family_of(values: Mapping[str, Any], short: bool = False) -> str:
    """The family of networks of a configuration; without one its first hyperparameters.

    Args:
        values: Hyperparameters.
        short: Whether nothing stands for a configuration without a family.
    """
    if "family" in values:
        return str(values["family"])
    return "" if short else ", ".join(f"{n}={_number(v)}" for n, v in values.items())


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
