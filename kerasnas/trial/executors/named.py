"""Executors by their short names, and what users may pass instead of a name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from kerasnas.errors import SearchSpaceError, shown
from kerasnas.trial.executors.executor import Executor, Inline
from kerasnas.trial.executors.process import Process
from kerasnas.trial.executors.ray_cluster import Ray

EXECUTORS: Mapping[str, type[Executor]] = {"inline": Inline, "process": Process, "ray": Ray}


def executor_of(given: Any) -> Executor:
    """The executor that a user asked for.

    Args:
        given: A short name, or an executor.

    Raises:
        SearchSpaceError: If it is neither.
    """
    if isinstance(given, Executor):
        return given
    if isinstance(given, str) and given in EXECUTORS:
        return EXECUTORS[given]()
    near = difflib.get_close_matches(str(given).lower(), EXECUTORS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SearchSpaceError(
        f"`executor` must be one of {', '.join(map(repr, EXECUTORS))} or an object such as "
        f"`kerasnas.executors.Process(workers=2)`, received {shown(given)}.{hint}"
    )
