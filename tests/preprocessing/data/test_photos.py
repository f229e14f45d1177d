"""Photos that decode as they should, or are refused; the same with damage at random is in tests/faults/test_fuzz.py."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from base.errors import DataError
from preprocessing.data import photos


@pytest.fixture(scope="module")
def image():
    """A photo of 57x40 pixels, soft in both directions."""
    y, x = np.mgrid[:40, :57]
    return Image.fromarray(np.stack([x * 4, y * 6, 255 - x * 2 - y], -1).astype(np.uint8))


def file_of(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(photo):
    return tf.io.decode_jpeg(photo.encoded, channels=3).numpy().astype(float)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_bytes_of_a_good_jpeg_are_kept(image, options):
    data = file_of(image, **options)
    photo = photos.check(data)
    assert photo.encoded is data
    assert (photo.size, photo.remark) == ((57, 40), None)


@pytest.mark.parametrize("orientation", [0, 1, 9, 65535])
def test_an_orientation_that_turns_nothing_keeps_the_bytes(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(image, exif=exif)
    photo = photos.check(data)
    assert (photo.encoded, photo.remark) == (data, None)


def test_grey_stays_grey(image):
    data = file_of(image.convert("L"), quality=95)
    photo = photos.check(data)
    assert photo.encoded is data
    assert np.abs(decoded(photo) - np.asarray(image.convert("L"))[..., None]).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_other_formats_become_jpeg(image, kind):
    photo = photos.check(file_of(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert photo.remark == f"is a {kind}: stored as JPEG"
    assert photo.encoded[:2] == b"\xff\xd8"
    assert np.abs(decoded(photo) - np.asarray(image)).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_flat_picture_in_a_format_that_shrinks_it_well_is_no_damage(kind):
    flat = file_of(
        Image.new("RGB", (2000, 2000), (10, 200, 90)), kind, **({"lossless": True} if kind == "WEBP" else {})
    )
    assert kind != "WEBP" or len(flat) < 2000 * 2000 / 512  # a bit per block of 8x8
    photo = photos.check(flat)
    assert photo.size == (2000, 2000)
    assert np.abs(decoded(photo) - (10, 200, 90)).max() <= 3


def test_importing_the_library_leaves_the_warnings_of_its_user_alone():
    script = """
import warnings
import PIL.Image, tensorflow
before = list(warnings.filters)
import preprocessing.data.photos
assert warnings.filters == before, [one for one in warnings.filters if one not in before]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_programs_do_not_pass_on_what_pillow_warns_of(image, tmp_path, program, capfd):
    exif = Image.Exif()
    exif[0x0112] = 1
    data = file_of(image, exif=exif)
    at = data.index(b"Exif\0\0") + 6
    odd = data[: at + 8] + b"\xff\x7f" + data[at + 10 :]  # as if there were many tags
    with pytest.warns(UserWarning, match="EXIF"):
        photos.check(odd)
    (tmp_path / "test_0/Images/skirt").mkdir(parents=True)
    (tmp_path / "test_0/Images/skirt/a.jpg").write_bytes(odd)
    (tmp_path / "test_0/test.csv").write_text("image_id,image_category\nImages/skirt/a.jpg,skirt\n")
    flags = (f"--data_dir={tmp_path}", "--splits=test_0", f"--output_dir={tmp_path}/out")
    assert program("tools/convert_tfrecords.py", *flags) == 0
    assert capfd.readouterr().err == ""


def test_transparent_pixels_become_white():
    pixels = np.zeros([16, 16, 4], np.uint8)
    pixels[:, 8:] = [10, 20, 30, 255]
    rgb = decoded(photos.check(file_of(Image.fromarray(pixels), "PNG")))
    assert rgb[:, :7].min() > 250
    assert np.abs(rgb[:, 9:] - [10, 20, 30]).max() < 5


def test_every_orientation_is_stored_upright(image):
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, turn in turns.items():  # `turn` takes the upright photo to what the file holds
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo = photos.check(file_of(image.transpose(turn), quality=98, subsampling=0, exif=exif))
        assert photo.size == (57, 40), orientation
        assert np.abs(decoded(photo) - np.asarray(image)).mean() < 2, orientation


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "RGBA", "RGB"])
def test_every_kind_of_png_is_turned_as_its_metadata_say(mode):
    grey = np.linspace(0, 255, 40 * 57).reshape(40, 57)
    pixels = (grey * 257).astype(np.uint16) if mode == "I;16" else grey.astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    photo = photos.check(file_of(turned if mode == "I;16" else turned.convert(mode), "PNG", exif=exif))
    assert photo.size == (57, 40)
    assert np.abs(decoded(photo) - grey[..., None]).max() < 4


def test_a_thumbnail_in_the_header_is_no_damage(image):
    data = file_of(image, comment=file_of(image.resize((20, 14))))  # a JPEG with its own end within the header
    assert data.count(b"\xff\xd9") == 2
    assert photos.check(data).encoded is data


def test_stray_marker_that_only_tensorflow_refuses(image, capfd):
    data = file_of(image.resize((400, 300)), quality=95)
    middle = len(data) // 2
    with pytest.raises(photos.BadPhoto, match="stray marker"):
        photos.check(data[:middle] + b"\xff\xe1\xff\xff" + data[middle:])
    assert capfd.readouterr().err == ""


def test_read_names_the_file(tmp_path):
    with pytest.raises(DataError, match=r"a.jpg: is missing: expected a JPEG photo"):
        photos.read(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"a.jpg: is empty"):
        photos.read(tmp_path / "a.jpg")


def test_a_huge_file_is_not_read(tmp_path):
    with open(tmp_path / "a.jpg", "wb") as file:
        file.truncate(photos.MOST_BYTES + 1)  # takes no space on the disk
    with pytest.raises(photos.BadPhoto, match="100,000,001 bytes"):
        photos.read_bytes(tmp_path / "a.jpg")


def test_a_side_that_no_jpeg_can_have_is_named(capfd):
    file = io.BytesIO()
    Image.new("L", (1, 65_501)).save(file, "PNG")
    with pytest.raises(photos.BadPhoto, match="has 1x65501 pixels: expected 65,500 on a side at most"):
        photos.check(file.getvalue())
    assert capfd.readouterr().err == ""
