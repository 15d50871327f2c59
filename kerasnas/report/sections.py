"""The parts of a report on the search: what was asked, what was tried, what answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasnas.report.drawing import COLOURS, GREY, Line, bars, chart
from kerasnas.report.markup import Markup, facts_table, joined, paragraph, table, tag
from kerasnas.results.verdict import is_number, number

Facts = Mapping[str, Any]

_MOST_LINES = 20  # of a leaderboard that people read; failures come besides
_MOST_FAILURES = 5
_MOST_BARS = 20
_YEAR = 365.2425 * 24 * 3600
_UNTOLD = ("objective", "directory", "verbose")  # told already, or of the machine alone


def asked(facts: Facts) -> Markup:
    """What the user asked for."""
    given, objective = facts.get("asked", {}), facts["objective"]
    shown = {n: v for n, v in given.get("arguments", {}).items() if v not in (None, [], {}, "")}
    pairs = [
        ("estimator", tag("code", given.get("estimator", "kerasnas.search"))),
        ("score", f"{objective['name']} ({better(objective)} is better)"),
        *((name, _told(value)) for name, value in shown.items() if name not in _UNTOLD),
    ]
    return facts_table(pairs)


def data(facts: Facts) -> Markup:
    """The inputs, the labels, and the columns to look at."""
    given = facts.get("data", {})
    parts: list[Markup] = []
    if given.get("classes"):
        more = given["class_count"] - len(given["classes"])
        after = f"and {more} more" if more > 0 else ""
        labels = _chips(given["classes"])
        parts.append(paragraph(f"{given['class_count']} classes: ", labels, after))
    if given.get("unreadable_files"):
        count = len(given["unreadable_files"])
        parts.append(tag("p", f"{count} files could not be read and were left out.", class_="warn"))
    if "columns" in given:
        parts += _columns(given["columns"])
    elif given.get("inputs"):
        rows = [
            (row["name"], " × ".join(map(str, row["shape"])), row["dtype"])
            for row in given["inputs"]
        ]
        parts.append(_folded(table(("input", "shape", "type"), rows), rows, "inputs"))
    return joined(parts) or paragraph("The data are not described in what this report is made of.")


def tried(facts: Facts) -> Markup:
    """The leaderboard, and how the search went."""
    lines = facts["leaderboard"]
    scored = [line for line in lines if is_number(line["score"])]
    shown = [
        line
        for place, line in enumerate(scored)
        if place < _MOST_LINES or line["kind"] != "trial" or line["answers"]
    ]
    marked = next((place for place, line in enumerate(shown) if line["answers"]), None)
    head = ("rank", "model", facts["objective"]["name"], "held out", "seconds", "size")
    rows = [
        (
            line["rank"] or "",
            line["model"],
            number(line["score"]),
            with_error(line["held_out"], line["held_out_error"]),
            seconds(line["seconds"]),
            size(line.get("size_bytes")),
        )
        for line in shown
    ]
    count = sum(line["kind"] == "trial" for line in lines)
    told = (
        f"{count} configurations (trials) were tried. Baselines are simple models on the same "
        "rows. The column held out estimates the score on rows that had no part in the choice. "
        "The marked row answers."
    )
    parts = [paragraph(told), table(head, rows, numbers=(0, 2, 3, 4, 5), marked=marked)]
    if len(scored) > len(shown):
        parts.append(paragraph(f"{len(scored) - len(shown)} more trials are left out."))
    failed = [line for line in lines if line["failure"]]
    if failed:
        reasons = [(line["model"], line["failure"]) for line in failed[:_MOST_FAILURES]]
        parts.append(tag("p", f"{len(failed)} without a score:", class_="warn"))
        parts.append(table(("model", "reason"), reasons))
    return joined([*parts, _course(facts)])


def winner(facts: Facts) -> Markup:
    """The model that answers, drawn as the way of a row, and its layers."""
    given = facts.get("winner")
    if not given:
        return paragraph("The model is not in what this report is made of.")
    members = given["members"] or [[given["model"], None]]
    middle = [_box(name, f"weight {number(w)}" if is_number(w) else "") for name, w in members]
    arrow = tag("div", "→", class_="arrow")
    boxes = [
        _box("raw data", how_many(given["input_count"], "input")),
        arrow,
        _box("preparation", "inside the file"),
        arrow,
        tag("div", *middle, class_="stack"),
        arrow,
        _box("answer", ""),
    ]
    layers = [
        (layer["name"], layer["type"], f"{layer['params']:,}")
        for layer in given["layers"]
        if layer["params"] or len(given["layers"]) <= _MOST_LINES
    ]
    shown = f"{how_many(given['layer_count'], 'layer')}, {given['params']:,} weights in all."
    parts = [tag("div", *boxes, class_="way"), paragraph(shown)]
    if given["hyperparameters"]:
        pairs = [(name, _told(value)) for name, value in given["hyperparameters"].items()]
        parts.append(_details("hyperparameters", facts_table(pairs)))
    head = ("layer", "type", "weights")
    parts.append(_details("layers that have weights", table(head, layers, numbers=(2,))))
    return joined(parts)


def cost(facts: Facts) -> Markup:
    """What the search and the answering model cost."""
    lines = facts["leaderboard"]
    trials = [line for line in lines if line["kind"] == "trial" and is_number(line["seconds"])]
    answers: Mapping[str, Any] = next((line for line in lines if line["answers"]), {})
    given = facts.get("winner") or {}
    pairs = [
        ("all trials together", seconds(sum(line["seconds"] for line in trials))),
        ("weights of the model", f"{given['params']:,}" if given else ""),
        ("one row answered in", _with_unit(answers.get("latency_ms"), "ms")),
        ("19 of 20 rows answered in", _with_unit(answers.get("latency_p95_ms"), "ms")),
        ("size of the file", size(answers.get("size_bytes"))),
        ("memory for one row", size(answers.get("peak_memory_bytes"))),
    ]
    known = [(name, value) for name, value in pairs if value]
    return joined([facts_table(known), paragraph("Times are those of the machine of the search.")])


def importance(facts: Facts) -> Markup:
    """Which columns the answer depends on."""
    given = facts.get("importance", {})
    if not given.get("columns"):
        return paragraph(given.get("note", "It is not in what this report is made of."))
    rows = [(str(name), float(value), float(std)) for name, value, std in given["columns"]]
    metric = given["metric"]
    drawn = bars(
        rows[:_MOST_BARS],
        f"{metric} gets worse by",
        title=f"By how much {metric} gets worse when the column is shuffled",
    )
    told = paragraph(
        f"Each column was shuffled over {given['rows']} validation rows. Columns that say the "
        "same share their importance."
    )
    return joined([drawn, told, _dependence(facts.get("dependence", {}))])


def _dependence(given: Mapping[str, Any]) -> Markup:
    """The mean answer by the value of each of the most important columns."""
    drawn = [_of_column(given["answer"], column) for column in given.get("columns", ())]
    if not drawn:
        return Markup("")
    said = "The mean answer, when all rows have the same value in one column:"
    return joined([paragraph(said), tag("div", *drawn, class_="figures")])


def _of_column(answer: str, column: Mapping[str, Any]) -> Markup:
    name, points = column["name"], column["points"]
    title = f"{answer}, by {name}"
    if any(not is_number(value) for value, _ in points):
        rows = [(str(value), float(mean), 0.0) for value, mean in points]
        return bars(rows, f"mean {answer}", title=title)
    if column["kind"] == "datetime":
        points = [(1970 + value / _YEAR, mean) for value, mean in points]
        name = f"{name} (year)"
    return chart([Line("", points)], name, f"mean {answer}", title=title)


def better(objective: Mapping[str, Any]) -> str:
    """Which direction is the better one."""
    return "lower" if objective["direction"] == "min" else "higher"


def with_error(value: Any, error: Any) -> str:
    """A score with its standard error, as far as they are known."""
    return f"{number(value)} ± {error:.2g}" if is_number(error) else number(value)


def how_many(count: int, noun: str) -> str:
    """A number of things in words."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def seconds(value: Any) -> str:
    """Seconds as a person writes them."""
    if not is_number(value):
        return ""
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def size(value: Any) -> str:
    """Bytes in the unit that fits."""
    if not is_number(value):
        return ""
    for unit in ("bytes", "kB", "MB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def _columns(columns: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """What each column is read as, those to look at first."""
    parts = []
    looked = [row for row in columns if row["look_at"]]
    if looked:
        said = f"{len(looked)} of {len(columns)} columns to look at: "
        names = _chips([row["name"] for row in looked[:8]])
        parts.append(tag("p", said, names, class_="warn"))
    ordered = sorted(columns, key=lambda row: not row["look_at"])
    rows = [
        (row["name"], row["kind"], "yes" if row["used"] else "no", row["reason"]) for row in ordered
    ]
    whole = table(("column", "read as", "used", "why"), rows)
    return [*parts, _folded(whole, rows, "columns")]


def _course(facts: Facts) -> Markup:
    """The score of every trial in their order, and the best so far."""
    objective = facts["objective"]
    scored = [line for line in facts["leaderboard"] if is_number(line["score"])]
    trials = sorted(
        (line for line in scored if line["kind"] == "trial"), key=lambda line: line["trial_id"]
    )
    if len(trials) < 2:
        return Markup("")
    choose = min if objective["direction"] == "min" else max
    points = [(float(line["trial_id"]), line["score"]) for line in trials]
    course: list[tuple[float, float]] = []
    for (place, score), line in zip(points, trials, strict=True):
        if line["feasible"]:
            before = course[-1][1] if course else score
            course += [(place, before), (place, choose(before, score))]
    if course:
        course.append((points[-1][0], course[-1][1]))
    lines = [Line("trial", points, "points", GREY), Line("best so far", course)]
    baselines = [line for line in scored if line["kind"] == "baseline"]
    if baselines:
        top = choose(baselines, key=lambda line: line["score"])
        level = [(end, top["score"]) for end in (points[0][0], points[-1][0])]
        lines.append(Line(top["model"], level, "dashed", COLOURS[1]))
    return chart(
        lines,
        "trial",
        objective["name"],
        title=f"The score of every trial; {better(objective)} is better",
        y_range=_without_failures([score for _, score in points], lines, objective),
    )


def _without_failures(
    scores: Sequence[float], lines: Sequence[Line], objective: Mapping[str, Any]
) -> tuple[float, float] | None:
    """Ends of the axis that leave out a worst tenth which would press all others flat."""
    ordered = sorted(scores, reverse=objective["direction"] == "max")
    kept = ordered[: max(2, round(0.9 * len(ordered)))]
    kept = kept + [point[1] for line in lines[1:] for point in line.points]
    low, high = min(kept), max(kept)
    if max(ordered) - min(ordered) <= 3 * (high - low) or not high > low:
        return None
    return low - 0.08 * (high - low), high + 0.08 * (high - low)


def _told(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_told(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    return str(value)


def _with_unit(value: Any, unit: str) -> str:
    return f"{value:.3g} {unit}" if is_number(value) else ""


def _chips(names: Sequence[Any]) -> Markup:
    """Names of the user's, one beside the other."""
    return joined([tag("code", name, class_="chip") for name in names])


def _box(name: Any, note: str) -> Markup:
    return tag("div", tag("b", name), tag("small", note) if note else "", class_="box")


def _folded(content: Markup, rows: Sequence[Any], what: str) -> Markup:
    """A long table that opens when somebody asks for it."""
    return content if len(rows) <= _MOST_LINES else _details(f"all {len(rows)} {what}", content)


def _details(title: str, content: Markup) -> Markup:
    return tag("details", tag("summary", title), content)
