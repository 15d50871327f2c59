"""Images are changed in training, as a plan says, and answers with them."""

import keras
import keras_tuner
import numpy as np
import pytest

from kerasnas.spaces import image
from kerasnas.spaces.augmentation import (
    Augmentation,
    AugmentedModel,
    Augmenter,
    augmentation,
    mixed,
)

RAMP = np.arange(8 * 10, dtype="float32").reshape(1, 8, 10, 1).repeat(64, 0)
NOISE = np.random.default_rng(0).uniform(0, 255, (32, 12, 12, 3)).astype("float32")


def changed(plan, images=NOISE, seed=0):
    return np.asarray(Augmenter(plan, seed=seed)(images))


def test_nothing_is_changed_without_a_plan():
    assert Augmentation().idle
    assert np.array_equal(changed(Augmentation()), NOISE)


def test_mirroring_is_off_unless_asked_for():
    assert not augmentation(keras_tuner.HyperParameters()).flip
    assert augmentation(keras_tuner.HyperParameters(), flip=True).flip
    assert "mix" not in (hp := keras_tuner.HyperParameters()).values
    assert augmentation(hp, classify=False).mix == "none"


def test_flip_mirrors_about_half():
    out = changed(Augmentation(flip=True), RAMP)
    mirrored = (out == RAMP[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (out == RAMP).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 10 < mirrored.sum() < 54


def test_shift_moves_by_whole_pixels():
    out = changed(Augmentation(shift=0.2), RAMP)
    assert np.isin(out, RAMP[0]).all()  # nothing is blurred
    steps = out[:, 4, 5, 0] - RAMP[:, 4, 5, 0]
    x, y = np.round((steps + 5) % 10 - 5), np.round(steps / 10)
    assert np.abs(x).max() == 2
    assert np.abs(y).max() <= 2
    assert len(np.unique(steps)) > 5


@pytest.mark.parametrize(
    "plan",
    [
        Augmentation(affine=0.2),
        Augmentation(color=0.4),
        Augmentation(erase=0.5),
        Augmentation(rand_augment=1),
        Augmentation(flip=True, shift=0.12, affine=0.1, color=0.2, erase=0.25),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_changes_stay_in_range_and_repeat_with_the_seed(plan, channels):
    if plan.rand_augment and channels != 3:
        pytest.skip("RandAugment's colours are for three channels")
    images = np.random.default_rng(0).uniform(0, 255, (8, 12, 12, channels)).astype("float32")
    out = changed(plan, images)
    assert out.shape == images.shape
    assert np.isfinite(out).all()
    assert out.min() >= -1e-3
    assert out.max() <= 255.001
    assert not np.array_equal(out, images)
    if not plan.rand_augment:
        assert np.array_equal(out, changed(plan, images))
        assert not np.array_equal(out, changed(plan, images, seed=1))


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_shares_say_how_much_is_the_images_own(mix):
    images = np.zeros((16, 20, 20, 1), "float32")
    images[::2] = 1.0
    out, share = mixed(images, mix, keras.random.SeedGenerator(0))
    own = np.where(
        np.arange(16) % 2 == 0,
        np.asarray(out).mean(axis=(1, 2, 3)),
        1 - np.asarray(out).mean(axis=(1, 2, 3)),
    )
    assert np.allclose(own, share, atol=1e-5)
    assert (np.asarray(share) >= 0.5 - 0.06).all()
    assert np.ptp(share) > 0.1


def network():
    hp = keras_tuner.HyperParameters()
    hp.values.update(conv_width=4, conv_blocks=0, conv_dropout=0.0)
    return image((8, 8, 1), 3, families=["conv"]).build(hp)


@pytest.mark.parametrize("weights", [None, np.ones(12, "float32")])
def test_mixed_answers_count_by_their_shares(weights):
    inner = network()
    model = AugmentedModel(inner, Augmentation(mix="mixup"))
    x = np.random.default_rng(0).uniform(0, 255, (12, 8, 8, 1)).astype("float32")
    y = np.arange(12) % 3
    answer = model(x, training=True)
    share = np.asarray(model.share)
    loss = float(model.compute_loss(x, y, answer, weights))
    each = -np.log(np.asarray(answer)[np.arange(12), y])
    other = -np.log(np.asarray(answer)[np.arange(12), np.roll(y, 1)])
    assert np.isclose(loss, (share * each + (1 - share) * other).mean(), rtol=1e-4)


def test_answers_without_training_are_the_networks():
    inner = network()
    x = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 1)).astype("float32")
    model = AugmentedModel(inner, Augmentation(shift=0.2, color=0.4))
    assert np.array_equal(model(x, training=False), inner(x, training=False))


def test_the_average_follows_the_network_that_learns():
    inner = network()
    before = inner.get_weights()
    model = AugmentedModel(inner, Augmentation(), average=0.5)
    x = np.random.default_rng(0).uniform(0, 255, (16, 8, 8, 1)).astype("float32")
    assert len(model.trainable_variables) == len(inner.trainable_variables)
    for _ in range(2):
        model.train_on_batch(x, np.arange(16) % 3)
    learner = model.learner.get_weights()
    after = inner.get_weights()
    for old, mean, new in zip(before, after, learner, strict=True):
        if not np.allclose(old, new):
            assert np.abs(mean - new).sum() < np.abs(old - new).sum()
            assert not np.allclose(mean, new)
