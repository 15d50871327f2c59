"""The space of sounds: every family builds, trains, saves, and knows where a sound ends."""

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.clock import Deadline
from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.sounds import SoundForm
from kerasnas.problem import View
from kerasnas.spaces import audio
from kerasnas.spaces.audio import FAMILIES, AudioHyperModel
from kerasnas.spaces.blocks.sound import NORMALIZATIONS, mask_of, normalized
from kerasnas.spaces.sound_augmentation import SoundAugmentation, SoundAugmenter, mixed

FRAMES, MELS = 40, 24


def spectra(rows=6, frames=FRAMES, mels=MELS, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(-8.0, 3.0, (rows, frames, mels)).astype("float32")
    for row in range(rows):
        x[row, frames // 2 + row :] = 0.0
    return x


def chosen(**values):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return hp


SMALL = {
    "cnn": {"cnn_width": 8, "cnn_convolutions": 1},
    "separable": {"separable_width": 24, "separable_blocks": 2},
    "crnn": {"crnn_width": 8, "crnn_units": 32},
    "conformer": {"conformer_width": 32, "conformer_blocks": 1},
    "wave": {"wave_width": 16},
    "linear": {"linear_stretches": 4},
}


@pytest.mark.parametrize(
    ("family", "classes"), [*((f, 3) for f in sorted(FAMILIES)), ("cnn", None)]
)
def test_family_builds_trains_and_saves(family, classes, tmp_path):
    form = SoundForm("wave") if family == "wave" else SoundForm("mel", 200, 80, MELS)
    space = AudioHyperModel(FRAMES * 80, 8000, classes, families=[family], form=form)
    hp = chosen(family=family, **SMALL[family])
    network = space.build(hp)
    x = spectra()
    if family == "wave":
        x = np.random.default_rng(0).standard_normal((6, FRAMES * 80)).astype("float32") * 0.1
        x[:, 2000:] = 0.0
    y = np.array([0, 1, 2, 0, 1, 2]) if classes else np.linspace(-1, 1, 6)[:, None]
    before = network.get_weights()
    trained = space.training(hp, network).model
    trained.run_eagerly = True  # one step: tracing it would take longer
    trained.train_on_batch(x, y)
    assert any((a != b).any() for a, b in zip(before, network.get_weights(), strict=True))
    answers = network(x, training=False).numpy()
    assert answers.shape == (6, classes or 1) and np.isfinite(answers).all()
    keras.Model(network.input, network.output).save(tmp_path / "n.keras")
    again = keras.models.load_model(tmp_path / "n.keras")
    np.testing.assert_allclose(again(x, training=False), answers, atol=1e-5)
    assert np.isfinite(network(np.zeros_like(x), training=False)).all()


@pytest.mark.parametrize(("classes", "multilabel"), [(3, False), (2, True), (None, False)])
def test_linear_models_are_solved(classes, multilabel):
    x = spectra(90)
    label = np.arange(90) % 3
    x[:, :10] += label[:, None, None] * np.linspace(0, 3, MELS, dtype="float32")
    y = {3: label, 2: np.stack([label > 0, label > 1], axis=1), None: label[:, None] - 1.0}[classes]
    form = SoundForm("mel", 200, 80, MELS)
    space = AudioHyperModel(
        FRAMES * 80, 8000, classes, multilabel=multilabel, families=["linear"], form=form
    )
    hp = chosen(family="linear", linear_strength=1.0)
    view = View(x=x, y=y.astype("int32" if classes == 3 else "float32"))
    answers = space.solve(hp, view, 0, Deadline.after(10.0)).network(x, training=False).numpy()
    if classes == 3:
        np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)
        assert (answers.argmax(axis=1) == label).mean() > 0.95
    elif multilabel:
        assert ((answers > 0.5) == y).mean() > 0.95
    else:
        assert np.corrcoef(answers[:, 0], y[:, 0])[0, 1] > 0.95


@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_normalisation_keeps_the_end_and_is_finite_for_silence(kind):
    sound = keras.Input((FRAMES, MELS))
    model = keras.Model(sound, normalized(chosen(normalize=kind), sound))
    x = spectra()
    x[5] = 0.0
    made = model(x).numpy()
    assert np.isfinite(made).all()
    np.testing.assert_array_equal((made != 0).any(axis=2), (x != 0).any(axis=2))


def test_what_normalisation_takes_away():
    sound = keras.Input((FRAMES, MELS))
    x = spectra(2)
    on = x != 0
    colour = np.linspace(-2, 2, MELS, dtype="float32")
    for kind, louder, coloured in (("channel", True, True), ("clip", True, False)):
        model = keras.Model(sound, normalized(chosen(normalize=kind), sound))
        plain = model(x).numpy()
        assert np.allclose(model(np.where(on, x + 3, 0)), plain, atol=1e-4) == louder
        # The range of what is looked at is relative to the loudest: a colour may move its edge.
        gap = np.abs(model(np.where(on, x + colour, 0)).numpy() - plain)
        assert (np.quantile(gap, 0.95) < 0.1) == coloured


def test_mask_goes_to_the_last_busy_frame():
    x = np.zeros((2, 5, 3), "float32")
    x[0, 1] = x[0, 3] = 1.0
    assert np.asarray(mask_of(x))[:, :, 0].tolist() == [[1, 1, 1, 1, 0], [0] * 5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"families": ("cnnn",)}, "cnnn"),
        ({"families": ()}, "no family"),
        ({"families": ("wave",)}, "None of the families"),
    ],
)
def test_unusable_spaces_are_refused(settings, message):
    with pytest.raises(SearchSpaceError, match=message):
        audio((FRAMES, MELS), 3, **settings)


