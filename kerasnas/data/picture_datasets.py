"""Images and targets of a `tf.data.Dataset`."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from kerasnas.data.foreign import cardinality
from kerasnas.data.pixels import CHANNELS, what
from kerasnas.data.room import Spool
from kerasnas.errors import SchemaError


def elements(dataset: Any) -> tuple[np.ndarray | list[np.ndarray], np.ndarray | None]:
    """Images and targets of a dataset, read once, batches taken apart.

    Returns:
        One array of images, or one array an image where sizes differ; and the targets, `None`
        where it has none.

    Raises:
        SchemaError: If it gives no images, or does not end.
    """
    spec, known = _image_spec(dataset)
    targets: list[np.ndarray] = []
    batched: bool | None = None
    with closing(Spool()) as spool:
        for element in dataset.as_numpy_iterator():
            image, *target = element if isinstance(element, tuple) else (element,)
            if batched is None:
                batched = _is_batch(np.shape(image), *map(np.shape, target), spec=spec)
            images = np.asarray(image) if batched else np.asarray(image)[None]
            if images.dtype.kind not in "buif" or images.ndim not in (3, 4):
                raise SchemaError(
                    f"The dataset gives {what(images if batched else images[0])}, expected images "
                    "as numbers of shape (height, width[, channels]), or batches of them."
                )
            # Sixty-four bits would only be cut to this later on.
            spool.add(images if images.dtype == np.uint8 else images.astype("float32"))
            targets += [y if batched else np.asarray(y)[None] for y in target]
            if not known and spool.crowded:
                raise SchemaError(
                    "The dataset does not say how many elements it has, and has not ended after "
                    "half of the disk for temporary files is full of them: it may never end. Add "
                    "`.take(n)`, or, if it ends, "
                    "`.apply(tf.data.experimental.assert_cardinality(n))`."
                )
        if batched is None:
            raise SchemaError("The dataset is empty, expected images.")
        items = spool.rows()
    joined = np.concatenate(targets) if targets else None
    if joined is not None and joined.ndim == 2 and joined.shape[1] == 1:
        joined = joined[:, 0]
    return items, joined


def class_numbers(targets: np.ndarray) -> np.ndarray:
    """Numbers of classes, where every row is one-hot; other targets as they are."""
    if targets.ndim != 2 or targets.dtype.kind not in "buif":
        return targets
    one_hot = ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all()
    return targets.argmax(axis=1) if one_hot else targets


def _image_spec(dataset: Any) -> tuple[Any, bool]:
    """What a dataset says of the shape of its images, and whether it says how many there are.

    Raises:
        SchemaError: If it has no images, or says that it never ends.
    """
    spec = dataset.element_spec
    first, *rest = spec if isinstance(spec, tuple) else (spec,)
    if any(type(part).__name__ != "TensorSpec" for part in (first, *rest)) or len(rest) > 1:
        raise SchemaError(
            "The dataset must give images, or pairs of images and targets, all of them dense "
            f"tensors; its elements are {spec}. Add `.map(...)`, or `.unbatch()` where the sizes "
            "within a batch differ, and pass weights as `sample_weight`."
        )
    length = cardinality(dataset)
    if length == -1:
        raise SchemaError("The dataset never ends. Leave out `.repeat()`, or add `.take(...)`.")
    return first.shape, length >= 0


def _is_batch(image: tuple[int, ...], *target: tuple[int, ...], spec: Any) -> bool:
    """Whether the first element of a dataset holds several images; `spec` is its known shape."""
    if len(image) == 2:
        return spec.rank == 2 and spec[0] is None and spec[1] is not None  # rows of a table
    if len(image) != 3:
        return len(image) > 3
    if target and target[0][:1] != image[:1]:
        return False  # the label of one image, or its one-hot form
    if image[-1] in CHANNELS:
        return False
    grey = spec.rank == 3 and spec[0] is None and None not in (spec[1], spec[2])
    return bool(target) or grey
