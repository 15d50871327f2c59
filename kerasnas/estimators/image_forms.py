"""The forms of pictures that trials ask for, those of pretrained backbones among them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.clock import Clock, Margin, Purpose, amount
from kerasnas.data.room import fits
from kerasnas.data.stored import held
from kerasnas.estimators.feature_cache import FeatureCache, last_few, with_latency
from kerasnas.preprocessing.images import ImageForm, picture_front
from kerasnas.problem.inputs import FittedPictures, Form
from kerasnas.spaces.picture_backbones import PictureBackbone, PictureFeatures
from kerasnas.spaces.picture_backbones.backbone import USUAL_TUNED
from kerasnas.spaces.picture_backbones.frozen import (
    features,
    frozen_front,
    pace,
    upper_front,
)

PictureForm = ImageForm | PictureFeatures

_KEPT = 2
_KEPT_FEATURES = 4  # where backbones make some of them: to make them again takes long
_KEPT_GRAPHS = 4


@dataclass(eq=False)
class PictureForms:
    """Pictures in the forms of their input, and in those that frozen layers of backbones make.

    Attributes:
        fitted: All pictures.
        clock: The clock of the fit.
        backbones: Pretrained backbones by name. Networks are not known to a problem, so their forms
            are made here.
        fine_tunes: Whether trials also train the last layers, so that the maps below them are made
            once and kept.
    """

    fitted: FittedPictures
    clock: Clock
    backbones: dict[str, PictureBackbone] = field(default_factory=dict)
    fine_tunes: bool = True
    _cache: FeatureCache = field(init=False)
    _frozen: dict[PictureFeatures, keras.Model] = field(default_factory=dict)
    _paces: dict[PictureFeatures, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = _KEPT_FEATURES if self.backbones else _KEPT
        self._cache = FeatureCache(self._made, self.clock, "images", kept=kept)

    @property
    def has_time(self) -> bool:
        """As `FeatureCache.has_time`."""
        return self._cache.has_time

    def form(self, key: PictureForm) -> Form:
        """All rows in a form, and the graph from raw pictures to it.

        Raises:
            OutOfTime: If there is no time to make one more form and to train on it.
        """
        # What a backbone makes of pictures keeps its own time.
        return self._cache(key, timed=isinstance(key, ImageForm))

    def front(self, key: PictureForm) -> FrontGraph:
        """The graph of a form alone."""
        if isinstance(key, ImageForm):
            return self.fitted.front(key)
        reader = self.fitted.reader
        raw = keras.Input(reader.shape, dtype=reader.dtype, name="image")
        pixels = picture_front(reader, key.pixels)(raw)
        return FrontGraph.of(
            keras.Model(raw, self.frozen(key)(pixels), name="kerasnas_preprocessing")
        )

    def check_training(self, backbone: PictureBackbone, key: PictureFeatures) -> None:
        """Whether there is time for one epoch of fine-tuning, and for answers after it.

        Args:
            backbone: The backbone.
            key: The form that training begins with; of pixels with 1 as the share of the layers.

        Raises:
            OutOfTime: If there is not.
        """
        until = self.clock.allot(Purpose.FORM)
        if until.endless:
            return
        if key not in self._paces:
            if key.tuned >= 1.0:  # all layers see the pixels in every epoch
                given, network = self.form(key.pixels).data, self.frozen(replace(key, tuned=0.0))
            else:
                given, network = self.form(key).data, upper_front(backbone, key, key.tuned)
            self._paces[key] = pace(network, key, given)
        seconds = amount(Margin.BACKBONE_EPOCH) * self._paces[key] * len(self.fitted.raw)
        what = f"to train on all pictures with the backbone '{backbone.name}'"
        until.require(seconds, f"{what} (a smaller size, or fewer layers, would do)")

    def _made(self, key: PictureForm) -> Form:
        if isinstance(key, ImageForm):
            return with_latency(self.fitted.form(key), self.fitted.reader)
        return with_latency(Form(held(self._features(key)), self.front(key)), self.fitted.reader)

    def _features(self, key: PictureFeatures) -> np.ndarray:
        """What frozen layers make of all pictures.

        Vectors are made of the maps that fine-tuning begins with, which are kept as well: the first
        layers see all pictures once.
        """
        maps = replace(key, tuned=USUAL_TUNED)
        shared = self.fine_tunes and key.tuned == 0.0 and not key.both_ways
        if shared and self._finds_room(maps):
            given, network = self.form(maps).data, self._upper(key)
        else:
            given, network = self.form(key.pixels).data, self.frozen(key)
        return features(network, key, given, self.clock.allot(Purpose.FORM))

    def _finds_room(self, key: PictureFeatures) -> bool:
        shape = self.frozen(key).output_shape[1:]
        return len(shape) == 3 and fits(4 * len(self.fitted.raw) * math.prod(shape))

    def _upper(self, key: PictureFeatures) -> keras.Model:
        return upper_front(self.backbones[key.backbone], key, USUAL_TUNED)

    def frozen(self, key: PictureFeatures) -> keras.Model:
        """The frozen layers that make a form of its pixels; the last few are kept."""
        reader = self.fitted.reader
        return last_few(
            self._frozen,
            key,
            lambda form: frozen_front(
                self.backbones[form.backbone], form, reader.channels, (reader.low, reader.high)
            ),
            _KEPT_GRAPHS,
        )
