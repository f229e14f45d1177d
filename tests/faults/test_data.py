"""Faults of photos and their CSV: what the conversion says, its exit code, and that nothing half-written stays."""

import errno
import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from fashionai import KEYPOINTS
from PIL import Image

from base import schema as schemas
from preprocessing.data import conversion, manifest, photos, records

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "tools/convert_tfrecords.py"
CSV = "train_0/Annotations/train.csv"
PHOTO = "train_0/Images/skirt/b.jpg"  # of line 3
WHERE_PHOTO = "train.csv: line 3, column image_id: 'Images/skirt/b.jpg'"


def edit(old, new, file=CSV):
    """Returns a damage that replaces a text, once, in a file of the data set."""

    def damage(data):
        text = (data / file).read_text()
        assert old in text
        (data / file).write_text(text.replace(old, new, 1))

    return damage


def edit_line(number, change):
    def damage(data):
        lines = (data / CSV).read_text().splitlines()
        lines[number - 1] = change(lines[number - 1])
        (data / CSV).write_text("\n".join(lines) + "\n")

    return damage


def content(make, file=PHOTO):
    """Returns a damage that writes other bytes into a file: `make` of the former ones."""
    return lambda data: (data / file).write_bytes(make((data / file).read_bytes()))


def without(file):
    return lambda data: (data / file).unlink()


def second_csv(data):
    (data / "train_0/Annotations/other.csv").write_bytes((data / CSV).read_bytes())


def link_out(data):
    (data.parent / "secret.jpg").write_bytes((data / PHOTO).read_bytes())
    (data / PHOTO).unlink()
    (data / PHOTO).symlink_to(data.parent / "secret.jpg")


def pipe(data):
    (data / PHOTO).unlink()
    os.mkfifo(data / PHOTO)


def folder(data):
    (data / PHOTO).unlink()
    (data / PHOTO).mkdir()


def image_file(kind, mode="RGB", size=(48, 64), **options):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, **options)
    return buffer.getvalue()


