"""A pretrained network of speech, from waveforms to a file that plain Keras opens."""

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.spaces.sound_backbones import SettledSpeech

PITCH = {"low": 300.0, "high": 900.0}


def sounds(rows=40):
    """Tones of two pitches and of different lengths, in noise."""
    rng = np.random.default_rng(0)
    labels = np.array(["low", "high"] * (rows // 2))
    found = []
    for label in labels:
        time = np.arange(rng.integers(2_000, 4_000)) / 8_000
        wave = 0.2 * np.sin(2 * np.pi * PITCH[label] * time * rng.uniform(0.9, 1.1))
        found.append((wave + 0.01 * rng.standard_normal(len(time))).astype("float32"))
    return found, labels


@pytest.fixture
def installed(speech_tensors, monkeypatch):
    """The network as if its package were installed, with few channels."""
    found = SettledSpeech("speech-embedding", speech_tensors, "Pretrained: speech-embedding.")
    monkeypatch.setattr("kerasnas.estimators.audio.settle_speech", lambda given: found)


def test_a_solved_head_on_vectors_answers_in_plain_keras(installed, tmp_path, capsys):
    x, y = sounds()
    clf = kn.AudioClassifier(
        sample_rate=8_000,
        space="pretrained",
        budget=kn.Budget(trials=1),
        ensemble=False,
        seed=0,
        verbose=2,
    ).fit(x, y)
    assert "Pretrained: speech-embedding." in capsys.readouterr().err
    assert clf.score(x, y) > 0.9
    row = clf.leaderboard(full=True).query("kind == 'trial'").iloc[0]
    assert row["params"] > 100_000  # the frozen layers count
    clf.save(tmp_path / "tones.keras")
    model = keras.models.load_model(tmp_path / "tones.keras")
    batch = np.zeros((2, 5_000), "float32")
    for place in range(2):
        batch[place, : len(x[place])] = x[place]
    assert np.allclose(model(batch), clf.predict_proba(x[:2]), atol=1e-5)


def test_the_search_begins_with_what_is_solved(installed):
    x, y = sounds(20)
    clf = kn.AudioClassifier(
        sample_rate=8_000, budget=kn.Budget(trials=2), ensemble=False, seed=0, verbose=0
    ).fit(x, y)
    trials = clf.leaderboard(full=True).query("kind == 'trial'")
    assert {h["family"] for h in trials["hyperparameters"]} == {"linear", "pretrained"}
