"""Images changed at random in training: never in a model that is scored or exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
import keras_tuner
from keras import ops, random

from kerasnas.spaces.mixing import MixingModel

Mix = Literal["none", "mixup", "cutmix"]


@dataclass(frozen=True)
class Augmentation:
    """What is done to every image of a batch, each time anew.

    Attributes:
        flip: Whether half of the images are mirrored, left to right.
        shift: Largest shift, as a share of each side.
        affine: Strength of rotation, scaling and shearing; 0.1 turns by at most 10 degrees.
        color: Strength of changes of brightness, contrast and, with three channels, saturation.
        erase: Largest side of a patch that is greyed out, as a share of each side.
        rand_augment: Operations of RandAugment on each image.
        mix: Whether two images, and what is expected of them, are mixed.
    """

    flip: bool = False
    shift: float = 0.0
    affine: float = 0.0
    color: float = 0.0
    erase: float = 0.0
    rand_augment: int = 0
    mix: Mix = "none"

    @property
    def idle(self) -> bool:
        """Whether nothing is done."""
        return self == Augmentation()


def augmentation(
    hp: keras_tuner.HyperParameters,
    flip: bool = False,
    classify: bool = True,
    channels: int = 3,
) -> Augmentation:
    """Declares the hyperparameters of augmentation and reads their values.

    Args:
        hp: Declares `flip`, `shift`, `affine`, `color`, `erase`; for three channels
            `rand_augment`; for classes `mix`.
        flip: Default of `flip`. Mirrored digits and letters are no digits and letters: without
            evidence that mirroring keeps the answers, it is off.
        classify: Whether answers are probabilities, which can be mixed.
        channels: Channels of the images; the colours of RandAugment are for three.
    """
    return Augmentation(
        flip=hp.Boolean("flip", default=flip),
        shift=hp.Choice("shift", [0.0, 0.06, 0.12, 0.18], default=0.12),
        affine=hp.Choice("affine", [0.0, 0.1, 0.2], default=0.0),
        color=hp.Choice("color", [0.0, 0.2, 0.4], default=0.0),
        erase=hp.Choice("erase", [0.0, 0.25, 0.5], default=0.0),
        rand_augment=hp.Choice("rand_augment", [0, 1, 2], default=0) if channels == 3 else 0,
        mix=hp.Choice("mix", ["none", "mixup", "cutmix"], default="none") if classify else "none",
    )


class Augmenter(keras.layers.Layer):
    """Applies an `Augmentation` to batches of images, all of them at once.

    Shift, mirroring, rotation, scaling and shearing of an image are one transform, looked up once:
    layer by layer they take several times as long.

    Args:
        plan: What to do.
        low: Smallest pixel.
        high: Largest pixel.
        seed: Seed; `None` draws one from Python's generator, as Keras's layers do.
    """

    def __init__(
        self, plan: Augmentation, low: float = 0.0, high: float = 255.0, seed: int | None = None
    ) -> None:
        super().__init__(dtype="float32", trainable=False)
        self.plan = plan
        self.low, self.high = float(low), float(max(high, low + 1e-6))
        self.seed = random.SeedGenerator(seed)
        self._further = (
            keras.layers.RandAugment((low, high), plan.rand_augment, factor=0.4)
            if plan.rand_augment
            else None
        )

    def call(self, images: Any) -> Any:
        """Changed images, float32 of the same shape."""
        plan = self.plan
        images = ops.cast(images, "float32")
        if self._further is not None:
            images = self._further(images, training=True)
        if plan.flip or plan.shift or plan.affine:
            images = self._moved(images)
        if plan.color:
            images = self._colored(images)
        if plan.erase:
            images = self._erased(images)
        return images

    def _uniform(self, batch: Any, low: float, high: float) -> Any:
        return random.uniform((batch,), low, high, seed=self.seed)

    def _moved(self, images: Any) -> Any:
        """One transform an image, from the places of the answer to those of the picture."""
        plan = self.plan
        batch = ops.shape(images)[0]
        height, width = int(images.shape[1]), int(images.shape[2])
        one, zero = ops.ones((batch,)), ops.zeros((batch,))
        mirror = ops.where(self._uniform(batch, 0.0, 1.0) < 0.5, -one, one) if plan.flip else one
        x = self._uniform(batch, -plan.shift, plan.shift) * width
        y = self._uniform(batch, -plan.shift, plan.shift) * height
        if plan.affine:
            angle = self._uniform(batch, -plan.affine, plan.affine) * 1.75
            scale = ops.exp(self._uniform(batch, -plan.affine, plan.affine))
            shear = self._uniform(batch, -plan.affine, plan.affine)
            cos, sin = ops.cos(angle) * scale, ops.sin(angle) * scale
            a, b, c, d = cos * mirror, -sin + shear * cos, sin * mirror, cos + shear * sin
        else:
            # Whole pixels: nothing is blurred, and looking up the nearest is enough.
            x, y = ops.round(x), ops.round(y)
            a, b, c, d = mirror, zero, zero, one
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        transform = ops.stack(
            [
                a,
                b,
                middle_x - a * middle_x - b * middle_y + x,
                c,
                d,
                middle_y - c * middle_x - d * middle_y + y,
                zero,
                zero,
            ],
            axis=1,
        )
        return ops.image.affine_transform(
            images,
            transform,
            interpolation="bilinear" if plan.affine else "nearest",
            fill_mode="reflect" if int(images.shape[3]) >= 3 else "nearest",
            data_format="channels_last",
        )

    def _colored(self, images: Any) -> Any:
        batch = ops.shape(images)[0]
        strength = self.plan.color

        def factor() -> Any:
            drawn = self._uniform(batch, 1 - strength, 1 + strength)
            return ops.reshape(drawn, (batch, 1, 1, 1))

        colors, rest = images, None
        if int(images.shape[3]) == 4:
            colors, rest = images[..., :3], images[..., 3:]  # alpha is no colour
        if int(colors.shape[3]) == 3:
            grey = ops.mean(colors, axis=3, keepdims=True)
            colors = grey + (colors - grey) * factor()
        mean = ops.mean(colors, axis=(1, 2, 3), keepdims=True)
        colors = mean + (colors - mean) * factor()
        colors = self.low + (colors - self.low) * factor()
        colors = ops.clip(colors, self.low, self.high)
        return colors if rest is None else ops.concatenate([colors, rest], axis=3)

    def _erased(self, images: Any) -> Any:
        batch = ops.shape(images)[0]
        height, width = int(images.shape[1]), int(images.shape[2])

        def inside(side: int) -> Any:
            size = self._uniform(batch, 0.0, self.plan.erase) * side
            start = self._uniform(batch, 0.0, 1.0) * (side - size)
            places = ops.arange(side, dtype="float32")[None, :] + 0.5
            return (places > start[:, None]) & (places < (start + size)[:, None])

        patch = inside(height)[:, :, None, None] & inside(width)[:, None, :, None]
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return ops.where(patch, mean, images)


def mixed(images: Any, mix: Mix, seed: Any) -> tuple[Any, Any]:
    """Every image mixed with the next one of the batch.

    Args:
        images: Shape `(batch, height, width, channels)`.
        mix: `mixup` adds them (Zhang et al. 2018), `cutmix` pastes a rectangle (Yun et al. 2019).
        seed: A Keras seed generator.

    Returns:
        The images, and the share of the own answer in each, shape `(batch,)`.
    """
    batch = ops.shape(images)[0]
    other = ops.roll(images, 1, axis=0)
    if mix == "mixup":
        # The larger share stays the image's own: a draw from Beta(1, 1), folded.
        share = 1.0 - 0.5 * random.uniform((batch,), 0.0, 1.0, seed=seed)
        weight = ops.reshape(share, (batch, 1, 1, 1))
        return weight * images + (1.0 - weight) * other, share
    height, width = int(images.shape[1]), int(images.shape[2])
    side = ops.sqrt(0.5 * random.uniform((batch,), 0.0, 1.0, seed=seed))

    def inside(length: int) -> Any:
        size = ops.round(side * length)
        start = ops.floor(random.uniform((batch,), 0.0, 1.0, seed=seed) * (length - size + 0.999))
        places = ops.arange(length, dtype="float32")[None, :]
        return (places >= start[:, None]) & (places < (start + size)[:, None])

    patch = inside(height)[:, :, None, None] & inside(width)[:, None, :, None]
    share = 1.0 - ops.mean(ops.cast(patch, "float32"), axis=(1, 2, 3))
    return ops.where(patch, other, images), share


class AugmentedModel(MixingModel):
    """A network in training: images changed first, answers mixed, weights averaged if wanted.

    The network inside is what is scored and exported. With averaging it holds the moving average
    of the weights of a copy, which is the one that learns.

    Args:
        network: A compiled, functional network; its optimiser and loss are used.
        plan: How images are changed.
        low: Smallest pixel.
        high: Largest pixel.
        average: Share of the old average that every step keeps; `None` trains the network itself.
    """

    def __init__(
        self,
        network: keras.Model,
        plan: Augmentation,
        low: float = 0.0,
        high: float = 255.0,
        average: float | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.average = average
        self.learner = network
        if average is not None:
            self.learner = keras.models.clone_model(network)
            self.learner.set_weights(network.get_weights())
        self.augmenter = Augmenter(plan, low, high)
        self.mix = plan.mix
        self.compile(optimizer=network.optimizer, loss=network.loss, jit_compile=False)

    @property
    def trainable_variables(self) -> list[Any]:
        """Those of the network that learns; an average does not learn."""
        return list(self.learner.trainable_variables)

    @property
    def trainable_weights(self) -> list[Any]:
        """The same, by the name that training steps use."""
        return self.trainable_variables

    def call(self, images: Any, training: bool = False) -> Any:
        """Answers of the network that learns, in training for changed images."""
        if training:
            images = self.augmenter(images)
            if self.mix != "none":
                images, self.share = mixed(images, self.mix, self.augmenter.seed)
        return self.learner(images, training=training)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Keras's own step, and one of the average."""
        logs = super().train_step(data)
        if self.average is not None:
            self._move_average()
        return logs

    def _move_average(self) -> None:
        """The average warms up, so that the first steps do not stay in it."""
        step = ops.cast(self.optimizer.iterations, "float32")
        keep = ops.minimum(self.average, (1.0 + step) / (10.0 + step))
        for mean, value in zip(self.network.weights, self.learner.weights, strict=True):
            if "float" in str(mean.dtype):
                mean.assign(mean * keep + value * (1.0 - keep))
