"""Pretrained networks behind the blocks of a composed graph, up to a file for plain Keras."""

import keras
import numpy as np
import pytest

import kerasnas as kn
from kerasnas.auto_model.backbones import behind_sounds, where_there
from kerasnas.clock import Clock
from kerasnas.errors import SearchSpaceError
from kerasnas.problem.inputs import SoundInput
from kerasnas.spaces.sound_backbones import SettledSpeech

ROWS = 24


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 250, (8, 8, 3)).astype("uint8") for _ in range(ROWS)]
    photos[2] = None
    notes = ["The film was good.", "The film was awful."] * (ROWS // 2)
    return {"photo": photos, "note": notes}, np.array(["a", "b"] * (ROWS // 2))


@pytest.fixture(scope="module")
def fitted(data, lite_file, sentence_files):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(lite_file.parents[2])
        photo, note = kn.ImageInput("photo"), kn.TextInput("note")
        parts = [
            kn.ImageBlock(name="eye", conv_width=4)(photo),
            kn.ImageBlock(name="own_eye", pretrained=False, family="conv", conv_width=4)(photo),
            kn.TextBlock(name="reader", pretrained=sentence_files)(note),
        ]
        z = kn.Merge(operation="concatenate")(parts)
        auto = kn.AutoModel(
            [photo, note],
            kn.ClassificationHead(dropout=0.0)(z),
            budget=kn.Budget(trials=2, epochs=1),
            ensemble=False,
            folds=False,
            seed=0,
            verbose=0,
        )
        auto.fit(*data)
        return auto


def test_the_search_begins_with_what_is_pretrained(fitted):
    trials = fitted.leaderboard(full=True).query("kind == 'trial'").sort_values("trial_id")
    assert list(trials["status"]) == ["COMPLETED"] * 2
    found = [[h["eye/family"], h["reader/family"]] for h in trials["hyperparameters"]]
    assert found == [["pretrained", "pretrained"], ["conv", "average"]]


def test_the_file_answers_as_it_was_scored(fitted, data, tmp_path):
    x, _ = data
    fitted.save(tmp_path / "auto.keras")
    plain = keras.models.load_model(tmp_path / "auto.keras")
    photos = [np.zeros((8, 8, 3), "uint8") if p is None else p for p in x["photo"][:4]]
    given = {"photo": np.stack(photos), "note": np.array(x["note"][:4])[:, None]}
    given = {name: keras.ops.convert_to_tensor(values) for name, values in given.items()}
    expected = fitted.predict_proba({name: values[:4] for name, values in x.items()})
    np.testing.assert_allclose(np.asarray(plain(given)), expected, atol=1e-5)
    again = kn.load(tmp_path / "auto.keras")
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))


def test_a_row_without_a_sound_has_vectors_of_zeros(speech_tensors):
    waves = [np.sin(np.arange(900) * 0.3).astype("float32"), None]
    source = SoundInput(8_000, gaps=True)
    raw = source.read(waves)
    fitted = source.fit(raw, np.arange(2))
    own = kn.AudioInput("voice").key(fitted)
    settled = SettledSpeech("speech-embedding", speech_tensors)
    behind = where_there(fitted.form(own), behind_sounds(fitted, settled, Clock(None)))
    vectors = behind.form().data
    assert vectors[0].any() and not vectors[1].any()
    batch = np.stack([waves[0], np.zeros(900, "float32")])
    np.testing.assert_allclose(np.asarray(behind.front.model(batch)), vectors, atol=1e-4)
    assert behind.sizes["params"] > 100_000  # the spectrogram alone has as many


def test_two_networks_on_one_input_are_refused(data):
    note = kn.TextInput("note")
    parts = [kn.TextBlock(pretrained="one")(note), kn.TextBlock(pretrained="two")(note)]
    auto = kn.AutoModel(note, kn.ClassificationHead()(kn.Merge()(parts)), verbose=0)
    with pytest.raises(SearchSpaceError, match="expected one network an input"):
        auto.fit(data[0]["note"], data[1])
