"""Files of tensors are read without running anything in them."""

import io
import json
import zipfile

import numpy as np
import pytest

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.weights.opcodes import read_values
from kerasnas.spaces.weights.tensor_files import read_safetensors, read_torch

TENSORS = {
    "a": np.arange(12, dtype="float32").reshape(3, 4),
    "turned": np.arange(6, dtype="float32").reshape(2, 3).T,
    "count": np.array(7, "int64"),
}


def zipped(content, tensors):
    """The newer format, of the same opcodes."""
    values = content.split(b".")  # not used where numbers have dots of their own
    assert values
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/byteorder", b"little")
        for i, array in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{i}", np.ascontiguousarray(array).tobytes())
    return out.getvalue()


def same(found):
    assert list(found) == list(TENSORS)
    for name, array in TENSORS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array.reshape(found[name].shape, order="A"))


def test_tensors_of_both_formats(torch_file):
    writer = torch_file({k: np.ascontiguousarray(t) for k, t in TENSORS.items()})
    same(read_torch(writer.content(), "old"))
    state = writer.content()
    begin = state.index(b"\x80\x02ccollections")
    end = state.index(b"\x80\x02](")
    same(read_torch(zipped(state[begin:end], TENSORS), "new"))


def test_views_are_in_the_order_of_their_axes(torch_file):
    content = torch_file({"turned": TENSORS["turned"]}).content()
    found = read_torch(content, "x")["turned"]
    assert found.shape == (3, 2)
    # The numbers lie as the writer has put them; the strides say how they are walked through.
    flat = np.ascontiguousarray(TENSORS["turned"]).ravel()
    assert np.array_equal(found, flat.reshape(2, 3).T)


@pytest.mark.parametrize("function", ["_rebuild_parameter", "os\nsystem\nctorch._utils\n_x"])
def test_other_functions_are_refused_by_name(torch_file, function):
    with pytest.raises(SearchSpaceError, match=r"The file names `torch\._utils "):
        read_torch(torch_file({"a": TENSORS["a"]}, "_rebuild_parameter").content(), "a.pth")
    with pytest.raises(SearchSpaceError, match=r"'a\.pth' is no file of tensors"):
        read_torch(torch_file({"a": TENSORS["a"]}, function).content(), "a.pth")


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(X\x02\x00\x00\x00lstR.",
        b"(X\x02\x00\x00\x00lsios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.",
        b"]}b.",
        b"(.",
        b"h\x00.",
        b"R.",
        b"}",
        b"",
        b"\x82\x01.",  # EXT1
        b"NNs.",
    ],
)
def test_what_is_no_plain_data_is_a_value_error(content):
    with pytest.raises(ValueError, match=r"\w"):
        read_values(content)


def test_plain_values():
    content = b"\x80\x04}(\x8c\x01a](K\x01M\x02\x00G@\x08\x00\x00\x00\x00\x00\x00e\x8c\x01bNu."
    assert read_values(content) == {"a": [1, 2, 3.0], "b": None}


def cut(content):
    return content[: len(content) // 2]


def larger(content):
    return content.replace(b"J\x03\x00\x00\x00J\x04", b"J\x7f\x00\x00\x00J\x04")


@pytest.mark.parametrize("change", [cut, larger, lambda c: b"PK" + c, lambda c: b""])
def test_damaged_files_are_refused(torch_file, change):
    content = torch_file({"a": TENSORS["a"]}).content()
    assert change(content) != content
    with pytest.raises(SearchSpaceError, match="no file of tensors"):
        read_torch(change(content), "a.pth")


def safe(header, numbers=b""):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def test_safetensors():
    a, b = TENSORS["a"], TENSORS["count"]
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
        "b": {"dtype": "I64", "shape": [], "data_offsets": [48, 56]},
    }
    found = read_safetensors(safe(header, a.tobytes() + b.tobytes()), "x")
    assert np.array_equal(found["a"], a) and found["b"] == 7


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 20,
        safe([1]),
        safe({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"1234"),
        safe({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"1234"),
        safe({"a": {"dtype": "Q4", "shape": [1], "data_offsets": [0, 4]}}, b"1234"),
        safe({"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}, b"1234"),
    ],
)
def test_what_is_no_safetensors_file(content):
    with pytest.raises(SearchSpaceError, match="'x' is no safetensors file"):
        read_safetensors(content, "x")
