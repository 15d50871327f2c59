"""The front end: right levels and pitches, and silence at the end that changes nothing."""

import keras
import numpy as np
import pytest

from kerasnas.data.sound_reader import SoundReader
from kerasnas.preprocessing.sounds import SoundForm, heard, lowest, mel_of, sound_front, usual_hop

RATE = 8000
FORM = SoundForm("mel", 200, 80, 40)


def tone(pitch, samples=4000, amplitude=0.5):
    time = np.arange(samples) / RATE
    return (amplitude * np.sin(2 * np.pi * pitch * time)).astype("float32")


@pytest.fixture(scope="module")
def open_front():
    return sound_front(RATE, None, FORM)


@pytest.fixture(scope="module")
def fixed_front():
    return sound_front(RATE, 4000, FORM)


@pytest.mark.parametrize("pitch", [300.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_its_band(fixed_front, pitch):
    spectrum = fixed_front(tone(pitch)[None]).numpy()[0]
    edges = np.linspace(mel_of(lowest(RATE)), mel_of(RATE / 2), FORM.mels + 2)[1:-1]
    assert abs(int(spectrum[20].argmax()) - int(np.abs(edges - mel_of(pitch)).argmin())) <= 1


def test_levels_are_relative_to_a_full_scale_tone(fixed_front):
    loud = fixed_front(tone(1000.0, amplitude=1.0)[None]).numpy()[0, 20].max()
    quiet = fixed_front(tone(1000.0, amplitude=0.1)[None]).numpy()[0, 20].max()
    assert -1.0 < loud < 1.5
    assert loud - quiet == pytest.approx(np.log(100), abs=0.01)


@pytest.mark.parametrize("more", [1, 37, 200, 8000])
def test_silence_at_the_end_changes_nothing(open_front, fixed_front, more):
    rng = np.random.default_rng(0)
    wave = 0.1 * rng.standard_normal((1, 2345)).astype("float32")
    longer = np.pad(wave, ((0, 0), (0, more)))
    np.testing.assert_array_equal(fixed_front(wave), fixed_front(longer))
    short, long = open_front(wave).numpy(), open_front(longer).numpy()
    np.testing.assert_array_equal(short, long[:, : short.shape[1]])
    assert not long[:, short.shape[1] :].any()


def test_frames_behind_the_end_are_zero_and_no_others(fixed_front):
    wave = np.zeros((2, 4000), "float32")
    wave[0, :1000] = tone(500.0, 1000)
    spectra = fixed_front(wave).numpy()
    assert (spectra[0] != 0).any(axis=1).sum() == pytest.approx(1000 / 80, abs=1)
    assert not spectra[1].any()


def test_a_row_does_not_depend_on_its_company(fixed_front):
    quiet, loud = 0.001 * tone(400.0), tone(700.0, amplitude=1.0)
    alone = fixed_front(quiet[None]).numpy()[0]
    np.testing.assert_allclose(fixed_front(np.stack([quiet, loud])).numpy()[0], alone, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 10, 150])
def test_the_shortest_sounds_are_taken(open_front, fixed_front, samples):
    wave = np.full((1, samples), 0.1, "float32")
    assert np.isfinite(fixed_front(wave)).all() and np.isfinite(open_front(wave)).all()


def test_cached_form_is_what_the_saved_graph_gives(fixed_front, tmp_path):
    reader = SoundReader(RATE, 4000)
    raw = [tone(500.0, n) for n in (100, 900, 4000, 5000)]
    cached = heard(reader, FORM, raw)
    fixed_front.save(tmp_path / "front.keras")
    again = keras.models.load_model(tmp_path / "front.keras")
    for row, wave in zip(cached, raw, strict=True):
        np.testing.assert_allclose(again(wave[None]).numpy()[0], row, atol=1e-5)


@pytest.mark.parametrize("rate", [500, 8000, 16000, 44100, 192000])
def test_forms_fit_every_rate(rate):
    hop = usual_hop(SoundReader(rate, rate))
    form = SoundForm("mel", round(2.5 * hop), hop, 24)
    waves = np.random.default_rng(0).standard_normal((1, rate)).astype("float32") * 0.1
    made = sound_front(rate, rate, form)(waves).numpy()
    assert np.isfinite(made).all() and 20 <= made.shape[1] <= 400


def test_hops_follow_the_length():
    assert usual_hop(SoundReader(8000, 8000)) == 80
    assert usual_hop(SoundReader(8000, 240_000)) == 750
    assert usual_hop(SoundReader(8000, 800)) == 33
