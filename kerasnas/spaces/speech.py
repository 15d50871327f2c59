"""The search space of speech recognition as a keras-tuner hypermodel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers, ops

from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.sounds import SoundForm, lowest
from kerasnas.spaces.blocks.sound import normalized
from kerasnas.spaces.blocks.speech import speech_conformer, speech_conv, speech_recurrent
from kerasnas.spaces.method import Steps, Training
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.recipes.audio import audio_optimizer, audio_recipe
from kerasnas.spaces.sound_augmentation import SoundAugmentation, SoundTraining, sound_augmentation
from kerasnas.spaces.space import Space

FAMILIES: dict[str, Callable[..., tuple[Any, Any]]] = {
    "conv": speech_conv,
    "conformer": speech_conformer,
    "recurrent": speech_recurrent,
}

MELS = (32, 40, 64)
STRIDES = (1, 2, 4)
_SURE = 30.0  # how much less probable anything but the blank is behind the end


@keras.saving.register_keras_serializable("kerasnas")
class SpeechLoss(keras.losses.Loss):
    """The loss of connectionist temporal classification, on log probabilities.

    On TensorFlow its own kernel is called, several times as fast as `keras.ops.ctc_loss`, which is
    a loop over frames there. Only used in training; an exported model is not compiled.
    """

    def __init__(self, name: str = "ctc", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each row.

        Args:
            y_true: Numbers of characters `(batch, longest)`, 0 behind the end.
            y_pred: Log probabilities `(batch, frames, 1 + characters)`, the blank first.
        """
        y_true = ops.cast(y_true, "int32")
        rows, frames = ops.shape(y_pred)[0], ops.shape(y_pred)[1]
        letters = ops.maximum(ops.sum(ops.cast(y_true > 0, "int32"), axis=1), 1)
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            loss = tf.compat.v1.nn.ctc_loss(
                labels=_sparse(tf, y_true),
                # That kernel takes the last number for the blank.
                inputs=tf.concat([y_pred[:, :, 1:], y_pred[:, :, :1]], axis=2),
                sequence_length=tf.fill([rows], frames),
                ignore_longer_outputs_than_inputs=True,
                time_major=False,
            )
        else:
            loss = ops.ctc_loss(y_true, y_pred, letters, ops.full((rows,), frames, "int32"))
        # By the letter, so that long texts do not rule the training.
        return loss / ops.cast(letters, "float32")


