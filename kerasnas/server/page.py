"""The page to try a row by hand. It holds no script, and everything of users is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from kerasnas.server.refusal import Refusal

_MOST_FIELDS = 2500  # a form of a table has a field for each column

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:46rem;padding:1.5rem}
h1{font-size:1.4rem;margin:0 0 .25rem}
form{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr))}
label{display:block;font-size:.85rem}
label span{opacity:.65}
input{box-sizing:border-box;font:inherit;padding:.4rem .5rem;width:100%}
button{font:inherit;grid-column:1/-1;justify-self:start;padding:.5rem 1.25rem}
.told{border-left:4px solid #1f4e79;margin:1rem 0;overflow-x:auto;padding:.5rem 1rem}
.bad{border-color:#b3261e}
table{border-collapse:collapse}td,th{padding:.15rem 1rem .15rem 0;text-align:left}
pre{overflow-x:auto;white-space:pre-wrap;word-break:break-word}
""".strip()


def typed(body: bytes) -> dict[str, str]:
    """The fields of a form that was sent.

    Raises:
        Refusal: If the body is no form.
    """
    try:
        text = body.decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refusal(400, "The body is no form. Use the page at `/`, or POST /predict.") from None


def page(
    name: str,
    columns: Sequence[tuple[str, str, str]],
    values: Mapping[str, str] | None = None,
    answer: Mapping[str, Any] | None = None,
    remarks: Sequence[str] = (),
    complaint: str = "",
) -> str:
    """The page with a field for each value of a row, and the answer to the row that was sent.

    Args:
        name: Class of the estimator.
        columns: Name, kind and an example of each value.
        values: What was typed.
        answer: The answer to it.
        remarks: What the sender should know of the row.
        complaint: What is wrong with the row.
    """
    given = values or {}
    fields = "".join(_field(column, given) for column in columns)
    told = f'<div class="told bad">{html.escape(complaint)}</div>' if complaint else ""
    if answer is not None:
        told = f'<div class="told">{_answer(answer)}{_remarks(remarks)}</div>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Try a row</title><style>{_STYLE}</style></head><body>"
        f"<h1>Try a row</h1><p>A {html.escape(name)} of kerasnas answers. An empty field is a "
        "missing value. Programs use <code>POST /predict</code>, which "
        '<a href="openapi.json">openapi.json</a> describes.</p>'
        f'{told}<form method="post" action="">{fields}<button>Answer</button></form></body></html>'
    )


def _field(column: tuple[str, str, str], values: Mapping[str, str]) -> str:
    name, kind, example = (html.escape(part, quote=True) for part in column)
    value = html.escape(values.get(column[0], ""), quote=True)
    hint = f"such as {example}" if example else ""
    return (
        f"<label>{name} <span>{kind}</span>"
        f'<input name="{name}" value="{value}" placeholder="{hint}" autocomplete="off"></label>'
    )


def _answer(answer: Mapping[str, Any]) -> str:
    """The answer as a table, the most probable labels first."""
    rows = [
        (key, value if isinstance(value, str) else json.dumps(value))
        for key, value in answer.items()
        if key != "probabilities"
    ]
    shares = answer.get("probabilities", {})
    ranked = sorted(shares.items(), key=lambda item: -(item[1] or 0.0))
    rows += [(f"probability of {label}", f"{share or 0.0:.4f}") for label, share in ranked[:10]]
    cells = (f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows)
    return f"<table>{''.join(cells)}</table>"


def _remarks(remarks: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(remark)}</p>" for remark in remarks)
