"""`AudioClassifier`, `AudioRegressor` and `SpeechRecognizer` from raw sounds to files and back."""

import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile
from sklearn.base import clone

import kerasnas as kn
from kerasnas.clock import Clock
from kerasnas.data.named_columns import take_columns
from kerasnas.errors import SchemaError
from kerasnas.estimators.audio_task import colour_matters
from kerasnas.preprocessing.sounds import summaries
from kerasnas.problem.given import Given

RATE = 4000


def beep(pitch, seconds, rng):
    time = np.arange(int(seconds * RATE)) / RATE
    wave = 0.4 * np.sin(2 * np.pi * pitch * time) + 0.02 * rng.standard_normal(len(time))
    return wave.astype("float32")


def beeps(rows=48, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    pitches = np.where(labels == 1, 1200.0, 400.0) * rng.uniform(0.9, 1.1, rows)
    clips = [beep(p, rng.uniform(0.1, 0.4), rng) for p in pitches]
    return clips, np.array(["low", "high"])[labels], pitches


QUICK = {
    "family": "cnn",
    "cnn_width": 8,
    "cnn_convolutions": 1,
    "normalize": "clip",
    "pitch": 0.0,
    "batch_size": 16,
}
SETTINGS = {
    "sample_rate": RATE,
    "budget": kn.Budget(trials=1, epochs=12),
    "initial": [QUICK],
    "space": ("cnn",),
    "ensemble": False,
    "seed": 0,
    "verbose": 0,
}


@pytest.fixture(scope="module")
def classifier():
    clips, labels, _ = beeps()
    return kn.AudioClassifier(**SETTINGS).fit(clips, labels)


def test_classifier_knows_high_from_low(classifier):
    clips, labels, _ = beeps(30, seed=1)
    assert classifier.score(clips, labels) > 0.9
    assert set(classifier.predict(clips)) <= {"low", "high"}
    table = classifier.leaderboard(full=True)
    assert {"majority", "linear"} <= set(table["trial_id"])


def test_any_form_of_the_same_sound_gets_the_same_answer(classifier, tmp_path):
    clips, _, _ = beeps(4, seed=2)
    expected = classifier.predict_proba(clips)
    pcm = [np.rint(c * 32767).astype("int16") for c in clips]
    stereo = [np.stack([c, c], axis=1) for c in pcm]
    paths = [tmp_path / f"{i}.wav" for i in range(4)]
    for path, clip in zip(paths, stereo, strict=True):
        wavfile.write(path, RATE, clip)
    twice = [(np.repeat(c, 2), 2 * RATE) for c in clips]
    for given, tolerance in ((pcm, 0.02), (stereo, 0.02), (paths, 0.02), (twice, 0.2)):
        np.testing.assert_allclose(classifier.predict_proba(given), expected, atol=tolerance)
    padded = [np.pad(c, (0, 700)) for c in clips]
    np.testing.assert_allclose(classifier.predict_proba(padded), expected, atol=1e-6)


def test_file_answers_raw_waveforms_in_plain_keras(classifier, tmp_path):
    clips, labels, _ = beeps(6, seed=3)
    path = tmp_path / "beeps.keras"
    classifier.save(path)
    model = keras.models.load_model(path)
    answers = np.concatenate([model(c[None], training=False) for c in clips])
    np.testing.assert_allclose(answers, classifier.predict_proba(clips), atol=1e-5)
    again = kn.load(path)
    np.testing.assert_array_equal(again.predict(clips), classifier.predict(clips))
    assert again.evaluate(clips, labels) == classifier.evaluate(clips, labels)
    assert again.schema_ == classifier.schema_


def test_odd_sounds_are_answered(classifier):
    rng = np.random.default_rng(0)
    odd = [np.zeros(1000), np.full(3, 0.1), beep(400.0, 20.0, rng), np.zeros(10, "int16")]
    answers = classifier.predict_proba(odd)
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)


def test_new_sounds_are_checked_all_at_once(classifier):
    with pytest.raises(SchemaError, match=r"2 of the 3 sounds.*row 1.*row 2"):
        classifier.predict([np.zeros(9), np.zeros(0), np.array([np.nan])])


def test_regressor_answers_in_the_units_of_the_targets():
    clips, _, pitches = beeps(60)
    quick = {**QUICK, "normalize": "level", "speed": 0.0, "learning_rate": 3e-3, "masks": 0}
    settings = {**SETTINGS, "initial": [quick], "budget": kn.Budget(trials=1, epochs=25)}
    regressor = kn.AudioRegressor(**settings).fit(clips, pitches)
    answers = regressor.predict(clips)
    assert answers.shape == (60,)
    assert regressor.evaluate(clips, pitches)["r2"] > 0.7


