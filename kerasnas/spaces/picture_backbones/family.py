"""The family of networks on a pretrained backbone of pictures: a solved head, then fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
from keras import layers

from kerasnas.clock import ALLOTMENTS, Deadline, Margin, Purpose, amount
from kerasnas.preprocessing.images import ImageForm
from kerasnas.spaces.augmentation import Augmentation, augmentation
from kerasnas.spaces.method import Solution
from kerasnas.spaces.picture_backbones.backbone import (
    TUNED,
    USUAL_TUNED,
    PictureBackbone,
    PictureFeatures,
    coloured,
    multiply_adds_of,
    sized,
)
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.grouped_adam import graded_adam
from kerasnas.spaces.vector_head import declared_strength, solve_vectors, vector_head

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Epochs that a fine-tuning may be given when time is what limits it."""

PURPOSES = (Purpose.FINE_TUNING_PICTURES,)
"""What the time of a fine-tuning is used for."""

_HEAD = 10.0  # times the rate of the last layers of the backbone, at which the head learns
_SCOPE = "pretrained"  # in front of the names of hyperparameters that other families have as well
_EPOCHS = 4  # that a fine-tuning should have
_FEW_ROWS = 2_400  # over the rows: epochs besides
# What a core is taken to do in a second, forwards: 1.2e10 and 2.1e10 were measured on two machines.
_MULTIPLY_ADDS = 1.6e10

Head = Callable[[keras_tuner.HyperParameters, Any], tuple[Any, keras.losses.Loss]]
"""From hyperparameters and vectors to answers and their loss."""


