"""What a search came to, in three sentences: the answer, how good it is, what to do next."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kerasnas.objectives import Objective
from kerasnas.results.honesty import Comparison
from kerasnas.results.leaderboard import held_out_of, name_of

_MOST_LINES = 12  # of the leaderboard that a notebook shows unasked
_MOST_MEMBERS = 3  # members of an ensemble that a sentence names


@dataclass(frozen=True)
class Verdict:
    """Three sentences that end a search.

    Attributes:
        answers: What answers.
        score: How good it is on rows that did not choose it, beside the best baseline.
        advice: What to do next.
    """

    answers: str
    score: str
    advice: str

    def __str__(self) -> str:
        return f"Answer: {self.answers}\nScore:  {self.score}\nNext:   {self.advice}"


def verdict_of(
    rows: Sequence[Mapping[str, Any]],
    objective: Objective,
    chosen: str,
    comparison: Comparison | None = None,
    usual: str = 'save("model.keras") writes the model as one file.',
) -> Verdict:
    """The verdict on the rows of a leaderboard.

    Args:
        rows: The leaderboard, ranked.
        objective: What was optimised first.
        chosen: The row that answers, by its `trial_id`; empty for the best trial.
        comparison: The answer beside the best baseline; `None` where they were not compared.
        usual: What to do next where nothing is wrong.
    """
    row = row_of(rows, chosen)
    if row is None:
        return Verdict("nothing.", "no trial has a score.", "Raise `budget`.")
    return Verdict(
        _answers(rows, row),
        _score(rows, row, objective, comparison),
        _advice(rows, row, objective, comparison, usual),
    )


def row_of(rows: Sequence[Mapping[str, Any]], chosen: str) -> Mapping[str, Any] | None:
    """The row that answers; without a name the best trial that is feasible."""
    if chosen:
        return next((row for row in rows if row["trial_id"] == chosen), None)
    usable = (r for r in rows if r["kind"] == "trial" and r["feasible"] and r["rank"] is not None)
    return next(usable, None)


def best_baseline(
    rows: Sequence[Mapping[str, Any]], objective: Objective
) -> Mapping[str, Any] | None:
    """The baseline with the best score; `None` where none has one."""
    scored = [r for r in rows if r["kind"] == "baseline" and is_number(r.get(objective.name))]
    return min(scored, key=lambda r: objective.loss(dict(r)), default=None)


def is_number(value: Any) -> bool:
    """Whether a value of a leaderboard is there and finite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any) -> str:
    """A number in four digits; a dash where there is none."""
    return f"{value:.4g}" if is_number(value) else "-"


def _answers(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> str:
    members = (row.get("hyperparameters") or {}).get("members")
    if row["kind"] != "ensemble" or not members:
        return f"{'trial ' if row['kind'] == 'trial' else ''}{name_of(row)}."
    names = {r["trial_id"]: name_of(r) for r in rows}
    shown = [names.get(member, str(member)) for member in list(members)[:_MOST_MEMBERS]]
    more = ", ..." if len(members) > _MOST_MEMBERS else ""
    return f"{name_of(row)} trials ({', '.join(shown)}{more})."


def _score(
    rows: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    objective: Objective,
    comparison: Comparison | None,
) -> str:
    known = held_out_of(row, objective)
    if is_number(known):
        error = row.get(f"{objective.name}_held_out_error")
        off = f" ± {error:.2g}" if is_number(error) else ""
        told = f"{objective.name} {number(known)}{off} on held-out rows"
    elif is_number(row.get(objective.name)):
        told = f"{objective.name} {number(row[objective.name])} on the rows that chose it"
    else:
        return f"no {objective.name}: no rows were left to score it on."
    baseline = best_baseline(rows, objective)
    if baseline is not None:
        told += f", baseline {baseline['trial_id']} {number(baseline[objective.name])}"
    if comparison is not None:
        how = "better" if comparison.gain >= 0 else "worse"
        same = baseline is None or comparison.baseline == baseline["trial_id"]
        than = "" if same else f"than {comparison.baseline} "
        told += f" ({how} {than}by {abs(comparison.gain):.2g} ± {comparison.error:.2g})"
    better = "lower" if objective.direction == "min" else "higher"
    return f"{told}; {better} is better."


def _advice(
    rows: Sequence[Mapping[str, Any]],
    row: Mapping[str, Any],
    objective: Objective,
    comparison: Comparison | None,
    usual: str,
) -> str:
    trials = [row for row in rows if row["kind"] == "trial"]
    failed = [row for row in trials if row["status"] == "FAILED"]
    if _no_better(rows, row, objective) or (comparison is not None and comparison.gain <= 0):
        return "no better than the baseline: try a larger `budget` or more rows."
    if comparison is not None and not comparison.beyond_noise:
        return "the gain may be chance: try a larger `budget` or more rows."
    if 2 * len(failed) > len(trials):
        return (
            f"{len(failed)} of {len(trials)} trials failed: leaderboard(full=True) has the reasons."
        )
    return usual


def _no_better(
    rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any], objective: Objective
) -> bool:
    """Whether a baseline has a score as good as that of the row, on the same rows.

    The comparison says it of most baselines. A forecast is compared with rules alone.
    """
    baseline = best_baseline(rows, objective)
    if baseline is None or not is_number(row.get(objective.name)):
        return False
    return objective.loss(dict(baseline)) <= objective.loss(dict(row))


def as_html(verdict: Verdict, board: pd.DataFrame) -> str:
    """A verdict and a leaderboard as a notebook shows them.

    Args:
        verdict: The verdict.
        board: The leaderboard in the columns that people read.
    """
    lines = (("Answer", verdict.answers), ("Score", verdict.score), ("Next", verdict.advice))
    said = "".join(f"<p><b>{name}</b> {html.escape(text)}</p>" for name, text in lines)
    cells = [[_cell(value) for value in row] for row in board.head(_MOST_LINES).to_numpy(object)]
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in board)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    more = len(board) - _MOST_LINES
    rest = f"<p>and {more} more: leaderboard()</p>" if more > 0 else ""
    return f"<div>{said}<table><tr>{head}</tr>{body}</table>{rest}</div>"


def _cell(value: Any) -> str:
    """A cell of a table, empty where nothing is known."""
    shown = "" if pd.isna(value) else number(value) if isinstance(value, float) else str(value)
    return f"<td>{html.escape(shown)}</td>"
