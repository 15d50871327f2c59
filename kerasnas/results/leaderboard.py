"""The table of everything that was tried, baselines and failures included."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective, violation

MEASURES = ("params", "flops", "latency_ms", "latency_p95_ms", "size_bytes", "peak_memory_bytes")
_MOST_TRIALS = 8  # shown in a terminal
_FRONT_OF_TABLE = ("rank", "trial_id", "kind", "status")


def trial_row(trial: TrialRecord, constraints: Sequence[Constraint]) -> dict[str, Any]:
    """One trial as a row without its rank."""
    done = trial.status in ("COMPLETED", "STOPPED") and bool(trial.metrics)
    metrics = {k: v for k, v in trial.metrics.items() if k.startswith("val_")} or trial.metrics
    return {
        "trial_id": trial.trial_id,
        "kind": "trial",
        "status": trial.status,
        **metrics,
        # 0 means that no operation of the graph could be counted, as in trees.
        **{name: trial.measures.get(name) or None for name in MEASURES},
        "epochs": trial.measures.get("epochs"),
        "fidelity": trial.reached,
        "seconds": trial.seconds,
        "feasible": done and violation(constraints, trial.scores) == 0,
        "hyperparameters": dict(trial.values),
        "failure": trial.failure,
    }


def rank_rows(
    rows: Sequence[dict[str, Any]], objectives: Sequence[Objective]
) -> list[dict[str, Any]]:
    """Rows in the order of the first objective, feasible ones first, with `rank` and `on_front`.

    Rows without a score (failed trials, a refit) come last and have no rank.
    """

    def key(row: dict[str, Any]) -> tuple[float, ...]:
        loss = objectives[0].loss(_scores(row))
        return (math.isinf(loss), not row["feasible"], loss)

    ordered = sorted(rows, key=key)
    front = {id(row) for row in pareto_rows(ordered, objectives)}
    ranked = []
    for place, row in enumerate(ordered):
        scored = math.isfinite(objectives[0].loss(_scores(row)))
        ranked.append({"rank": place + 1 if scored else None, **row, "on_front": id(row) in front})
    return ranked


def pareto_rows(
    rows: Sequence[dict[str, Any]], objectives: Sequence[Objective]
) -> list[dict[str, Any]]:
    """Feasible trials that no other feasible trial beats in every objective."""
    candidates = [r for r in rows if r["feasible"] and r["kind"] == "trial"]
    losses = [tuple(o.loss(_scores(r)) for o in objectives) for r in candidates]
    return [
        row
        for row, mine in zip(candidates, losses, strict=True)
        if not any(
            other != mine and all(a <= b for a, b in zip(other, mine, strict=True))
            for other in losses
        )
    ]


def as_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The table: rank, identity and scores first, hyperparameters and failures last."""
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    frame["rank"] = frame["rank"].astype("Int64")
    last = ["feasible", "on_front", "hyperparameters", "failure"]
    metrics = [c for c in frame if str(c).startswith("val_")]
    measured = [c for c in (*MEASURES, "epochs", "fidelity", "seconds") if c in frame]
    rest = [c for c in frame if c not in {*_FRONT_OF_TABLE, *metrics, *measured, *last}]
    return frame[[*_FRONT_OF_TABLE, *metrics, *rest, *measured, *last]]


def short_frame(rows: Sequence[dict[str, Any]], objectives: Sequence[Objective]) -> pd.DataFrame:
    """The columns that people read: rank, model, objectives, held-out score, seconds and size.

    `held_out` is the score of the first objective on rows that had no part in choosing the model.
    It is missing where it is not known: choosing the best of many trials flatters the best ones.

    Args:
        rows: The leaderboard, ranked.
        objectives: What was optimised.
    """
    found = []
    for row in rows:
        scores = _scores(row)
        found.append(
            {
                "rank": row.get("rank"),
                "model": name_of(row),
                **{o.name: scores.get(o.name) for o in objectives},
                "held_out": held_out_of(row, objectives[0]),
                "seconds": scores.get("seconds"),
                "size_bytes": scores.get("size_bytes"),
            }
        )
    frame = pd.DataFrame(found)
    if frame.empty:
        return frame
    whole = dict.fromkeys(("rank", "size_bytes"), "Int64")
    return frame.astype(dict.fromkeys(frame.columns.difference(["model"]), "Float64") | whole)


def as_text(table: pd.DataFrame, objectives: Sequence[Objective] = ()) -> str:
    """The leaderboard in the width of a terminal: the best trials, and every baseline.

    Args:
        table: As `as_frame` gives it.
        objectives: What was optimised, for the columns that people read; nothing for all metrics.
    """
    if objectives:
        held_out = f"{objectives[0].name}_held_out"
        metrics = [n for n in (*(o.name for o in objectives), held_out) if n in table]
        whole = "size_bytes"
    else:
        held_out, whole = "", "params"
        metrics = [str(name) for name in table if str(name).startswith("val_")]
    scored = table[table["rank"].notna()]
    left_out = scored.index[scored["kind"] == "trial"][_MOST_TRIALS:]
    names = ["held_out" if name == held_out else name for name in metrics]
    rows = [["rank", "model", *names, whole, "seconds"]]
    for row in scored.drop(index=left_out).to_dict("records"):
        rows.append(
            [
                str(row["rank"]),
                name_of({str(name): value for name, value in row.items()}),
                *(f"{row[m]:.4f}" if row[m] == row[m] else "" for m in metrics),
                f"{row[whole]:,.0f}" if row[whole] == row[whole] else "",
                f"{row['seconds']:.1f}",
            ]
        )
    lines = _aligned(rows)
    if len(left_out):
        lines.append(f"and {len(left_out)} more trials")
    for row in table[table["status"] == "FAILED"].to_dict("records"):
        lines.append(f"not scored: {row['trial_id']}: {row['failure']}")
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width, the second (the name) to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 1 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def name_of(row: Mapping[str, Any]) -> str:
    """A row of the leaderboard by its id, and what it is: `0003 mlp`, `linear (baseline)`."""
    values = row.get("hyperparameters") or {}
    if row["kind"] == "trial":
        return f"{row['trial_id']} {values.get('family', '')}".strip()
    if row["kind"] == "ensemble":
        members = values.get("members", ())
        if len(members) == 1:  # which has a temperature
            return f"{next(iter(members))} calibrated"
        return f"ensemble of {len(members)}"
    return (
        row["trial_id"] if row["trial_id"] == row["kind"] else f"{row['trial_id']} ({row['kind']})"
    )


def held_out_of(row: Mapping[str, Any], objective: Objective) -> float | None:
    """The score of a row on rows that had no part in choosing it; `None` where it is not known."""
    scores = _scores(dict(row))
    score, known = scores.get(objective.name), scores.get(f"{objective.name}_held_out")
    if known is not None or score is None:
        return known
    if row["kind"] == "baseline":
        return score  # nothing was chosen
    if "optimism" not in scores:
        return None
    return score + scores["optimism"] * (1 if objective.direction == "min" else -1)


def _scores(row: dict[str, Any]) -> dict[str, float]:
    return {k: v for k, v in row.items() if isinstance(v, int | float) and v is not None}
