"""From recordings and what is said in them to the task that trials train on."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from kerasnas.baselines import Baselines, baseline_row
from kerasnas.clock import Clock
from kerasnas.data import check_same_length
from kerasnas.data.sounds import split_sounds, to_sounds
from kerasnas.data.transcripts import fit_transcripts, read_texts
from kerasnas.errors import SchemaError
from kerasnas.estimators.audio_task import sounds_fingerprint, warn_of_speakers
from kerasnas.estimators.feature_cache import FeatureCache, forms_of
from kerasnas.estimators.task import Task
from kerasnas.problem import Problem
from kerasnas.problem.decoding import error_rates
from kerasnas.problem.heads import TranscriptHead
from kerasnas.problem.inputs import FittedSounds, SoundInput
from kerasnas.problem.rows import (
    ANSWER,
    Rows,
    Validation,
    check_weights,
    joined_weights,
    parse_validation,
    rows_of,
)
from kerasnas.problem.split import split
from kerasnas.spaces.speech import SpeechHyperModel, strides_for

_HOP = 0.0125  # seconds from one spectrum to the next


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
    given = parse_validation(validation_data)
    extra = None
    if given is not None:
        given = Validation(*split_sounds(given.x, given.y), given.weights)
        extra = read_texts(given.y)
    source = SoundInput(sample_rate, cut=False)
    raw = source.read(sounds, None if given is None else given.x)
    if raw.kept is not None:
        y, sample_weight, groups = (rows_of(v, raw.kept) for v in (y, sample_weight, groups))
    texts, count = read_texts(y), raw.given
    if count < 2:
        raise SchemaError(
            f"`x` has {count} rows (n_samples = {count}); fitting needs at least 2: some to train "
            "on and some to validate with."
        )
    weights = check_weights(sample_weight, count, "sample_weight")
    if given is not None and extra is not None:
        check_same_length(range(raw.total - count), extra, "validation_data[1]")
        more = check_weights(given.weights, len(extra), "validation_data[2]")
        weights = joined_weights(weights, more, count, len(extra))
        texts = [*texts, *extra]
    more_rows = None if extra is None else len(extra)
    found = split(count, seed=seed, share=validation_split, groups=groups, given=more_rows)
    target = fit_transcripts(texts).with_words([texts[int(i)] for i in found.train])
    encoded = {ANSWER: target.encode(texts)}
    rows = Rows({ANSWER: TranscriptHead(target)}, encoded, weights, found)
    return speech_task(source.fit(raw, rows.train), rows, texts, families, clock, raw.broken)


def speech_task(
    fitted: FittedSounds,
    rows: Rows,
    texts: Sequence[str],
    families: Sequence[str],
    clock: Clock,
    broken: Sequence[str],
) -> Task:
    """The task of trials over checked recordings."""
    reader, raw = fitted.reader, fitted.raw
    forms = FeatureCache(forms_of(fitted), clock, "recordings")
    hop = max(8, round(_HOP * reader.sample_rate))
    target: Any = rows.target
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
        return Baselines((baseline_row("most_frequent", found, 0.0, ""),))

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            form=lambda hp: forms(hypermodel.form(hp)),
            front=lambda hp: fitted.front(hypermodel.form(hp)),
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


def _needed(text: str) -> int:
    """Frames that a text takes at least: a blank lies between equal characters."""
    return len(text) + 2 * sum(a == b for a, b in pairwise(text))
