"""One bad argument or input of an estimator of sounds, one sentence."""

import numpy as np
import pytest

import kerasnas as kn
from kerasnas.errors import KerasNASError, ObjectiveError, SchemaError

RATE = 4000


def test_bad_arguments_are_refused_before_any_training():
    clips = list(np.random.default_rng(0).normal(size=(8, 800)).astype("float32"))
    labels = np.array(["low", "high"] * 4)
    with pytest.raises(SchemaError, match="sample_rate="):
        kn.AudioClassifier(verbose=0).fit(clips, labels)
    with pytest.raises(KerasNASError, match="cnnn"):
        kn.AudioClassifier(sample_rate=RATE, space="cnnn", verbose=0).fit(clips, labels)
    with pytest.raises(SchemaError, match=r"length|rows"):
        kn.AudioClassifier(sample_rate=RATE, verbose=0).fit(clips, labels[:5])
    with pytest.raises(SchemaError, match="no column"):
        kn.AudioClassifier(sample_rate=RATE, verbose=0).fit(clips, labels, groups="speaker")
    with pytest.raises(KerasNASError, match="magic"):
        kn.SpeechRecognizer(sample_rate=RATE, decoder="magic").fit(clips, labels)
    with pytest.raises(ObjectiveError, match="val_wer"):
        kn.SpeechRecognizer(sample_rate=RATE, objective="val_wr").fit(clips, labels)
