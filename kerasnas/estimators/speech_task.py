"""From recordings and what is said in them to the task that trials train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas import assembly
from kerasnas.baselines import Baselines, baseline_row
from kerasnas.clock import Clock
from kerasnas.data import check_same_length
from kerasnas.data.sound_reader import SoundReader, fit_sound_reader, usable
from kerasnas.data.sounds import split_sounds, to_sounds
from kerasnas.data.transcripts import fit_transcripts, read_texts
from kerasnas.errors import SchemaError
from kerasnas.estimators.audio_task import sounds_fingerprint, warn_of_speakers
from kerasnas.estimators.feature_cache import FeatureCache
from kerasnas.estimators.task import Task
from kerasnas.preprocessing.sounds import SoundForm, front
from kerasnas.problem import Features, Problem
from kerasnas.problem.decoding import error_rates
from kerasnas.problem.heads import TranscriptHead
from kerasnas.problem.rows import (
    ANSWER,
    Rows,
    check_weights,
    joined_weights,
    parse_validation,
    rows_of,
)
from kerasnas.problem.split import split
from kerasnas.spaces.speech import SpeechHyperModel, strides_for
from kerasnas.trial.measure import latency

_HOP = 0.0125  # seconds from one spectrum to the next
_CHUNK = 64  # recordings that are turned into spectrograms at a time


class SpeechForms:
    """All recordings as spectrograms in the forms that trials ask for.

    Args:
        reader: The form of the raw recordings.
        raw: Waveforms of all rows.
        clock: The clock of the fit.
    """

    def __init__(self, reader: SoundReader, raw: Sequence[np.ndarray], clock: Clock) -> None:
        self.reader = reader
        self.raw = raw
        self.features = FeatureCache(self._made, clock, "recordings")

    def _made(self, form: SoundForm) -> Features:
        before = front(self.reader.sample_rate, None, form)
        return Features(
            data=self._spectra(before),
            assemble=lambda network, units: assembly.join(before, network, units),
            latency_ms=cache(lambda: latency(before, self.reader.probe()[:1])["latency_ms"]),
        )

    def _spectra(self, before: keras.Model) -> np.ndarray:
        samples = self.reader.samples
        signature = tf.TensorSpec((None, samples), "float32")
        run = tf.function(before, input_signature=[signature], autograph=False)
        parts = [
            run(tf.constant(self.reader.stacked(self.raw[i : i + _CHUNK], samples))).numpy()
            for i in range(0, len(self.raw), _CHUNK)
        ]
        return np.concatenate(parts)


def prepare_speech(
    x: Any,
    y: Any,
    *,
    seed: int,
    sample_rate: int | None,
    families: Sequence[str],
    clock: Clock,
    validation_data: Any = None,
    validation_split: float = 0.2,
    sample_weight: Any = None,
    class_weight: Any = None,
    groups: Any = None,
) -> Task:
    """Checks everything that can be wrong with recordings and texts, before any training.

    Args:
        x: Recordings of any kind that `data.sounds.to_sounds` takes.
        y: One text a recording, or the name of a column.
        seed: Seed of the split.
        sample_rate: Rate to train at, and that of arrays; `None` takes that of the files.
        families: Families to search.
        clock: The clock of the fit.
        validation_data: `(x, y)` or `(x, y, weights)`; without it rows are held out.
        validation_split: Share of rows to hold out.
        sample_weight: Weight of each row.
        class_weight: Refused: a text is no class.
        groups: Group of each row.
    """
    if class_weight is not None:
        raise SchemaError("`class_weight` is for one class a row; use `sample_weight` for texts.")
    x, y = split_sounds(x, y)
    warn_of_speakers(x, groups, validation_data)
    sounds = to_sounds(x)
    check_same_length(range(len(sounds)), y)
    good, clips = usable(sounds)
    broken = [sounds.name(int(i)) for i in np.setdiff1d(np.arange(len(sounds)), good)]
    if broken:
        y, sample_weight, groups = (rows_of(v, good) for v in (y, sample_weight, groups))
    texts, count = read_texts(y), len(clips)
    if count < 2:
        raise SchemaError(
            f"`x` has {count} rows (n_samples = {count}); fitting needs at least 2: some to train "
            "on and some to validate with."
        )
    reader = fit_sound_reader(clips, sample_rate, cut=False)
    raw = reader.waveforms(clips)
    weights = check_weights(sample_weight, count, "sample_weight")
    given = parse_validation(validation_data)
    extra = None
    if given is not None:
        apart = split_sounds(given.x, given.y)
        further, extra = reader.read(apart[0]), read_texts(apart[1])
        check_same_length(range(len(further)), extra, "validation_data[1]")
        more = check_weights(given.weights, len(extra), "validation_data[2]")
        weights = joined_weights(weights, more, count, len(extra))
        raw, texts = [*raw, *further], [*texts, *extra]
        reader = SoundReader(reader.sample_rate, max(len(w) for w in raw), cut=False)
    more_rows = None if extra is None else len(extra)
    found = split(count, seed=seed, share=validation_split, groups=groups, given=more_rows)
    target = fit_transcripts(texts).with_words([texts[int(i)] for i in found.train])
    encoded = {ANSWER: target.encode(texts)}
    rows = Rows({ANSWER: TranscriptHead(target)}, encoded, weights, found)
    return speech_task(reader, raw, rows, texts, families, clock, broken)


def speech_task(
    reader: SoundReader,
    raw: Sequence[np.ndarray],
    rows: Rows,
    texts: Sequence[str],
    families: Sequence[str],
    clock: Clock,
    broken: Sequence[str],
) -> Task:
    """The task of trials over checked recordings."""
    forms = SpeechForms(reader, raw, clock)
    hop = max(8, round(_HOP * reader.sample_rate))
    target: Any = rows.target
    needed = np.array([_needed(texts[int(i)]) for i in rows.train])
    frames = np.array([len(raw[int(i)]) // hop for i in rows.train])
    hypermodel = SpeechHyperModel(
        reader.sample_rate,
        len(target.characters),
        hop=hop,
        strides=strides_for(frames, needed),
        rows=len(rows.train),
        families=families,
    )

    def baselines(scorer: Any, clock: Clock, seed: int) -> Baselines:
        """The most frequent text, whatever is said."""
        common = Counter(texts[int(i)] for i in rows.train).most_common(1)[0][0]
        truths = [texts[int(i)] for i in rows.valid]
        scores = error_rates(truths, [common] * len(truths), scorer.weights)
        found = {f"val_{name}": value for name, value in scores.items()}
        return Baselines((baseline_row("most_frequent", found, 0.0, ""),))

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            features=lambda hp: forms.features(hypermodel.form(hp)),
            raw=raw,
            broken=broken,
            identity=lambda: {
                "sounds": reader.describe(),
                "characters": list(target.characters),
                "data": sounds_fingerprint(raw, rows),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
    )


def _needed(text: str) -> int:
    """Frames that a text takes at least: a blank lies between equal characters."""
    return len(text) + 2 * sum(a == b for a, b in pairwise(text))
