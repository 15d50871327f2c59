"""The parts of a report on how well the model answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasnas.report.drawing import COLOURS, GREY, Line, chart, histogram
from kerasnas.report.markup import Markup, facts_table, joined, paragraph, tag
from kerasnas.report.sections import better, with_error
from kerasnas.results.examination import Examination, Numbers
from kerasnas.results.verdict import is_number, number

Facts = Mapping[str, Any]

_DIAGONAL = ((0.0, 0.0), (1.0, 1.0))
_UNIT = (0.0, 1.0)
_PALE = 0.12  # share of the colour that the smallest cell of a confusion matrix has


def sureness(facts: Facts) -> Markup:
    """How far the score can be trusted."""
    given = facts.get("sureness")
    if not given:
        return paragraph("It is not known: no rows were examined.")
    name, compared = facts["objective"]["name"], given["comparison"]
    held_out = with_error(given["held_out"], given["held_out_error"])
    pairs = [
        (f"{name} on the rows that chose the model", number(given["score"])),
        ("the same on rows that had no part in the choice", held_out),
        ("what the choice adds (optimism)", number(given["optimism"])),
        (f"best baseline ({given['baseline']})", number(given["baseline_score"])),
    ]
    if compared:
        gain = f"{number(compared['gain'])} ± {compared['error']:.2g}"
        pairs.append((f"gain over the baseline {compared['baseline']}", gain))
    if given["interval_level"] is not None:
        pairs.append(("intervals or sets hold the truth with", number(given["interval_level"])))
    if given["threshold"] is not None:
        pairs.append(("the second class is answered from", number(given["threshold"])))
    known = [(what, value) for what, value in pairs if value != "-"]
    said = (
        "Choosing the best of many models flatters it: its score on the rows that chose it is a "
        "little too good. The held-out score is the one to expect from new rows of the same kind. "
        "The number behind ± is one standard error."
    )
    warning = Markup("")
    if compared and compared["gain"] <= compared["error"]:
        told = "The gain over the baseline is within noise: it may be chance."
        if compared["gain"] <= 0:
            told = "The model is not better than the baseline on the same rows."
        warning = tag("p", told, class_="warn")
    return joined([warning, paragraph(said), facts_table(known)])


def validation(facts: Facts, labels: Sequence[Any]) -> Markup:
    """Confusion, curves and residuals on the validation rows.

    Args:
        facts: What the report says.
        labels: Names of the classes.
    """
    found = Examination.from_json(facts.get("examination"))
    if not found.rows:
        return paragraph("How the validation rows were answered is not known.")
    parts = [
        paragraph(f"{found.rows} validation rows. No model answered a row that it was trained on.")
    ]
    if found.scores:
        parts.append(facts_table((name, number(v)) for name, v in found.scores.items()))
    if found.confusion:
        parts.append(_confusion(found.confusion, labels))
    positive = str(labels[1]) if len(labels) == 2 else "the second class"
    pictures = [*_rankings(found, positive), *_values(found)]
    return joined([*parts, tag("div", *pictures, class_="figures")])


def curves(facts: Facts) -> Markup:
    """The course of the score over the epochs of the best trials."""
    found = Examination.from_json(facts.get("examination"))
    names = {line["trial_id"]: line["model"] for line in facts["leaderboard"]}
    lines = [
        Line(str(names.get(trial, trial)), points, colour=COLOURS[place % len(COLOURS)])
        for place, (trial, points) in enumerate(found.curves.items())
    ]
    drawn = chart(
        lines,
        "epoch",
        facts["objective"]["name"],
        title=f"The best trials over their epochs; {better(facts['objective'])} is better",
    )
    return drawn or paragraph(
        "No trial has a curve: models on folds, trees and linear models are scored once."
    )


def _confusion(cells: Numbers, labels: Sequence[Any]) -> Markup:
    """Rows by true and answered label, darker where there are more."""
    names = [str(labels[i]) if i < len(labels) else str(i) for i in range(len(cells))]
    most = max((max(row, default=0.0) for row in cells), default=0.0) or 1.0

    def cell(value: float, right: bool) -> Markup:
        share = _PALE + (1 - _PALE) * value / most if value > 0 else 0.0
        colour = "0,114,178" if right else "213,94,0"
        dark = ";color:#fff" if share > 0.6 else ""
        text = f"{value:.0f}" if value == round(value) else number(value)
        return tag("td", text, style=f"background:rgba({colour},{share:.2f}){dark}")

    head = tag("tr", tag("th", "true ↓ answered →"), *(tag("th", name) for name in names))
    rows = [
        tag("tr", tag("th", name), *(cell(v, place == i) for i, v in enumerate(row)))
        for place, (name, row) in enumerate(zip(names, cells, strict=True))
    ]
    whole = tag("table", tag("tbody", head, *rows), class_="confusion")
    told = "Rows by their true and their answered label"
    return tag(
        "figure", tag("div", whole, class_="scrolls"), tag("figcaption", told), class_="wide"
    )


def _rankings(found: Examination, positive: str) -> list[Markup]:
    """ROC, precision and recall, and calibration of two classes."""
    guessing = Line("guessing", _DIAGONAL, "dashed", GREY)
    area = _in_words(found, "auc", "area")
    mean = _in_words(found, "average_precision", "average precision")
    bins = [row[:2] for row in found.reliability]
    drawn = [
        (
            [guessing, Line("model", found.roc)] if found.roc else [],
            ("share of the others taken for it", "share found"),
            f"ROC curve of {positive}{area}",
        ),
        (
            [Line("model", found.precision_recall)] if found.precision_recall else [],
            ("recall: share found", "precision: share that is right"),
            f"Precision and recall of {positive}{mean}",
        ),
        (
            [
                Line("perfect", _DIAGONAL, "dashed", GREY),
                Line("model", bins),
                Line("", bins, "points"),
            ]
            if bins
            else [],
            ("probability that was answered", "share that was so"),
            f"Calibration: how often {positive} is true where it is said",
        ),
    ]
    return [
        chart(lines, *axes, title=title, x_range=_UNIT, y_range=_UNIT)
        for lines, axes, title in drawn
        if lines
    ]


def _values(found: Examination) -> list[Markup]:
    """The truth by the answer, and how far answers are off, of a regression."""
    parts = []
    if found.bands:
        ends = [row[0] for row in found.bands]
        diagonal = ((min(ends), min(ends)), (max(ends), max(ends)))
        lines = [
            Line("perfect", diagonal, "dashed", GREY),
            Line("90 % of the truths are below", [(r[0], r[3]) for r in found.bands]),
            Line("half are", [(r[0], r[2]) for r in found.bands], colour=COLOURS[1]),
            Line("10 % are", [(r[0], r[1]) for r in found.bands], colour=COLOURS[2]),
        ]
        parts.append(chart(lines, "answer", "truth", title="The truth, by what was answered"))
    if found.residuals:
        title = "How far answers are off; the outermost bars hold all beyond them"
        parts.append(histogram(found.residuals, "answer minus truth", title=title))
    return parts


def _in_words(found: Examination, name: str, words: str) -> str:
    value = found.scores.get(name)
    return f", {words} {value:.3f}" if is_number(value) else ""
