"""Sounds of every form become mono waveforms in [-1, 1] at one rate."""

import numpy as np
import pandas as pd
import pytest
from scipy.io import wavfile

from kerasnas.data.sound_reader import SoundReader, fit_sound_reader, settle_rate, usable
from kerasnas.data.sounds import speaker_column, split_sounds, to_sounds
from kerasnas.data.waveforms import resampled, waveform
from kerasnas.errors import SchemaError


def tone(samples=800, rate=8000, pitch=440.0):
    return np.sin(2 * np.pi * pitch * np.arange(samples) / rate).astype("float32") * 0.5


@pytest.mark.parametrize(
    ("dtype", "full"), [("int16", 2**15), ("int32", 2**31), ("int8", 2**7), ("int64", 2**15)]
)
def test_pcm_is_scaled(dtype, full):
    pcm = (tone() * (full - 1)).astype(dtype)
    np.testing.assert_allclose(waveform(pcm), tone(), atol=2 / min(full, 2**15))


def test_eight_bits_without_sign_have_their_middle_at_128():
    np.testing.assert_allclose(waveform(np.array([0, 128, 255], "uint8")), [-1, 0, 127 / 128])


@pytest.mark.parametrize("axis", [0, 1])
def test_two_channels_are_averaged_wherever_they_are(axis):
    both = np.stack([tone(), -tone()], axis=axis)
    assert np.abs(waveform(both)).max() < 1e-7


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0), "no samples"),
        (np.array([0.1, np.nan]), "NaN"),
        (np.array([1.0, 20_000.0]), "divide 16 bit PCM by 32768"),
        (np.zeros((3, 40, 50)), "shape"),
        (np.zeros((40, 50)), "2 channels"),
        (np.array(["a"]), "expected numbers"),
    ],
)
def test_what_is_no_sound_says_why(samples, message):
    with pytest.raises(ValueError, match=message):
        waveform(samples)


def test_all_problems_are_told_at_once():
    with pytest.raises(SchemaError, match=r"2 of the 3 .*row 0.*row 2"):
        usable(to_sounds([np.array([np.inf]), tone(), np.zeros(0)]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (7, "expected sounds"),
        ([], "empty"),
        (tone(), "For one sound"),
        (tone().tolist(), "For one"),
        ((tone(), 8000), "one sound and a sample rate"),
        ([tone(), None], "missing"),
        (pd.DataFrame({"a": [1, 2]}), "0 columns that hold sounds"),
    ],
)
def test_what_is_not_several_sounds_is_refused(x, message):
    with pytest.raises(SchemaError, match=message):
        to_sounds(x)


def test_arrays_need_a_rate():
    _, clips = usable(to_sounds([tone(), tone()]))
    with pytest.raises(SchemaError, match="sample_rate="):
        settle_rate(clips, None)
    with pytest.raises(SchemaError, match="whole number"):
        settle_rate(clips, 8000.5)


def test_pairs_of_other_rates_are_resampled():
    _, clips = usable(to_sounds([(tone(800, 8000), 8000), (tone(4410, 44100), 44100)]))
    reader = SoundReader(8000, 800)
    one, other = reader.waveforms(clips)
    assert len(one) == len(other) == 800
    np.testing.assert_allclose(one[50:750], other[50:750], atol=0.01)


def test_resampling_keeps_length_and_pitch():
    made = resampled(tone(44100, 44100), 44100, 16000)
    assert len(made) == 16000
    assert np.abs(np.fft.rfft(made)).argmax() == 440


