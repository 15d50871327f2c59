"""The page to try a row by hand. It holds no script, and everything of users is escaped."""

from __future__ import annotations

import base64
import html
import json
import re
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
.wide{grid-column:1/-1}
input,textarea{box-sizing:border-box;font:inherit;padding:.4rem .5rem;width:100%}
button{background:#1f4e79;border:0;border-radius:4px;color:#fff;cursor:pointer;font:inherit;
grid-column:1/-1;justify-self:start;padding:.5rem 1.25rem}
.told{border-left:4px solid #1f4e79;margin:1rem 0;overflow-x:auto;padding:.5rem 1rem}
.bad{border-color:#b3261e}
table{border-collapse:collapse}td,th{padding:.15rem 1rem .15rem 0;text-align:left}
pre{overflow-x:auto;white-space:pre-wrap;word-break:break-word}
""".strip()


_FORM = "application/x-www-form-urlencoded"
_UPLOAD = "multipart/form-data"


def form_type(columns: Sequence[tuple[str, str, str]]) -> str:
    """The content type of the form with these fields."""
    return _UPLOAD if any(kind == "file" for _, kind, _ in columns) else _FORM


def typed(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form that was sent; files in base64.

    Args:
        body: The body of the request.
        content_type: Its header.

    Raises:
        Refusal: If the body is no form.
    """
    if content_type.lower().startswith(_UPLOAD):
        return _uploaded(body, content_type)
    try:
        text = body.decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refusal(400, "The body is no form. Use the page at `/`, or POST /predict.") from None


def _uploaded(body: bytes, content_type: str) -> dict[str, str]:
    """The files of a form by the names of their fields, in base64."""
    boundary = re.search(r'boundary="?([^";,\s]{1,70})', content_type)
    if boundary is None:
        raise Refusal(400, "The body is no form. Use the page at `/`, or POST /predict.")
    found = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if name is not None:
            found[name[1].decode("utf-8", "replace")] = base64.b64encode(content).decode("ascii")
    return found


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
        f"<h1>Try a row</h1><p>A {html.escape(name)} of kerasnas answers. {_hint(columns)} "
        "Programs use <code>POST /predict</code>, which "
        '<a href="openapi.json">openapi.json</a> describes.</p>'
        f'{told}<form method="post" action="" enctype="{form_type(columns)}">{fields}'
        "<button>Answer</button></form></body></html>"
    )


def _hint(columns: Sequence[tuple[str, str, str]]) -> str:
    """What an empty field means."""
    kinds = {kind for _, kind, _ in columns}
    if "file" in kinds:
        return "Choose a file."
    if "table" in kinds:
        return "Without a history it goes on from the last steps that it has learnt from."
    return "An empty field is a missing value."


def _field(column: tuple[str, str, str], values: Mapping[str, str]) -> str:
    name, kind, example = (html.escape(part, quote=True) for part in column)
    if kind == "file":
        return f'<label>{name} <input type="file" name="{name}" required></label>'
    value = html.escape(values.get(column[0], ""), quote=True)
    if kind == "table":
        return (
            f'<label class="wide">{name} <span>rows in CSV</span><textarea name="{name}" rows="8" '
            f'placeholder="{example}">{value}</textarea></label>'
        )
    hint = f"such as {example}" if example else ""
    return (
        f"<label>{name} <span>{kind}</span>"
        f'<input name="{name}" value="{value}" placeholder="{hint}" autocomplete="off"></label>'
    )


def _answer(answer: Mapping[str, Any]) -> str:
    """The answer as a table, the most probable labels first."""
    if "forecast" in answer:
        return _steps(answer["forecast"])
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


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    """A forecast as a table with a row for each step."""

    def shown(value: Any) -> str:
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    head = "".join(f"<th>{html.escape(name)}</th>" for name in steps[0])
    rows = (
        f"<tr>{''.join(f'<td>{html.escape(shown(v))}</td>' for v in step.values())}</tr>"
        for step in steps
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _remarks(remarks: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(remark)}</p>" for remark in remarks)
