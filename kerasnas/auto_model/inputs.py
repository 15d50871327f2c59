"""Inputs: the places in a graph where raw data of one modality come in.

Each is a face of an input of `kerasnas.problem.inputs`, which reads the data and lays them out: its
name, the form in which blocks see the data, and what they have to know of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnas.auto_model.backbones import (
    PRETRAINED,
    PlacedBackbone,
    behind_pictures,
    behind_sounds,
    behind_texts,
    where_there,
)
from kerasnas.auto_model.nodes import Node, checked_name
from kerasnas.auto_model.placed import PlacedInput
from kerasnas.clock import Clock
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
    FittedDocuments,
    FittedInput,
    FittedPictures,
    FittedSounds,
    Form,
    Input,
    PictureInput,
    RawRows,
    SeriesInput,
    SoundInput,
    TableInput,
)
from kerasnas.spaces.backbones import SettledEncoder
from kerasnas.spaces.picture_backbones import SettledPretrained
from kerasnas.spaces.sound_backbones import SettledSpeech

_MELS = 40  # bands of a spectrogram
_LONGEST = 4_000  # characters of a text that are looked at
_TERMS = 20_000  # words, pairs of words and runs of characters to know
_MOST_PIXELS = 64  # on the shorter side of an image whose size is not given

__all__ = [
    "AudioInput",
    "ImageInput",
    "InputNode",
    "TabularInput",
    "TensorInput",
    "TextInput",
    "TimeSeriesInput",
]


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

    def fit(
        self, raw: RawRows, train: np.ndarray, clock: Clock, settled: Any = None
    ) -> PlacedInput:
        """Fits the input on training rows.

        Args:
            raw: As `read` gives them.
            train: Indices of the training rows.
            clock: The clock of the fit.
            settled: What `pretrained` of the blocks behind the input comes to.
        """
        fitted = self.source.fit(raw, train)
        form = fitted.form(self.key(fitted))
        reader, facts = self.reader(fitted, raw), self.facts(form, raw, train)
        behind = "" if settled is None else self.behind(fitted, settled, clock)
        if isinstance(behind, str):
            return PlacedInput(fitted=fitted, form=form, reader=reader, facts=facts, note=behind)
        if facts.get("gaps"):
            behind = where_there(form, behind)
        return PlacedInput(
            fitted=fitted,
            form=form,
            reader=reader,
            facts={**facts, PRETRAINED: True},
            example=behind.example,
            sizes=behind.sizes,
            behind=behind,
            note=behind.note,
        )

    def behind(self, fitted: Any, settled: Any, clock: Clock) -> PlacedBackbone | str:
        """The pretrained network behind the input; what to say where there is none.

        Args:
            fitted: The fitted input.
            settled: As in `fit`.
            clock: As in `fit`.
        """
        return ""


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

    def behind(
        self, fitted: FittedPictures, settled: SettledPretrained, clock: Clock
    ) -> PlacedBackbone | str:
        """As `InputNode.behind`."""
        return behind_pictures(fitted, settled, clock, self.size)

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

    def behind(
        self, fitted: FittedDocuments, settled: SettledEncoder, clock: Clock
    ) -> PlacedBackbone | str:
        """As `InputNode.behind`."""
        return behind_texts(fitted, settled, clock)

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

    def behind(
        self, fitted: FittedSounds, settled: SettledSpeech, clock: Clock
    ) -> PlacedBackbone | str:
        """As `InputNode.behind`."""
        return behind_sounds(fitted, settled, clock)
