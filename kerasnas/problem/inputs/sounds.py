"""Sounds: spectrograms or waveforms, cut to a length or as long as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerasnas.assembly import FrontGraph
from kerasnas.data.gaps import clips_there, filled_waves
from kerasnas.data.sound_reader import SoundReader, fit_sound_reader, usable
from kerasnas.data.sounds import to_sounds
from kerasnas.errors import SchemaError
from kerasnas.preprocessing.sounds import SoundForm, heard, heard_whole, sound_front
from kerasnas.problem.inputs.input import Form, RawRows


@dataclass(frozen=True)
class SoundInput:
    """Sounds of any kind that `data.sounds.to_sounds` takes.

    Attributes:
        sample_rate: Samples a second of arrays, and the rate to train at; `None` takes that of most
            files.
        cut: Whether sounds longer than nearly all others are cut. Speech is not.
        max_seconds: Seconds of a sound to look at, at most; `None` as in `fit_sound_reader`.
        gaps: Whether rows may have no sound; such rows stay, with a sound without samples.
    """

    sample_rate: int | None = None
    cut: bool = True
    max_seconds: float | None = None
    gaps: bool = False

    def read(self, x: Any, further: Any = None) -> RawRows:
        """Reads the sounds; as `Input.read`.

        Files that nobody can read are left out, or count as gaps.
        """
        if self.gaps:
            return self._with_gaps(x, further)
        sounds = to_sounds(x)
        good, clips = usable(sounds)
        broken = [sounds.name(int(i)) for i in np.setdiff1d(np.arange(len(sounds)), good)]
        reader = fit_sound_reader(
            clips, self.sample_rate, cut=self.cut, max_seconds=self.max_seconds
        )
        data = reader.waveforms(clips)
        given = len(data)
        if further is not None:
            data = [*data, *reader.read(further)]
            if not self.cut:
                reader = replace(reader, samples=max(len(wave) for wave in data))
        return RawRows(reader, data, given, len(data), good if broken else None, broken)

    def _with_gaps(self, x: Any, further: Any) -> RawRows:
        clips, there = clips_there(x)
        if not clips:
            raise SchemaError(f"`x` has no sound in any of its {len(there)} rows.")
        reader = fit_sound_reader(
            clips, self.sample_rate, cut=self.cut, max_seconds=self.max_seconds
        )
        data = filled_waves(reader.waveforms(clips), there)
        given = len(data)
        if further is not None:
            more, more_there = clips_there(further)
            data = [*data, *filled_waves(reader.waveforms(more), more_there)]
            there = np.concatenate([there, more_there])
        return RawRows(reader, data, given, len(data), there=None if there.all() else there)

    def fit(self, raw: RawRows, train: np.ndarray) -> FittedSounds:
        """As `Input.fit`; rate and length are known from reading."""
        reader: Any = raw.reader
        return FittedSounds(reader, raw.data, train)


@dataclass(frozen=True, eq=False)
class FittedSounds:
    """Sounds in the forms that networks ask for.

    Attributes:
        reader: As `FittedInput.reader`.
        raw: Waveforms of all rows.
        train: Indices of the training rows.
    """

    reader: SoundReader
    raw: Sequence[np.ndarray]
    train: np.ndarray

    def form(self, key: SoundForm) -> Form:
        """As `FittedInput.form`."""
        hear = heard if self.reader.cut else heard_whole
        return Form(hear(self.reader, key, self.raw), self.front(key))

    def front(self, key: SoundForm) -> FrontGraph:
        """The graph of a form alone."""
        samples = self.reader.samples if self.reader.cut else None
        return FrontGraph.of(sound_front(self.reader.sample_rate, samples, key))
