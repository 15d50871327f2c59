"""Texts and sounds as people keep them: datasets, frames, lengths, sample rates."""

import io
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

import kerasnas as kn
from kerasnas.data.documents import text_folders, to_documents, unpack_documents
from kerasnas.data.sound_reader import SoundReader, fit_sound_reader
from kerasnas.data.sounds import sound_folders, to_sounds, unpack_sounds
from kerasnas.data.texts import fit_text_reader
from kerasnas.errors import SchemaError
from kerasnas.problem.given import Given

QUICK = {"budget": kn.Budget(trials=1, epochs=2), "seed": 0, "verbose": 0}
RNG = np.random.default_rng(0)

TEXTS = [f"{'good' if row % 2 else 'bad'} film number {row}" for row in range(40)]
LABELS = np.arange(40) % 2
WEIGHTS = np.linspace(0.5, 2.0, 40)


def text_dataset(form):
    """The texts with labels and weights, batch by batch."""
    import tensorflow as tf

    if form == "one by one":
        return tf.data.Dataset.from_tensor_slices((TEXTS, LABELS, WEIGHTS))
    if form == "column":
        column = np.array(TEXTS)[:, None]
        return tf.data.Dataset.from_tensor_slices((column, LABELS, WEIGHTS)).batch(16)
    if form == "dicts":
        named = {"text": TEXTS, "label": LABELS, "sample_weight": WEIGHTS}
        return tf.data.Dataset.from_tensor_slices(named).batch(16)
    if form == "generator":
        rows = zip(TEXTS, LABELS, WEIGHTS, strict=True)
        return (row for row in rows)
    return tf.data.Dataset.from_tensor_slices((TEXTS, LABELS, WEIGHTS)).batch(16)


@pytest.mark.parametrize("form", ["batches", "one by one", "column", "dicts", "generator"])
def test_texts_come_batch_by_batch_with_targets_and_weights(form):
    found = unpack_documents(text_dataset(form))
    assert found.x.columns["text"].tolist() == TEXTS
    assert found.y.tolist() == LABELS.tolist()
    assert np.allclose(found.weights, WEIGHTS)


def test_texts_of_several_columns_come_batch_by_batch():
    import tensorflow as tf

    named = {"title": TEXTS, "body": TEXTS[::-1], "label": LABELS}
    found = unpack_documents(tf.data.Dataset.from_tensor_slices(named).batch(7))
    assert found.x.columns["title"].tolist() == TEXTS
    assert found.x.columns["body"].tolist() == TEXTS[::-1]


def test_beside_targets_a_column_named_class_or_weight_is_an_input():
    import tensorflow as tf

    named = {"title": TEXTS, "class": TEXTS[::-1], "weight": ["light"] * 40}
    found = unpack_documents(tf.data.Dataset.from_tensor_slices((named, LABELS)).batch(7))
    assert set(found.x.columns) == {"title", "class", "weight"}
    assert found.x.columns["class"].tolist() == TEXTS[::-1]
    assert found.y.tolist() == LABELS.tolist() and found.weights is None


def test_labels_of_a_dataset_are_texts():
    import tensorflow as tf

    labels = ["gut" if label else "übel" for label in LABELS]
    data = tf.data.Dataset.from_tensor_slices((TEXTS, labels))
    for given in (data, data.batch(7)):
        assert unpack_documents(given).y.tolist() == labels


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory):
    """A folder of two classes of texts."""
    folder = tmp_path_factory.mktemp("texts")
    for row, text in enumerate(TEXTS):
        path = folder / ("good" if LABELS[row] else "bad") / f"{row:02d}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def from_directory(text_folder):
    """A classifier of what Keras reads from a folder."""
    import keras

    data = keras.utils.text_dataset_from_directory(
        text_folder, batch_size=8, verbose=False, class_names=["bad", "good"], shuffle=False
    )
    return kn.TextClassifier(**QUICK, space="linear").fit(data), data


def test_a_dataset_of_keras_from_a_folder_of_texts_trains(from_directory):
    clf, data = from_directory
    assert clf.classes_.tolist() == [0, 1]
    assert clf.score(data) == clf.evaluate(data)["accuracy"] == 1.0
    assert len(clf.predict(data.map(lambda x, y: x))) == 40


LITTER = ("__MACOSX/{0}/1.{1}", "{0}/._1.{1}", ".ipynb_checkpoints/1.{1}", "{0}/.hidden/2.{1}")


