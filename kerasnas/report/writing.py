"""A report as a file. A file that kerasnas did not write is never replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kerasnas.errors import ArtifactError
from kerasnas.files import check_file, fresh_file
from kerasnas.report.model_card import model_card
from kerasnas.report.page import page

_BYTES_LOOKED_AT = 4096


def _as_json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


# Ending -> how it is written, and the words by which kerasnas knows its own file again.
_FORMS: dict[str, tuple[Callable[[Mapping[str, Any]], str], bytes]] = {
    ".html": (page, b'<meta name="generator" content="kerasnas">'),
    ".json": (_as_json, b'"generator": "kerasnas"'),
    ".md": (model_card, b"tags:\n- keras\n- kerasnas\n"),
}
ENDINGS = tuple(_FORMS)


def check_report_path(path: Any, argument: str = "`path`") -> Path:
    """Whether a report can be written to a path, found out before anything slow.

    Args:
        path: Where the report will go; its ending says the form.
        argument: How the user calls the path.

    Raises:
        ArtifactError: If the ending is another one, or something that is no report is there.
    """
    found = check_file(path, ENDINGS, argument)
    if found.exists() and found.stat().st_size:
        with found.open("rb") as file:
            beginning = file.read(_BYTES_LOOKED_AT)
        if _FORMS[found.suffix][1] not in beginning:
            raise ArtifactError(
                f"'{path}' is there and is no report of kerasnas. Nothing was changed. Choose "
                "another name, or remove the file yourself first."
            )
    return found


def write_report(path: Any, facts: Mapping[str, Any], argument: str = "`path`") -> None:
    """Writes a report: `.html` is a page, `.json` its facts, `.md` a model card.

    Args:
        path: Where to.
        facts: What the report says.
        argument: How the user calls the path.

    Raises:
        ArtifactError: As `check_report_path` does, or if the file cannot be written.
    """
    found = check_report_path(path, argument)
    content = _FORMS[found.suffix][0](facts).encode("utf-8", errors="replace")
    with fresh_file(found, ENDINGS, argument) as fresh:
        fresh.write_bytes(content)