def test_files_folders_and_frames_hold_the_same_sounds(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(2):
            wavfile.write(tmp_path / label / f"{i}.wav", 8000, (tone() * 32767).astype("int16"))
    (tmp_path / "notes.txt").write_text("no sound")
    sounds, labels = split_sounds(tmp_path, None)
    assert labels.tolist() == ["cat", "cat", "dog", "dog"]
    paths = sorted(tmp_path.rglob("*.wav"))
    frame = pd.DataFrame({"file": [str(p) for p in paths], "n": range(4), "kind": labels})
    apart, y = split_sounds(frame, "kind")
    assert y.tolist() == labels.tolist()
    for given in (sounds, to_sounds(tmp_path), to_sounds(apart), to_sounds(paths)):
        _, clips = usable(given)
        assert [clip.rate for clip in clips] == [8000] * 4
        np.testing.assert_allclose(clips[0].samples, tone(), atol=1e-4)


@pytest.mark.parametrize("kind", ["uint8", "int32", "float32"])
def test_wav_files_of_every_depth(tmp_path, kind):
    full = {"uint8": lambda x: x * 127 + 128, "int32": lambda x: x * (2**31 - 1)}
    values = full.get(kind, lambda x: x)(tone().astype("float64")).astype(kind)
    wavfile.write(tmp_path / "a.wav", 8000, values)
    _, clips = usable(to_sounds([tmp_path / "a.wav"]))
    np.testing.assert_allclose(clips[0].samples, tone(), atol=0.02)


def test_flac_by_the_extra(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.flac", np.stack([tone(), tone()], axis=1), 22050)
    _, clips = usable(to_sounds([tmp_path / "a.flac"]))
    assert clips[0].rate == 22050
    np.testing.assert_allclose(clips[0].samples, tone(), atol=1e-4)


def test_a_few_broken_files_are_left_out_with_one_warning(tmp_path):
    paths = [tmp_path / f"{i}.wav" for i in range(4)]
    for path in paths[:3]:
        wavfile.write(path, 8000, tone())
    paths[3].write_bytes(b"RIFF, but no more of it")
    with pytest.warns(UserWarning, match=r"1 of the 4 .*3\.wav.*left out"):
        rows, clips = usable(to_sounds(paths))
    assert rows.tolist() == [0, 1, 2] and len(clips) == 3
    with pytest.raises(SchemaError, match="no such file"):
        usable(to_sounds([tmp_path / "gone.wav", paths[0]]))


def test_one_endless_recording_does_not_set_the_length():
    lengths = [800] * 200 + [80_000]
    _, clips = usable(to_sounds([tone(n) for n in lengths]))
    with pytest.warns(UserWarning, match="1 of the 201 sounds are longer than the 0.1 s"):
        reader = fit_sound_reader(clips, 8000)
    assert reader.samples == 800
    assert fit_sound_reader(clips, 8000, cut=False).samples == 80_000
    assert fit_sound_reader(clips[:50], 8000).samples == 800


def test_batches_hold_every_sound_once_and_as_long_as_needed():
    raw = [tone(n) for n in (900, 100, 500, 2000)]
    for cut in (True, False):
        reader = SoundReader(8000, 1000, cut)
        seen = {}
        for index, waves in reader.batches(reader.read(raw)):
            for i, wave in zip(index, waves, strict=True):
                seen[int(i)] = wave
        assert sorted(seen) == [0, 1, 2, 3]
        kept = min(2000, 1000) if cut else 2000
        assert np.count_nonzero(seen[3]) == np.count_nonzero(raw[3][:kept])
        np.testing.assert_array_equal(seen[1][:100], raw[1])


def test_reader_survives_json_and_refuses_anything_else():
    reader = SoundReader(16000, 12345, cut=False)
    assert SoundReader.from_json(reader.to_json()) == reader
    for content in ({}, {**reader.to_json(), "samples": -1}, [1]):
        with pytest.raises(SchemaError):
            SoundReader.from_json(content)


def test_voices_are_found_by_the_name_of_their_column():
    frame = pd.DataFrame({"path": list("abcd"), "Speaker": ["x", "x", "y", "y"]})
    assert speaker_column(frame) == "Speaker"
    assert speaker_column(frame.assign(Speaker=list("abcd"))) is None
    assert speaker_column([1, 2]) is None
