"""Inputs: the places in a graph where raw data of one modality come in.

Each is a face of an input of `kerasnas.problem.inputs`, which reads the data and lays them out: its
name, the form in which blocks see the data, and what they have to know of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph, Fronts
from kerasnas.auto_model.nodes import Node, checked_name
from kerasnas.data import Reader
from kerasnas.data.gaps import GapReader
from kerasnas.data.images import ImageReader
from kerasnas.errors import SchemaError
from kerasnas.preprocessing.images import ImageForm, statistics
from kerasnas.preprocessing.sounds import SoundForm, usual_hop
from kerasnas.preprocessing.texts.forms import Terms
from kerasnas.problem.inputs import (
    ArrayInput,
    DocumentInput,
    FittedInput,
    Form,
    Input,
    PictureInput,
    RawRows,
    SeriesInput,
    SoundInput,
    TableInput,
)

_MELS = 40  # bands of a spectrogram
_LONGEST = 4_000  # characters of a text that are looked at
_TERMS = 20_000  # words, pairs of words and runs of characters to know
_MOST_PIXELS = 64  # on the shorter side of an image whose size is not given

__all__ = [
    "AudioInput",
    "ImageInput",
    "InputNode",
    "PlacedInput",
    "TabularInput",
    "TensorInput",
    "TextInput",
    "TimeSeriesInput",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class InputShape:
    """What blocks see of an input.

    Attributes:
        form: Rows as blocks see them.
        facts: What blocks need to know, such as the number of categories of embedded columns.
    """

    form: Form
    facts: Mapping[str, Any] = field(default_factory=dict)

    def without_rows(self) -> InputShape:
        """The same with one row, which tells as much of their shape as all."""
        # Only where rows differ in length the front tells more than they do.
        front: Fronts = self.form.front if self.form.ragged else {}
        form = Form(self.form.take(np.arange(1)), front, self.form.ragged, self.form.facts)
        return InputShape(form=form, facts=self.facts)


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedInput(InputShape):
    """One input of a graph, fitted on training rows.

    Attributes:
        fitted: The input itself.
        reader: Reads new data.
    """

    fitted: FittedInput
    reader: Reader

    @property
    def front(self) -> FrontGraph:
        """The graph from raw data to what blocks see."""
        assert isinstance(self.form.front, FrontGraph), "an input has one front"
        return self.form.front


class InputNode(Node):
    """The beginning of a graph: raw data of one modality, by name.

    Args:
        name: Key of the data in the dicts that `fit` and `predict` take.
    """

    gives = "array"

    def __init__(self, name: str) -> None:
        self.name = checked_name(name)
        super().__init__(self, (), self.gives)

    @property
    def source(self) -> Input:
        """What reads the data."""
        raise NotImplementedError

    def key(self, fitted: FittedInput) -> Any:
        """The form in which blocks see the data."""
        return None

    def reader(self, fitted: FittedInput, raw: RawRows) -> Reader:
        """Reads new data."""
        return fitted.reader

    def facts(self, form: Form, raw: RawRows, train: np.ndarray) -> Mapping[str, Any]:
        """What blocks need to know of a form."""
        return form.facts

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Checks raw data.

        Args:
            x: Rows given to `fit`.
            further: Rows to validate with, which follow, or `None`.

        Raises:
            SchemaError: If they cannot be used.
        """
        try:
            return self.source.read(x, further)
        except SchemaError as error:
            raise SchemaError(f"Input `{self.name}`: {error}") from error

    def fit(self, raw: RawRows, train: np.ndarray) -> PlacedInput:
        """Fits the input on training rows.

        Args:
            raw: As `read` gives them.
            train: Indices of the training rows.
        """
        fitted = self.source.fit(raw, train)
        form = fitted.form(self.key(fitted))
        reader, facts = self.reader(fitted, raw), self.facts(form, raw, train)
        return PlacedInput(fitted=fitted, form=form, reader=reader, facts=facts)


class GappyInput(InputNode):
    """An input of which a row may have nothing: `None`, NaN, or the path of no file.

    Such a row is zeros from the reader on. Blocks hear of it by the fact `gaps`, and only where
    rows of `fit` have nothing.
    """

    def reader(self, fitted: FittedInput, raw: RawRows) -> Reader:
        """As `InputNode.reader`."""
        inner: Any = fitted.reader
        return GapReader(inner, known=raw.there is not None)

    def facts(self, form: Form, raw: RawRows, train: np.ndarray) -> Mapping[str, Any]:
        """As `InputNode.facts`."""
        return {**form.facts, "gaps": raw.there is not None}