@dataclass(frozen=True, eq=False)
class PretrainedFamily:
    """Networks on pretrained backbones, as hyperparameters of the space of images.

    Attributes:
        backbones: The backbones to choose from; the first one is tried first.
        native: Height and width of the largest pixels that there are.
        channels: Channels of the pixels.
        pixel_range: Smallest and largest pixel.
        classes: Number of classes or labels; `None` for values.
        multilabel: Whether a row may have any number of labels.
        rows: Training rows; `None` when unknown.
        seconds: What a whole search may take.
        cores: Processor cores for training.
        flip: Whether mirrored pictures keep their answers, as far as is known.
        lean: Whether size or speed is wanted or limited: small pictures are among the first.
        augment: Whether pictures may be changed in training.
        both_ways: Whether answers are means over a picture and its mirror image.
        frozen: From a form to the frozen layers that make it, where that is done once for all
            trials; `None` computes them in every network.
    """

    backbones: Sequence[PictureBackbone]
    native: tuple[int, int]
    channels: int
    pixel_range: tuple[float, float]
    classes: int | None = None
    multilabel: bool = False
    rows: int | None = None
    seconds: float | None = None
    cores: int = 1
    flip: bool = False
    lean: bool = False
    augment: bool = True
    both_ways: bool = False
    frozen: Callable[[PictureFeatures], keras.Model] | None = None

    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations, best first: an answer in seconds, then fine-tuning."""
        found: list[dict[str, Any]] = []
        for one in self.backbones:
            common = {"family": "pretrained", "backbone": one.name}
            tuned = {**common, "pretrained_tuned": USUAL_TUNED}
            found.append({**common, "pretrained_tuned": 0.0})
            found.append(tuned)
            if self.augment and self.classes is not None and not self.multilabel:
                found.append({**tuned, "pretrained/mix": "mixup", "pretrained/dropout": 0.0})
            found.append({**common, "pretrained_tuned": 1.0})
            if self.lean:
                heights = {h for h, _ in one.sizes(*self.native)}
                for height in sorted(heights - {self.affordable(one)[0]}, reverse=True):
                    found.append({**found[0], "backbone": one.name, "pretrained_height": height})
        return found

    def form(
        self, hp: keras_tuner.HyperParameters, fits: Sequence[str]
    ) -> ImageForm | PictureFeatures:
        """The form of pictures that the network of these hyperparameters takes.

        Args:
            hp: Declares `backbone`, `pretrained_tuned` and, where there is a choice,
                `pretrained_height` and `pretrained_resize`.
            fits: How pictures of other shapes are brought to a size.
        """
        height, width = self.size(hp)
        share = self.share(hp)
        fit: Any = fits[0]
        if len(fits) > 1:
            with _family(hp):
                fit = hp.Choice("pretrained_resize", list(fits), default=fit)
        if self.frozen is None or share >= 1.0 or (self.both_ways and share):
            return self.pixels(height, width, fit)
        return self.features(self.backbone(hp), (height, width), share, fit)

    def pixels(self, height: int, width: int, fit: Any) -> ImageForm:
        """The pixels that are made larger or handed on: never more of them than there are."""
        seen = (height, width) if height < self.native[0] else self.native
        return ImageForm(*seen, fit)

    def features(
        self, backbone: PictureBackbone, size: tuple[int, int], share: float, fit: Any
    ) -> PictureFeatures:
        """The form that the frozen layers of a backbone make.

        Args:
            backbone: The backbone.
            size: Height and width that it sees.
            share: Share of its layers that is left for training.
            fit: How pictures of other shapes are brought to a size.
        """
        pixels = self.pixels(*size, fit)
        return PictureFeatures(pixels, backbone.name, *size, share, self.both_ways)

    def trained_from(
        self, hp: keras_tuner.HyperParameters, fits: Sequence[str]
    ) -> PictureFeatures | None:
        """The form that fine-tuning begins with, pixels as the form of all layers.

        Args:
            hp: Hyperparameters.
            fits: As in `form`.

        Returns:
            `None` where no layer of the backbone is trained.
        """
        share, form = self.share(hp), self.form(hp, fits)
        if share == 0.0:
            return None
        if isinstance(form, PictureFeatures):
            return form
        return PictureFeatures(form, self.backbone(hp).name, *self.size(hp), 1.0)

    def backbone(self, hp: keras_tuner.HyperParameters) -> PictureBackbone:
        """Declares `backbone` and reads it."""
        names = [one.name for one in self.backbones]
        with _family(hp):
            chosen = hp.Choice("backbone", names, default=names[0])
        return self.backbones[names.index(chosen)]

    def share(self, hp: keras_tuner.HyperParameters) -> float:
        """Declares `pretrained_tuned` and reads it: the share of layers that training changes."""
        with _family(hp):
            share = float(hp.Choice("pretrained_tuned", list(TUNED), default=0.0))
            for values in ([0.0], [t for t in TUNED if t]):
                # A scope that is not entered is not explored.
                with hp.conditional_scope("pretrained_tuned", values):
                    pass
        return share

    def size(self, hp: keras_tuner.HyperParameters) -> tuple[int, int]:
        """Height and width that the backbone sees."""
        backbone = self.backbone(hp)
        sizes = backbone.sizes(*self.native)
        heights = sorted({h for one in self.backbones for h, _ in one.sizes(*self.native)})
        usual = self.affordable(backbone)[0]
        height = usual
        if len(heights) > 1:
            with _family(hp):
                height = int(hp.Choice("pretrained_height", heights, default=usual))
        return min(sizes, key=lambda size: abs(size[0] - height))

    def affordable(self, backbone: PictureBackbone) -> tuple[int, int]:
        """The largest size at which all pictures can be looked at in a share of the time."""
        usual = amount(Margin.USUAL_BUDGET_SECONDS)
        whole = usual if self.seconds is None else self.seconds
        seconds = ALLOTMENTS[Purpose.PRETRAINED_SIZE].seconds(whole)
        rows = 10_000 if self.rows is None else self.rows
        # Pictures go through the layers once as they are, and half of them in each epoch, backwards
        # too; few pictures need many epochs.
        passes = 2 * (_EPOCHS + _FEW_ROWS / rows)
        budget = seconds * _MULTIPLY_ADDS * max(1, self.cores) / (rows * passes)
        sizes = backbone.sizes(*self.native)
        return max((s for s in sizes if backbone.multiply_adds(*s) <= budget), default=sizes[0])

    def build(
        self, hp: keras_tuner.HyperParameters, form: ImageForm | PictureFeatures, head: Head
    ) -> keras.Model:
        """A compiled network.

        Args:
            hp: Hyperparameters.
            form: As `form` gives it.
            head: From vectors to answers and their loss.
        """
        backbone, share, (height, width) = self.backbone(hp), self.share(hp), self.size(hp)
        if isinstance(form, PictureFeatures):
            assert self.frozen is not None, "somebody makes the form"
            shape = tuple(int(n) for n in self.frozen(form).output_shape[1:])
        else:
            shape = (form.height, form.width, self.channels)
        if share == 0.0:
            self.strength(hp)
        if share == 0.0 and isinstance(form, PictureFeatures):
            return vector_head(shape[0], self.classes, self.multilabel)
        given = keras.Input(shape, name="features" if len(shape) != 3 else "pixels")
        x: Any = given
        if isinstance(form, ImageForm):
            x = sized(coloured(x, self.pixel_range), height, width)
            if share < 1.0:
                x = backbone.lower(height, width, share)(x, training=False)
        if share == 0.0:
            answer = vector_head(int(x.shape[-1]), self.classes, self.multilabel)
            network = keras.Model(given, answer(x))
            network.compile(optimizer=answer.optimizer, loss=answer.loss)
            return network
        upper = backbone.upper(height, width, share)
        x = upper(x)
        with fine_tuning(hp):
            answer, loss = head(hp, dropped(hp, x))
            network = keras.Model(given, answer)
            optimizer = fine_tuning_optimizer(hp, network, upper)
            self._augmentation(hp)
        self.recipe(hp)
        metrics = ["accuracy"] if self.classes is not None and not self.multilabel else []
        network.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=False)
        return network

    def front_sizes(self, form: ImageForm | PictureFeatures) -> dict[str, float]:
        """What frozen layers in front of a network add to its counts, by the rules of these."""
        if self.frozen is None or isinstance(form, ImageForm):
            return {}
        frozen = self.frozen(form)
        largest = 3 * form.height * form.width
        times = 2 if form.both_ways else 1
        return {
            "params": float(frozen.count_params()),
            "flops": 2.0 * times * multiply_adds_of(frozen),
            "peak_memory_bytes": 4.0 * (frozen.count_params() + 2 * largest),
        }

    def strength(self, hp: keras_tuner.HyperParameters) -> float:
        """The strength of the penalty of a solved head."""
        with _family(hp), hp.conditional_scope("pretrained_tuned", [0.0]):
            return declared_strength(hp, "pretrained_strength")

    def solve(
        self, hp: keras_tuner.HyperParameters, network: keras.Model, view: Any, deadline: Deadline
    ) -> Solution | None:
        """The solved head; `None` where there is no time for it."""
        until = deadline.allot(Purpose.SOLVE_PICTURES)
        return solve_vectors(network, view, self.classes, self.strength(hp), until)

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to fine-tune; a head that is solved needs none of it."""
        if self.share(hp) == 0.0:
            return Recipe(batch_size=64, schedule="cosine", patience=4, lengths=(8, 16, 32))
        with fine_tuning(hp):
            return fine_tuning_recipe(hp, self.rows)

    def plan(
        self, hp: keras_tuner.HyperParameters, form: ImageForm | PictureFeatures
    ) -> tuple[Augmentation, bool]:
        """How pictures are changed in training, and whether weights are averaged."""
        if self.share(hp) == 0.0:
            return Augmentation(), False
        with fine_tuning(hp):
            plan, average = self._augmentation(hp)
        if isinstance(form, PictureFeatures):
            # Maps of features can be mirrored and mixed, and nothing else.
            plan = Augmentation(flip=plan.flip, mix=plan.mix)
        return plan, average

    def _augmentation(self, hp: keras_tuner.HyperParameters) -> tuple[Augmentation, bool]:
        plan = Augmentation()
        if self.augment:
            single = self.classes is not None and not self.multilabel
            plan = augmentation(hp, self.flip, single, self.channels)
        return plan, bool(hp.Boolean("ema", default=False))