def with_size(data, width, height):
    """Returns a JPEG whose header says another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


def png_header(width, height):
    data = bytearray(image_file("PNG", size=(1, 1)))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


def reversed_columns(data):
    lines = (data / CSV).read_text().splitlines()
    (data / CSV).write_text("\n".join(",".join(reversed(line.split(","))) for line in lines) + "\n")


def quoted(data):
    lines = (data / CSV).read_text().splitlines()
    (data / CSV).write_text("\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in lines) + "\n")


def nothing(data):
    pass


FAULTS = {  # name: (damage, flags, code, what the one line must name)
    "no such folder": (nothing, ["--data_dir=nowhere"], 1, ["nowhere", "No such file"]),
    "no split": (lambda data: (data / "train_0").rename(data / "photos"), [], 1, ["no train split", "test_0"]),
    "unknown split": (nothing, ["--splits=train_7"], 1, ["'train_7'", "train_0"]),
    "a split twice": (nothing, ["--splits=train_0,train_0"], 2, ["--splits", "twice"]),
    "an empty list of splits": (nothing, ["--splits="], 2, ["--splits names an empty split: expected one such as"]),
    "an empty split": (nothing, ["--splits=train_0,"], 2, ["--splits names an empty split"]),
    "train and test": (nothing, ["--splits=train_0,test_0"], 2, ["--splits=train_0,test_0", "one call"]),
    "no CSV": (without(CSV), [], 1, ["Annotations", "no CSV"]),
    "no test.csv": (without("test_0/test.csv"), ["--splits=test_0"], 1, ["test_0", "test.csv"]),
    "two CSVs": (second_csv, [], 1, ["Annotations", "2 CSV files", "other.csv", "train.csv"]),
    "empty CSV": (content(lambda _: b"", CSV), [], 1, ["train.csv", "is empty"]),
    "only a header": (content(lambda old: old.splitlines()[0], CSV), [], 1, ["train.csv", "no rows"]),
    "binary CSV": (content(lambda _: bytes(range(256)), CSV), [], 1, ["train.csv", "not text"]),
    "NUL in the CSV": (edit("10_11_1", "\0"), [], 1, ["train.csv: line 2"]),
    "open quote": (edit("Images/dress", '"Images/dress'), [], 1, ["train.csv: line 4", "CSV row"]),
    "duplicate row": (
        edit_line(4, lambda _: "Images/skirt/a.jpg,skirt" + ",1_2_1" * 24),
        [],
        1,
        ["line 4, column image_id", "line 2"],
    ),
    "missing column": (edit("crotch", "grotch"), [], 1, ["line 1, column 'grotch'", "column crotch", "is missing"]),
    "column twice": (edit("crotch", "hemline_left"), [], 1, ["line 1, column hemline_left", "twice"]),
    "test.csv without categories": (
        edit("image_category", "kind", "test_0/test.csv"),
        ["--splits=test_0"],
        1,
        ["line 1, column image_category"],
    ),
    "short row": (edit_line(3, lambda line: line[: line.rindex(",")]), [], 1, ["line 3", "25 fields", "26"]),
    "long row": (edit_line(3, lambda line: line + ",1"), [], 1, ["line 3", "27 fields", "26"]),
    "unknown category": (
        edit("c.jpg,dress", "c.jpg,shirt"),
        [],
        1,
        ["line 4, column image_category", "'shirt'"],
    ),
    "visibility 2": (edit("30_12_1", "30_12_2"), [], 1, ["line 2, column waistband_right", "'30_12_2'", "x_y_v"]),
    "letters in a point": (edit("30_12_1", "30_b_1"), [], 1, ["line 2, column waistband_right", "'30_b_1'"]),
    "a float in a point": (edit("30_12_1", "30.5_12_1"), [], 1, ["line 2, column waistband_right", "'30.5_12_1'"]),
    "an endless number": (edit("30_12_1", "9" * 5000 + "_1_1"), [], 1, ["line 2, column waistband_right", "99…'"]),
    "an empty cell": (edit("30_12_1", ""), [], 1, ["line 2, column waistband_right", "''"]),
    "point outside": (edit("30_12_1", "48_12_1"), [], 1, ["line 2, column waistband_right: 48_12", "48x64"]),
    "point left of the photo": (edit("30_12_1", "-1_12_0"), [], 1, ["line 2, column waistband_right: -1_12"]),
    "all points absent": (
        edit_line(4, lambda _: "Images/dress/c.jpg,dress" + ",-1_-1_-1" * 24),
        [],
        1,
        ["line 4", "absent", "dress"],
    ),
    "another category's keypoint": (
        edit("skirt,-1_-1_-1", "skirt,1_1_1"),
        [],
        1,
        ["line 2, column neckline_left", "no keypoint of skirt"],
    ),
    "id that climbs": (edit("Images/skirt/b", "../../etc/b"), [], 1, ["line 3, column image_id", "'../../etc/b.jpg'"]),
    "absolute id": (edit("Images/skirt/b", "/etc/b"), [], 1, ["line 3, column image_id", "'/etc/b.jpg'"]),
    "empty id": (edit("Images/skirt/b.jpg", ""), [], 1, ["line 3, column image_id", "''"]),
    "photo missing": (without(PHOTO), [], 1, [WHERE_PHOTO, "is missing"]),
    "photo empty": (content(lambda _: b""), [], 1, [WHERE_PHOTO, "is empty"]),
    "photo cut": (content(lambda old: old[: len(old) // 2]), [], 1, [WHERE_PHOTO, "truncated"]),
    "photo a text": (content(lambda _: b"not a photo\n" * 9), [], 1, [WHERE_PHOTO, "is no image"]),
    "photo a folder": (folder, [], 1, [WHERE_PHOTO, "JPEG"]),
    "photo a pipe": (pipe, [], 1, [WHERE_PHOTO, "is no file"]),
    "PNG bomb": (content(lambda _: png_header(50_000, 50_000)), [], 1, [WHERE_PHOTO, "too many pixels"]),
    "JPEG bomb": (content(lambda old: with_size(old, 50_000, 50_000)), [], 1, [WHERE_PHOTO, "pixels"]),
    "a little bomb": (content(lambda old: with_size(old, 8_000, 8_000)), [], 1, [WHERE_PHOTO, "8000x8000"]),
    "lying header": (content(lambda old: with_size(old, 4_000, 4_000)), [], 1, [WHERE_PHOTO, "too few", "4000x4000"]),
    "link out of the split": (link_out, [], 1, [WHERE_PHOTO, "out of its split"]),
    "val_fraction of 2": (nothing, ["--val_fraction=2"], 2, ["val_fraction"]),
    "seed of letters": (nothing, ["--seed=abc"], 2, ["seed"]),
}

HARMLESS = {  # name: (damage, flags, what a warning must name; None: no warning)
    "nothing": (nothing, [], None),
    "BOM": (content(lambda old: b"\xef\xbb\xbf" + old, CSV), [], None),
    "CRLF": (content(lambda old: old.replace(b"\n", b"\r\n"), CSV), [], None),
    "quotes": (quoted, [], None),
    "empty lines": (content(lambda old: old.replace(b"\n", b"\n\n"), CSV), [], None),
    "columns in another order": (reversed_columns, [], None),
    "PNG named .jpg": (content(lambda _: image_file("PNG")), [], "b.jpg is a PNG: stored as JPEG"),
    "16-bit": (content(lambda _: image_file("PNG", "I;16")), [], "b.jpg is a PNG: stored as JPEG"),
    "CMYK": (content(lambda _: image_file("JPEG", "CMYK")), [], "b.jpg is CMYK: stored as RGB"),
    "greyscale": (content(lambda _: image_file("JPEG", "L")), [], None),
    "progressive": (content(lambda _: image_file("JPEG", progressive=True)), [], None),
    "bytes behind the end": (content(lambda old: old + b"tail"), [], None),
}


@pytest.fixture
def convert(data, program, capfd):
    """Converts the data set, in this process; returns the exit code and the lines on stderr."""

    def run(*flags):
        words = [f"--data_dir={data}", f"--output_dir={data.parent / 'out'}", *flags]
        code = program(PROGRAM, *words)
        return code, capfd.readouterr().err.splitlines()

    return run


def examples(folder, labelled=True):
    """Returns {image id: parsed record as numpy} of every record in a folder."""
    shards = sorted(map(str, folder.glob("*.tfrecord")))
    dataset = tf.data.TFRecordDataset(shards).map(lambda serialised: records.parse(serialised, labelled))
    return {example["image_id"].decode(): example for example in dataset.as_numpy_iterator()}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name, data, convert):
    damage, flags, expected_code, expected = FAULTS[name]
    damage(data)
    code, lines = convert(*flags)
    assert code == expected_code
    assert lines
    assert all(line.startswith("convert_tfrecords.py: ") for line in lines)
    for text in expected:
        assert any(text in line for line in lines), (text, lines)
    assert len(lines) <= 2  # a misspelt column is two: one unknown, one missing
    assert not list(data.parent.glob("out/*.tfrecord"))


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name, data, convert):
    damage, flags, warning = HARMLESS[name]
    damage(data)
    code, lines = convert("--val_fraction=0", *flags)
    assert code == 0, lines
    assert [warning in line for line in lines] == ([True] if warning else []), lines
    converted = examples(data.parent / "out")
    assert set(converted) == {"Images/skirt/a.jpg", "Images/skirt/b.jpg", "Images/dress/c.jpg"}
    skirt = converted["Images/skirt/b.jpg"]
    assert skirt["points"][KEYPOINTS.index("waistband_right")].tolist() == [30, 12]
    assert skirt["visibility"][KEYPOINTS.index("hemline_left")] == 0
    assert skirt["image_size"].tolist() == [48, 64]
    assert tf.io.decode_jpeg(skirt["encoded"], channels=3).shape == [64, 48, 3]


def test_category_that_differs_from_the_folder_is_a_warning(data, convert):
    edit("Images/skirt/b.jpg", "Images/dress/b.jpg")(data)
    (data / PHOTO).rename(data / "train_0/Images/dress/b.jpg")
    code, lines = convert()
    assert code == 0
    assert len(lines) == 1
    assert "line 3" in lines[0]
    assert "lies in dress, the category skirt is taken" in lines[0]


def test_norm_of_length_zero_is_accepted(data, convert):
    edit("30_12_1", "10_11_1")(data)
    assert convert() == (0, [])


def test_photo_without_read_permission(data, convert, monkeypatch):
    (data / PHOTO).chmod(0)
    if os.geteuid() == 0:  # root reads everything: refuse as the system refuses others
        really_open = os.open

        def refuse(path, *rest, **options):
            if str(path).endswith("b.jpg"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return really_open(path, *rest, **options)

        monkeypatch.setattr(photos.os, "open", refuse)
    code, lines = convert()
    assert (code, len(lines)) == (1, 1)
    assert WHERE_PHOTO in lines[0]
    assert "Permission denied" in lines[0]


def test_all_faults_are_listed_then_counted(data, convert):
    text = (data / CSV).read_text().splitlines()
    missing = [text[1].replace("skirt/a", f"skirt/missing{number}") for number in range(30)]
    (data / CSV).write_text("\n".join([*text, *missing]).replace("11_20_1", "11_20_9") + "\n")
    code, lines = convert()
    assert code == 1
    assert len(lines) == 21
    assert "line 4, column armpit_left" in lines[0]
    assert "line 5, column image_id" in lines[1]
    assert "31 in all" in lines[-1]


def test_skip_bad_leaves_out_and_lists(data, convert):
    content(lambda old: old[: len(old) // 2])(data)
    edit("11_20_1", "11_20_9")(data)
    code, lines = convert("--skip_bad", "--val_fraction=0")
    assert code == 0
    assert len(lines) == 1
    assert "2 faults" in lines[0]
    out = data.parent / "out"
    assert set(examples(out)) == {"Images/skirt/a.jpg"}
    listed = (out / "skipped.txt").read_text().splitlines()
    assert len(listed) == 2
    assert any("line 3" in line and "truncated" in line for line in listed)
    assert any("line 4, column armpit_left" in line for line in listed)


def test_skip_bad_of_everything_is_an_error(data, convert):
    for name in ("skirt/a", "skirt/b", "dress/c"):
        (data / f"train_0/Images/{name}.jpg").unlink()
    code, lines = convert("--skip_bad")
    assert code == 1
    assert "no record" in lines[-1]


def test_faults_after_skip_bad_are_faults_again(data, convert):
    (data / PHOTO).unlink()
    assert convert("--skip_bad")[0] == 0
    code, lines = convert()
    assert (code, len(lines)) == (1, 1)
    assert WHERE_PHOTO in lines[0]


def test_cmyk_and_16_bit_keep_their_look(data, convert):
    ramp = np.linspace(0, 255, 64 * 48).reshape(64, 48)
    cv2.imwrite(str(data / "train_0/Images/skirt/a.png"), (ramp * 257).astype(np.uint16))
    (data / "train_0/Images/skirt/a.png").rename(data / "train_0/Images/skirt/a.jpg")
    colour = np.stack([ramp, 255 - ramp, np.full_like(ramp, 90)], -1).astype(np.uint8)
    Image.fromarray(colour).convert("CMYK").save(data / PHOTO, "JPEG", quality=95)
    assert convert("--val_fraction=0")[0] == 0
    converted = examples(data.parent / "out")
    grey = tf.io.decode_jpeg(converted["Images/skirt/a.jpg"]["encoded"], channels=3).numpy()
    assert np.abs(grey - ramp[..., None]).max() < 3
    rgb = tf.io.decode_jpeg(converted["Images/skirt/b.jpg"]["encoded"], channels=3).numpy()
    assert np.abs(rgb.astype(float) - colour).mean() < 3


def test_exif_orientation_is_applied_once(data, convert):
    upright = Image.open(data / PHOTO).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: viewers turn the file's 64x48 by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(data / PHOTO, "JPEG", quality=95, exif=exif)
    code, lines = convert("--val_fraction=0")
    assert code == 0
    assert "b.jpg has an EXIF orientation: stored upright" in lines[0]
    skirt = examples(data.parent / "out")["Images/skirt/b.jpg"]
    assert skirt["image_size"].tolist() == [48, 64]
    decoded = tf.io.decode_jpeg(skirt["encoded"], channels=3).numpy()
    assert np.abs(decoded.astype(float) - np.asarray(upright)).mean() < 4


@pytest.mark.parametrize("name", ["duplicate row", "photo cut", "val_fraction of 2"])
def test_fault_in_a_process_of_its_own(name, data):
    damage, flags, expected_code, expected = FAULTS[name]
    damage(data)
    words = [f"--data_dir={data}", f"--output_dir={data.parent / 'out'}", *flags]
    done = subprocess.run([sys.executable, ROOT / PROGRAM, *words], capture_output=True, text=True)
    assert done.returncode == expected_code
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert all(text in done.stderr for text in expected)


def test_skip_bad_of_many_rows_leaves_a_manifest_that_can_be_read(data, convert, monkeypatch):
    schema = len(json.dumps(schemas.default().to_json(), indent=1))
    monkeypatch.setattr(manifest, "MOST_BYTES", 7_000 + 2 * schema)
    monkeypatch.setattr(conversion, "_MOST_BYTES_OF_LINES", 3_000)
    text = (data / CSV).read_text().splitlines()
    missing = [text[1].replace("skirt/a", f"skirt/missing{number}") for number in range(60)]
    (data / CSV).write_text("\n".join([*text, *missing]) + "\n")
    out = data.parent / "out"
    for _ in range(2):  # the second time, shards whose lines had no room are written anew
        assert convert("--skip_bad", "--val_fraction=0")[0] == 0
        assert len((out / "skipped.txt").read_text().splitlines()) == 60
        assert manifest.verify(out, ["skirt", "dress"], checksums=True) == {"skirt": (2, 0), "dress": (1, 0)}
    assert convert("--val_fraction=0")[0] == 1
