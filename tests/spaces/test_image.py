"""The space of images: every family builds, and sizes follow the pictures and the budget."""

import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from kerasnas.errors import SearchSpaceError
from kerasnas.preprocessing.images import ImageForm
from kerasnas.spaces import image
from kerasnas.spaces.blocks.conv import WIDTHS, conv_multiply_adds
from kerasnas.spaces.blocks.image_sizes import stages_for, widths_for
from kerasnas.spaces.image import FAMILIES
from kerasnas.spaces.picture_backbones import find_pretrained


def built(hypermodel, **values):
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return hypermodel.build(hp), hp


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_answers_for_its_size(family):
    for shape in ((8, 8, 1), (32, 24, 3)):
        network, _ = built(image(shape, 4, families=[family]), family=family)
        answer = np.asarray(network(np.ones((2, *shape), "float32")))
        assert answer.shape == (2, 4)
        assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)


def test_heads_of_other_tasks():
    assert built(image((8, 8, 1)))[0].output_shape == (None, 1)
    several, hp = built(image((8, 8, 1), 3, multilabel=True))
    answer = np.asarray(several(np.zeros((1, 8, 8, 1))))
    assert answer.shape == (1, 3)
    assert "mix" not in hp.values


def test_networks_are_of_single_precision_on_a_gpu_as_well(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: ["a GPU"])
    network, _ = built(image((8, 8, 1), 2, families=["conv"]))
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}


def test_portfolio_is_valid_and_of_the_families_in_use():
    hypermodel = image((16, 16, 3), 3, rows=500)
    assert {c["family"] for c in hypermodel.portfolio} == set(FAMILIES)
    for configuration in hypermodel.portfolio:
        _, hp = built(hypermodel, **configuration)
        assert {name: hp.values[name] for name in configuration} == configuration
    assert {c["family"] for c in image((16, 16, 3), 3, families=["vit"]).portfolio} == {"vit"}


def test_known_good_networks_fit_the_budget():
    def costs(seconds, rows, side=32):
        hypermodel = image((side, side, 3), 10, rows=rows, seconds=seconds, cores=2)
        first, second = hypermodel.portfolio[:2]
        return [conv_multiply_adds(side, side, 3, c["conv_width"]) for c in (first, second)]

    assert costs(1200, 8000) > costs(60, 8000)
    assert costs(300, 1000) > costs(300, 100_000)
    quick, large = costs(600, 20_000)
    assert quick <= large


def test_networks_that_are_only_small_are_no_default():
    hypermodel = image((28, 28, 1), 10, rows=60_000, seconds=5)
    assert all(c.get("conv_width", 4) >= 4 for c in hypermodel.portfolio)
    assert min(WIDTHS) < 4  # but they are in the space


def test_small_networks_come_early_where_size_counts():
    def sizes(lean):
        hypermodel = image((28, 28, 1), 10, rows=6000, seconds=480, lean=lean)
        return [built(hypermodel, **c)[0].count_params() for c in hypermodel.portfolio[:6]]

    small = [n for n in sizes(True) if n <= 20_000]
    assert len(small) >= 4 and max(small) > 4 * min(small)  # a front of several sizes
    assert sum(n <= 20_000 for n in sizes(False)) < 2


def test_sizes_of_pictures_are_searched():
    sizes = [(32, 32), (64, 64), (128, 128)]
    hypermodel = image((128, 128, 3), 5, sizes=sizes, fits=("stretch", "pad"), seconds=60)
    network, hp = built(hypermodel, image_height=64, resize="pad")
    assert network.input_shape == (None, 64, 64, 3)
    assert hypermodel.form(hp) == ImageForm(64, 64, "pad")
    assert hypermodel.portfolio[0]["image_height"] in (32, 64, 128)


@pytest.mark.parametrize("bad", [["tree"], [], ["pretrained"]])
def test_unknown_or_unavailable_families(bad):
    with pytest.raises(SearchSpaceError):
        image((8, 8, 1), 3, families=bad)


def test_shape_must_have_channels():
    with pytest.raises(SearchSpaceError, match="height, width, channels"):
        image((8, 8), 3)


def test_pretrained_weights_must_be_files(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert find_pretrained() == []
    with pytest.raises(SearchSpaceError, match=r"'Inception9' is not known.*no file 'a\.h5'"):
        find_pretrained({"Inception9": "b.h5", "MobileNetV2": "a.h5"})


def test_weights_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"no weights")
    hypermodel = image(
        (32, 32, 3), 3, families=["pretrained"], weights=find_pretrained({"MobileNetV2": path})
    )
    with pytest.raises(SearchSpaceError, match=r"MobileNetV2 in .*weights\.h5"):
        built(hypermodel)


@pytest.mark.parametrize(("side", "stages"), [(3, 1), (8, 1), (16, 2), (28, 3), (32, 3), (224, 5)])
def test_stages(side, stages):
    assert stages_for(side, 2 * side) == stages


def test_widths_double_up_to_a_limit():
    assert widths_for(16, 3) == [16, 32, 64]
    assert max(widths_for(96, 6)) == 512


def test_test_time_flips_answer_alike_for_mirror_images():
    network, _ = built(image((8, 8, 1), 3, test_time_flips=True))
    x = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")
    assert np.allclose(network(x), network(x[:, :, ::-1]), atol=1e-5)
    assert not np.allclose(network(x), network(x[:, ::-1]), atol=1e-5)


# keras-tuner loads the weights of the best epoch into an optimiser that is not built yet.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_stock_random_search(tmp_path):
    tuner = keras_tuner.RandomSearch(
        image((8, 8, 1), 2, rows=32, families=["conv"]),
        objective="val_loss",
        max_trials=1,
        seed=3,
        directory=tmp_path,
    )
    x = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1)).astype("uint8")
    y = np.arange(32) % 2
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    assert tuner.oracle.get_best_trials(1)[0].status == "COMPLETED"
