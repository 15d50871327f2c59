"""Composition: inputs, blocks and heads, called like Keras layers, and `AutoModel` to fit them."""

from kerasnas.auto_model.blocks import (
    AudioBlock,
    Block,
    DenseBlock,
    ImageBlock,
    Merge,
    TabularBlock,
    TextBlock,
    TimeSeriesBlock,
)
from kerasnas.auto_model.heads import (
    ClassificationHead,
    LossHead,
    MultiLabelHead,
    QuantileHead,
    RegressionHead,
)
from kerasnas.auto_model.inputs import (
    AudioInput,
    ImageInput,
    TabularInput,
    TensorInput,
    TextInput,
    TimeSeriesInput,
)
from kerasnas.auto_model.model import AutoModel
from kerasnas.auto_model.registered import block

__all__ = [
    "AudioBlock",
    "AudioInput",
    "AutoModel",
    "Block",
    "ClassificationHead",
    "DenseBlock",
    "ImageBlock",
    "ImageInput",
    "LossHead",
    "Merge",
    "MultiLabelHead",
    "QuantileHead",
    "RegressionHead",
    "TabularBlock",
    "TabularInput",
    "TensorInput",
    "TextBlock",
    "TextInput",
    "TimeSeriesBlock",
    "TimeSeriesInput",
    "block",
]
