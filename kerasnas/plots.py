"""Pictures of a search. Each function draws into a matplotlib `Axes` and returns it.

Needs the extra `plots`: `pip install 'kerasnas[plots]'`. Estimators may be fitted or loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Literal

import numpy as np
import pandas as pd

from kerasnas.clock import Budget
from kerasnas.errors import MissingPackageError, ObjectiveError
from kerasnas.objectives import Constraint, Objective
from kerasnas.results.leaderboard import name_of, pareto_rows
from kerasnas.results.result import SearchResult
from kerasnas.results.verdict import is_number

__all__ = ["history", "importance", "pareto_front"]

# Okabe and Ito (2008): colours that people with any kind of colour vision tell apart. Markers
# differ too, for prints without colours.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_BEST, _BASELINE, _REST = "#d55e00", "#555555", "#8a98a8"
_UNITS = {
    "params": "weights",
    "flops": "floating point operations a row",
    "latency_ms": "milliseconds a row",
    "latency_p95_ms": "milliseconds a row, 95th percentile",
    "size_bytes": "bytes of the file",
    "peak_memory_bytes": "bytes of memory for a row",
    "train_seconds": "seconds",
    "seconds": "seconds",
}


@dataclass(frozen=True)
class _Board:
    """What a picture needs of a search, fitted or loaded."""

    rows: Sequence[dict[str, Any]]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    timed: bool

    def trials(self, *objectives: Objective) -> list[dict[str, Any]]:
        """The trials that have these scores, in the order of their starts."""
        found = [
            row
            for row in self.rows
            if row["kind"] == "trial" and all(is_number(row.get(o.name)) for o in objectives)
        ]
        return sorted(found, key=lambda row: str(row["trial_id"]))

    def others(self, kind: str, objective: Objective) -> list[dict[str, Any]]:
        """Baselines or ensembles with a score."""
        return [r for r in self.rows if r["kind"] == kind and is_number(r.get(objective.name))]


def history(found: Any, ax: Any = None, *, by: Literal["auto", "trial", "seconds"] = "auto") -> Any:
    """The first objective of every trial in the order of their starts, and the best so far.

    Families have colours and markers of their own. The ensemble stands behind the last trial, and
    baselines are dotted lines. The axis ends behind the best nine tenths of the trials.

    Args:
        found: A fitted or loaded estimator, or a `SearchResult`.
        ax: Where to draw; `None` makes a figure.
        by: What the x axis counts; `"auto"` counts seconds where the budget was of seconds alone.

    Returns:
        The matplotlib `Axes`.
    """
    board = _board(found)
    objective = board.objectives[0]
    rows = board.trials(objective)
    ax = _axes(ax)
    seconds = board.timed if by == "auto" else by == "seconds"
    places = _places(board, rows, seconds)
    _draw_families(ax, rows, places, [row[objective.name] for row in rows])
    _draw_best(ax, rows, places, objective)
    level = [row[objective.name] for row in rows]
    for row in board.others("ensemble", objective):
        ax.plot(
            [max(places, default=0.0)],
            [row[objective.name]],
            "*",
            color=_BEST,
            markersize=13,
            label=name_of(row),
        )
        level.append(row[objective.name])
    best = _draw_baselines(ax, board, objective)
    _end_axis(ax, level, best, objective)
    if not seconds:
        ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(
        title="What each trial came to",
        xlabel="seconds spent on trials" if seconds else "trial",
        ylabel=_label(objective),
    )
    ax.legend(loc="best", fontsize=8)
    return ax


def pareto_front(found: Any, objectives: Sequence[str] | None = None, ax: Any = None) -> Any:
    """All finished trials over two objectives, those on the Pareto front joined.

    Args:
        found: A fitted or loaded estimator, or a `SearchResult`.
        objectives: Names of two metrics or measures; `None` for the first two objectives of the
            search, or its objective and `params`.
        ax: Where to draw; `None` makes a figure.

    Returns:
        The matplotlib `Axes`.

    Raises:
        ObjectiveError: If there are not two names, or no trial has both.
    """
    board = _board(found)
    x, y = _two(board, objectives)
    rows = board.trials(x, y)
    if not rows:
        raise ObjectiveError(f"No finished trial has both `{x.name}` and `{y.name}`.")
    ax = _axes(ax)
    front = sorted(pareto_rows(rows, (x, y)), key=lambda row: row[x.name])
    ax.plot(
        [row[x.name] for row in front],
        [row[y.name] for row in front],
        "-",
        color=_BEST,
        drawstyle="steps-post" if x.direction == "min" else "steps-pre",
        label="Pareto front",
    )
    fit = [row for row in rows if row["feasible"]]
    _draw_families(ax, fit, [row[x.name] for row in fit], [row[y.name] for row in fit])
    unfit = [row for row in rows if not row["feasible"]]
    if unfit:
        points = [row[x.name] for row in unfit], [row[y.name] for row in unfit]
        ax.scatter(*points, s=22, color=_REST, marker="x", label="breaks a constraint")
    for constraint in board.constraints:
        for bound in (constraint.min, constraint.max):
            if bound is not None and constraint.name == x.name:
                ax.axvline(bound, color=_BASELINE, linewidth=0.8, linestyle="--")
            elif bound is not None and constraint.name == y.name:
                ax.axhline(bound, color=_BASELINE, linewidth=0.8, linestyle="--")
    sizes = [row[x.name] for row in rows]
    if min(sizes) > 0 and max(sizes) > 20 * min(sizes):
        ax.set_xscale("log")
    ax.set(title="What one costs the other", xlabel=_label(x), ylabel=_label(y))
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
    colour = _COLOURS[0]
    ax.barh(shown["feature"], shown["importance"], xerr=shown["std"], color=colour, height=0.7)
    ax.axvline(0, color="black", linewidth=0.6)
    metric = shown.attrs.get("metric", "the score")
    ax.set(
        title="What the answer depends on",
        xlabel=f"{metric} gets worse by this when the column is shuffled",
    )
    return ax


def _board(found: Any) -> _Board:
    """The leaderboard of an estimator or a result."""
    if isinstance(found, SearchResult):
        return _Board(found.rows(), found.objectives, found.constraints, False)
    budget = Budget.parse(found.budget)
    fitted = found.fitted_
    return _Board(
        fitted.rows,
        fitted.ranked_by,
        tuple(found.constraints),
        # A file does not hold every budget.
        fitted.origin is not None and budget.seconds is not None and budget.trials is None,
    )


def _places(board: _Board, rows: Sequence[Mapping[str, Any]], seconds: bool) -> list[float]:
    """Where trials stand on the x axis: by number, or by the seconds at which they ended."""
    if not seconds:
        return [float(row["trial_id"]) for row in rows]
    ends, spent = {}, 0.0
    for row in board.trials():  # failed trials take time as well
        spent += row["seconds"] if is_number(row.get("seconds")) else 0.0
        ends[row["trial_id"]] = spent
    return [ends[row["trial_id"]] for row in rows]


def _draw_families(
    ax: Any, rows: Sequence[Mapping[str, Any]], x: Sequence[float], y: Sequence[float]
) -> None:
    """Points in the colour and with the marker of their family."""
    names = [str((row.get("hyperparameters") or {}).get("family", "trial")) for row in rows]
    looks = cycle(zip(_COLOURS, _MARKERS, strict=True))
    for family, (colour, marker) in zip(dict.fromkeys(names), looks, strict=False):
        mine = [place for place, name in enumerate(names) if name == family]
        points = [x[place] for place in mine], [y[place] for place in mine]
        ax.scatter(*points, s=24, color=colour, marker=marker, label=family, zorder=3)


def _draw_best(
    ax: Any, rows: Sequence[Mapping[str, Any]], places: Sequence[float], objective: Objective
) -> None:
    """The best feasible score so far."""
    feasible = np.array([bool(row["feasible"]) for row in rows])
    if not feasible.any():
        return
    values = np.array([row[objective.name] for row in rows], dtype=float)
    best = np.minimum if objective.direction == "min" else np.maximum
    worst = np.inf if objective.direction == "min" else -np.inf
    course = best.accumulate(np.where(feasible, values, worst))
    known = np.isfinite(course)
    x = np.array(places)[known]
    ax.step(x, course[known], where="post", color=_BEST, label="best so far")


def _draw_baselines(ax: Any, board: _Board, objective: Objective) -> list[float]:
    """Dotted lines with their names; the level of the best one."""
    rows = board.others("baseline", objective)
    for row in rows:
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
            annotation_clip=True,
        )
    return sorted((row[objective.name] for row in rows), key=lambda v: _loss(v, objective))[:1]


def _end_axis(
    ax: Any, values: Sequence[float], best: Sequence[float], objective: Objective
) -> None:
    """Ends the axis behind the best nine tenths of the trials and the best baseline."""
    if not values:
        return
    ordered = sorted(values, key=lambda v: _loss(v, objective))
    kept = [*ordered[: max(2, int(np.ceil(0.9 * len(ordered))))], *best]
    low, high = min(kept), max(kept)
    if high > low:
        ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def _loss(value: float, objective: Objective) -> float:
    return objective.loss({objective.name: value})


def _label(objective: Objective) -> str:
    """The name with its unit, and which direction is the better one."""
    better = "lower" if objective.direction == "min" else "higher"
    unit = f", {_UNITS[objective.name]}" if objective.name in _UNITS else ""
    return f"{objective.name}{unit} ({better} is better)"


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError(
            "Plots need matplotlib. Install it with `pip install 'kerasnas[plots]'`."
        ) from error
    size = (6.4, 4.0)
    if "matplotlib.pyplot" in sys.modules:  # `plt.show()` and notebooks show its figures
        from matplotlib import pyplot

        return pyplot.figure(figsize=size, layout="constrained").add_subplot()
    # A figure of its own, without pyplot: nothing is shown, and nothing has to be closed.
    return Figure(figsize=size, layout="constrained").add_subplot()


def _two(board: _Board, names: Sequence[str] | None) -> tuple[Objective, Objective]:
    known = {o.name: o for o in board.objectives}
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
