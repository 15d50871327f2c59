"""Images: the pixels that networks see, in several sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.data.images import ImageReader, fit_image_reader, looked
from kerasnas.data.pictures import Pictures, joined, to_pictures
from kerasnas.data.stored import held
from kerasnas.preprocessing.images import ImageForm, front, pixels
from kerasnas.problem.inputs.input import Form, RawRows


@dataclass(frozen=True)
class PictureInput:
    """Images of any kind that `data.pictures.to_pictures` takes."""

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Opens the images; files that nobody can read are left out. As `Input.read`."""
        pictures = to_pictures(x)
        good, looks, decoded = looked(pictures)
        broken = [pictures.name(int(i)) for i in np.setdiff1d(np.arange(len(pictures)), good)]
        if broken:
            pictures = pictures.take(good)
        reader = fit_image_reader(pictures, looks)
        data = reader.read_usable(pictures) if decoded is None else decoded
        given = len(data)
        if further is not None:
            data = joined(data, reader.read(further))
        return RawRows(reader, data, given, len(data), good if broken else None, broken)

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
        graph = FrontGraph.of(front(self.reader, key))
        return Form(held(pixels(self.reader, key, self.raw)), graph)
