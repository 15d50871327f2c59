"""The report as a model card: Markdown with the front matter that Hugging Face reads."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from kerasnas.results.verdict import is_number, number

_TASKS = (
    (re.compile("Tabular.*Class"), "tabular-classification"),
    (re.compile("Tabular.*Regress"), "tabular-regression"),
    (re.compile("Image.*Class"), "image-classification"),
    (re.compile("Text.*Class"), "text-classification"),
    (re.compile("Audio.*Class"), "audio-classification"),
    (re.compile("Speech"), "automatic-speech-recognition"),
    (re.compile("Forecast"), "time-series-forecasting"),
)
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~-])")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_MOST_LINES = 12


def model_card(facts: Mapping[str, Any]) -> str:
    """The card.

    Args:
        facts: What the report says; see `facts_of`.
    """
    title = str(facts.get("title", "Search"))
    objective = facts["objective"]
    board = [line for line in facts["leaderboard"] if is_number(line["score"])]
    rows = [
        f"| {_plain(line['model'])} | {number(line['score'])} | {number(line['held_out'])} |"
        for line in board[:_MOST_LINES]
    ]
    columns = facts.get("data", {}).get("columns", ())
    used = ", ".join(_plain(row["name"]) for row in columns if row["used"])
    better = "lower" if objective["direction"] == "min" else "higher"
    return "\n".join(
        [
            *_front_matter(title, facts),
            "",
            f"# {_plain(title)}",
            "",
            *(f"{_plain(said)}  " for said in facts["verdict"]),
            "",
            "## Use",
            "",
            "```python",
            "import keras",
            "",
            'model = keras.models.load_model("model.keras")  # raw data in; needs no kerasnas',
            "```",
            "",
            "## Data",
            "",
            f"Columns: {used}." if used else "The data are not described here.",
            "",
            "## Evaluation",
            "",
            f"| model | {_plain(objective['name'])} ({better} is better) | held out |",
            "|---|---|---|",
            *rows,
            "",
            "## Limits",
            "",
            "The scores hold for rows like those of the search. Rows of another time, place or "
            "group may be answered worse. Nobody has examined the model for fairness.",
            "",
        ]
    )


def _front_matter(title: str, facts: Mapping[str, Any]) -> list[str]:
    task = next((name for pattern, name in _TASKS if pattern.search(title)), None)
    scores = facts.get("examination", {}).get("scores", {})
    lines = ["---", "library_name: keras", "tags:", "- keras", "- kerasnas"]
    if task:
        lines.append(f"pipeline_tag: {task}")
    if scores:
        lines += ["metrics:", *(f"- {json.dumps(str(n))}" for n in list(scores)[:_MOST_LINES])]
    return [*lines, "---"]


def _plain(text: Any) -> str:
    """A text that Markdown shows as it is, on one line."""
    shown = _MARKUP.sub(r"\\\1", " ".join(_UNSHOWN.sub(" ", str(text)).split()))
    return html.escape(shown, quote=False)
