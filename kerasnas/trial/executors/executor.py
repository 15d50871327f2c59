"""Where the trials of a search run: an executor is a value, and opens a pool for one search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kerasnas.errors import SearchSpaceError, shown
from kerasnas.trial.attempt import Attempt
from kerasnas.trial.execution import ExecutionReport, carry_out
from kerasnas.trial.job import TrialSettings


class Pool(Protocol):
    """Carries out the trials of one search. The oracle and the journal stay with who opened it.

    Attributes:
        size: How many trials run at the same time.
    """

    size: int

    def submit(self, attempt: Attempt) -> ExecutionReport | None:
        """Begins an attempt; more than `size` may not be under way.

        Returns:
            What came of it, where it is carried out at once; `None` where `wait` will tell.
        """

    def wait(self) -> tuple[str, ExecutionReport]:
        """Waits until an attempt that was begun has ended, in whatever order they end.

        Meanwhile attempts are told their epochs.

        Returns:
            The id of the trial, and what came of it.
        """

    def close(self) -> None:
        """Ends everything that is under way."""


class Executor:
    """Where the trials of a search run."""

    def check(self, sent: Mapping[str, Any]) -> None:
        """Whether trials could be carried out there, found out before anything slow.

        Args:
            sent: What belongs to the user and trials need, by the name of its argument.

        Raises:
            SearchSpaceError: If something cannot be sent there.
        """

    def open(self, settings: TrialSettings, home: Path) -> Pool:
        """Makes ready to carry out the trials of a search.

        Args:
            settings: The settings of the search.
            home: The directory of the search.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Inline(Executor):
    """Runs one trial after the other, in this process."""

    def open(self, settings: TrialSettings, home: Path) -> Pool:
        """Nothing has to be made ready."""
        return InThisProcess()


class InThisProcess:
    """Carries out each attempt at once."""

    size = 1
    submit = staticmethod(carry_out)

    def wait(self) -> tuple[str, ExecutionReport]:
        """There is nothing to wait for."""
        raise NotImplementedError(
            "nothing is under way: trials of this process end where they begin"
        )

    def close(self) -> None:
        """Nothing is under way."""


def check_counts(executor: Executor, *names: str) -> None:
    """Whether arguments of an executor are `None` or whole numbers of at least 1.

    Raises:
        SearchSpaceError: If one is not.
    """
    for name in names:
        value = getattr(executor, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and value > 0):
            raise SearchSpaceError(
                f"`{name}` must be a whole number of at least 1, or None, received "
                f"{shown(value)}. Write `kerasnas.executors.{type(executor).__name__}({name}=2)`."
            )
