"""The report as one page of HTML: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerasnas.report import answers, examples, forecasts, sections
from kerasnas.report.markup import Markup, joined, paragraph, table, tag
from kerasnas.report.style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_WORDS = (
    ("trial", "one configuration of a model, trained and scored"),
    ("baseline", "a simple model on the same rows: what the search has to beat"),
    ("validation rows", "rows that a trial was not trained on; their scores choose the model"),
    ("held out", "the score on rows that had no part in that choice either"),
    ("ensemble", "several trials in one file, whose answers are averaged"),
    ("log loss", "how surprised the model is by the truth; 0 is perfect, lower is better"),
    ("accuracy", "share of rows whose label is right; higher is better"),
    ("AUC", "how well rows are put in order; 0.5 is guessing, 1 is perfect"),
    ("RMSE, MAE", "typical distance from the truth, in its unit; lower is better"),
    ("R²", "share of the spread that is explained; 1 is perfect"),
)


def page(facts: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        facts: What the report says; see `facts_of`.
    """
    labels = facts.get("data", {}).get("classes") or []
    parts = [
        ("asked", "What was asked", sections.asked(facts)),
        ("data", "The data", sections.data(facts)),
        ("tried", "What was tried", sections.tried(facts)),
        ("winner", "The model that answers", sections.winner(facts)),
        ("sure", "How sure we are", answers.sureness(facts)),
        ("answers", "Answers to the validation rows", answers.validation(facts, labels)),
        ("forecast", "The next forecast", forecasts.forecasts(facts)),
        ("mistakes", "The worst mistakes", examples.mistakes(facts)),
        ("curves", "Learning curves", answers.curves(facts)),
        ("importance", "What the answer depends on", sections.importance(facts)),
        ("cost", "Cost and speed", sections.cost(facts)),
        ("load", "How to use the file", _loading()),
        ("words", "Words", table(("word", "meaning"), _WORDS)),
    ]
    parts = [part for part in parts if part[2]]
    links = joined([tag("a", title, href=f"#{name}") for name, title, _ in parts])
    body = [tag("section", tag("h2", title), content, id=name) for name, title, content in parts]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    title = facts.get("title", "Search")
    head = [
        tag("p", f"Report of a search with {versions}", class_="muted"),
        tag("h1", title),
        _verdict(facts),
        tag("nav", links),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="generator" content="kerasnas">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"{tag('title', f'{title}: report')}<style>{STYLE}</style></head>"
        f"<body>{tag('main', *head, *body)}</body></html>\n"
    )


def _verdict(facts: Mapping[str, Any]) -> Markup:
    lines = zip(("Answer", "Score", "Next"), facts["verdict"], strict=True)
    said = [paragraph(tag("b", name), tag("span", text)) for name, text in lines]
    return tag("section", *said, class_="verdict")


def _loading() -> Markup:
    with_it = (
        'import kerasnas as kn\n\nmodel = kn.load("model.keras")\n'
        "model.predict(new)         # raw data, as in fit"
    )
    without = (
        'import keras\n\nmodel = keras.models.load_model("model.keras")\n'
        "model.predict(inputs)      # raw data as arrays; no kerasnas needed"
    )
    first = (
        "The model is one file that takes raw data: whatever prepares the data is inside. With "
        "kerasnas it answers with labels and types as they were in training:"
    )
    second = "In plain Keras it answers with probabilities or numbers:"
    return joined([paragraph(first), tag("pre", with_it), paragraph(second), tag("pre", without)])
