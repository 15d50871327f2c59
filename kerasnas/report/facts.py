"""All that a report says, as plain values: the JSON twin of the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Margin, Stopwatch, amount
from kerasnas.data import ClassTarget, MultiLabelTarget
from kerasnas.data.table_reader import TableReader
from kerasnas.objectives import Objective
from kerasnas.problem import Scorer
from kerasnas.report.examples import mistake_facts
from kerasnas.report.forecasts import forecast_facts
from kerasnas.results.dependence import partial_dependence
from kerasnas.results.examination import Examination
from kerasnas.results.fitted import Fitted
from kerasnas.results.importance import permutation_importance
from kerasnas.results.leaderboard import held_out_of, name_of
from kerasnas.results.origin import Origin
from kerasnas.results.verdict import Verdict, best_baseline, is_number, row_of
from kerasnas.version import __version__

FORMAT = 1  # of the JSON twin
_MOST_ROWS = 500  # of the table whose columns are shuffled
_MOST_COLUMNS = 60
_MOST_LAYERS = 200
_MOST_CLASSES = 50  # that are named
_DEPENDENCE_COLUMNS, _DEPENDENCE_ROWS = 3, 60
_UNASKED = "Single rows were not asked for."
_COSTS = ("params", "latency_ms", "latency_p95_ms", "size_bytes", "peak_memory_bytes")


def facts_of(fitted: Fitted, arguments: Mapping[str, Any], examples: bool = True) -> dict[str, Any]:
    """All that a report of a fitted estimator says.

    Args:
        fitted: The answer of the search.
        arguments: Constructor arguments of the estimator, JSON-able.
        examples: Whether the rows that are answered worst are shown.
    """
    objective = fitted.ranked_by[0] if fitted.ranked_by else Objective("val_loss", "min")
    row = row_of(fitted.timed_rows, fitted.chosen) or {}
    importance = _importance(fitted.origin, fitted)
    important = [str(line[0]) for line in importance.get("columns", [])]
    facts = {
        **search_facts(fitted.timed_rows, objective, fitted.verdict, fitted.chosen),
        "title": fitted.kind,
        "asked": {"estimator": fitted.kind, "arguments": dict(arguments)},
        "data": _data(fitted),
        "winner": _winner(fitted, row),
        "sureness": _sureness(fitted, row, objective),
        "examination": fitted.examination.to_json(),
        "importance": importance,
        "dependence": _dependence(fitted, important),
        "forecast": forecast_facts(fitted),
        "mistakes": mistake_facts(fitted, important) if examples else {"note": _UNASKED},
    }
    return dict(plain(facts))


def search_facts(
    rows: Sequence[Mapping[str, Any]], objective: Objective, verdict: Verdict, chosen: str
) -> dict[str, Any]:
    """What a report says of the search alone.

    Args:
        rows: The leaderboard, ranked.
        objective: What was optimised first.
        verdict: The verdict on it.
        chosen: The row that answers, by its `trial_id`; empty for the best trial.
    """
    answering = row_of(rows, chosen) or {}
    return {
        "generator": "kerasnas",
        "format": FORMAT,
        "versions": {"kerasnas": __version__, "keras": keras.__version__},
        "objective": {"name": objective.name, "direction": objective.direction},
        "verdict": [verdict.answers, verdict.score, verdict.advice],
        "leaderboard": [
            _line(row, objective, row.get("trial_id") == answering.get("trial_id")) for row in rows
        ],
        "examination": Examination().to_json(),
    }


def plain(value: Any) -> Any:
    """A value as JSON holds it: what is no number, text, list or dict is written as a text."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _line(row: Mapping[str, Any], objective: Objective, answers: bool) -> dict[str, Any]:
    """One row of the leaderboard."""
    values = row.get("hyperparameters") or {}
    return {
        "rank": row.get("rank"),
        "trial_id": row.get("trial_id"),
        "model": name_of(row),
        "kind": row.get("kind"),
        "family": values.get("family"),
        "status": row.get("status"),
        "score": row.get(objective.name),
        "held_out": held_out_of(row, objective),
        "held_out_error": row.get(f"{objective.name}_held_out_error"),
        "seconds": row.get("seconds"),
        "feasible": row.get("feasible"),
        "answers": answers,
        "failure": row.get("failure"),
        **{name: row.get(name) for name in _COSTS if is_number(row.get(name))},
    }


