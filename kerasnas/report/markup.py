"""HTML in which every text is escaped, whoever it comes from."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_MOST_CHARACTERS = 300  # of one text of the user's


class Markup(str):
    """A piece of HTML that is safe as it is. A plain string is not: it is escaped first."""

    __slots__ = ()


def escaped_text(value: Any) -> Markup:
    """A value as HTML that shows it and does nothing.

    Args:
        value: Any value; long texts are cut, and characters that no page may hold are replaced.
    """
    if isinstance(value, Markup):
        return value
    text = _CONTROL.sub("�", str(value))
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}…"
    return Markup(html.escape(text, quote=True))


def tag(name: str, *children: Any, **attributes: Any) -> Markup:
    """An element with its children.

    Args:
        name: Name of the element.
        children: Markup, or texts that are escaped.
        attributes: Its attributes; an underscore stands for a hyphen, and one at the end is
            dropped, as in `class_`.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped_text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: Iterable[Any]) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(escaped_text(child) for child in children))


def paragraph(*children: Any) -> Markup:
    """A paragraph."""
    return tag("p", *children)


def table(
    head: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    *,
    numbers: Sequence[int] = (),
    marked: int | None = None,
) -> Markup:
    """A table that scrolls by itself where the page is narrow.

    Args:
        head: Names of the columns.
        rows: Cells of the rows.
        numbers: Places of columns that hold numbers, which stand to the right.
        marked: Place of a row that stands out.
    """

    def cells(kind: str, row: Sequence[Any]) -> Markup:
        return joined(
            tag(kind, cell, class_="number" if place in numbers else None)
            for place, cell in enumerate(row)
        )

    body = joined(
        tag("tr", cells("td", row), class_="marked" if place == marked else None)
        for place, row in enumerate(rows)
    )
    whole = tag("table", tag("thead", tag("tr", cells("th", head))), tag("tbody", body))
    return tag("div", whole, class_="scrolls")


def facts_table(pairs: Iterable[tuple[str, Any]]) -> Markup:
    """A table of names and values, without a head."""
    rows = joined(tag("tr", tag("th", name), tag("td", value)) for name, value in pairs)
    return tag("div", tag("table", tag("tbody", rows), class_="pairs"), class_="scrolls")
