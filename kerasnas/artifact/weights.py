"""The weights of a model, an HDF5 file, judged before Keras reads it.

Keras writes groups and plain datasets. HDF5 can do more: read other files of the machine, point to
other places, declare numbers that are nowhere. None of this is opened.
"""

from __future__ import annotations

import math

import h5py

from kerasnas.artifact.archive import most_unpacked
from kerasnas.artifact.unfit import Unfit

_MOST_DEPTH = 200  # of groups in groups; `layers/functional/layers/...`: two for each inner model
_MOST_OBJECTS = 100_000  # groups and datasets: 8,000 in the file of 2,000 columns
_PLAIN_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE})
_PLAIN_TYPES = frozenset({h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM})  # bool is an enum
_BFLOAT16 = (h5py.h5t.OPAQUE, 2)  # class and bytes: HDF5 does not know the type


def count_weights(data: bytes) -> int:
    """The numbers in a file of weights.

    Raises:
        Unfit: If it holds anything but groups and plain datasets that are whole.
    """
    try:
        return _count(h5py.h5f.open_file_image(data), len(data))
    except Unfit:
        raise
    except Exception as error:  # h5py raises errors of many kinds at what it cannot read
        raise Unfit(f"is damaged: its weights cannot be read ({error}).") from error


def _count(file: h5py.h5f.FileID, size: int) -> int:
    numbers = plain = packed = 0
    root = h5py.h5g.open(file, b"/")
    seen = {h5py.h5o.get_info(root).addr}
    waiting = [(root, 0)]
    while waiting:
        group, depth = waiting.pop()
        if depth > _MOST_DEPTH:
            raise Unfit("is damaged: the groups of its weights are nested too deep.")
        for name in group:
            link = group.links.get_info(name)
            if link.type != h5py.h5l.TYPE_HARD:
                raise Unfit("is damaged: its weights hold a link.")
            if link.u in seen:  # the address of the object
                raise Unfit("is damaged: its weights hold one object under two names.")
            seen.add(link.u)
            if len(seen) > _MOST_OBJECTS:
                raise Unfit(f"is not opened: its weights have more than {_MOST_OBJECTS:,} parts.")
            item = h5py.h5o.open(group, name)
            if isinstance(item, h5py.h5g.GroupID):
                waiting.append((item, depth + 1))
                continue
            if not isinstance(item, h5py.h5d.DatasetID):
                raise Unfit("is damaged: its weights hold something that is no dataset.")
            count, width, is_packed = _checked(item, size)
            numbers += count
            plain += 0 if is_packed else count * width
            packed += count * width if is_packed else 0
            if plain > size or packed > most_unpacked(size):
                raise Unfit("is damaged: its weights declare more numbers than the file holds.")
    return numbers


def _checked(dataset: h5py.h5d.DatasetID, size: int) -> tuple[int, int, bool]:
    """Numbers in a dataset, bytes of each, and whether they are packed."""
    kind, space, made = dataset.get_type(), dataset.get_space(), dataset.get_create_plist()
    if kind.get_class() not in _PLAIN_TYPES and (kind.get_class(), kind.get_size()) != _BFLOAT16:
        raise Unfit("is damaged: its weights hold something else than numbers.")
    if space.get_simple_extent_type() not in (h5py.h5s.SIMPLE, h5py.h5s.SCALAR):
        raise Unfit("is damaged: its weights hold a dataset without a shape.")
    if made.get_external_count():
        raise Unfit("is not opened: its weights point to other files.")
    count, width = math.prod(space.get_simple_extent_dims()), kind.get_size()
    layout = made.get_layout()
    if layout == h5py.h5d.CHUNKED:
        filters = {made.get_filter(i)[0] for i in range(made.get_nfilters())}
        if not filters <= _PLAIN_FILTERS:
            raise Unfit("is not opened: its weights are packed in a way that Keras has not.")
        # One chunk is unpacked as a whole, however little of it the dataset has.
        return max(count, math.prod(made.get_chunk())), width, True
    if layout not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT):
        raise Unfit("is not opened: its weights are put together of other datasets.")
    if layout == h5py.h5d.CONTIGUOUS and count:
        begin = dataset.get_offset()
        if begin is None or begin + count * width > size:
            raise Unfit("is damaged: its weights declare more numbers than the file holds.")
    return count, width, False