def littered(folder, copy, content, name, ending):
    """A copy of a folder with what systems and notebooks leave there."""
    shutil.copytree(folder, copy)
    for place in LITTER:
        path = copy / place.format(name, ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return copy


def test_what_systems_leave_in_folders_is_no_text(text_folder, tmp_path):
    text_folder = littered(text_folder, tmp_path / "copy", b"left behind", "bad", "txt")
    documents, labels = text_folders(text_folder)
    assert sorted(documents.columns["text"]) == sorted(TEXTS)
    assert set(labels) == {"bad", "good"}
    assert len(to_documents(text_folder)) == 40


FRAME = pd.DataFrame({"title": TEXTS, "y": LABELS, "more": range(40), "w": WEIGHTS})


@pytest.fixture(scope="module")
def by_title():
    """A classifier of one text column of a frame."""
    return kn.TextClassifier(**QUICK, space="linear").fit(FRAME[["title", "y"]], "y")


def test_predict_finds_the_column_of_fit_among_others(by_title):
    expected = by_title.predict_proba(FRAME["title"])
    for x in (FRAME, FRAME[["title"]], TEXTS, FRAME.rename(columns={"title": "t"})[["t"]]):
        assert np.array_equal(by_title.predict_proba(x), expected)
    assert by_title.score(FRAME, "y") == by_title.score(TEXTS, LABELS)
    weighted = by_title.evaluate(FRAME, "y", sample_weight="w")
    assert weighted == by_title.evaluate(TEXTS, LABELS, sample_weight=WEIGHTS)


def test_a_column_that_is_not_there_is_named(by_title):
    with pytest.raises(SchemaError, match=r"lacks `title` \(did you mean `titel`"):
        by_title.predict(pd.DataFrame({"titel": TEXTS, "body": TEXTS}))


@pytest.mark.parametrize("y", [np.eye(2)[LABELS], [[label] for label in LABELS]])
def test_one_hot_targets_of_texts_are_classes(y):
    from kerasnas.clock import Budget, Clock
    from kerasnas.estimators.text_task import prepare_texts

    clock = Clock(Budget.parse("1min").seconds)
    task = prepare_texts(Given(TEXTS, y, seed=0), clock, classify=True, families=["linear"])
    assert not task.problem.rows.multilabel
    assert task.problem.rows.classes == 2


LONG = ["x " * 30_000 + ("good" if row % 2 else "bad") for row in range(20)]


def test_texts_that_are_cut_are_told_once_with_the_share_and_the_argument():
    from kerasnas.clock import Clock
    from kerasnas.estimators.text_task import prepare_texts

    how = {"clock": Clock(None), "classify": True, "families": ["linear"]}
    long = Given(LONG, LABELS[:20], seed=0)
    with pytest.warns(UserWarning) as caught:
        task = prepare_texts(long, **how)
    told = [str(w.message) for w in caught if "characters" in str(w.message)]
    assert len(told) == 1
    assert "20 of the 20 texts are longer than the 20,000 characters" in told[0]
    assert "67%" in told[0] and "`max_characters=60004`" in told[0]
    assert task.problem.reader.longest == 20_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = prepare_texts(long, max_characters=60_004, **how)
        prepare_texts(Given([*TEXTS[:39], "x" * 50], LABELS, seed=0), **how)
    assert whole.problem.reader.longest == 60_004


def test_new_texts_that_are_cut_are_told():
    reader = fit_text_reader(to_documents(TEXTS), 200)
    with pytest.warns(UserWarning, match=r"1 of the 2 texts .* `max_characters=400`"):
        reader.read(["x" * 400, "y"])


@pytest.mark.parametrize("most", [0, -5, 2.5, "many", True])
def test_a_number_of_characters_must_be_one(most):
    with pytest.raises(SchemaError, match="`max_characters` must be"):
        kn.TextClassifier(**QUICK, max_characters=most).fit(TEXTS, LABELS)


# Sounds.


def tone(seconds=0.5, rate=8000, pitch=400, noise=0.01):
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * pitch * time) + noise * RNG.normal(size=len(time))
    return wave.astype("float32")


WAVES = [tone(pitch=300 if row % 2 else 1500) for row in range(24)]


def wav(wave, rate=8000):
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, (32767 * wave).astype("int16"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "item",
    [
        lambda wave: (wave, 8000),
        lambda wave: (wave, np.int64(8000)),
        lambda wave: (wave, 8000.0),
        lambda wave: (8000, wave),
        lambda wave: (wave.tolist(), 8000),
        lambda wave: {"array": wave, "sampling_rate": 8000},
        lambda wave: {"array": wave.tolist(), "sampling_rate": 8000, "path": "a.wav"},
        lambda wave: wav(wave),
        lambda wave: {"bytes": wav(wave), "path": None},
    ],
    ids=[
        "pair",
        "numpy rate",
        "float rate",
        "scipy",
        "list",
        "hugging face",
        "with path",
        "bytes",
        "encoded",
    ],
)
@pytest.mark.parametrize("container", ["list", "series", "frame"])
def test_a_sound_comes_with_its_rate_in_every_form(item, container):
    items = [item(wave) for wave in WAVES[:3]]
    if container == "series":
        x = pd.Series(items)
    elif container == "frame":
        x = pd.DataFrame({"audio": items, "age": range(3)})
    else:
        x = items
    clips, problems = to_sounds(x).load()
    assert not problems
    assert [clip.rate for clip in clips] == [8000] * 3
    for clip, wave in zip(clips, WAVES, strict=False):
        assert clip.samples == pytest.approx(wave, abs=1e-4)


