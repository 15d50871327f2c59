"""A fitted model and one `.keras` file, both ways; exports to other runtimes.

`writing` makes the file. `reading` is the trust boundary: a file may come from anybody.
"""

from kerasnas.artifact.blocks import BlockModel
from kerasnas.artifact.reading import KerasFile, load_model, load_written, open_file
from kerasnas.artifact.tensors import as_inputs, input_dtypes
from kerasnas.artifact.writing import size_of, write

__all__ = [
    "BlockModel",
    "KerasFile",
    "as_inputs",
    "input_dtypes",
    "load_model",
    "load_written",
    "open_file",
    "size_of",
    "write",
]