def _data(fitted: Fitted) -> dict[str, Any]:
    """What the model takes, what it answers, and what to look at in the columns."""
    facts: dict[str, Any] = {}
    reader, target = fitted.reader, fitted.target
    if isinstance(reader, TableReader):
        told = reader.schema.explain().to_dict("records")
        noted = [c.note is not None or c.lossy for c in reader.schema.columns]
        facts["columns"] = [
            {**row, "look_at": bool(note) or not row["used"]}
            for row, note in zip(told, noted, strict=True)
        ]
    else:
        facts["inputs"] = [
            {"name": t.name, "shape": [n or "any" for n in t.shape], "dtype": str(t.dtype)}
            for t in keras.tree.flatten(fitted.model.input)
        ]
    if isinstance(target, ClassTarget | MultiLabelTarget):
        labels = target.classes_.tolist()
        facts["classes"], facts["class_count"] = labels[:_MOST_CLASSES], len(labels)
    if fitted.origin is not None:
        facts["unreadable_files"] = [str(name) for name in fitted.origin.broken]
    return facts


def _winner(fitted: Fitted, row: Mapping[str, Any]) -> dict[str, Any]:
    """The model that answers: its members, its layers, its hyperparameters."""
    values = dict(row.get("hyperparameters") or {})
    names = {r["trial_id"]: name_of(r) for r in fitted.rows}
    members = values.get("members")
    weights = members if isinstance(members, Mapping) else dict.fromkeys(members or (), None)
    model = fitted.model
    layers = [
        {"name": one.name, "type": type(one).__name__, "params": int(one.count_params())}
        for one in model.layers
        if not isinstance(one, keras.layers.InputLayer)
    ]
    return {
        "model": name_of(row) if row else fitted.chosen,
        "members": [[names.get(m, m), weight] for m, weight in weights.items()],
        "hyperparameters": {k: v for k, v in values.items() if k != "members"},
        "params": int(model.count_params()),
        "input_count": len(keras.tree.flatten(model.input)),
        "layer_count": len(layers),
        "layers": layers[:_MOST_LAYERS],
    }


def _sureness(fitted: Fitted, row: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    baseline = best_baseline(fitted.rows, objective)
    intervals = fitted.decisions.intervals
    return {
        "score": row.get(objective.name),
        "held_out": held_out_of(row, objective) if row else None,
        "held_out_error": row.get(f"{objective.name}_held_out_error"),
        "optimism": row.get("optimism"),
        "baseline": None if baseline is None else baseline["trial_id"],
        "baseline_score": None if baseline is None else baseline[objective.name],
        "comparison": None if fitted.comparison is None else fitted.comparison.to_json(),
        "interval_level": next((one.level for one in intervals.values()), None),
        "threshold": fitted.decisions.threshold,
    }


def _importance(origin: Origin | None, fitted: Fitted) -> dict[str, Any]:
    """Which columns the answer depends on, where the rows of `fit` are there and few enough."""
    if not isinstance(fitted.reader, TableReader):
        return {
            "note": "It is measured for tables. `explain(X)` shows which words of a text and which "
            "patches of an image an answer rests on."
        }
    if origin is None or origin.raw is None or not isinstance(origin.scorer, Scorer):
        return {
            "note": "The rows of `fit` are not in the file. `feature_importance(X, y)` measures "
            "the importance on rows that you give."
        }
    columns = len(fitted.reader.schema.used)
    if columns > _MOST_COLUMNS:
        return {"note": f"{columns} columns take too long here: call `feature_importance()`."}
    valid = origin.rows.valid[:_MOST_ROWS]
    raw = fitted.reader.take(origin.raw, valid)
    watch = Stopwatch()
    fitted.answer_raw(raw)  # traces the graph
    watch.lap()
    fitted.answer_raw(raw)
    if watch.lap() * 2 * columns > amount(Margin.IMPORTANCE_SECONDS):
        return {"note": "Shuffling every column takes too long here: call `feature_importance()`."}
    scorer = origin.scorer.of(np.arange(len(valid)))
    found = permutation_importance(fitted.answer_raw, raw, scorer, repeats=2, seed=0)
    return {
        "metric": found.attrs["metric"],
        "rows": len(valid),
        "columns": found.to_numpy().tolist(),
    }


def _dependence(fitted: Fitted, important: Sequence[str]) -> dict[str, Any]:
    """The mean answer by the value of each of the most important columns."""
    origin, target = fitted.origin, fitted.target
    if origin is None or not important:
        return {}
    valid = origin.rows.valid[:_DEPENDENCE_ROWS]
    raw = fitted.reader.take(origin.raw, valid)
    usual = fitted.answer_raw(raw)
    # Of two classes the second one; of more the one that is answered most.
    place = 1 if usual.shape[1] == 2 else int(np.bincount(usual.argmax(axis=1)).argmax())
    kinds = {column.name: column.kind for column in fitted.reader.schema.used}  # type: ignore[attr-defined]
    classes = isinstance(target, ClassTarget)
    return {
        "answer": f"probability of {target.classes_[place]}" if classes else "answer",
        "columns": [
            {
                "name": name,
                "kind": kinds[name],
                "points": partial_dependence(lambda x: fitted.answer_raw(x)[:, place], raw, name),
            }
            for name in important[:_DEPENDENCE_COLUMNS]
        ],
    }
