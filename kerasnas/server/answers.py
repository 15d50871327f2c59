"""The answers of a model as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.kinds import Classifier
from kerasnas.server.rows import JsonReader, ReadRows


class ServedModel:
    """An estimator that answers rows of JSON.

    Args:
        estimator: A fitted classifier or regressor.
        rows: Reads rows of JSON for it.
    """

    def __init__(self, estimator: Estimator, rows: JsonReader) -> None:
        self.name = type(estimator).__name__
        self.rows = rows
        self.fitted = estimator.fitted_
        self.labels = (
            [str(label) for label in estimator.classes_]
            if isinstance(estimator, Classifier)
            else None
        )

    def warm_up(self) -> None:
        """Traces the model, so that the first request does not wait for it."""
        self.fitted.traced(self.fitted.reader.probe())

    def answers(self, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """An answer for each row, and what the sender should know of the rows.

        Args:
            rows: Rows of JSON.

        Raises:
            Refusal: If the rows do not fit the model.
        """
        read: ReadRows = self.rows.read(rows)
        outputs = self.fitted.outputs(read.raw)
        around = bool(self.fitted.decisions.intervals)
        values = outputs["prediction"] if around else outputs
        decided = self.fitted.decide(values)
        found = [{"prediction": plain(answer)} for answer in decided]
        if self.labels is not None:
            for answer, row in zip(found, values, strict=True):
                answer["probabilities"] = dict(zip(self.labels, plain(row), strict=True))
        if around:
            for place, answer in enumerate(found):
                answer.update(self._around(outputs, place))
        return found, read.remarks

    def answer_schema(self) -> dict[str, Any]:
        """One answer as JSON Schema."""
        properties: dict[str, Any] = {"prediction": {}}
        if self.labels is not None:
            number = {"type": ["number", "null"]}
            properties["probabilities"] = {
                "type": "object",
                "properties": dict.fromkeys(self.labels, number),
            }
        if self.fitted.decisions.intervals:
            names = ("set",) if self.labels is not None else ("lower", "upper")
            properties.update({name: {} for name in names})
        return {"type": "object", "required": ["prediction"], "properties": properties}

    def _around(self, outputs: Any, place: int) -> dict[str, Any]:
        """The interval or the set of one row."""
        if self.labels is not None:
            inside = zip(self.labels, outputs["set"][place], strict=True)
            return {"set": [label for label, there in inside if there]}
        return {end: plain(np.squeeze(outputs[end][place])) for end in ("lower", "upper")}


def plain(value: Any) -> Any:
    """A label, a number, a time or several of them as values of JSON."""
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.tolist()]
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else str(value)
