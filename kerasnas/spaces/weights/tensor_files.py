"""Files of tensors as plain arrays: those of PyTorch, and safetensors. Nothing in them is run."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.weights.opcodes import read_values

_MAGIC = 0x1950A86A20F9469CFC6C  # the first value in a file of PyTorch before 1.6
_STORAGES = {
    "torch FloatStorage": "<f4",
    "torch DoubleStorage": "<f8",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
}
_SAFE = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
_LONGEST_HEADER = 100_000_000  # bytes, as the format has it


def read_torch(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a state dict that `torch.save` wrote, in either of its two formats.

    Args:
        content: The file.
        name: What the file is called in errors.

    Raises:
        SearchSpaceError: If it holds anything but tensors of numbers by name.
    """
    try:
        found = _of_zip(content) if content[:2] == b"PK" else _of_stream(content)
        return {str(key): tensor.array() for key, tensor in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise SearchSpaceError(
            f"'{name}' is no file of tensors that can be read safely: {error} Pass what "
            "`torch.save(model.state_dict(), path)` writes."
        ) from error


def read_safetensors(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file: a JSON header, then the numbers.

    Args:
        content: The file.
        name: What the file is called in errors.

    Raises:
        SearchSpaceError: If it is none.
    """
    try:
        length = int.from_bytes(content[:8], "little")
        if length > min(len(content) - 8, _LONGEST_HEADER):
            raise ValueError(f"its header should have {length} bytes.")
        header = json.loads(content[8 : 8 + length])
        numbers = memoryview(content)[8 + length :]
        found = {}
        for key, facts in header.items():
            if key == "__metadata__":
                continue
            start, stop = facts["data_offsets"]
            shape, dtype = tuple(facts["shape"]), np.dtype(_SAFE[facts["dtype"]])
            if stop - start != math.prod(shape) * dtype.itemsize or not 0 <= start <= stop:
                raise ValueError(f"`{key}` has another size than its shape.")
            found[key] = np.frombuffer(numbers[start:stop], dtype).reshape(shape)
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SearchSpaceError(f"'{name}' is no safetensors file: {error}") from error


@dataclass(frozen=True)
class _Storage:
    """Numbers that lie somewhere else in a file.

    Attributes:
        key: Their name.
        dtype: Their type.
        read: From the name and the type to the numbers.
    """

    key: str
    dtype: str
    read: Callable[[str, str], np.ndarray]


@dataclass(frozen=True)
class _StoredTensor:
    """A view of a storage.

    Attributes:
        storage: The numbers.
        offset: Place of the first one.
        shape: Size of each axis.
        strides: Numbers between neighbours along each axis.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """A copy of the numbers in the order of the axes."""
        numbers = self.storage.read(self.storage.key, self.storage.dtype)
        size = numbers.itemsize
        if min((self.offset, *self.shape, *self.strides)) < 0:
            raise ValueError("A tensor lies outside of its numbers.")
        # NumPy checks that the view lies within the buffer.
        view: np.ndarray = np.ndarray(
            self.shape,
            numbers.dtype,
            buffer=numbers.tobytes(),
            offset=self.offset * size,
            strides=tuple(size * n for n in self.strides),
        )
        return view.copy()


def _rebuilt(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *rest: Any
) -> _StoredTensor:
    if type(storage) is not _Storage:
        raise ValueError("A tensor without numbers.")
    return _StoredTensor(storage, offset, shape, strides)


def _calls() -> dict[str, Callable[..., Any]]:
    """What a state dict may name; the storages are only names."""

    def ordered(*items: Any) -> dict[Any, Any]:
        return dict(*items)

    named: dict[str, Callable[..., Any]] = {
        "collections OrderedDict": ordered,
        "torch._utils _rebuild_tensor_v2": _rebuilt,
    }
    return {**named, **{name: _of_kind(name) for name in _STORAGES}}


@dataclass(frozen=True)
class _Kind:
    """The name of a storage, which a file may name and not call.

    Attributes:
        dtype: The type of its numbers.
    """

    dtype: str

    def __call__(self, *given: Any) -> Any:
        """Refuses."""
        raise ValueError("A storage is not to be called.")


def _of_kind(name: str) -> _Kind:
    return _Kind(_STORAGES[name])


def _state(file: Any, read: Callable[[str, str], np.ndarray]) -> Mapping[Any, _StoredTensor]:
    """The tensors of a state dict, without their numbers."""

    def stored(place: Any) -> _Storage:
        kind, dtype, key = place[:3]
        if kind != "storage" or type(dtype) is not _Kind:
            raise ValueError("Only storages of numbers lie elsewhere in a file of tensors.")
        return _Storage(str(key), dtype.dtype, read)

    found = read_values(file, _calls(), stored)
    if type(found) is not dict or not all(type(t) is _StoredTensor for t in found.values()):
        raise ValueError("A dict of tensors by name was expected.")
    return found


def _of_stream(content: bytes) -> Mapping[Any, _StoredTensor]:
    """A file of PyTorch before 1.6: the values one after the other, then all numbers."""
    file = io.BytesIO(content)
    if read_values(file) != _MAGIC:
        raise ValueError("It does not begin as such files do.")
    read_values(file)  # the version of the format
    if read_values(file).get("little_endian") is not True:
        raise ValueError("Its numbers are not little-endian.")
    places: dict[str, int] = {}

    def read(key: str, dtype: str) -> np.ndarray:
        start = places[key]
        count = int.from_bytes(content[start : start + 8], "little")
        return np.frombuffer(content, dtype, count, start + 8)

    found = _state(file, read)
    sizes = {t.storage.key: np.dtype(t.storage.dtype).itemsize for t in found.values()}
    keys, place = read_values(file), file.tell()
    for key in keys:
        places[key] = place
        place += 8 + int.from_bytes(content[place : place + 8], "little") * sizes[key]
    return found


def _of_zip(content: bytes) -> Mapping[Any, _StoredTensor]:
    """A file of PyTorch since 1.6: an archive with one member for the numbers of each storage."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    (values,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
    folder = values.removesuffix("/data.pkl")
    if f"{folder}/byteorder" in archive.namelist() and archive.read(f"{folder}/byteorder") != (
        b"little"
    ):
        raise ValueError("Its numbers are not little-endian.")
    return _state(
        archive.read(values),
        lambda key, dtype: np.frombuffer(archive.read(f"{folder}/data/{key}"), dtype),
    )
