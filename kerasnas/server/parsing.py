"""The body of a request as rows: strict JSON, and nothing that is too large or too deep."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kerasnas.data.names import did_you_mean
from kerasnas.server.limits import Limits
from kerasnas.server.refusal import Refusal

_HELP = 'Send {"row": ...} for one row or {"rows": [...]} for several.'
_MOST_DIGITS = 19  # of a whole number that int64 has room for
_JSON_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}


@dataclass(frozen=True)
class Asked:
    """The rows of a request.

    Attributes:
        rows: One or several rows.
        single: Whether the request has one `row`, and not a list of `rows`.
    """

    rows: list[Any]
    single: bool


def asked(body: bytes, limits: Limits) -> Asked:
    """The rows that a body asks for.

    Args:
        body: The body of a request.
        limits: How many rows there may be.

    Raises:
        Refusal: If the body is no JSON of this form, or there are too many rows.
    """
    content = _parsed(body)
    if not isinstance(content, dict):
        raise Refusal(422, f"The body is {json_name(content)}, expected an object. {_HELP}")
    strangers = [name for name in content if name not in ("row", "rows")]
    if strangers:
        hint = did_you_mean(strangers[0], ("row", "rows"))
        raise Refusal(422, f"The body has a key `{_short(strangers[0])}`{hint}. {_HELP}")
    if len(content) != 1:
        raise Refusal(422, f"The body has {len(content)} keys, expected `row` or `rows`. {_HELP}")
    if "row" in content:
        return Asked([content["row"]], single=True)
    rows = content["rows"]
    if not isinstance(rows, list):
        raise Refusal(422, f"`rows` is {json_name(rows)}, expected a list. {_HELP}")
    if not rows:
        raise Refusal(422, f"`rows` is empty, expected at least one row. {_HELP}")
    if len(rows) > limits.rows:
        raise Refusal(
            413,
            f"`rows` has {len(rows)} rows, and this server takes at most {limits.rows} in one "
            "request. Send them in parts.",
        )
    return Asked(rows, single=False)


def json_name(value: Any) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    return _JSON_NAMES.get(type(value), "a number")


def _parsed(body: bytes) -> Any:
    if not body:
        raise Refusal(400, f"The body is empty. {_HELP}")
    try:
        return json.loads(body, parse_constant=_refuse_constant, parse_int=_whole)
    except Refusal:
        raise
    except RecursionError:
        raise Refusal(400, f"The body is nested too deeply. {_HELP}") from None
    except (ValueError, UnicodeDecodeError) as error:
        told = str(error) if isinstance(error, json.JSONDecodeError) else "it is not in UTF-8"
        raise Refusal(400, f"The body is no JSON: {_short(told)}. {_HELP}") from None


def _refuse_constant(name: str) -> None:
    raise Refusal(400, f"The body holds {name}, which is no JSON. Write null for a missing value.")


def _whole(digits: str) -> int | float:
    """A whole number; one that int64 has no room for as `float`, which may be an infinity."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _short(text: str) -> str:
    """The beginning of a text, without what steers a terminal."""
    plain = "".join(c if c.isprintable() else "?" for c in text[:100])
    return plain if len(text) <= 100 else f"{plain}…"
