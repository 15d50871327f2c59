"""Inputs: raw data of one modality, read, fitted and laid out for a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnas.auto_model.arrays import ArrayReader
from kerasnas.auto_model.nodes import Node, checked_name
from kerasnas.baselines import (
    Evidence,
    array_evidence,
    picture_evidence,
    sound_evidence,
    table_evidence,
    term_evidence,
)
from kerasnas.data import (
    Reader,
    TableReader,
    infer_schema,
    ingest,
    own_numbers,
    to_frame,
    warn_of_schema,
)
from kerasnas.data.documents import Documents, to_documents
from kerasnas.data.images import ImageReader, fit_image_reader, usable
from kerasnas.data.pictures import joined, to_pictures
from kerasnas.data.sound_reader import fit_sound_reader
from kerasnas.data.sounds import to_sounds
from kerasnas.data.stored import StoredRows, held
from kerasnas.data.texts import fit_text_reader
from kerasnas.errors import SchemaError
from kerasnas.preprocessing import fit_preprocessing, input_dtype
from kerasnas.preprocessing.images import ImageForm, front, pixels, statistics, thumbnails
from kerasnas.preprocessing.sounds import SoundForm, heard, summaries, usual_hop
from kerasnas.preprocessing.sounds import front as sound_front
from kerasnas.preprocessing.texts.forms import Terms, fit_terms

_MELS = 40  # bands of a spectrogram
_LONGEST = 4_000  # characters of a text that are looked at
_TERMS = 20_000  # words, pairs of words and runs of characters to know
_MOST_PIXELS = 64  # on the shorter side of an image whose size is not given

__all__ = [
    "AudioInput",
    "FittedInput",
    "ImageInput",
    "Input",
    "Read",
    "TabularInput",
    "TensorInput",
    "TextInput",
    "TimeSeriesInput",
]


@dataclass(frozen=True, eq=False)
class FittedInput:
    """One input, fitted on training rows.

    Attributes:
        reader: Reads new data.
        data: Features of all rows, in the structure that the network takes.
        front: Graph from raw tensors to features; it takes one tensor, or a list of them in the
            order of `raw`. `None` where the network takes raw data.
        raw: Shape of a row and dtype of the raw tensor, or of each by its name.
        facts: What blocks need to know, such as the number of categories of embedded columns.
        sources: From the input's name to the Keras inputs of the network, where they are not of
            the shape of `data`.
        evidence: What the baselines see of the input; `None` for nothing.
    """

    reader: Reader
    data: Any
    front: keras.Model | None
    raw: Any
    facts: Mapping[str, Any] = field(default_factory=dict)
    sources: Callable[[str], Any] | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, eq=False)
class Read:
    """One input, checked, all rows.

    Attributes:
        rows: Their number.
        fit: From the indices of training rows to the fitted input.
    """

    rows: int
    fit: Callable[[np.ndarray], FittedInput]


class Input(Node):
    """The beginning of a graph: raw data of one modality, by name."""

    gives = "array"

    def __init__(self, name: str) -> None:
        self.name = checked_name(name)
        super().__init__(self, (), self.gives)

    def read(self, x: Any, further: Any = None) -> Read:
        """Checks raw data.

        Args:
            x: Rows given to `fit`.
            further: Rows to validate with, which follow, or `None`.
        """
        raise NotImplementedError


class TabularInput(Input):
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

    def read(self, x: Any, further: Any = None) -> Read:
        """Infers the schema and checks the columns."""
        frame, named = to_frame(x)
        schema = infer_schema(frame, self.column_kinds, named=named)
        warn_of_schema(schema, stacklevel=4)
        raw = ingest(frame, schema, named=named)
        own = own_numbers(frame, schema)
        if further is not None:
            more, more_named = to_frame(further)
            extra = ingest(more, schema, named=more_named)
            others = own_numbers(more, schema)
            own = {name: np.concatenate([values, others[name]]) for name, values in own.items()}
            raw = {name: np.concatenate([values, extra[name]]) for name, values in raw.items()}

        def fit(train: np.ndarray) -> FittedInput:
            front = fit_preprocessing({n: v[train] for n, v in raw.items()}, schema)
            matrix = front.transform(raw)
            return FittedInput(
                reader=TableReader(schema, dict(front.probe)),
                data=matrix,
                front=front.model,
                evidence=table_evidence(
                    front.columns, raw, matrix, len(front.embedded), train, own
                ),
                raw={c.name: ((1,), input_dtype(c)) for c in front.columns},
                facts={"embedded": tuple(front.embedded.values())},
            )

        return Read(len(next(iter(raw.values()))), fit)


class TensorInput(Input):
    """Numbers as they are, rows of one shape; scaled by the training rows' mean and deviation."""

    gives = "array"

    def read(self, x: Any, further: Any = None) -> Read:
        """Checks the numbers."""
        reader = ArrayReader(np.shape(x)[1:])
        values = reader.read(x, f"Input `{self.name}`")
        if further is not None:
            values = np.concatenate([values, reader.read(further, f"Input `{self.name}`")])

        def fit(train: np.ndarray) -> FittedInput:
            axis = self._shared(values.ndim)
            mean, deviation = values[train].mean(axis), values[train].std(axis)
            raw = keras.Input(reader.shape)
            scaled = keras.layers.Normalization(
                axis=-1 if np.ndim(mean) else None,
                mean=mean,
                variance=np.maximum(deviation, 1e-6) ** 2,
            )(raw)
            front = keras.Model(raw, scaled)
            data = front.predict(values, verbose=0)
            return FittedInput(
                reader=reader,
                data=data,
                front=front,
                evidence=array_evidence(data),
                raw=(reader.shape, "float32"),
            )

        return Read(len(values), fit)

    def _shared(self, axes: int) -> tuple[int, ...]:
        """Axes whose values have one scale together."""
        return tuple(range(axes - 1)) if axes > 2 else (0,)


