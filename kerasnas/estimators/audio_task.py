"""From sounds of any kind to the task that trials train on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.baselines import Baselines, fit_baselines, sound_evidence
from kerasnas.clock import Clock, Purpose
from kerasnas.data import check_same_length
from kerasnas.data.fingerprint import fingerprint
from kerasnas.data.sounds import speaker_column, split_sounds, to_sounds
from kerasnas.estimators.preparation import read_rows
from kerasnas.estimators.sound_forms import SoundForms
from kerasnas.estimators.task import Task
from kerasnas.preprocessing.sounds import STRETCHES, SoundForm, summaries, usual_hop
from kerasnas.problem import AnswerScorer, Problem
from kerasnas.problem.given import Given
from kerasnas.problem.inputs import FittedSounds, SoundInput
from kerasnas.problem.rows import Rows, fit_target
from kerasnas.spaces.audio import AudioHyperModel
from kerasnas.spaces.cores import cores
from kerasnas.spaces.sound_backbones import FrozenSpeech, SettledSpeech

_WAVES = 2**30  # bytes of waveforms, from which networks only see spectrograms
_PROBED = 3_000  # rows, for what matters in a sound
_CLEARLY = 0.05  # of the answers more; less where nearly all are right anyway


def prepare_sounds(
    given: Given,
    clock: Clock,
    *,
    classify: bool,
    sample_rate: int | None,
    families: Sequence[str],
    max_seconds: float | None = None,
    speech: SettledSpeech | None = None,
) -> Task:
    """Checks everything that can be wrong with sounds, before any training.

    Args:
        given: What the user gives: sounds of any kind that `data.sounds.split_sounds` takes.
        clock: The clock of the fit; its seconds set the sizes that are tried first.
        classify: Whether targets are classes.
        sample_rate: Rate to train at, and that of arrays; `None` takes that of the files.
        families: Families to search.
        max_seconds: Seconds of a sound to look at, at most.
        speech: The pretrained network at hand.
    """
    x, y = split_sounds(given.x, given.y)
    warn_of_speakers(x, given.groups, given.validation_data)
    sounds = to_sounds(x)
    if y is not None:
        check_same_length(range(len(sounds)), y)
    target = fit_target(y, classify=classify, multilabel=True)
    source = SoundInput(sample_rate, max_seconds=max_seconds)
    raw, rows = read_rows(source, replace(given, x=sounds, y=y), target, split_sounds)
    fitted = source.fit(raw, rows.train)
    return audio_task(fitted, rows, families, clock, raw.broken, speech or SettledSpeech())


def audio_task(
    fitted: FittedSounds,
    rows: Rows,
    families: Sequence[str],
    clock: Clock,
    broken: Sequence[str],
    speech: SettledSpeech,
) -> Task:
    """The task of trials over checked sounds."""
    reader, raw = fitted.reader, fitted.raw
    forms = SoundForms(fitted, clock, speech.tensors)
    pretrained = None
    if speech.tensors is not None and "pretrained" in families:
        pretrained = FrozenSpeech.of(speech.name, forms.network)
    if len(families) > 1 and 4 * len(raw) * reader.samples > _WAVES:
        families = [name for name in families if name != "wave"]
    hop = usual_hop(reader)
    spectra = SoundForm("mel", round(2.5 * hop), hop, 40)
    features = summaries(forms.form(spectra).data)
    hypermodel = AudioHyperModel(
        reader.samples,
        reader.sample_rate,
        rows.classes,
        multilabel=rows.multilabel,
        hop=hop,
        rows=len(rows.train),
        seconds=clock.seconds,
        cores=cores(),
        families=families,
        colour=colour_matters(features, rows),
        pretrained=pretrained,
    )

    def baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        evidence = replace(sound_evidence(features, rows.train), front=forms.front(spectra))
        purpose = Purpose.FEATURE_BASELINE
        return fit_baselines(evidence, rows, scorer, clock, seed, purpose)

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            form=lambda hp: forms.form(hypermodel.form(hp)),
            front=lambda hp: forms.front(hypermodel.form(hp)),
            raw=raw,
            broken=broken,
            contents=lambda: {
                "sounds": reader.describe(),
                "rows": [len(rows.train), len(rows.valid)],
                "folds": len(rows.folds),
                "data": sounds_fingerprint(raw, rows),
                **({"backbone": speech.name} if pretrained else {}),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
        notes=(speech.note,) if speech.note else (),
    )


def sounds_fingerprint(raw: Sequence[np.ndarray], rows: Rows) -> str:
    """A short digest of sounds and their targets."""
    return fingerprint(*raw, rows.targets, rows.weights)


def warn_of_speakers(x: Any, groups: Any, validation_data: Any) -> None:
    """Says so where voices are known and the split is going to mix them."""
    name = speaker_column(x)
    if validation_data is not None:
        if groups is not None:
            warnings.warn(
                "`groups` is not used: `validation_data` says what to validate with. See to it "
                "that no group is in both.",
                UserWarning,
                stacklevel=5,
            )
        elif name is not None:
            other: Any = validation_data[0] if isinstance(validation_data, tuple) else None
            if isinstance(other, pd.DataFrame) and name in other.columns:
                both = set(x[name]) & set(other[name])
                if both:
                    warnings.warn(
                        f"{len(both)} of the values of `{name}` are in `x` and in "
                        "`validation_data`: the score will be that of known voices.",
                        UserWarning,
                        stacklevel=5,
                    )
    elif groups is None and name is not None:
        warnings.warn(
            f"`x` has the column `{name}` ({x[name].nunique()} different), which the split ignores:"
            " the score will be that of voices heard in training, which says little about new ones."
            f' Pass `groups=x["{name}"]`.',
            UserWarning,
            stacklevel=5,
        )


def colour_matters(features: np.ndarray, rows: Rows) -> bool:
    """Whether a linear model knows clearly more with the mean of every band than without.

    Args:
        features: As `summaries` gives them.
        rows: Targets and split.
    """
    bands = (features.shape[1] - 1) // (2 + STRETCHES // 2)
    train, valid = (part[:_PROBED] for part in rows.parts[0])
    targets = rows.targets.astype("float64")
    if rows.classes is not None and not rows.multilabel:
        targets = np.eye(rows.classes)[rows.targets]
    targets = targets.reshape(len(targets), -1)
    center = targets[train].mean(axis=0)

    def skill(x: np.ndarray) -> float:
        x = (x - x[train].mean(axis=0)) / (x[train].std(axis=0) + 1e-3)
        a = x[train].astype("float64")
        gram = a.T @ a + 0.1 * len(train) * np.eye(a.shape[1])
        answers = x[valid] @ np.linalg.solve(gram, a.T @ (targets[train] - center)) + center
        if rows.classes is None or rows.multilabel:
            error = ((answers - targets[valid]) ** 2).sum()
            return float(1 - error / max(((targets[valid] - center) ** 2).sum(), 1e-12))
        return float((answers.argmax(axis=1) == targets[valid].argmax(axis=1)).mean())

    told, untold = skill(features), skill(features[:, bands:])
    return told - untold > min(_CLEARLY, max(0.01, 0.3 * (1.0 - untold)))
