"""The space of speech: any length in, the right loss, and no influence of silence at the end."""

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.errors import SearchSpaceError
from kerasnas.spaces import speech
from kerasnas.spaces.speech import FAMILIES, SpeechLoss, strides_for


def chosen(**values):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp


SMALL = {
    "recurrent": {"recurrent_filters": 8, "recurrent_units": 48},
    "conv": {"time_filters": 8, "time_width": 64, "time_blocks": 2},
    "conformer": {"conformer_width": 48, "conformer_blocks": 1},
}


@pytest.mark.parametrize(
    ("family", "stride"),
    [("recurrent", 2), ("conv", 1), ("conv", 2), ("conv", 4), ("conformer", 2)],
)
def test_silence_at_the_end_changes_nothing(family, stride):
    space = speech(8000, 5, mels=24, strides=(stride,))
    network = space.build(chosen(family=family, stride=stride, **SMALL[family]))
    rng = np.random.default_rng(0)
    for weight in network.weights:  # other than at the start, where much is zero
        weight.assign(weight + 0.02 * rng.random(weight.shape).astype("float32"))
    x = rng.normal(-8, 3, (2, 37, 24)).astype("float32")
    short = network(x, training=False).numpy()
    long = network(np.pad(x, ((0, 0), (0, 23), (0, 0))), training=False).numpy()
    assert short.shape[1] == -(-37 // stride)
    np.testing.assert_allclose(long[:, : short.shape[1]], short, atol=2e-5)
    assert (long[:, short.shape[1] :].argmax(axis=2) == 0).all()
    np.testing.assert_allclose(np.exp(short).sum(axis=2), 1.0, atol=1e-5)


def test_the_loss_is_that_of_keras_by_the_letter():
    rng = np.random.default_rng(0)
    answers = np.array(keras.ops.log_softmax(rng.standard_normal((3, 12, 5)).astype("float32")))
    y = np.array([[1, 2, 2, 0], [4, 0, 0, 0], [3, 1, 3, 1]], "int32")
    expected = np.asarray(
        keras.ops.ctc_loss(y, answers, (y > 0).sum(axis=1), np.full(3, 12, "int32"))
    )
    made = np.asarray(SpeechLoss(reduction=None)(y, answers))
    np.testing.assert_allclose(made, expected / (y > 0).sum(axis=1), rtol=1e-4)


def test_a_text_that_is_too_long_for_its_sound_does_no_harm():
    answers = np.full((2, 2, 3), np.log(1 / 3), "float32")
    loss = np.asarray(SpeechLoss(reduction=None)(np.array([[1, 2, 1, 2], [1, 0, 0, 0]]), answers))
    assert np.isfinite(loss).all() and loss[1] > 0


def test_training_learns_a_few_sounds_by_heart():
    rng = np.random.default_rng(0)
    voices = rng.normal(-8, 4, (3, 24))
    texts = np.array([[1, 2], [2, 3], [3, 1], [2, 1]], "int32")
    x = np.stack([np.repeat(voices[t - 1], 10, axis=0) for t in texts]).astype("float32")
    x += rng.normal(0, 0.3, x.shape)
    space = speech(8000, 3, mels=24)
    hp = chosen(family="conv", time_blocks=2, time_width=64, time_dropout=0.0, normalize="level")
    network = space.build(hp)
    network.fit(x, texts, epochs=50, batch_size=4, verbose=0)
    best = network(x, training=False).numpy().argmax(axis=2)
    read = [
        [c for c, before in zip(row, [0, *row[:-1]], strict=True) if c and c != before]
        for row in best
    ]
    assert read == texts.tolist()


def test_strides_leave_room_for_the_texts():
    frames = np.full(50, 100)
    assert strides_for(frames, np.full(50, 10)) == (1, 2, 4)
    assert strides_for(frames, np.full(50, 30)) == (1, 2)
    assert strides_for(frames, np.full(50, 300)) == (1,)


def test_unknown_families_are_refused():
    with pytest.raises(SearchSpaceError, match="hmm"):
        speech(8000, 5, families=("hmm",))


def test_portfolio_names_only_what_the_space_has():
    space = speech(8000, 5)
    assert {values["family"] for values in space.portfolio} == set(FAMILIES)
    for values in space.portfolio[:2]:
        hp = chosen(**values)
        space.build(hp)
        assert set(values) <= {p.name for p in hp.space}
