"""The callback of a search, and how a search tells its callbacks what happens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasnas.clock import Budget
from kerasnas.errors import MissingPackageError, SearchSpaceError
from kerasnas.history import TrialRecord
from kerasnas.objectives import Objective

if TYPE_CHECKING:
    from kerasnas.results import SearchResult

log = logging.getLogger("kerasnas")


@dataclass(frozen=True)
class SearchInfo:
    """What is known of a search before its first trial.

    Attributes:
        objectives: What is optimised, the most important first.
        budget: What may be spent.
        strategy: The search strategy, in words.
        seed: The seed.
        directory: Where the search is kept; `None` where it is not.
    """

    objectives: tuple[Objective, ...]
    budget: Budget
    strategy: str
    seed: int
    directory: Path | None = None


class SearchCallback:
    """Is told how a search goes. Override what you need: every method does nothing.

    A Keras callback sees one training. A search callback sees all trials, those without epochs
    too, such as linear models and trees. An error in a search callback does not end the search: a
    warning tells it once, and the callback is told nothing more.

    Examples:
        >>> class Tell(SearchCallback):
        ...     def on_trial_end(self, record):
        ...         print(record.trial_id, record.status, record.scores)
        >>> clf = TabularClassifier(callbacks=[Tell()])  # doctest: +SKIP
    """

    def on_search_begin(self, info: SearchInfo) -> None:
        """The trials begin.

        Args:
            info: What is known of the search.
        """

    def on_trial_begin(self, record: TrialRecord) -> None:
        """A trial begins, or goes on after a pause.

        Args:
            record: The trial, with its hyperparameters in `values`.
        """

    def on_epoch_end(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """A trial has trained for another epoch.

        Args:
            record: The trial.
            epoch: Number of the epoch, from 0.
            logs: Metrics of the epoch.
        """

    def on_trial_end(self, record: TrialRecord) -> None:
        """A trial has ended, is paused or has failed.

        Args:
            record: The trial, with `status`, `metrics`, `measures`, `seconds` and `failure`.
        """

    def on_search_end(self, result: SearchResult) -> None:
        """The trials have ended. Estimators put an ensemble together afterwards.

        Args:
            result: What the search found.
        """


class SearchEvents:
    """Tells the progress line and the callbacks what happens in a search.

    Args:
        callbacks: The callbacks.
        progress: Takes `("start" | "epoch" | "end", trial record, details)`.
    """

    def __init__(
        self,
        callbacks: Sequence[SearchCallback],
        progress: Callable[[str, TrialRecord, Mapping[str, Any]], None],
    ) -> None:
        self._callbacks = list(callbacks)
        self._progress = progress

    def __call__(self, event: str, record: TrialRecord, details: Mapping[str, Any]) -> None:
        """Passes one event of a trial on."""
        self._progress(event, record, details)
        if event == "start":
            self._tell(lambda callback: callback.on_trial_begin(record))
        elif event == "epoch":
            epoch, logs = details["epoch"], details["logs"]
            self._tell(lambda callback: callback.on_epoch_end(record, epoch, logs))
        elif event == "end":
            self._tell(lambda callback: callback.on_trial_end(record))

    def begin(self, info: SearchInfo) -> None:
        """The trials begin."""
        self._tell(lambda callback: callback.on_search_begin(info))

    def end(self, result: SearchResult) -> None:
        """The trials have ended."""
        self._tell(lambda callback: callback.on_search_end(result))

    def _tell(self, say: Callable[[SearchCallback], None]) -> None:
        for callback in list(self._callbacks):
            try:
                say(callback)
            except Exception as error:  # a search of hours must not end for a tracker's sake
                self._callbacks.remove(callback)
                log.warning(
                    "The callback %s failed (%s: %s). The search goes on without it.",
                    type(callback).__name__,
                    type(error).__name__,
                    error,
                )


def settle_search_callbacks(given: Any) -> tuple[SearchCallback, ...]:
    """The callbacks of a search, as a tuple.

    Args:
        given: A callback, a sequence of them, or `None`.

    Raises:
        SearchSpaceError: If something else is among them.
    """
    if given is None:
        return ()
    found = [given] if isinstance(given, SearchCallback) or not _is_sequence(given) else list(given)
    for callback in found:
        if not isinstance(callback, SearchCallback):
            raise SearchSpaceError(
                "`callbacks` of an estimator must hold `kerasnas.callbacks.SearchCallback` "
                f"objects, received {type(callback).__name__}. Pass Keras callbacks to `fit`, as "
                "in `fit(X, y, callbacks=[...])`."
            )
    return tuple(found)


def parted(given: Any) -> tuple[tuple[SearchCallback, ...], Any]:
    """Callbacks of a search, and all others, where one argument takes both.

    Args:
        given: A callback, a sequence of them, or `None`.
    """
    if isinstance(given, SearchCallback):
        return (given,), None
    if not _is_sequence(given):
        return (), given
    ours = tuple(one for one in given if isinstance(one, SearchCallback))
    return ours, [one for one in given if not isinstance(one, SearchCallback)] if ours else given


def check_package(name: str, extra: str) -> None:
    """Raises an error that names the extra, where a package of a tracker is missing."""
    if find_spec(name) is None:
        raise MissingPackageError(
            f"This callback needs the package {name}. Install it with "
            f"`pip install 'kerasnas[{extra}]'`."
        )


def plain_values(values: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    """Hyperparameters as trackers take them."""
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in values.items()
    }


def _is_sequence(given: Any) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)
