"""Models behind HTTP: what each kind of estimator takes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from sklearn.utils.validation import check_is_fitted

from kerasnas.errors import ArtifactError
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.forecast import TimeSeriesForecaster
from kerasnas.estimators.kinds import Classifier, Regressor
from kerasnas.estimators.speech import SpeechRecognizer
from kerasnas.server.answers import ServedModel, plain
from kerasnas.server.contents import PictureRows, SoundRows
from kerasnas.server.limits import Limits
from kerasnas.server.refusal import Refusal
from kerasnas.server.rows import RowForm, TableRows, TextRows, with_remarks
from kerasnas.server.series import SeriesRows


class Served(Protocol):
    """A model that answers rows of JSON."""

    @property
    def name(self) -> str:
        """Class of the estimator."""

    @property
    def rows(self) -> RowForm:
        """What rows look like."""

    def warm_up(self) -> None:
        """Traces the model, so that the first request does not wait for it."""

    def answers(self, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """An answer for each row, and what the sender should know; `Refusal` for odd rows."""

    def answer_schema(self) -> dict[str, Any]:
        """One answer as JSON Schema."""


class ServedRecognizer:
    """A recogniser of speech that answers with texts.

    Args:
        estimator: The fitted recogniser.
        limits: How much one request may ask for.
    """

    def __init__(self, estimator: SpeechRecognizer, limits: Limits) -> None:
        self.name = type(estimator).__name__
        self.estimator = estimator
        self.rows = SoundRows(estimator.schema_, limits)

    def warm_up(self) -> None:
        """Traces the model."""
        self.estimator.predict(list(self.estimator.schema_.probe()))

    def answers(self, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """The text of each recording."""
        read = self.rows.read(rows)
        rate = self.estimator.schema_.sample_rate
        texts = self.estimator.predict([(wave, rate) for wave in read.raw])
        return [{"prediction": text} for text in texts.tolist()], read.remarks

    def answer_schema(self) -> dict[str, Any]:
        """A text."""
        text = {"type": "string"}
        return {"type": "object", "required": ["prediction"], "properties": {"prediction": text}}


class ServedForecaster:
    """A forecaster that continues the series of each row.

    Args:
        estimator: The fitted forecaster.
    """

    def __init__(self, estimator: TimeSeriesForecaster) -> None:
        self.name = type(estimator).__name__
        self.estimator = estimator
        reader: Any = estimator.fitted_.reader
        self.rows = SeriesRows(reader.schema)

    def warm_up(self) -> None:
        """Traces the model."""
        fitted = self.estimator.fitted_
        fitted.traced(fitted.reader.probe())

    def answers(self, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """The forecast for each row, step by step."""
        found: list[dict[str, Any]] = []
        remarks: list[str] = []
        for place, row in enumerate(rows):
            try:
                frames: dict[str, Any] = self.rows.read(row)
            except ValueError as error:
                raise Refusal(422, f"Row {place} {error}.") from None
            forecast, told = with_remarks(partial(self.estimator.predict, **frames))
            steps = forecast.reset_index().to_dict("records")
            found.append({"forecast": [{str(k): plain(v) for k, v in s.items()} for s in steps]})
            remarks += told
        return found, tuple(dict.fromkeys(remarks))

    def answer_schema(self) -> dict[str, Any]:
        """A list of steps."""
        steps = {"type": "array", "items": {"type": "object"}}
        return {"type": "object", "required": ["forecast"], "properties": {"forecast": steps}}


def served(estimator: Estimator, limits: Limits) -> Served:
    """A fitted estimator as what answers rows of JSON.

    Args:
        estimator: The estimator.
        limits: How much one request may ask for.

    Raises:
        ArtifactError: If no JSON describes its inputs.
    """
    name = type(estimator).__name__
    known = isinstance(estimator, Classifier | Regressor | TimeSeriesForecaster | SpeechRecognizer)
    if not known:
        raise ArtifactError(
            f"`kerasnas serve` takes models of one table, of texts, images, sounds or series, and "
            f"this is a {name}. Load it with `kerasnas.load(path).predict(...)`, or export it for "
            "TensorFlow Serving."
        )
    check_is_fitted(estimator)
    if isinstance(estimator, TimeSeriesForecaster):
        return ServedForecaster(estimator)
    if isinstance(estimator, SpeechRecognizer):
        return ServedRecognizer(estimator, limits)
    reader: Any = estimator.fitted_.reader
    if name.startswith("Text"):
        return ServedModel(estimator, TextRows(reader, reader.columns if reader.named else ()))
    if name.startswith("Image"):
        return ServedModel(estimator, PictureRows(reader, limits))
    if name.startswith("Audio"):
        return ServedModel(estimator, SoundRows(reader, limits))
    return ServedModel(estimator, TableRows(reader))
