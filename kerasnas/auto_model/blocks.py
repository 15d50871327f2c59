"""Blocks: from what an input or another block gives to a vector of features a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from keras import layers, ops

from kerasnas.auto_model.backbones import OWN, PRETRAINED
from kerasnas.auto_model.nodes import Node, Part, walk
from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.backbones import SettledEncoder, settle_encoder
from kerasnas.spaces.blocks.sound import normalized
from kerasnas.spaces.blocks.sound_conformer import conformer
from kerasnas.spaces.blocks.sound_conv import cnn, crnn, separable
from kerasnas.spaces.forecast import FAMILIES as SERIES_FAMILIES
from kerasnas.spaces.image import FAMILIES as IMAGE_FAMILIES
from kerasnas.spaces.inputs import embed
from kerasnas.spaces.networks import CLASSIC as TABULAR_FAMILIES
from kerasnas.spaces.picture_backbones import SettledPretrained, settle_pretrained
from kerasnas.spaces.sound_backbones import SettledSpeech, settle_speech
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
_QUICK_MOMENTUM = 0.9  # of running means: Keras's 0.99 needs hundreds of steps
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

    def form(self, hp: Any, pretrained: bool) -> str:
        """The form of its input that the block takes, `OWN` or `PRETRAINED`.

        Args:
            hp: Hyperparameters, in a scope of this block's name.
            pretrained: Whether there is a pretrained network behind the input.
        """
        return OWN

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """A tensor of shape `(batch, features)`.

        Args:
            hp: Hyperparameters, in a scope of this block's name.
            x: The tensor that the block is called on.
            facts: What the input behind it knows of itself; empty behind another block.
        """
        raise NotImplementedError


class BackboneBlock(Block):
    """A block that may begin with a pretrained network: then `pretrained` is one of its families.

    Args:
        name: Unique in the graph; `None` names it by its class.
        pretrained: As in the estimators of the modality: `"auto"` takes what is installed, `False`
            nothing, a name or a path that network. It stays as it is.
        settings: As in `Part`.

    Attributes:
        families: The block's own families.
    """

    families: Mapping[str, Any]

    def __init__(
        self, name: str | None = None, *, pretrained: Any = "auto", **settings: Any
    ) -> None:
        super().__init__(name, **settings)
        self.pretrained = pretrained

    @property
    def first(self) -> str:
        """The first of the block's own families."""
        return next(iter(self.families))

    @property
    def may_begin(self) -> bool:
        """Whether the block can begin with a pretrained network, as far as its settings say."""
        family = self.settings.given.get("family", PRETRAINED)
        named = isinstance(family, str | list | tuple) and PRETRAINED not in family
        return self.pretrained is not False and self.pretrained is not None and not named

    def settled(self) -> Any:
        """What `pretrained` comes to.

        Raises:
            SearchSpaceError: If what is asked for is not there, or cannot be used.
        """
        raise NotImplementedError

    def form(self, hp: Any, pretrained: bool) -> str:
        """As `Block.form`."""
        names = [*([PRETRAINED] if pretrained else []), *self.families]
        return PRETRAINED if hp.Choice("family", names, default=names[0]) == PRETRAINED else OWN

    def build(self, hp: Any, x: Any, facts: Mapping[str, Any]) -> Any:
        """As `Block.build`."""
        first = {PRETRAINED: _on_vectors} if facts.get(PRETRAINED) else {}
        if self.form(hp, bool(first)) == OWN:
            return self.own(hp, x, facts, first)
        features = _family(hp, x, {**first, **self.families})
        return features if isinstance(x, Mapping) else _where_there(x, features, facts)

    def own(self, hp: Any, x: Any, facts: Mapping[str, Any], first: Mapping[str, Any]) -> Any:
        """Features of a network that begins with random weights.

        Args:
            hp: As in `Block.build`.
            x: As in `Block.build`.
            facts: As in `Block.build`.
            first: Families in front of the block's own ones, none of which is chosen.
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


class ImageBlock(BackboneBlock):
    """A network over pixels; `family` and all its hyperparameters are searched.

    Args:
        name: As in `BackboneBlock`.
        pretrained: As in `ImageClassifier`; of several networks the first one.
        settings: As in `Part`.
    """

    takes = ("image",)
    families = IMAGE_FAMILIES

    def settled(self) -> SettledPretrained:
        """As `BackboneBlock.settled`."""
        return settle_pretrained(self.pretrained)

    def own(self, hp: Any, x: Any, facts: Mapping[str, Any], first: Mapping[str, Any]) -> Any:
        """As `BackboneBlock.own`."""
        mean, variance = facts["statistics"]
        normal = layers.Normalization(axis=-1, mean=mean, variance=variance)(x)
        return _where_there(x, _family(hp, normal, {**first, **IMAGE_FAMILIES}), facts)


class TextBlock(BackboneBlock):
    """A network over the weighted terms of a text; `family` and the rest are searched.

    Args:
        name: As in `BackboneBlock`.
        pretrained: As in `TextClassifier`.
        settings: As in `Part`.
    """

    takes = ("text",)
    families = TEXT_FAMILIES

    def settled(self) -> SettledEncoder:
        """As `BackboneBlock.settled`."""
        return settle_encoder(self.pretrained)

    def own(self, hp: Any, x: Any, facts: Mapping[str, Any], first: Mapping[str, Any]) -> Any:
        """As `BackboneBlock.own`."""
        families = {
            name: lambda hp, parts, bag=bag: bag(
                hp, parts["terms"], parts["weights"], facts["size"]
            )
            for name, bag in TEXT_FAMILIES.items()
        }
        return layers.Concatenate()([_family(hp, x, {**first, **families}), x["style"]])


class AudioBlock(BackboneBlock):
    """A network over spectrograms; `family` and all its hyperparameters are searched.

    Args:
        name: As in `BackboneBlock`.
        pretrained: As in `AudioClassifier`.
        settings: As in `Part`.
    """

    takes = ("sound",)
    families = _SPECTRAL

    def settled(self) -> SettledSpeech:
        """As `BackboneBlock.settled`."""
        return settle_speech(self.pretrained)

    def own(self, hp: Any, x: Any, facts: Mapping[str, Any], first: Mapping[str, Any]) -> Any:
        """As `BackboneBlock.own`."""
        with hp.conditional_scope("family", list(_SPECTRAL)) if first else nullcontext():
            normal = normalized(hp, x)
        return _where_there(x, _family(hp, normal, {**first, **_SPECTRAL}), facts)


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


def settled_networks(ends: Sequence[Node]) -> dict[str, Any]:
    """What `pretrained` of the blocks behind each input comes to, by name of the input.

    Args:
        ends: The ends of a graph.

    Raises:
        SearchSpaceError: If two blocks behind one input ask for different networks, or what is
            asked for cannot be used.
    """
    found: dict[str, BackboneBlock] = {}
    for node in walk(ends):
        block = node.part
        if not isinstance(block, BackboneBlock) or not block.may_begin:
            continue
        name = node.parents[0].part.name
        other = found.setdefault(name, block)
        if other.pretrained != block.pretrained:
            raise SearchSpaceError(
                f"The blocks `{other.name}` and `{block.name}` on the input `{name}` ask for "
                f"different networks: `pretrained` is {other.pretrained!r} and "
                f"{block.pretrained!r}, expected one network an input. Pass "
                f"`pretrained=False` to one of them."
            )
    return {name: block.settled() for name, block in found.items()}


def _on_vectors(hp: Any, x: Any) -> Any:
    """Features of the vectors of a pretrained network, and of the style of a text beside them."""
    vectors = x["vectors"] if isinstance(x, Mapping) else x
    # As many steps as a short training has are enough for the mean and the spread.
    vectors = layers.BatchNormalization(momentum=_QUICK_MOMENTUM)(vectors)
    rate = hp.Choice("pretrained_dropout", [0.0, 0.2, 0.5], default=0.2)
    vectors = layers.Dropout(rate)(vectors) if rate else vectors
    units = int(hp.Choice("pretrained_units", [0, 64, 256], default=0))
    vectors = layers.Dense(units, activation="relu")(vectors) if units else vectors
    return layers.Concatenate()([vectors, x["style"]]) if isinstance(x, Mapping) else vectors


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
