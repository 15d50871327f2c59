"""The forms of sounds that trials ask for, those of a pretrained network among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from kerasnas.assembly import FrontGraph
from kerasnas.clock import Clock, Margin, Purpose, seconds_of
from kerasnas.estimators.feature_cache import FeatureCache, with_latency
from kerasnas.preprocessing.sounds import SoundForm
from kerasnas.problem.inputs import FittedSounds, Form
from kerasnas.spaces.weights.speech_embedding import SpeechTensors, SpeechVectors, speech_front

_CALL = 2**19  # samples that go through the network at once
_TIMED = 16  # sounds whose reading is timed


@dataclass(eq=False)
class SoundForms:
    """Sounds in the forms of their input, and as vectors of a frozen network.

    Attributes:
        fitted: All sounds.
        clock: The clock of the fit.
        tensors: A pretrained network. Networks are not known to a problem, so its form is made
            here.
    """

    fitted: FittedSounds
    clock: Clock
    tensors: SpeechTensors | None = None
    _cache: FeatureCache = field(init=False)

    def __post_init__(self) -> None:
        self._cache = FeatureCache(self._made, self.clock, "sounds")

    def form(self, key: SoundForm | SpeechVectors) -> Form:
        """All rows in a form, and the graph from waveforms to it.

        Raises:
            OutOfTime: If there is no time to make one more form and to train on it.
        """
        return self._cache(key, timed=isinstance(key, SoundForm))

    def front(self, key: SoundForm | SpeechVectors) -> FrontGraph:
        """The graph of a form alone."""
        return self.fitted.front(key) if isinstance(key, SoundForm) else FrontGraph.of(self.network)

    @cached_property
    def network(self) -> keras.Model:
        """From waveforms to vectors."""
        assert self.tensors is not None, "vectors belong to a pretrained network"
        return speech_front(
            self.tensors, self.fitted.reader.sample_rate, self.fitted.reader.samples
        )

    def _made(self, key: SoundForm | SpeechVectors) -> Form:
        if isinstance(key, SoundForm):
            return with_latency(self.fitted.form(key), self.fitted.reader)
        return with_latency(Form(self._vectors(), self.front(key)), self.fitted.reader)

    def _vectors(self) -> np.ndarray:
        raw, reader = self.fitted.raw, self.fitted.reader
        signature = tf.TensorSpec((None, None), "float32")
        run = tf.function(self.network, input_signature=[signature], autograph=False)
        rows = max(1, _CALL // reader.samples)
        deadline = self.clock.allot(Purpose.VECTORS)
        what = "to hear all sounds with the pretrained network"
        if not deadline.endless:
            some = reader.stacked(raw[: min(_TIMED, rows)])
            run(some)  # tracing is not what will go on
            deadline.require(seconds_of(lambda: run(some)) / len(some) * len(raw), what)
        latest = deadline.allowing(Margin.BACKBONE_LATE)
        parts = []
        for start in range(0, len(raw), rows):
            parts.append(np.asarray(run(reader.stacked(raw[start : start + rows]))))
            latest.require(0.0, what)
        return np.concatenate(parts)