class TabularInput(InputNode):
    """A table: a DataFrame, a dict of columns, a 2-D array, a list of rows.

    Args:
        name: Key of the table in the dicts that `fit` and `predict` take; its columns are
            `name.column` in the exported model.
        column_kinds: Kind by column, where it is not to be guessed.
    """

    gives = "table"

    def __init__(self, name: str, column_kinds: Mapping[str, str] | None = None) -> None:
        super().__init__(name)
        self.column_kinds = column_kinds

    @property
    def source(self) -> TableInput:
        """As `InputNode.source`."""
        return TableInput(self.column_kinds)

    def key(self, fitted: FittedInput) -> str:
        """As `InputNode.key`."""
        return "features"


class TensorInput(InputNode):
    """Numbers as they are, rows of one shape; scaled by the training rows' mean and deviation."""

    @property
    def source(self) -> ArrayInput:
        """As `InputNode.source`."""
        return ArrayInput()


class TimeSeriesInput(InputNode):
    """Series of the same number of steps, one or several channels each.

    An array `(rows, steps, channels)`, or `(rows, steps)` for one channel; each channel is scaled
    by its mean and deviation in the training rows. To forecast series, `TimeSeriesForecaster` makes
    such windows by itself.
    """

    gives = "series"

    @property
    def source(self) -> SeriesInput:
        """As `InputNode.source`."""
        return SeriesInput()


class ImageInput(GappyInput):
    """Images: an array `(rows, height, width[, channels])`, a list of arrays or paths, a folder.

    A row may have none: `None`, NaN, or the path of no file. In the exported file it is zeros.

    Args:
        name: Key of the images in the dicts that `fit` and `predict` take.
        size: Height and width that networks see; `None` for the images' own, at most 64 of them on
            the shorter side.
    """

    gives = "image"

    def __init__(self, name: str, size: tuple[int, int] | None = None) -> None:
        super().__init__(name)
        self.size = size

    @property
    def source(self) -> PictureInput:
        """As `InputNode.source`."""
        return PictureInput(gaps=True)

    def key(self, fitted: FittedInput) -> ImageForm:
        """As `InputNode.key`."""
        reader: Any = fitted.reader
        return ImageForm(*self._size(reader), "stretch")

    def facts(self, form: Form, raw: RawRows, train: np.ndarray) -> Mapping[str, Any]:
        """As `InputNode.facts`: mean and variance of the channels of the training rows."""
        there = train if raw.there is None else train[raw.there[train]]
        seen = there if len(there) else train
        return {**super().facts(form, raw, train), "statistics": statistics(form.data[seen])}

    def _size(self, reader: ImageReader) -> tuple[int, int]:
        if self.size is not None:
            return self.size
        height, width = reader.typical
        shrink = min(1.0, _MOST_PIXELS / min(height, width))
        return max(8, round(height * shrink)), max(8, round(width * shrink))


class TextInput(InputNode):
    """Texts, one a row: a list, a Series, an array of strings, a frame with one column.

    Texts are seen as weighted terms: words, pairs of words and runs of characters of any script.
    """

    gives = "text"

    @property
    def source(self) -> DocumentInput:
        """As `InputNode.source`."""
        return DocumentInput(_LONGEST)

    def key(self, fitted: FittedInput) -> Terms:
        """As `InputNode.key`."""
        return Terms(vocabulary=_TERMS)

    def read(self, x: Any, further: Any = None) -> RawRows:
        """As `InputNode.read`.

        Raises:
            SchemaError: If these are no texts, or there are several columns of them.
        """
        raw = super().read(x, further)
        columns = list(raw.data.columns)
        if len(columns) > 1:
            raise SchemaError(
                f"Input `{self.name}` has the text columns {', '.join(columns)}; give each a "
                "`TextInput` of its own."
            )
        return raw


class AudioInput(GappyInput):
    """Sounds, one a row: arrays, pairs of array and sample rate, or paths of files; of any length.

    Sounds are heard as log-mel spectrograms. A row may have none: `None`, NaN, or the path of no
    file. In the exported file it is silence.

    Args:
        name: Key of the sounds in the dicts that `fit` and `predict` take.
        sample_rate: Samples a second of arrays, and the rate to train at; `None` takes that of
            most files.
    """

    gives = "sound"

    def __init__(self, name: str, sample_rate: int | None = None) -> None:
        super().__init__(name)
        self.sample_rate = sample_rate

    @property
    def source(self) -> SoundInput:
        """As `InputNode.source`."""
        return SoundInput(self.sample_rate, gaps=True)

    def key(self, fitted: FittedInput) -> SoundForm:
        """As `InputNode.key`."""
        reader: Any = fitted.reader
        hop = usual_hop(reader)
        return SoundForm("mel", max(16, round(2.5 * hop)), hop, _MELS)
