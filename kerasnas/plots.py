"""Pictures of a search. Each function draws into a matplotlib `Axes` and returns it.

Needs the extra `plots`: `pip install 'kerasnas[plots]'`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.errors import MissingPackageError, ObjectiveError
from kerasnas.objectives import Objective
from kerasnas.results.leaderboard import pareto_rows
from kerasnas.results.result import SearchResult

__all__ = ["history", "importance", "pareto_front"]

_FRONT, _REST, _BASELINE = "#c4552d", "#8a98a8", "#3f6f8f"


def history(found: Any, ax: Any = None) -> Any:
    """The first objective of every trial in the order of their starts, and the best so far.

    Args:
        found: A fitted estimator or a `SearchResult`.
        ax: Where to draw; `None` makes a figure.

    Returns:
        The matplotlib `Axes`.
    """
    result = _result(found)
    objective = result.objectives[0]
    rows = [row for row in result.rows() if row["kind"] == "trial"]
    rows = sorted((r for r in rows if _has(r, objective)), key=lambda r: r["trial_id"])
    ax = _axes(ax)
    places = [int(row["trial_id"]) + 1 for row in rows]
    values = np.array([row[objective.name] for row in rows], dtype=float)
    feasible = np.array([bool(row["feasible"]) for row in rows])
    ax.scatter(places, values, s=18, color=_REST, label="trial")
    if feasible.any():
        best = np.minimum if objective.direction == "min" else np.maximum
        worst = np.inf if objective.direction == "min" else -np.inf
        course = best.accumulate(np.where(feasible, values, worst))
        known = np.isfinite(course)
        ax.step(
            np.array(places)[known],
            course[known],
            where="post",
            color=_FRONT,
            label="best so far",
        )
    for row in result.baselines:
        if row["kind"] == "baseline" and _has(row, objective):
            ax.axhline(row[objective.name], color=_BASELINE, linewidth=0.8, linestyle=":")
            ax.annotate(
                row["trial_id"],
                (1, row[objective.name]),
                xycoords=("axes fraction", "data"),
                xytext=(-3, 2),
                textcoords="offset points",
                ha="right",
                fontsize=7,
                color=_BASELINE,
            )
    lines = [r[objective.name] for r in result.baselines if _has(r, objective)]
    _leave_out_failures(ax, values, lines, objective.direction == "min")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="trial", ylabel=objective.name)
    ax.legend(loc="best", fontsize=8)
    return ax


def pareto_front(found: Any, objectives: Sequence[str] | None = None, ax: Any = None) -> Any:
    """All finished trials over two objectives, those on the Pareto front joined.

    Args:
        found: A fitted estimator or a `SearchResult`.
        objectives: Names of two metrics or measures; `None` for the first two objectives of the
            search, or its objective and `params`.
        ax: Where to draw; `None` makes a figure.

    Returns:
        The matplotlib `Axes`.

    Raises:
        ObjectiveError: If there are not two names, or no trial has both.
    """
    result = _result(found)
    x, y = _two(result, objectives)
    rows = [r for r in result.rows() if r["kind"] == "trial" and _has(r, x) and _has(r, y)]
    if not rows:
        raise ObjectiveError(f"No finished trial has both `{x.name}` and `{y.name}`.")
    ax = _axes(ax)
    front = sorted(pareto_rows(rows, (x, y)), key=lambda row: row[x.name])
    for feasible, marker in ((True, "o"), (False, "x")):
        part = [row for row in rows if bool(row["feasible"]) is feasible]
        if part:
            label = "trial" if feasible else "not feasible"
            points = [r[x.name] for r in part], [r[y.name] for r in part]
            ax.scatter(*points, s=18, color=_REST, marker=marker, label=label)
    ax.plot(
        [row[x.name] for row in front],
        [row[y.name] for row in front],
        "o-",
        color=_FRONT,
        markersize=5,
        drawstyle="steps-post",
        label="Pareto front",
    )
    for constraint in result.constraints:
        for bound in (constraint.min, constraint.max):
            if bound is not None and constraint.name == x.name:
                ax.axvline(bound, color=_BASELINE, linewidth=0.8, linestyle="--")
            elif bound is not None and constraint.name == y.name:
                ax.axhline(bound, color=_BASELINE, linewidth=0.8, linestyle="--")
    sizes = [row[x.name] for row in rows]
    if min(sizes) > 0 and max(sizes) > 20 * min(sizes):
        ax.set_xscale("log")
    ax.set(xlabel=x.name, ylabel=y.name)
    ax.legend(loc="best", fontsize=8)
    return ax


def importance(table: Any, top: int = 20, ax: Any = None) -> Any:
    """How much worse the score gets when one column is shuffled, most important first.

    Args:
        table: What `feature_importance` of an estimator of tables returns, or the estimator.
        top: Most columns to draw.
        ax: Where to draw; `None` makes a figure.

    Returns:
        The matplotlib `Axes`.
    """
    shown = table if isinstance(table, pd.DataFrame) else table.feature_importance()
    shown = shown.head(top).iloc[::-1]
    ax = _axes(ax)
    ax.barh(shown["feature"], shown["importance"], xerr=shown["std"], color=_BASELINE, height=0.7)
    ax.axvline(0, color="black", linewidth=0.6)
    ax.set(xlabel=f"change of {shown.attrs.get('metric', 'the score')} when shuffled")
    return ax


def _result(found: Any) -> SearchResult:
    return found if isinstance(found, SearchResult) else found.result_


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError(
            "Plots need matplotlib. Install it with `pip install 'kerasnas[plots]'`."
        ) from error
    # A figure of its own, without pyplot: nothing is shown, and nothing has to be closed.
    return Figure(figsize=(6.4, 4.0), layout="constrained").add_subplot()


def _two(result: Any, names: Sequence[str] | None) -> tuple[Objective, Objective]:
    known = {o.name: o for o in result.objectives}
    if names is None:
        found = list(known.values())[:2]
        cost = Objective("params", "min")
        pair = found if len(found) == 2 else [*found, cost]
    else:
        if isinstance(names, str) or len(names) != 2:
            raise ObjectiveError(f"`objectives` must be two names, received {names!r}.")
        pair = [known.get(name) or Objective(name) for name in names]
    # The measure of cost goes to the right, the metric upwards.
    first, second = pair
    return (second, first) if first.name.startswith("val_") else (first, second)


def _has(row: dict[str, Any], objective: Objective) -> bool:
    value = row.get(objective.name)
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _leave_out_failures(
    ax: Any, values: np.ndarray, baselines: Sequence[float], minimise: bool
) -> None:
    """Leaves the worst tenth out of sight where it would press everything else flat."""
    if len(values) < 5:
        return
    low, high = np.quantile(values, [0.0, 0.9] if minimise else [0.1, 1.0])
    low, high = min([low, *baselines]), max([high, *baselines])
    if np.ptp(values) > 3 * (high - low) > 0:
        ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
