"""Images: the pixels that networks see, in several sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.data.gaps import filled_pictures, pictures_there
from kerasnas.data.images import ImageReader, fit_image_reader
from kerasnas.data.picture_reading import looked
from kerasnas.data.pictures import Pictures, joined_pictures, to_pictures
from kerasnas.data.stored import held
from kerasnas.errors import SchemaError
from kerasnas.preprocessing.images import ImageForm, picture_front, pixels
from kerasnas.problem.inputs.input import Form, RawRows


@dataclass(frozen=True)
class PictureInput:
    """Images of any kind that `data.pictures.to_pictures` takes.

    Attributes:
        gaps: Whether rows may have no image; such rows stay, with an image of zeros.
    """

    gaps: bool = False

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Opens the images; as `Input.read`.

        Files that nobody can read are left out, or count as gaps.
        """
        if self.gaps:
            return self._with_gaps(x, further)
        pictures = to_pictures(x)
        good, looks, decoded = looked(pictures)
        broken = [pictures.name(int(i)) for i in np.setdiff1d(np.arange(len(pictures)), good)]
        if broken:
            pictures = pictures.take(good)
        reader = fit_image_reader(pictures, looks)
        data = reader.read_usable(pictures) if decoded is None else decoded
        given = len(data)
        if further is not None:
            data = joined_pictures(data, reader.read(further))
        return RawRows(reader, data, given, len(data), good if broken else None, broken)

    def _with_gaps(self, x: Any, further: Any) -> RawRows:
        found = pictures_there(x)
        there, pictures = found.there, found.pictures
        if pictures is None:
            raise SchemaError(f"`x` has no image in any of its {len(there)} rows.")
        reader = fit_image_reader(pictures, found.looks)
        read = reader.read_usable(pictures) if found.decoded is None else found.decoded
        data = filled_pictures(reader, read, there)
        given = len(data)
        if further is not None:
            more = pictures_there(further)
            extra = None if more.pictures is None else reader.read(more.pictures)
            data = joined_pictures(data, filled_pictures(reader, extra, more.there))
            there = np.concatenate([there, more.there])
        return RawRows(reader, data, given, len(data), there=None if there.all() else there)

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedPictures:
        """As `Input.fit`; sizes and layout are known from reading."""
        reader: Any = raw.reader
        return FittedPictures(reader, raw.data, train)


@dataclass(frozen=True, eq=False)
class FittedPictures:
    """Images in the forms that networks ask for.

    Attributes:
        reader: As `FittedInput.reader`.
        raw: Raw images of all rows.
        train: Indices of the training rows.
    """

    reader: ImageReader
    raw: Pictures
    train: np.ndarray

    def form(self, key: ImageForm) -> Form:
        """As `FittedInput.form`: pixels of all rows, in memory or in a file."""
        return Form(held(pixels(self.reader, key, self.raw)), self.front(key))

    def front(self, key: ImageForm) -> FrontGraph:
        """The graph of a form alone."""
        return FrontGraph.of(picture_front(self.reader, key))
