"""The part of a report that shows single rows: those that are answered worst."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasnas.data import MISSING_DATETIME, ClassTarget
from kerasnas.data.images import ImageReader
from kerasnas.data.sound_reader import SoundReader
from kerasnas.data.table_reader import TableReader
from kerasnas.data.texts import TextReader
from kerasnas.report.markup import Markup, joined, paragraph, table
from kerasnas.results.fitted import Fitted
from kerasnas.results.verdict import is_number, number

_COLUMNS = 6  # of a table that are shown
_SIDE = 96  # pixels of the longer side of an image
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")


def mistake_facts(fitted: Fitted, important: Sequence[str]) -> dict[str, Any]:
    """The validation rows that are answered worst, as plain values.

    Args:
        fitted: The answer of the search.
        important: Columns of a table, the most important first.
    """
    if fitted.origin is None:
        return {"note": "The rows of `fit` are not in the file."}
    found = fitted.origin.mistakes
    if found is None:
        return {"note": "They are shown for classes, and for one number a row."}
    target = fitted.target

    def said(value: Any) -> Any:
        return target.classes_[int(value)] if isinstance(target, ClassTarget) else float(value)

    rows = [
        {
            "row": int(place),
            "truth": said(found.truths[i]),
            "answer": said(found.answers[i]),
            "share": float(found.shares[i]) if isinstance(target, ClassTarget) else None,
            **_shown(fitted.reader, found.raw, i, important),
        }
        for i, place in enumerate(found.places)
    ]
    return {"rows": rows}


def mistakes(facts: Mapping[str, Any]) -> Markup:
    """The worst mistakes as a table."""
    given = facts.get("mistakes", {})
    rows = given.get("rows", [])
    if not rows:
        return paragraph(given.get("note", "No validation row was answered wrongly."))
    names = [name for name in rows[0] if name not in ("row", "truth", "answer", "share")]
    shares = is_number(rows[0]["share"])
    head = ["row", "truth", "answer", *(["probability"] if shares else []), *names]
    cells = [
        [
            row["row"],
            cell(row["truth"]),
            cell(row["answer"]),
            *([f"{row['share']:.2f}"] if shares else []),
            *(cell(row.get(name)) for name in names),
        ]
        for row in rows
    ]
    told = (
        "The true class had the least probability in these rows."
        if shares
        else ("The answers to these rows are the farthest from the truth.")
    )
    places = "Places of rows count from 0. A label in the data may be wrong, too."
    return joined([paragraph(f"{told} {places}"), table(head, cells)])


def _shown(reader: Any, raw: Any, place: int, important: Sequence[str]) -> dict[str, Any]:
    """What people can look at of one row."""
    if isinstance(reader, TableReader):
        used = [column.name for column in reader.schema.used]
        first = [name for name in important if name in used] or used
        kinds = {column.name: column.kind for column in reader.schema.used}
        return {name: _value(raw[name][place], kinds[name]) for name in first[:_COLUMNS]}
    if isinstance(reader, TextReader):
        return {name or "text": str(texts[place]) for name, texts in raw.columns.items()}
    if isinstance(reader, ImageReader):
        return {"image": thumbnail(raw.one(place, reader.channels), reader.low, reader.high)}
    if isinstance(reader, SoundReader):
        return {"seconds": len(raw[place]) / reader.sample_rate}
    return {}


def _value(value: Any, kind: str) -> Any:
    if kind == "datetime":
        return "" if value == MISSING_DATETIME else str(np.datetime64(int(value), "s"))
    return value.item() if isinstance(value, np.generic) else value


def thumbnail(image: np.ndarray, low: float, high: float) -> str:
    """A small picture of an image, as an address that holds it.

    Args:
        image: Pixels, `(height, width, channels)`.
        low: The pixel that is black.
        high: The pixel that is white.
    """
    from PIL import Image

    scaled = (image.astype("float64") - low) / max(high - low, 1e-9)
    pixels = np.rint(255 * np.clip(scaled, 0.0, 1.0)).astype("uint8")
    pixels = pixels[:, :, :3] if pixels.shape[2] >= 3 else pixels[:, :, 0]
    picture = Image.fromarray(pixels)
    times = _SIDE / max(picture.size)
    size = [max(1, round(side * times)) for side in picture.size]
    file = io.BytesIO()
    picture.resize(size, Image.Resampling.BOX if times < 1 else Image.Resampling.NEAREST).save(
        file, "PNG"
    )
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def cell(value: Any) -> Any:
    """A value as a cell of the table; the address of a picture as the picture."""
    if isinstance(value, str) and _PNG.fullmatch(value):
        return Markup(f'<img alt="the image" src="{value}">')
    return number(value) if isinstance(value, float) else "" if value is None else value
