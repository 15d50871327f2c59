"""The reader of sounds: what `fit` saw of them, and new ones brought to the same form."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from kerasnas.data.reader import chunks
from kerasnas.data.sounds import Clip, Sounds, to_sounds
from kerasnas.data.waveforms import resampled
from kerasnas.errors import SchemaError

LONGEST = 30.0
"""Seconds that a network looks at, at most."""

_COVERED = 0.99  # share of the training clips that are not cut
_LOST = 0.01  # of all samples; less is the ends of a few sounds
_CHUNK = 2**23  # samples in one call
_TOGETHER = 64  # sounds of any length in one call
_MANY_TIMES = 1.9  # the length in fit: 22050 Hz taken for 11025 Hz; few clips are so long
_LONG_SPEECH = 5.0  # likewise where sounds of any length are heard: 48000 Hz taken for 8000 Hz
_SHORTEST = 64  # samples that anything can be done with


@dataclass(frozen=True)
class SoundReader:
    """Reads sounds as waveforms of the sample rate that `fit` settled on.

    Attributes:
        sample_rate: Samples a second; files of other rates are resampled.
        samples: What the exported model looks at: longer sounds are cut there, shorter ones filled
            up with zeros.
        cut: Whether longer sounds may be cut before they reach the model.
    """

    sample_rate: int
    samples: int
    cut: bool = True

    @property
    def seconds(self) -> float:
        """Length that the exported model looks at."""
        return self.samples / self.sample_rate

    def describe(self) -> str:
        """The form in words."""
        return f"mono sounds at {self.sample_rate} Hz, of which {self.seconds:.3g} s are heard"

    def read(self, x: Any, estimator: str = "the model") -> list[np.ndarray]:
        """Waveforms at the sample rate of `fit`; arrays without a rate are taken to have it.

        Raises:
            SchemaError: If sounds cannot be used: all of them in one message.
        """
        sounds = to_sounds(x)
        clips, problems = sounds.load()
        if problems:
            raise SchemaError(
                f"{len(problems)} of the {len(sounds)} sounds cannot be used: "
                f"{sounds.told(problems)}."
            )
        good = [clip for clip in clips if clip is not None]
        self.warn_of_length(good)
        return self.waveforms(good)

    def warn_of_length(self, clips: Sequence[Clip]) -> None:
        """Says so where arrays without a rate are so long that they may have another one."""
        untold = [len(clip.samples) for clip in clips if clip.rate is None]
        times = float(np.median(untold)) / self.samples if untold else 0.0
        if times >= (_MANY_TIMES if self.cut else _LONG_SPEECH):
            unheard = f", and only {self.seconds:.3g} s of each are heard" if self.cut else ""
            warnings.warn(
                f"`x` holds arrays without a sample rate that are {int(times)} times as long as in "
                f"fit, if they have its {self.sample_rate} Hz{unheard}. If they have another rate, "
                "pass pairs (array, rate).",
                UserWarning,
                stacklevel=4,
            )

    def waveforms(self, clips: Sequence[Clip]) -> list[np.ndarray]:
        """Clips at the sample rate of `fit`, cut where they may be."""
        return [self._waveform(clip) for clip in clips]

    def stacked(self, raw: Sequence[np.ndarray], samples: int | None = None) -> np.ndarray:
        """Waveforms as one float32 array `(rows, samples)`: cut, and filled up with zeros."""
        samples = samples or self.samples
        out = np.zeros((len(raw), samples), "float32")
        for row, wave in zip(out, raw, strict=True):
            row[: len(wave)] = wave[:samples]
        return out

    def take(self, raw: Sequence[np.ndarray], index: np.ndarray) -> list[np.ndarray]:
        """Some of the waveforms."""
        return [raw[int(row)] for row in index]

    def batches(self, raw: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Waveforms of shape `(batch, samples)`."""
        if self.cut:
            size = max(1, min(1024, _CHUNK // self.samples))
            for index in chunks(len(raw), size, block=1):
                yield index, self.stacked([raw[int(i)] for i in index])
            return
        # Sounds of like length together, each call as long as its longest.
        order = np.argsort([len(wave) for wave in raw], kind="stable")
        for start in range(0, len(order), _TOGETHER):
            index = order[start : start + _TOGETHER]
            longest = max(self.samples, *(len(raw[int(i)]) for i in index))
            yield index, self.stacked([raw[int(i)] for i in index], longest)

    def probe(self) -> np.ndarray:
        """Noise, a tone, a click, a short sound and silence, `(5, samples)`."""
        rng = np.random.default_rng(0)
        time = np.arange(self.samples) / self.sample_rate
        noise = 0.1 * rng.standard_normal(self.samples)
        tone = 0.5 * np.sin(2 * np.pi * 0.1 * self.sample_rate * time)
        click = np.where(np.arange(self.samples) == self.samples // 2, 1.0, 0.0)
        short = noise * (np.arange(self.samples) < self.samples // 3)
        return np.stack([noise, tone, click, short, np.zeros(self.samples)]).astype("float32")

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> SoundReader:
        """The reader that `to_json` wrote.

        Raises:
            SchemaError: `content` is anything else.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(content, Mapping) or set(content) != names:
            raise SchemaError(f"The reader of sounds must be a dict of {sorted(names)}.")
        counts = [content["sample_rate"], content["samples"]]
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in counts)
        if not whole or not isinstance(content["cut"], bool):
            raise SchemaError(f"These do not describe sounds: {dict(content)!r}.")
        return cls(**content)

    def _waveform(self, clip: Clip) -> np.ndarray:
        rate = clip.rate or self.sample_rate
        wave = clip.samples
        if self.cut:
            # A little more than is heard, for the filter of the resampling.
            wave = wave[: -(-(self.samples + 64) * rate // self.sample_rate) + 64]
        wave = resampled(wave, rate, self.sample_rate)
        # A copy, so that a cut does not keep the whole recording in memory.
        return wave[: self.samples].copy() if self.cut and len(wave) > self.samples else wave


def settle_rate(clips: Sequence[Clip], sample_rate: int | None) -> int:
    """The sample rate to train at: the one asked for, or the most frequent of the files.

    Raises:
        SchemaError: If arrays come without a rate, or the rate is no positive whole number.
    """
    if sample_rate is not None:
        whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
        if not whole or sample_rate < 100:
            raise SchemaError(
                "`sample_rate` must be a whole number of samples a second, such as 16000; received "
                f"{sample_rate!r}."
            )
        return int(sample_rate)
    rates = Counter(clip.rate for clip in clips)
    if None in rates:
        raise SchemaError(
            "`x` holds arrays, which do not say how fast they are to be played. Pass "
            "`sample_rate=`, such as AudioClassifier(sample_rate=16000), or pairs (array, rate)."
        )
    most = max(rates.values())
    return int(min(rate for rate, count in rates.items() if count == most and rate is not None))


def fit_sound_reader(
    clips: Sequence[Clip],
    sample_rate: int | None = None,
    *,
    cut: bool = True,
    max_seconds: float | None = None,
) -> SoundReader:
    """Learns the sample rate and the length to look at.

    Args:
        clips: All sounds of `fit`.
        sample_rate: The rate to train at; `None` takes that of most files.
        cut: Whether sounds longer than nearly all others are cut.
        max_seconds: Seconds of a sound to look at, at most; `None` looks at 30, and cuts the few
            that are much longer than the others.

    Raises:
        SchemaError: As in `settle_rate`, or if `max_seconds` is no positive number.
    """
    rate = settle_rate(clips, sample_rate)
    lengths = np.array([len(c.samples) * rate / (c.rate or rate) for c in clips])
    length = float(lengths.max())
    if cut:
        usual = float(np.quantile(lengths, _COVERED))
        # A few that are a little longer are no reason to cut; one that is much longer would make
        # all others mostly silence.
        heard = length if length <= 1.25 * usual else usual
        whole = length if max_seconds is not None else heard
        length = min(whole, _settled_seconds(max_seconds) * rate)
        _warn_of_cuts(lengths / rate, length / rate)
    return SoundReader(rate, max(_SHORTEST, int(np.ceil(length))), cut)


def _settled_seconds(max_seconds: Any) -> float:
    if max_seconds is None:
        return LONGEST
    number = isinstance(max_seconds, int | float | np.number) and not isinstance(max_seconds, bool)
    if not number or not 0 < max_seconds < float("inf"):
        raise SchemaError(
            "`max_seconds` must be a positive number of seconds, such as 60, or None, received "
            f"{max_seconds!r}."
        )
    return float(max_seconds)


def _warn_of_cuts(seconds: np.ndarray, heard: float) -> None:
    """Says how much of the sounds is not heard, where that is more than their ends."""
    cut = seconds > heard * (1 + 1e-6)
    lost = float(np.maximum(seconds - heard, 0.0).sum() / seconds.sum())
    if cut.any() and lost >= _LOST:
        warnings.warn(
            f"{cut.sum()} of the {len(seconds)} sounds are longer than the {heard:.3g} s that are "
            f"heard: {lost:.0%} of all that `x` holds is cut. Pass "
            f"`max_seconds={seconds.max():.4g}` to hear all of it, or cut the sounds into pieces.",
            UserWarning,
            stacklevel=3,
        )


def usable(sounds: Sounds, instead: str = "They are left out.") -> tuple[np.ndarray, list[Clip]]:
    """Rows of the sounds that `fit` can use, and these; the others are named in one warning.

    Args:
        sounds: The sounds.
        instead: What happens to the others, for the warning.

    Raises:
        SchemaError: If arrays cannot be used, or at most half of the files.
    """
    clips, problems = sounds.load()
    good = [clip for clip in clips if clip is not None]
    if problems:
        message = f"{len(problems)} of the {len(sounds)} sounds cannot be used: "
        message += sounds.told(problems)
        files = all(sounds.name(row)[0] == "'" for row, _ in problems)
        if not files or 2 * len(problems) >= len(sounds):
            raise SchemaError(f"{message}. Correct them, or leave them out.")
        warnings.warn(f"{message}. {instead}", UserWarning, stacklevel=2)
    return np.array([row for row, clip in enumerate(clips) if clip is not None]), good
