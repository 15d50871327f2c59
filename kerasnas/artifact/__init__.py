"""A fitted model and one `.keras` file, both ways; exports to other runtimes.

`writing` makes the file. `reading` is the trust boundary: a file may come from anybody.
"""

from kerasnas.artifact.member import FORMAT, MEMBER
from kerasnas.artifact.reading import KerasFile, load_model, open_file, read_member
from kerasnas.artifact.tensors import as_inputs, input_dtypes
from kerasnas.artifact.writing import size_of, write

__all__ = [
    "FORMAT",
    "MEMBER",
    "KerasFile",
    "as_inputs",
    "input_dtypes",
    "load_model",
    "open_file",
    "read_member",
    "size_of",
    "write",
]
