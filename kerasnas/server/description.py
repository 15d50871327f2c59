"""What a served model takes and gives, as a document of OpenAPI."""

from __future__ import annotations

from typing import Any

from kerasnas.server.limits import Limits
from kerasnas.server.served import Served
from kerasnas.version import __version__

_ERRORS = {
    "400": "The body is no JSON.",
    "408": "The body did not arrive in time.",
    "413": "There are too many rows, or the body is too large.",
    "415": "The content type is not that of JSON.",
    "422": "The rows do not fit the model.",
    "429": "Too many requests are waiting.",
}


def describe(model: Served, limits: Limits) -> dict[str, Any]:
    """The document of OpenAPI 3.1 for a served model.

    Args:
        model: The model.
        limits: How much one request may ask for.
    """
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    remarks = {"type": "array", "items": {"type": "string"}}
    rows = {"type": "array", "minItems": 1, "maxItems": limits.rows, "items": _ref("Row")}
    answers = {"type": "array", "items": _ref("Answer")}
    one, several = _form("row", _ref("Row")), _form("rows", rows)
    told_one, told_several = _form("answer", _ref("Answer")), _form("answers", answers)
    for told in (told_one, told_several):
        told["properties"]["remarks"] = remarks
    responses = {
        "200": {"description": "The answers.", **_content({"oneOf": [told_one, told_several]})},
        **{
            status: {"description": sentence, **_content(_ref("Error"))}
            for status, sentence in _ERRORS.items()
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{model.name} of kerasnas", "version": __version__},
        "paths": {
            "/predict": {
                "post": {
                    "summary": "Answers for one row or several",
                    "requestBody": {"required": True, **_content({"oneOf": [one, several]})},
                    "responses": responses,
                }
            },
            "/health": {"get": _simple("Whether the server answers")},
            "/version": {"get": _simple("Versions, and the digest of the file")},
        },
        "components": {
            "schemas": {
                "Row": model.rows.row_schema(),
                "Answer": model.answer_schema(),
                "Error": error,
            }
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _form(key: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [key], "properties": {key: content}}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _simple(summary: str) -> dict[str, Any]:
    answer = {"description": summary, **_content({"type": "object"})}
    return {"summary": summary, "responses": {"200": answer}}