def frame(tmp_path, rows=8):
    clips, labels, _ = beeps(rows)
    paths = []
    for i, clip in enumerate(clips):
        paths.append(str(tmp_path / f"{i}.wav"))
        wavfile.write(paths[-1], RATE, clip)
    voices = ["ann", "bob", "cem", "dee"] * (rows // 4)
    labels = ["low", "high"] * (rows // 2)
    return pd.DataFrame({"path": paths, "speaker": voices, "label": labels})


def prepared(x, y, **given):
    asked = Given(x, y, seed=0, validation_split=0.25, **given)
    return kn.AudioClassifier(verbose=0)._prepare(asked, Clock())


def test_known_voices_are_warned_of_unless_the_split_knows_them(tmp_path):
    table = frame(tmp_path)
    with pytest.warns(UserWarning, match=r"column `speaker` \(4 different\).*groups="):
        prepared(table, "label")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = prepared(table, "label", groups=table["speaker"])
        taken = take_columns(table, "label", groups="speaker")
        named = prepared(taken.x, taken.y, groups=taken.groups)
    np.testing.assert_array_equal(named.problem.rows.valid, task.problem.rows.valid)
    voices = table["speaker"].to_numpy()
    assert not set(voices[task.problem.rows.train]) & set(voices[task.problem.rows.valid])
    with pytest.warns(UserWarning, match="4 of the values of `speaker` are in"):
        prepared(table, "label", validation_data=(table, "label"))
    with pytest.warns(UserWarning, match="`groups` is not used"):
        new = table.drop(columns="speaker")
        prepared(table, "label", groups=table["speaker"], validation_data=(new, "label"))


def test_the_mean_spectrum_matters_for_steady_sounds_and_not_for_courses():
    rng = np.random.default_rng(0)
    rows = 200
    labels = rng.integers(0, 2, rows)
    steady = rng.normal(-8, 1, (rows, 30, 40))
    steady[labels == 1, :, 10:20] += 1.5
    # The same bands are loud in all of these; it is when that tells them apart.
    course = rng.normal(-8, 1, (rows, 30, 40))
    course[labels == 1, :15, 10:20] += 3
    course[labels == 0, 15:, 10:20] += 3
    task = SimpleNamespace(
        parts=[(np.arange(150), np.arange(150, 200))],
        targets=labels,
        classes=2,
        multilabel=False,
    )
    assert colour_matters(summaries(steady.astype("float32")), task)
    assert not colour_matters(summaries(course.astype("float32")), task)


def test_clone_keeps_every_argument():
    for cls in (kn.AudioClassifier, kn.AudioRegressor, kn.SpeechRecognizer):
        one = cls(sample_rate=123, budget=7, seed=5, space=("cnn",))
        assert clone(one).get_params() == one.get_params()


def letters(rows, seed):
    """Texts of the letters a, b and a space, each letter a tone of its own."""
    rng = np.random.default_rng(seed)
    clips, texts = [], []
    for _ in range(rows):
        words = ["".join(rng.choice(["a", "b"], 2)) for _ in range(rng.integers(1, 3))]
        text = " ".join(words)
        pitch = {"a": 400.0, "b": 1200.0}
        parts = [
            0.01 * rng.standard_normal(RATE // 8).astype("float32")
            if letter == " "
            else np.concatenate([beep(pitch[letter], 0.12, rng), np.zeros(RATE // 25, "float32")])
            for letter in text
        ]
        clips.append(np.concatenate(parts))
        texts.append(text)
    return clips, texts


def test_recogniser_reads_what_was_played(tmp_path):
    clips, texts = letters(80, 0)
    quick = {
        "family": "conv",
        "time_filters": 8,
        "time_width": 64,
        "time_blocks": 2,
        "time_dropout": 0.0,
        "normalize": "clip",
        "pitch": 0.0,
        "masks": 0,
        "batch_size": 16,
    }
    recogniser = kn.SpeechRecognizer(
        sample_rate=RATE,
        budget=kn.Budget(trials=1, epochs=30),
        space=("conv",),
        initial=[quick],
        seed=0,
        verbose=0,
    ).fit(clips, texts)
    new, said = letters(30, 1)
    assert recogniser.evaluate(new, said)["cer"] < 0.3
    assert recogniser.score(new, said) == 1 - recogniser.evaluate(new, said)["wer"]
    assert recogniser.decoder_ == min(
        recogniser.decoder_scores_, key=recogniser.decoder_scores_.get
    )
    row, constant = recogniser.leaderboard(new, said).to_dict("records")
    assert constant["model"] == "most_frequent (baseline)" and constant["cer"] > 0.5
    assert len({*recogniser.predict(new, model="most_frequent")}) == 1
    assert row["model"].startswith("0000") and row["cer"] == recogniser.evaluate(new, said)["cer"]
    assert recogniser.predict(new, model="0000").tolist() == recogniser.predict(new).tolist()
    path = tmp_path / "letters.keras"
    recogniser.save(path)
    again = kn.load(path)
    assert again.predict(new).tolist() == recogniser.predict(new).tolist()
    assert again.decoder_ == recogniser.decoder_
    model = keras.models.load_model(path)
    long = np.concatenate([new[0], new[1], new[2], new[3]])[None]  # longer than any of training
    answers = model(long, training=False).numpy()
    assert answers.shape[2] == 1 + len(recogniser.characters_)
    np.testing.assert_allclose(np.exp(answers).sum(axis=2), 1.0, atol=1e-4)
    assert recogniser.predict(list(long))[0]