class TimeSeriesInput(TensorInput):
    """Series of the same number of steps, one or several channels each.

    An array `(rows, steps, channels)`, or `(rows, steps)` for one channel; each channel is scaled
    by its mean and deviation in the training rows. To forecast series, `TimeSeriesForecaster` makes
    such windows by itself.
    """

    gives = "series"

    def read(self, x: Any, further: Any = None) -> Read:
        """Checks the numbers.

        Raises:
            SchemaError: If rows are no series of one length, or hold values that are not finite.
        """
        lengths = {np.shape(row)[:1] for row in x} if isinstance(x, list | tuple) else set()
        if len(lengths) > 1:
            steps = sorted(length[0] for length in lengths if length)
            raise SchemaError(
                f"Input `{self.name}` takes series of one length, received {steps[0]} to "
                f"{steps[-1]} steps. Cut them to their last {steps[0]} steps, or fill up the front "
                "of the shorter ones."
            )
        shape = np.shape(x)
        if len(shape) not in (2, 3) or shape[1] < 2:
            raise SchemaError(
                f"Input `{self.name}` takes an array (rows, steps) or (rows, steps, channels) with "
                f"two steps or more, received the shape {shape}."
            )
        return super().read(x, further)

    def _shared(self, axes: int) -> tuple[int, ...]:
        return (0, 1)


class ImageInput(Input):
    """Images: an array `(rows, height, width[, channels])`, a list of arrays or paths, a folder.

    Args:
        name: Key of the images in the dicts that `fit` and `predict` take.
        size: Height and width that networks see; `None` for the images' own, at most 64 of them on
            the shorter side.
    """

    gives = "image"

    def __init__(self, name: str, size: tuple[int, int] | None = None) -> None:
        super().__init__(name)
        self.size = size

    def read(self, x: Any, further: Any = None) -> Read:
        """Opens the images.

        Raises:
            SchemaError: If one cannot be used: every row of every input counts.
        """
        pictures = to_pictures(x)
        good = usable(pictures)
        broken = np.setdiff1d(np.arange(len(pictures)), good)
        if len(broken):
            raise SchemaError(
                f"Input `{self.name}`: {len(broken)} images cannot be used (first: "
                f"{pictures.name(int(broken[0]))}). Remove those rows from all inputs and outputs."
            )
        reader = fit_image_reader(pictures)
        raw = reader.read(pictures)
        if further is not None:
            raw = joined(raw, reader.read(further))
        height, width = self._size(reader)
        form = ImageForm(height, width, "stretch")

        def fit(train: np.ndarray) -> FittedInput:
            data = held(pixels(reader, form, raw))
            whole = data.array if isinstance(data, StoredRows) else data
            return FittedInput(
                reader=reader,
                data=data,
                front=front(reader, form),
                evidence=picture_evidence(thumbnails(whole), train),
                raw=(reader.shape, reader.dtype),
                facts={"statistics": statistics(data[train])},
            )

        return Read(len(raw), fit)

    def _size(self, reader: ImageReader) -> tuple[int, int]:
        if self.size is not None:
            return self.size
        height, width = reader.typical
        shrink = min(1.0, _MOST_PIXELS / min(height, width))
        return max(8, round(height * shrink)), max(8, round(width * shrink))