class SpeechHyperModel(Space):
    """Networks from spectrograms to characters, with augmentation and recipes.

    Args:
        sample_rate: Samples a second.
        characters: Number of characters, without the blank.
        hop: Samples from one spectrum to the next; `None` for 10 ms.
        strides: Numbers of frames that may become one.
        rows: Training rows, which set defaults; `None` when unknown.
        families: Which families to search.
        form: The one form that networks take; `None` makes it hyperparameters.

    Raises:
        SearchSpaceError: If a family is unknown.
    """

    def __init__(
        self,
        sample_rate: int,
        characters: int,
        *,
        hop: int | None = None,
        strides: Sequence[int] = (1, 2),
        rows: int | None = None,
        families: Sequence[str] = tuple(FAMILIES),
        form: SoundForm | None = None,
    ) -> None:
        super().__init__(name="speech")
        unknown = [f for f in families if f not in FAMILIES]
        if unknown or not families:
            raise SearchSpaceError(
                f"`space` names {unknown or 'no family'}; expected some of {list(FAMILIES)}, such "
                'as space=("recurrent",).'
            )
        self.sample_rate = int(sample_rate)
        self.characters = int(characters)
        self.hop = hop or max(8, round(0.01 * sample_rate))
        self.strides = tuple(strides)
        self.rows = rows
        self.families = tuple(families)
        self.one_form = form

    @property
    def portfolio(self) -> list[dict[str, Any]]:
        """Known-good configurations of the families in use, best first."""
        strong = {"speed": 0.2, "pitch": 0.2, "masks": 2}
        listed: list[dict[str, Any]] = [
            {"family": "conv", "learning_rate": 5e-3, **strong},
            {"family": "conv", "time_width": 192, "time_blocks": 6, **strong},
            {"family": "conformer", **strong},
            {"family": "recurrent", **strong},
            {"family": "conv", "normalize": "clip"},
        ]
        return [dict(values) for values in listed if values["family"] in self.families]

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model from spectrograms of any length to log probabilities of characters."""
        family, form = str(hp.Choice("family", list(self.families))), self.form(hp)
        usual = 2 if 2 in self.strides else self.strides[0]
        stride = int(hp.Choice("stride", list(self.strides), default=usual))
        sound = keras.Input((None, form.mels), name="sound")
        x = mask = normalized(hp, sound)
        for name in self.families:
            with hp.conditional_scope("family", [name]):
                # A scope without a hyperparameter still tells keras-tuner to explore it.
                if name == family:
                    x, mask = FAMILIES[name](hp, x, stride)
        letters = layers.Dense(self.characters + 1, name="characters")(x)
        blank = letters[:, :, :1] * mask + (1.0 - mask) * _SURE
        letters = ops.concatenate([blank, letters[:, :, 1:] * mask], axis=2)
        network = keras.Model(sound, ops.log_softmax(letters, axis=-1))
        optimizer = audio_optimizer(hp)
        self.recipe(hp)
        self.augmentation(hp)
        network.compile(optimizer=optimizer, loss=SpeechLoss(), jit_compile=False)
        return network

    def form(self, hp: keras_tuner.HyperParameters) -> SoundForm:
        """The form of sounds that the network takes."""
        if self.one_form is not None:
            return self.one_form
        mels = int(hp.Choice("mels", list(MELS), default=40))
        return SoundForm("mel", round(2.5 * self.hop), self.hop, mels)

    def recipe(self, hp: keras_tuner.HyperParameters) -> Recipe:
        """How to train the model of these hyperparameters."""
        return audio_recipe(hp, self.rows)

    def augmentation(self, hp: keras_tuner.HyperParameters) -> SoundAugmentation:
        """How sounds are changed in training."""
        return sound_augmentation(hp, mix=False)

    def method(self, hp: keras_tuner.HyperParameters) -> Steps:
        """Gradient steps on the network with augmentation in front."""
        return Steps(self.recipe(hp), partial(self.training, hp))

    def training(self, hp: keras_tuner.HyperParameters, network: keras.Model) -> Training:
        """The network with augmentation in front."""
        edges = (lowest(self.sample_rate), self.sample_rate / 2)
        return Training(SoundTraining(network, self.augmentation(hp), edges))


def speech(
    sample_rate: int, characters: int, *, mels: int = 40, rows: int | None = None, **settings: Any
) -> SpeechHyperModel:
    """The search space of speech recognition, for any keras-tuner `Tuner`.

    Inputs are log-mel spectrograms `(frames, mels)` of any length, targets numbers of characters
    from 1, filled up with 0.

    Args:
        sample_rate: Samples a second.
        characters: Number of characters.
        mels: Bands.
        rows: Training rows, which set the default batch size.
        **settings: As in `SpeechHyperModel`.
    """
    hop = round(0.01 * sample_rate)
    form = SoundForm("mel", round(2.5 * hop), hop, mels)
    return SpeechHyperModel(sample_rate, characters, rows=rows, form=form, **settings)


def _sparse(tf: Any, y_true: Any) -> Any:
    """Numbers of characters from 0 as a sparse tensor."""
    places = tf.where(y_true > 0)
    values = tf.gather_nd(y_true, places) - 1
    return tf.SparseTensor(places, values, tf.shape(y_true, out_type=tf.int64))


def strides_for(frames: np.ndarray, needed: np.ndarray) -> tuple[int, ...]:
    """Strides that leave enough frames for the texts, also of sounds that are played faster.

    Args:
        frames: Frames of every sound.
        needed: Characters of every text, a doubled one counted three times.
    """
    ratio = float(np.quantile(frames / np.maximum(needed, 1), 0.02))
    return tuple(s for s in STRIDES if ratio >= 1.3 * s) or STRIDES[:1]
