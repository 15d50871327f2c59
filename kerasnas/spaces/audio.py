"""The search space of sounds as a keras-tuner hypermodel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers

from kerasnas.clock import ALLOTMENTS, Deadline, Margin, Purpose, amount
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.sounds import SoundForm, lowest
from kerasnas.spaces.blocks.sound import normalized
from kerasnas.spaces.blocks.sound_conformer import conformer
from kerasnas.spaces.blocks.sound_conv import WIDTHS, cnn, crnn, multiply_adds, separable
from kerasnas.spaces.blocks.sound_summary import summary
from kerasnas.spaces.blocks.sound_wave import wave
from kerasnas.spaces.heads import classification_head, multilabel_head, regression_head
from kerasnas.spaces.linear_solver import solve_linear
from kerasnas.spaces.method import Method, Solution, Solve, Steps, Training
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.audio import audio_optimizer, audio_recipe
from kerasnas.spaces.sound_augmentation import SoundAugmentation, SoundTraining, sound_augmentation
from kerasnas.spaces.sound_backbones import FrozenSpeech
from kerasnas.spaces.space import Space
from kerasnas.spaces.vector_head import declared_strength, solve_vectors, vector_head
from kerasnas.spaces.weights.speech_embedding import SpeechVectors

FAMILIES: dict[str, Callable[..., Any]] = {
    "cnn": cnn,
    "separable": separable,
    "crnn": crnn,
    "conformer": conformer,
    "wave": wave,
    "linear": summary,
}
"""From hyperparameters and sounds to one vector each; only `wave` takes waveforms."""

MELS = (24, 32, 40, 64, 80)
_WINDOWS = (2.5, 4.0)  # of a hop

# What a processor core is taken to do in a second of training, in multiply-adds: rather too little.
_PACE = 1.2e10
_PASSES = 3  # forwards, and backwards to activations and to weights
_EPOCHS = 40  # that a known-good network should get

_TOGETHER = 512  # sounds that are summed up at a time
_ITERATIONS = 100

_SOLVED = ("linear", "pretrained")

_NO_WARP = {"speed": 0.1, "pitch": 0.0}
_STRONG = {"speed": 0.2, "pitch": 0.2, "masks": 2, "mixup": True}


class AudioHyperModel(Space):
    """Networks over sounds, with front end, augmentation and recipes as hyperparameters.

    Args:
        samples: Samples of a sound.
        sample_rate: Samples a second.
        classes: Number of classes or labels; `None` for regression.
        multilabel: Whether a row may have any number of labels.
        hop: Samples from one spectrum to the next; `None` for 10 ms.
        rows: Training rows, which set defaults; `None` when unknown.
        seconds: What a whole search may take, which sets the sizes that are tried first.
        cores: Processor cores for training.
        families: Which families to search.
        colour: Whether answers seem to lie in the mean spectrum of a sound, as for steady noises,
            rather than in its course, as for words.
        pretrained: A pretrained network, for the family `pretrained`; `None` where there is none.
        form: The one form that networks take; `None` makes it hyperparameters, which needs data for
            every form: kerasnas brings them, a stock keras-tuner search does not.

    Raises:
        SearchSpaceError: If a family is unknown.
    """

    def __init__(
        self,
        samples: int,
        sample_rate: int,
        classes: int | None = None,
        *,
        multilabel: bool = False,
        hop: int | None = None,
        rows: int | None = None,
        seconds: float | None = None,
        cores: int = 1,
        families: Sequence[str] = tuple(FAMILIES),
        colour: bool = False,
        pretrained: FrozenSpeech | None = None,
        form: SoundForm | None = None,
    ) -> None:
        super().__init__(name="audio")
        known = [*FAMILIES, *(["pretrained"] if pretrained else [])]
        unknown = [f for f in families if f not in known]
        if unknown or not families:
            raise SearchSpaceError(
                f"`space` names {unknown or 'no family'}; expected some of {known}, such as "
                'space=("cnn", "crnn").'
            )
        if form is not None:
            families = [f for f in families if (f == "wave") == (form.kind == "wave")]
        if not families:
            raise SearchSpaceError("None of the families takes this form of sounds.")
        self.samples = int(samples)
        self.sample_rate = int(sample_rate)
        self.classes = classes
        self.multilabel = multilabel
        self.hop = hop or max(8, round(0.01 * sample_rate))
        self.rows = rows
        self.seconds = seconds
        self.cores = cores
        self.families = tuple(families)
        self.colour = colour
        self.pretrained = pretrained
        self.one_form = form

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first, sized to the budget."""
        quick, large = (
            self._fitting(Purpose.QUICK_SOUND_SIZE, 16),
            self._fitting(Purpose.SOUND_SIZE, _EPOCHS),
        )
        listed: list[dict[str, Any]] = [
            {"family": "cnn", "cnn_width": quick},
            {"family": "cnn", "cnn_width": large, **_STRONG},
            {"family": "cnn", "cnn_width": quick, "normalize": "clip", **_NO_WARP},
            {"family": "crnn", "crnn_width": quick, **_STRONG},
            {"family": "conformer", **_STRONG},
            {"family": "separable", "normalize": "channel"},
            {"family": "cnn", "cnn_width": quick, "normalize": "pcen"},
            {"family": "wave", "learning_rate": 2e-3},
            {"family": "cnn", "cnn_width": quick, "normalize": "level", "noise": False, **_NO_WARP},
        ]
        if self.colour:
            # What the mean of every band says must not be taken away.
            listed[0] = {**listed[0], "normalize": "clip", **_NO_WARP}
            listed[1] = {**listed[1], "normalize": "clip", **_NO_WARP}
            listed[2]["normalize"] = "level"
            listed[5]["normalize"] = "clip"
        if self.classes is None:
            # Numbers may be what pitch, speed or loudness say: nothing is changed at first.
            plain = {"speed": 0.0, "pitch": 0.0, "tilt": 0.0, "learning_rate": 2e-3}
            listed = [{**values, **plain} for values in listed]
            listed.insert(1, {**listed[0], "normalize": "level"})
            listed[1].pop("noise", None)
        # An answer within seconds.
        listed[:0] = [{"family": "linear"}, {"family": "pretrained"}]
        kept = [dict(v) for v in listed if v["family"] in self.families]
        for values in kept:
            if self.classes is None or self.multilabel:
                values.pop("mixup", None)
            if values["family"] == "wave":
                values.pop("normalize", None)
        return kept

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from spectrograms or waveforms to probabilities or to one value."""
        family, form = self.family(hp), self.form(hp)
        if isinstance(form, SpeechVectors):
            return self._on_vectors(hp)
        if form.kind == "wave":
            sound = keras.Input((self.samples,), name="sound")
        else:
            sound = keras.Input((-(-self.samples // form.hop), form.mels), name="sound")
        x: Any = sound
        if form.kind == "mel":
            with hp.conditional_scope("family", self._spectral):
                x = normalized(hp, x, "clip" if self.colour else "channel")
        for name in self.families:
            with hp.conditional_scope("family", [name]):
                # A scope without a hyperparameter still tells keras-tuner to explore it.
                if name == family:
                    x = self._features(hp, name, x)
        if family == "linear":
            return self._linear(hp, sound, x)
        with self._trained(hp):
            answer, loss = self._head(hp, x)
            optimizer = audio_optimizer(hp)
        self.recipe(hp)
        self.augmentation(hp)
        network = keras.Model(sound, answer)
        metrics = ["accuracy"] if self.classes is not None and not self.multilabel else []
        network.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=False)
        return network

    def family(self, hp: keras_tuner.HyperParameters) -> str:
        """The family of these hyperparameters."""
        return str(hp.Choice("family", list(self.families), default=self.families[0]))

    def form(self, hp: keras_tuner.HyperParameters) -> SoundForm | SpeechVectors:
        """The form of sounds that the network takes."""
        family = self.family(hp)
        if family == "pretrained" and self.pretrained is not None:
            return SpeechVectors(self.pretrained.name)
        if self.one_form is not None:
            return self.one_form
        if family == "wave":
            return SoundForm("wave")
        with hp.conditional_scope("family", self._spectral):
            hop = hp.Choice("hop", [self.hop, round(1.6 * self.hop)], default=self.hop)
            window = hp.Choice("window", list(_WINDOWS), default=_WINDOWS[0])
            mels = hp.Choice("mels", list(MELS), default=40)
        return SoundForm("mel", max(16, round(window * hop)), int(hop), int(mels))

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        if self.family(hp) in _SOLVED:
            return Recipe(batch_size=32, schedule="cosine", patience=4, lengths=(16, 32))
        with self._trained(hp):
            recipe = audio_recipe(hp, self.rows)
        # The first trials are solved: the networks begin after them.
        solved = sum(name in self.families for name in _SOLVED)
        return replace(recipe, purposes=(recipe.purposes[:1] * solved + recipe.purposes))

    def augmentation(self, hp: keras_tuner.HyperParameters) -> SoundAugmentation:
        """How sounds are changed in training."""
        single = self.classes is not None and not self.multilabel
        with self._trained(hp):
            return sound_augmentation(hp, warp=self.classes is not None, mix=single)

    def solve(
        self, hp: keras_tuner.HyperParameters, view: Any, seed: int, deadline: Deadline
    ) -> Solution | None:
        """The solved linear model of summaries, or of the vectors of a frozen network.

        Args:
            hp: Hyperparameters.
            view: A `problem.View` with spectrograms or vectors.
            seed: Not used: the problem has one solution.
            deadline: When the search ends.
        """
        model = self.build(hp)
        if self.family(hp) == "pretrained":
            until = deadline.allot(Purpose.SOLVE_PICTURES)
            return solve_vectors(model, view, self.classes, self._strength(hp), until)
        features = keras.Model(model.input, model.get_layer("summary").output)
        starts = range(0, len(view.x), _TOGETHER)
        x = np.concatenate([np.asarray(features(view.x[i : i + _TOGETHER])) for i in starts])
        x = x.astype("float64")
        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-3
        weights, bias = solve_linear(
            (x - mean) / scale,
            np.asarray(view.y),
            view.weights,
            self.classes,
            float(hp.get("linear_strength")),
            _ITERATIONS,
        )
        weights = weights / scale[:, None]
        model.get_layer("of_summary").set_weights([weights, bias - mean @ weights])
        return Solution(model)

    def method(self, hp: keras_tuner.HyperParameters) -> Method:
        """A solver for the linear family; gradient steps with augmentation for the others."""
        steps = Steps(self.recipe(hp), partial(self.training, hp))
        if self.family(hp) not in _SOLVED:
            return steps
        return Solve(partial(self.solve, hp), otherwise=steps, unique=self.family(hp) == "linear")

    def training(self, hp: keras_tuner.HyperParameters, network: keras.Model) -> Training:
        """The network with augmentation in front."""
        plan = self.augmentation(hp)
        edges = (lowest(self.sample_rate), self.sample_rate / 2)
        edged = None if self.family(hp) == "wave" else edges
        return Training(SoundTraining(network, plan, edged))

    def _features(self, hp: keras_tuner.HyperParameters, name: str, x: Any) -> Any:
        if name == "wave":
            return wave(hp, x, max(8, round(0.01 * self.sample_rate)))
        if name in ("cnn", "crnn"):
            return FAMILIES[name](hp, x, self._fitting(Purpose.SOUND_SIZE, _EPOCHS))
        return FAMILIES[name](hp, x)

    @property
    def _spectral(self) -> list[str]:
        """The families that take spectrograms."""
        return [name for name in self.families if name not in ("wave", "pretrained")]

    def _trained(self, hp: keras_tuner.HyperParameters) -> Any:
        """The scope of what all families trained by steps have in common."""
        trained = [f for f in self.families if f not in _SOLVED]
        return hp.conditional_scope("family", trained or list(self.families))

    def front_sizes(self, hp: keras_tuner.HyperParameters) -> dict[str, float]:
        """What a network that stays as it is adds to the counts of the head behind it."""
        if self.pretrained is None or self.family(hp) != "pretrained":
            return {}
        return {"params": self.pretrained.params, "flops": self.pretrained.flops}

    def _on_vectors(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        assert self.pretrained is not None, "there is a pretrained network"
        for name in self.families:
            with hp.conditional_scope("family", [name]):
                # A scope without a hyperparameter still tells keras-tuner to explore it.
                pass
        self._strength(hp)
        return vector_head(self.pretrained.width, self.classes, self.multilabel)

    def _strength(self, hp: keras_tuner.HyperParameters) -> float:
        with hp.conditional_scope("family", ["pretrained"]):
            return declared_strength(hp, "pretrained_strength")

    def _linear(self, hp: keras_tuner.HyperParameters, sound: Any, x: Any) -> keras.Model:
        with hp.conditional_scope("family", ["linear"]):
            hp.Float("linear_strength", 1e-3, 10.0, sampling="log", default=0.03)
        x = layers.Dense(int(self.classes or 1), name="of_summary")(x)
        loss: Any = keras.losses.MeanSquaredError()
        if self.classes is not None:
            x = layers.Activation("sigmoid" if self.multilabel else "softmax")(x)
            loss = keras.losses.SparseCategoricalCrossentropy()
            loss = keras.losses.BinaryCrossentropy() if self.multilabel else loss
        model = keras.Model(sound, x)
        # In a stock keras-tuner search: steps on the same model.
        metrics = ["accuracy"] if self.classes is not None and not self.multilabel else []
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=metrics)
        return model

    def _head(self, hp: keras_tuner.HyperParameters, x: Any) -> tuple[Any, keras.losses.Loss]:
        if self.classes is None:
            return regression_head(hp, x)
        if self.multilabel:
            return multilabel_head(x, self.classes)
        return classification_head(hp, x, self.classes)

    def _fitting(self, purpose: Purpose, epochs: int) -> int:
        """Width of the convolutional family that can be trained in a share of the time."""
        usual = amount(Margin.USUAL_BUDGET_SECONDS)
        seconds = ALLOTMENTS[purpose].seconds(usual if self.seconds is None else self.seconds)
        rows = 5_000 if self.rows is None else self.rows
        budget = seconds * _PACE * max(1, self.cores) / (rows * epochs * _PASSES)
        frames = math.ceil(self.samples / self.hop)
        fitting = [w for w in WIDTHS if multiply_adds(frames, 40, w) <= budget]
        # Few sounds are learnt by heart soon enough.
        return min(max(fitting, default=WIDTHS[0]), 16 if rows < 1_000 else WIDTHS[-1])


def audio(
    input_shape: Sequence[int] | int,
    classes: int | None = None,
    *,
    sample_rate: int = 16_000,
    multilabel: bool = False,
    rows: int | None = None,
    families: Sequence[str] = tuple(FAMILIES),
    **settings: Any,
) -> AudioHyperModel:
    """The search space of sounds, for any keras-tuner `Tuner` and for `kerasnas.search`.

    Args:
        input_shape: `(frames, mels)` of log-mel spectrograms, zero behind the end of a sound, or
            the number of samples of waveforms.
        classes: Number of classes, labels being integers; `None` for regression.
        sample_rate: Samples a second.
        multilabel: Whether targets are a 0/1 matrix of `classes` columns.
        rows: Training rows, which set the default batch size.
        families: Which of `cnn`, `separable`, `crnn`, `conformer` and `linear` to search over
            spectrograms; waveforms have `wave`.
        **settings: As in `AudioHyperModel`.
    """
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
    if len(shape) not in (1, 2):
        raise SearchSpaceError(
            f"`input_shape` must be (frames, mels) or (samples,), received {shape}."
        )
    form, samples = SoundForm("wave"), int(shape[0])
    if len(shape) == 2:
        hop = round(0.01 * sample_rate)
        form = SoundForm("mel", round(2.5 * hop), hop, int(shape[1]))
        samples = int(shape[0]) * hop
    return AudioHyperModel(
        samples,
        sample_rate,
        classes,
        multilabel=multilabel,
        rows=rows,
        families=families,
        form=form,
        **settings,
    )