def test_portfolio_names_only_what_the_space_has():
    for classes, multilabel in ((4, False), (4, True), (None, False)):
        space = AudioHyperModel(8000, 8000, classes, multilabel=multilabel)
        known = space.portfolio
        assert {values["family"] for values in known} == set(FAMILIES)
        for values in known[:2] if classes is None else known[-2:]:
            hp = chosen(**values)
            space.build(hp)
            declared = {p.name for p in hp.space}
            assert set(values) <= declared


def test_a_longer_budget_affords_wider_networks():
    widths = [
        max(v.get("cnn_width", 0) for v in AudioHyperModel(8000, 8000, 4, seconds=s).portfolio)
        for s in (30, 3000)
    ]
    assert widths[0] < widths[1]


PLAN = SoundAugmentation(speed=0.2, pitch=0.2, shift=0.1, tilt=0.5, noise=True, masks=2)


def test_augmentation_changes_sounds_but_not_where_they_may_be():
    x = spectra(32)
    made = np.asarray(SoundAugmenter(PLAN, (20.0, 4000.0), seed=0)(x))
    assert made.shape == x.shape and np.isfinite(made).all()
    assert not np.allclose(made, x)
    lengths = (made != 0).any(axis=2).sum(axis=1)
    before = (x != 0).any(axis=2).sum(axis=1)
    assert (lengths >= 0.7 * before).all() and (lengths <= FRAMES).all()
    assert len(set((lengths - before).tolist())) > 3
    # Everything behind the end is zero, everything before it is not.
    on = (made != 0).all(axis=2)
    assert (np.diff(on.astype(int), axis=1) <= 0).all()


def test_augmentation_is_different_every_time_and_the_same_with_a_seed():
    x = spectra()
    layer = SoundAugmenter(PLAN, (20.0, 4000.0), seed=3)
    first, second = np.asarray(layer(x)), np.asarray(layer(x))
    assert not np.allclose(first, second)
    again = np.asarray(SoundAugmenter(PLAN, (20.0, 4000.0), seed=3)(x))
    np.testing.assert_array_equal(first, again)


def test_no_plan_changes_nothing():
    x = spectra()
    np.testing.assert_array_equal(SoundAugmenter(SoundAugmentation())(x), x)


def test_pitch_moves_a_band_up_or_down():
    x = np.full((64, 8, 40), -15.0, "float32")
    x[:, :, 20] = 0.0
    layer = SoundAugmenter(SoundAugmentation(pitch=0.3), (20.0, 4000.0), seed=0)
    places = np.asarray(layer(x))[:, 4].argmax(axis=1)
    assert places.min() < 18 and places.max() > 22 and abs(places.mean() - 20) < 1.5


def test_waves_keep_their_silence():
    rng = np.random.default_rng(0)
    x = np.zeros((8, 1000), "float32")
    x[:, :600] = 0.1 * rng.standard_normal((8, 600))
    made = np.asarray(SoundAugmenter(PLAN, seed=0)(x))
    assert np.isfinite(made).all() and not np.allclose(made, x)
    assert not made[:, 950:].any()


def test_mixing_adds_powers_by_shares():
    x = np.log(np.array([[[4.0]], [[2.0]]], "float32"))
    made, share = (np.asarray(a) for a in mixed(x, keras.random.SeedGenerator(0)))
    part = share.reshape(-1, 1, 1)
    np.testing.assert_allclose(np.exp(made), part * np.exp(x) + (1 - part) * np.exp(x[::-1]), 1e-4)
    assert (share >= 0.5).all() and (share <= 1.0).all()
