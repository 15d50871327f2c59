"""Images, targets and weights of data that come batch by batch."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from kerasnas.data.batches import elements_of, joined_parts, one_input, parts_of
from kerasnas.data.foreign import cardinality, is_dataset, is_indexed
from kerasnas.data.pixels import CHANNELS, what
from kerasnas.data.room import Spool
from kerasnas.errors import SchemaError


def elements(dataset: Any) -> tuple[np.ndarray | list[np.ndarray], Any, Any]:
    """Images, targets and weights of data that come batch by batch, read once, taken apart.

    Returns:
        One array of images, or one array an image where sizes differ; the targets and the weights,
        `None` where there are none.

    Raises:
        SchemaError: If it gives no images, or does not end.
    """
    spec, known = _image_spec(dataset)
    targets, weights = list[Any](), list[Any]()
    batched: bool | None = None
    with closing(Spool()) as spool:
        for given, *rest in elements_of(dataset):
            image = one_input(given)
            target, weight = [None if p is None else np.asarray(p) for p in rest]
            if batched is None:
                others = [np.shape(part) for part in (target, weight) if part is not None]
                batched = _is_batch(np.shape(image), *others[:1], spec=spec)
            images = np.asarray(image) if batched else np.asarray(image)[None]
            if images.dtype.kind not in "buif" or images.ndim not in (3, 4):
                raise SchemaError(
                    f"The dataset gives {what(images if batched else images[0])}, expected images "
                    "as numbers of shape (height, width[, channels]), or batches of them."
                )
            # Sixty-four bits would only be cut to this later on.
            spool.add(images if images.dtype == np.uint8 else images.astype("float32"))
            targets.append(target if batched or target is None else target[None])
            weights.append(weight if batched or weight is None else weight[None])
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
    return items, joined_parts(targets), joined_parts(weights)


def _image_spec(dataset: Any) -> tuple[Any, bool]:
    """What a dataset says of the shape of its images, and whether it says how many there are.

    Returns:
        The shape, `None` where it says nothing; `True` where the number of elements is known.

    Raises:
        SchemaError: If it gives tensors that are not dense.
    """
    if not is_dataset(dataset):
        return None, is_indexed(dataset)
    spec = parts_of(dataset.element_spec)
    one_input(spec[0])
    if any(part is not None and type(part).__name__ != "TensorSpec" for part in spec):
        raise SchemaError(
            "The dataset must give images, or pairs of images and targets, all of them dense "
            f"tensors; its elements are {dataset.element_spec}. Add `.map(...)`, or `.unbatch()` "
            "where the sizes within a batch differ."
        )
    return spec[0].shape, cardinality(dataset) >= 0


def _is_batch(image: tuple[int, ...], *target: tuple[int, ...], spec: Any) -> bool:
    """Whether the first element of a dataset holds several images; `spec` is its known shape."""
    known = spec is not None and spec.rank is not None
    if len(image) == 2:
        # Rows of a table.
        return known and spec.rank == 2 and spec[0] is None and spec[1] is not None
    if len(image) != 3:
        return len(image) > 3
    if target and target[0][:1] != image[:1]:
        return False  # the label of one image, or its one-hot form
    if image[-1] in CHANNELS:
        return False
    grey = known and spec.rank == 3 and spec[0] is None and None not in (spec[1], spec[2])
    return bool(target) or grey