class TextInput(Input):
    """Texts, one a row: a list, a Series, an array of strings, a frame with one column.

    Texts are seen as weighted terms: words, pairs of words and runs of characters of any script.
    """

    gives = "text"

    def read(self, x: Any, further: Any = None) -> Read:
        """Checks that all are texts.

        Raises:
            SchemaError: If they are not, or there are several columns.
        """
        documents = to_documents(x)
        if len(documents.columns) > 1:
            raise SchemaError(
                f"Input `{self.name}` has the text columns {', '.join(documents.columns)}; give "
                "each a `TextInput` of its own."
            )
        one = Documents({"text": next(iter(documents.columns.values()))}, named=False)
        reader = fit_text_reader(one, _LONGEST)
        texts = reader.read(one).columns["text"]
        if further is not None:
            texts = np.concatenate([texts, reader.read(further).columns["text"]])

        def fit(train: np.ndarray) -> FittedInput:
            front = fit_terms(
                Terms(vocabulary=_TERMS), {"text": texts[train]}, _LONGEST, rows=len(texts)
            )
            data = front.transform({"text": texts})
            return FittedInput(
                reader=reader,
                data=data,
                front=front.model,
                evidence=term_evidence(data, front.size, train),
                raw=((1,), "string"),
                facts={"size": front.size},
                sources=lambda name: {
                    # As many terms as the longest text of a batch has.
                    "terms": keras.Input((None,), dtype="int32", name=f"{name}_terms"),
                    "weights": keras.Input((None,), name=f"{name}_weights"),
                    "style": keras.Input((front.style,), name=f"{name}_style"),
                },
            )

        return Read(len(texts), fit)


class AudioInput(Input):
    """Sounds, one a row: arrays, pairs of array and sample rate, or paths of files; of any length.

    Sounds are heard as log-mel spectrograms.

    Args:
        name: Key of the sounds in the dicts that `fit` and `predict` take.
        sample_rate: Samples a second of arrays, and the rate to train at; `None` takes that of
            most files.
    """

    gives = "sound"

    def __init__(self, name: str, sample_rate: int | None = None) -> None:
        super().__init__(name)
        self.sample_rate = sample_rate

    def read(self, x: Any, further: Any = None) -> Read:
        """Reads the sounds.

        Raises:
            SchemaError: If one cannot be used: every row of every input counts.
        """
        sounds = to_sounds(x)
        clips, problems = sounds.load()
        if problems:
            raise SchemaError(
                f"Input `{self.name}`: {len(problems)} sounds cannot be used "
                f"({sounds.told(problems)}). Remove those rows from all inputs and outputs."
            )
        read = [clip for clip in clips if clip is not None]
        reader = fit_sound_reader(read, self.sample_rate)
        raw = list(reader.waveforms(read))
        if further is not None:
            raw += reader.read(further)
        hop = usual_hop(reader)
        form = SoundForm("mel", max(16, round(2.5 * hop)), hop, _MELS)

        def fit(train: np.ndarray) -> FittedInput:
            data = heard(reader, form, raw)
            return FittedInput(
                reader=reader,
                data=data,
                evidence=sound_evidence(summaries(data), train),
                front=sound_front(reader.sample_rate, reader.samples, form),
                raw=((None,), "float32"),
            )

        return Read(len(raw), fit)
