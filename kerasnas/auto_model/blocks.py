"""Blocks: from what an input or another block gives to a vector of features a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import layers, ops

from kerasnas.auto_model.nodes import Node, Part
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.blocks.sound import normalized
from kerasnas.spaces.blocks.sound_conformer import conformer
from kerasnas.spaces.blocks.sound_conv import cnn, crnn, separable
from kerasnas.spaces.forecast import FAMILIES as SERIES_FAMILIES
from kerasnas.spaces.image import FAMILIES as IMAGE_FAMILIES
from kerasnas.spaces.inputs import embed
from kerasnas.spaces.networks import CLASSIC as TABULAR_FAMILIES
from kerasnas.spaces.text_readers import BAGS as TEXT_FAMILIES

__all__ = [
    "AudioBlock",
    "Block",
    "DenseBlock",
    "ImageBlock",
    "Merge",
    "TabularBlock",
    "TextBlock",
    "TimeSeriesBlock",
]

_WIDTH = 16  # filters of a convolutional network over sounds, to begin with
_OVER_TIME = ("tcn", "patch_transformer", "gru", "tide", "nhits")
_SPECTRAL = {
    "cnn": lambda hp, x: cnn(hp, x, _WIDTH),
    "separable": separable,
    "crnn": lambda hp, x: crnn(hp, x, _WIDTH),
    "conformer": conformer,
}


class Block(Part):
    """A part of the network that makes features.

    Every hyperparameter of a block can be given as a keyword: as a value, as a list of values to
    choose from, or as a keras-tuner hyperparameter; what is left out is searched.
    """

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """A tensor of shape `(batch, features)`.

        Args:
            hp: Hyperparameters, in a scope of this block's name.
            x: The tensor that the block is called on.
            facts: What the input behind it knows of itself; empty behind another block.
        """
        raise NotImplementedError


class DenseBlock(Block):
    """Dense layers with normalisation and dropout.

    Takes features, or an array or series, which it flattens.

    Hyperparameters: `layers` 1 to 3, `units` 16 to 256, `dropout` 0 to 0.5, `normalization`.
    """

    takes = ("features", "array", "series")

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        if len(x.shape) > 2:
            x = layers.Flatten()(x)
        depth = int(hp.Int("layers", 1, 3, default=2))
        units = int(hp.Choice("units", [16, 32, 64, 128, 256], default=64))
        rate = hp.Choice("dropout", [0.0, 0.1, 0.25, 0.5], default=0.1)
        normalize = hp.Boolean("normalization", default=False)
        for _ in range(depth):
            x = layers.Dense(units)(x)
            x = layers.BatchNormalization()(x) if normalize else x
            x = layers.Activation("relu")(x)
            x = layers.Dropout(rate)(x) if rate else x
        return x


class TabularBlock(Block):
    """A network for the columns of a table; `family` and all its hyperparameters are searched."""

    takes = ("table",)

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        return _family(hp, embed(x, facts["embedded"]), TABULAR_FAMILIES)


class ImageBlock(Block):
    """A network over pixels; `family` and all its hyperparameters are searched."""

    takes = ("image",)

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        mean, variance = facts["statistics"]
        normal = layers.Normalization(axis=-1, mean=mean, variance=variance)(x)
        return _where_there(x, _family(hp, normal, IMAGE_FAMILIES), facts)


class TextBlock(Block):
    """A network over the weighted terms of a text; `family` and the rest are searched."""

    takes = ("text",)

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        families = {
            name: lambda hp, parts, bag=bag: bag(
                hp, parts["terms"], parts["weights"], facts["size"]
            )
            for name, bag in TEXT_FAMILIES.items()
        }
        return layers.Concatenate()([_family(hp, x, families), x["style"]])


class AudioBlock(Block):
    """A network over spectrograms; `family` and all its hyperparameters are searched."""

    takes = ("sound",)

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        return _where_there(x, _family(hp, normalized(hp, x), _SPECTRAL), facts)


class TimeSeriesBlock(Block):
    """A network over the steps of a series; `family` and all its hyperparameters are searched.

    `instance_norm` takes the level and the scale of each row's own series off, channel by channel
    (Kim et al. 2022), and hands them on beside what the network makes of the rest.
    """

    takes = ("series",)

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        if len(x.shape) == 2:
            x = ops.expand_dims(x, -1)
        families = {name: SERIES_FAMILIES[name] for name in _OVER_TIME}
        if not hp.Boolean("instance_norm", default=False):
            return _family(hp, x, families)
        level = ops.mean(x, axis=1, keepdims=True)
        scale = ops.sqrt(ops.mean(ops.square(x - level), axis=1, keepdims=True) + 1e-6)
        features = _family(hp, (x - level) / scale, families)
        return layers.Concatenate()([features, level[:, 0], ops.log(scale)[:, 0]])


class Merge(Part):
    """Joins several vectors of features into one.

    `operation` is searched if left open: `concatenate`; `gated`, a weighted sum of projections
    whose weights depend on all of them (Arevalo et al. 2017, gated multimodal units); `attention`,
    one layer of self-attention over the vectors as a sequence, then their mean.
    """

    takes = ("features",)

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """Places the merge behind two or more nodes.

        Raises:
            SearchSpaceError: If there are fewer than two, or one gives no features.
        """
        nodes = [inputs] if isinstance(inputs, Node) else list(inputs)
        if len(nodes) < 2 or not all(isinstance(node, Node) for node in nodes):
            raise SearchSpaceError(
                f"`Merge` takes a list of two nodes or more, received {len(nodes)}."
            )
        for node in nodes:
            self._check_kind(node)
        return Node(self, nodes, self.gives)

    def build(self, hp: Any, parts: Sequence[Any]) -> Any:
        """One tensor of shape `(batch, features)` from several."""
        operation = hp.Choice("operation", ["concatenate", "gated", "attention"])
        if operation == "concatenate":
            return layers.Concatenate()(parts)
        with hp.conditional_scope("operation", ["gated", "attention"]):
            width = int(hp.Choice("width", [16, 32, 64, 128], default=64))
        projected = [layers.Dense(width)(part) for part in parts]
        if operation == "gated":
            gates = layers.Dense(len(parts), activation="softmax")(layers.Concatenate()(parts))
            weighted = [ops.tanh(part) * gates[:, i : i + 1] for i, part in enumerate(projected)]
            return layers.Add()(weighted)
        sequence = ops.stack(projected, axis=1)
        normal = layers.LayerNormalization()(sequence)
        attended = layers.MultiHeadAttention(num_heads=2, key_dim=max(8, width // 2))(
            normal, normal
        )
        return layers.GlobalAveragePooling1D()(layers.Add()([sequence, attended]))


def _where_there(x: Any, features: Any, facts: Mapping[str, Any]) -> Any:
    """Features of the rows that have a picture or a sound, and a flag that says which ones have.

    A row that has none is zeros, and so are its features.
    """
    if not facts.get("gaps"):
        return features
    axes = tuple(range(1, len(x.shape)))
    there = ops.any(ops.not_equal(x, 0.0), axis=axes)[:, None]
    return layers.Concatenate()([ops.where(there, features, 0.0), ops.cast(there, "float32")])


def _family(hp: Any, x: Any, families: Mapping[str, Any]) -> Any:
    """One of several networks, the hyperparameters of each only where it is chosen."""
    names = list(families)
    chosen = hp.Choice("family", names, default=names[0])
    for name in names:
        with hp.conditional_scope("family", [name]):
            if name == chosen:
                x = families[name](hp, x)
    return x
