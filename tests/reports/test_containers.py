"""Images, sounds and their files as other libraries hand them over."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasnas.data.pictures import to_pictures
from kerasnas.data.sounds import to_sounds

R = np.random.default_rng(5)
PIXELS = R.integers(0, 256, (4, 10, 12, 3)).astype("uint8")


def decoded(x):
    pictures = to_pictures(x)
    return [pictures.one(row, 3) for row in range(len(pictures))]


@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "YCbCr", "LA", "L"])
def test_an_image_of_pillow_is_what_its_file_is(mode, tmp_path):
    images = [Image.fromarray(pixels).convert(mode) for pixels in PIXELS]
    paths = [
        tmp_path / f"{row}.{'tif' if mode in ('CMYK', 'YCbCr') else 'png'}" for row in range(4)
    ]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    np.testing.assert_array_equal(decoded(images), decoded(paths))
    np.testing.assert_array_equal(decoded([Image.open(path) for path in paths]), decoded(paths))


def test_an_opened_image_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(PIXELS[0]).save(tmp_path / "turned.png", exif=exif)
    image = decoded([Image.open(tmp_path / "turned.png")] * 2)[0]
    assert image.shape == (12, 10, 3)
    np.testing.assert_array_equal(image, decoded([tmp_path / "turned.png"] * 2)[0])


FORMS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "BytesIO": io.BytesIO,
}


@pytest.mark.parametrize("form", FORMS)
def test_files_in_memory_are_files(form):
    held = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(held, "png")
    np.testing.assert_array_equal(decoded([FORMS[form](held.getvalue())] * 2)[1], PIXELS[0])


@pytest.mark.parametrize("form", FORMS)
def test_sounds_in_memory_are_files(form):
    from scipy.io import wavfile

    held = io.BytesIO()
    samples = (R.normal(size=800) * 3000).astype("int16")
    wavfile.write(held, 8000, samples)
    clip = to_sounds([FORMS[form](held.getvalue())]).one(0)
    assert clip.rate == 8000
    np.testing.assert_allclose(clip.samples, samples / 32768, atol=1e-4)


def test_a_sound_with_an_unknown_rate_is_an_array():
    assert to_sounds([(np.zeros(80), None)]).one(0).rate is None


def test_a_long_text_in_the_place_of_a_path_is_cut_in_messages():
    assert len(to_pictures(["x" * 5000] * 2).name(0)) < 80
