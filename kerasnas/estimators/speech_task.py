"""From recordings and what is said in them to the task that trials train on."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from kerasnas.baselines import BaselineModel, Baselines, baseline_row, count_of
from kerasnas.clock import Clock
from kerasnas.data.sounds import split_sounds, to_sounds
from kerasnas.data.transcripts import fit_transcripts, read_texts
from kerasnas.estimators.audio_task import sounds_fingerprint, warn_of_speakers
from kerasnas.estimators.feature_cache import FeatureCache, forms_of
from kerasnas.estimators.preparation import read_rows
from kerasnas.estimators.task import Task
from kerasnas.problem import Problem
from kerasnas.problem.decoding import error_rates
from kerasnas.problem.given import Given, parse_validation
from kerasnas.problem.inputs import FittedSounds, SoundInput
from kerasnas.problem.rows import Rows
from kerasnas.spaces.speech import SpeechHyperModel, strides_for

_HOP = 0.0125  # seconds from one spectrum to the next
_NEVER = 1e-9  # probability of the characters that a baseline does not say


def prepare_speech(
    given: Given, clock: Clock, *, sample_rate: int | None, families: Sequence[str]
) -> Task:
    """Checks everything that can be wrong with recordings and texts, before any training.

    Args:
        given: What the user gives: recordings of any kind that `data.sounds.to_sounds` takes, and
            one text each. Texts have neither folds nor intervals.
        clock: The clock of the fit.
        sample_rate: Rate to train at, and that of arrays; `None` takes that of the files.
        families: Families to search.
    """
    x, y = split_sounds(given.x, given.y)
    warn_of_speakers(x, given.groups, given.validation_data)
    sounds = to_sounds(x)
    texts = read_texts(y)
    validation = parse_validation(given.validation_data)
    more: list[str] = []
    if validation is not None:
        more_x, more_y = split_sounds(validation.x, validation.y)
        more = read_texts(more_y)
        given = replace(given, validation_data=(more_x, more, validation.weights))
    given = replace(given, x=sounds, y=texts, count_folds=None, calibration=None)
    source = SoundInput(sample_rate, cut=False)
    raw, rows = read_rows(source, given, fit_transcripts([*texts, *more]), split_sounds)
    return speech_task(source.fit(raw, rows.train), rows, families, clock, raw.broken)


def speech_task(
    fitted: FittedSounds,
    rows: Rows,
    families: Sequence[str],
    clock: Clock,
    broken: Sequence[str],
) -> Task:
    """The task of trials over checked recordings."""
    reader, raw = fitted.reader, fitted.raw
    forms = FeatureCache(forms_of(fitted), clock, "recordings")
    hop = max(8, round(_HOP * reader.sample_rate))
    target: Any = rows.target
    texts = [target.decode(codes) for codes in rows.targets]
    needed = np.array([_needed(texts[int(i)]) for i in rows.train])
    frames = np.array([len(raw[int(i)]) // hop for i in rows.train])
    strides = strides_for(frames, needed)
    _warn_of_short_sounds(frames // min(strides), needed, rows.train, texts)
    hypermodel = SpeechHyperModel(
        reader.sample_rate,
        len(target.characters),
        hop=hop,
        strides=strides,
        rows=len(rows.train),
        families=families,
    )

    def baselines(scorer: Any, clock: Clock, seed: int) -> Baselines:
        """The most frequent text, whatever is said."""
        common = Counter(texts[int(i)] for i in rows.train).most_common(1)[0][0]
        truths = [texts[int(i)] for i in rows.valid]
        scores = error_rates(truths, [common] * len(truths), scorer.weights)
        found = {f"val_{name}": value for name, value in scores.items()}
        name, frames = "most_frequent", _spelled(target.encode([common])[0], target)
        model = BaselineModel(lambda inputs, data: np.tile(frames, (count_of(inputs), 1, 1)))
        return Baselines((baseline_row(name, found, 0.0, ""),), models={name: model})

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            form=lambda hp: forms(hypermodel.form(hp)),
            front=lambda hp: fitted.front(hypermodel.form(hp)),
            raw=raw,
            broken=broken,
            contents=lambda: {
                "sounds": reader.describe(),
                "characters": list(target.characters),
                "data": sounds_fingerprint(raw, rows),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
    )


def _warn_of_short_sounds(
    frames: np.ndarray, needed: np.ndarray, train: np.ndarray, texts: Sequence[str]
) -> None:
    """Names the texts that no network can answer with: they have more characters than frames."""
    short = np.flatnonzero(needed > frames)
    if len(short):
        first = short[0]
        warnings.warn(
            f"{len(short)} of the {len(train)} texts to learn from are too long for their sounds: "
            f"nothing is learnt from them (first: row {int(train[first])} has "
            f"{len(texts[int(train[first])])} characters on {int(frames[first])} steps of sound). "
            "Check that `y` belongs to `x`, and that the sample rate is right.",
            UserWarning,
            stacklevel=4,
        )


def _spelled(codes: Sequence[int], target: Any) -> np.ndarray:
    """Log probabilities `(1, frames, 1 + characters)` that every decoder reads as one text."""
    path = np.zeros(2 * len(codes) + 1, int)
    path[1::2] = codes  # with a blank between all characters
    return np.log(np.eye(1 + len(target.characters))[path] + _NEVER)[None]


def _needed(text: str) -> int:
    """Frames that a text takes at least: a blank lies between equal characters."""
    return len(text) + 2 * sum(a == b for a, b in pairwise(text))
