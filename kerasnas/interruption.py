"""Ctrl-C and SIGTERM as the end of a search: what was found until then is not lost."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from kerasnas.clock import Clock

log = logging.getLogger("kerasnas")

T = TypeVar("T")

# A handler that somebody else has set stays: the program has its own way to end.
_USUAL = (signal.default_int_handler, signal.SIG_DFL)


class SearchStopped(KeyboardInterrupt):
    """Ends the work that is under way after a signal; who runs the search catches it."""


class Interruption:
    """Inside the block, one signal ends the search early, and a second one ends it at once.

    Before there is an answer (see `allow`) signals do what they always do. Handlers are set in the
    main thread only, and put back at the end.

    Args:
        clock: The clock of the fit. A signal ends its time, so that nothing further is begun.

    Attributes:
        signal: Name of the signal that ended the search; empty without one.
    """

    def __init__(self, clock: Clock) -> None:
        self.signal = ""
        self._clock = clock
        self._answered = False
        self._breakable = False
        self._depth = 0
        self._announced = False
        self._unheard = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) in _USUAL:
                    self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._put_back()

    def allow(self) -> None:
        """Says that there is an answer: from now on a signal ends the search, not the program."""
        self._answered = True

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """Inside, the first signal breaks off what runs; elsewhere it waits for the next block.

        Raises:
            SearchStopped: At the signal, or at once where there was one before.
            KeyboardInterrupt: If one before the first answer was lost: Python ignores what is
                raised while it lets go of an object, and so do some callbacks of TensorFlow.
        """
        if self._unheard:
            raise KeyboardInterrupt
        if self.signal:
            raise SearchStopped(self.signal)
        self._breakable = True
        try:
            yield
        finally:
            self._breakable = False

    def finish(self, answer: Callable[[], T]) -> T:
        """Makes the answer of a search, once more without time to spend where a signal comes.

        Args:
            answer: Makes it, by what the clock has left.
        """
        try:
            with self.breakable():
                return answer()
        except SearchStopped:
            self.announce()
            return answer()

    def announce(self) -> None:
        """Says once that a signal has ended the search, if one has."""
        if self.signal and not self._announced:
            self._announced = True
            log.warning(
                "%s ended the search early: the best model so far is the answer. Once more ends "
                "the program.",
                self.signal,
            )

    def _caught(self, number: int, frame: Any) -> None:
        if self.signal or not self._answered:
            before = self._before.get(number, signal.SIG_DFL)
            self._put_back()
            self._unheard = True
            if callable(before):
                before(number, frame)
            else:
                signal.raise_signal(number)
            return
        self.signal = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        self._clock.stop()
        if self._breakable:
            self._breakable = False
            raise SearchStopped(self.signal)

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