def test_one_sound_is_no_batch():
    for x in ((WAVES[0], 8000), (8000, WAVES[0]), {"array": WAVES[0], "sampling_rate": 8000}):
        with pytest.raises(SchemaError, match=r"pass `\[x\]`"):
            to_sounds(x)


@pytest.fixture(scope="module")
def sound_folder(tmp_path_factory):
    """A folder of two classes of sounds."""
    folder = tmp_path_factory.mktemp("sounds")
    for row, wave in enumerate(WAVES):
        path = folder / ("low" if row % 2 else "high") / f"{row:02d}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav(wave))
    return folder


def test_what_systems_leave_in_folders_is_no_sound(sound_folder, tmp_path):
    sound_folder = littered(sound_folder, tmp_path / "copy", wav(WAVES[0]), "low", "wav")
    sounds, labels = sound_folders(sound_folder)
    assert len(sounds) == 24
    assert set(labels) == {"high", "low"}
    assert len(to_sounds(sound_folder)) == 24


def test_a_dataset_of_keras_from_a_folder_of_sounds_trains(sound_folder):
    import keras

    data = keras.utils.audio_dataset_from_directory(
        sound_folder, batch_size=7, verbose=False, class_names=["high", "low"], shuffle=False
    )
    clf = kn.AudioClassifier(**QUICK, space="linear", sample_rate=8000).fit(data)
    assert clf.score(data) == clf.evaluate(data)["accuracy"] == 1.0


def test_sounds_come_batch_by_batch_with_weights():
    import tensorflow as tf

    stack, labels, weights = np.stack(WAVES), np.arange(24) % 2, np.linspace(1, 2, 24)
    data = tf.data.Dataset.from_tensor_slices((stack, labels, weights))
    for given in (data, data.batch(10)):
        found = unpack_sounds(given)
        assert np.array_equal(np.stack([clip.samples for clip in found.x.load()[0]]), stack)
        assert found.y.tolist() == labels.tolist()
        assert np.allclose(found.weights, weights)


def test_samples_of_another_rate_are_told():
    reader = SoundReader(8000, 8000)
    for seconds, rate, times in [(1, 44100, 5), (1, 16000, 2), (1, 22050, 2), (2, 8000, 2)]:
        with pytest.warns(UserWarning, match=rf"{times} times as long as in fit.*\(array, rate\)"):
            reader.read([tone(seconds, rate)] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader.read([(tone(1, 44100), 44100)] * 3)
        reader.read([tone(1, 8000), tone(1.5, 8000)])


def test_sounds_that_are_cut_are_told_with_the_share_and_the_argument():
    clips, _ = to_sounds([(tone(120, 500), 500)] * 6).load()
    with pytest.warns(UserWarning, match=r"6 of the 6 sounds .* 30 s .*75% .*max_seconds=120`"):
        reader = fit_sound_reader(clips)
    assert reader.seconds == 30
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_sound_reader(clips, max_seconds=120).seconds == 120
        short, _ = to_sounds([(tone(1.0, 500), 500)] * 6).load()
        fit_sound_reader(short)
    with pytest.warns(UserWarning, match="98%"):
        assert fit_sound_reader(clips, max_seconds=2).seconds == 2


@pytest.mark.parametrize("most", [0, -1, "long", np.nan, np.inf])
def test_a_length_of_sounds_must_be_one(most):
    with pytest.raises(SchemaError, match="`max_seconds` must be"):
        kn.AudioClassifier(**QUICK, sample_rate=8000, max_seconds=most).fit(
            WAVES, np.arange(24) % 2
        )


def test_sounds_of_one_volume_are_not_the_same_sounds():
    from kerasnas.estimators.audio_task import sounds_fingerprint

    class Rows:
        targets, weights = np.zeros(2), None

    assert sounds_fingerprint(WAVES[:2], Rows) != sounds_fingerprint(
        [wave[::-1] for wave in WAVES[:2]], Rows
    )


def test_transcripts_that_cannot_be_aligned_are_told():
    from kerasnas.clock import Clock
    from kerasnas.estimators.speech_task import prepare_speech

    texts = ["ab"] * 11 + ["abc " * 75]
    how = {"clock": Clock(None), "sample_rate": 8000, "families": ["conv"]}
    other = (WAVES[:2], ["ab", "ab"])
    with pytest.warns(UserWarning, match=r"too long for their sounds.*299 characters on \d+ steps"):
        prepare_speech(Given(WAVES[:12], texts, seed=0, validation_data=other), **how)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare_speech(Given(WAVES[:11], texts[:11], seed=0), **how)