def _family(hp: keras_tuner.HyperParameters) -> Any:
    """The scope of the family."""
    return hp.conditional_scope("family", ["pretrained"])


@contextmanager
def fine_tuning(hp: keras_tuner.HyperParameters) -> Iterator[None]:
    """The scope of the hyperparameters of fine-tuning, which carry the name of the family."""
    tuned = [t for t in TUNED if t]
    with _family(hp), hp.conditional_scope("pretrained_tuned", tuned), hp.name_scope(_SCOPE):
        yield


def dropped(hp: keras_tuner.HyperParameters, x: Any) -> Any:
    """Vectors with dropout in front of the head.

    Args:
        hp: Declares `dropout`.
        x: Vectors.
    """
    rate = float(hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2))
    return layers.Dropout(rate)(x) if rate else x


def fine_tuning_optimizer(
    hp: keras_tuner.HyperParameters, network: keras.Model, tuned: keras.Model
) -> keras.optimizers.Optimizer:
    """Adam whose rate falls from the last layer of the backbone to the first.

    Args:
        hp: Declares `learning_rate`, `first_rate` and `weight_decay`.
        network: The whole network; its layers beyond the backbone are the head.
        tuned: The part of the backbone that is trained.
    """
    rate = float(hp.Float("learning_rate", 5e-5, 5e-3, sampling="log", default=5e-4))
    first = float(hp.Choice("first_rate", [1.0, 0.3, 0.1], default=0.3))
    decay = float(hp.Float("weight_decay", 1e-4, 0.3, sampling="log", default=0.02))
    return graded_adam(network, tuned, rate, first=first, head=_HEAD, decay=decay)


def fine_tuning_recipe(hp: keras_tuner.HyperParameters, rows: int | None) -> Recipe:
    """How a backbone is fine-tuned: rates that warm up, and fall to nothing.

    Args:
        hp: Declares `batch_size`.
        rows: Training rows, which set the default batch size.
    """
    default = 32 if rows is None or rows < 4_000 else 64
    size = int(hp.Choice("batch_size", [16, 32, 64, 128], default=default))
    return Recipe(
        batch_size=size,
        schedule="cosine",
        patience=None,
        lengths=LENGTHS,
        purposes=PURPOSES,
        enough=_EPOCHS,
        long=Purpose.LONG_FINE_TUNING,
    )
