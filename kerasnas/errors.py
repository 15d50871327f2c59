"""Every error that kerasnas raises on purpose.

Each class is the fitting built-in class too, so ordinary `except ValueError` handlers keep working.
"""

from typing import Any

_MOST_SHOWN = 100  # characters of a value in a sentence


class KerasNASError(Exception):
    """Parent of all errors that kerasnas raises on purpose."""


class SchemaError(KerasNASError, ValueError):
    """The data do not fit what the model was told or has learned about its columns."""


class DataTypeError(SchemaError, TypeError):
    """Something is no table, no target, or no cell of one at all."""


class UnknownColumnError(SchemaError, KeyError):
    """A column is asked for that a schema does not have."""


class AbsentError(KerasNASError, AttributeError):
    """An attribute is asked for that this estimator does not have, though others have it."""


class MissingPackageError(KerasNASError, ImportError):
    """A package that kerasnas does not need otherwise is not installed."""


class SearchSpaceError(KerasNASError, ValueError):
    """A search space, or a set of values for it, cannot be used."""


class ObjectiveError(KerasNASError, ValueError):
    """An objective or constraint is unknown, has no direction, or cannot be met."""


class BudgetError(KerasNASError, ValueError):
    """A budget cannot be read or is too small to do anything."""


class OutOfTime(KerasNASError, TimeoutError):
    """Too little time is left for something that is begun only where it can be finished."""


class ProjectMismatchError(KerasNASError, ValueError):
    """A directory holds another search than the one that was asked for."""


class DirectoryError(KerasNASError, OSError):
    """A search cannot use its directory: another one does, or the disk is full or read-only."""


class SearchFailedError(KerasNASError, RuntimeError):
    """No trial of a search came to an end that can be used."""


class WorkerLostError(KerasNASError, RuntimeError):
    """A process that was to carry out trials has ended by itself."""


class ArtifactError(KerasNASError, ValueError):
    """A `.keras` file is damaged, foreign, newer than this version, or would not load again."""


def shown(value: Any) -> str:
    """A value as a sentence shows it: short, and whatever it is.

    Python shows no integer of more than 4,300 digits, and objects of users may fail to show
    themselves.
    """
    try:
        text = repr(value)
    except Exception:
        return f"a value of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
