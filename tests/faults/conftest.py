"""A data set small enough to be damaged in a hundred ways."""

import cv2
import numpy as np
import pytest
from fashionai import KEYPOINTS

HEADER = ",".join(("image_id", "image_category", *KEYPOINTS))
WIDTH, HEIGHT = 48, 64


def write_photo(path, seed):
    """Writes a JPEG of soft random colours, 48x64 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.RandomState(seed).randint(0, 256, [8, 6, 3]).astype(np.uint8)
    cv2.imwrite(str(path), cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def row(image_id, category, **points):
    cells = [points.get(name, "-1_-1_-1") for name in KEYPOINTS]
    return ",".join((image_id, category, *cells))


@pytest.fixture
def data(tmp_path):
    """train_0 with the skirts a and b (lines 2, 3 of train.csv) and the dress c (line 4); test_0 with the skirt d."""
    folder = tmp_path / "data"
    skirt = {"waistband_left": "10_11_1", "waistband_right": "30_12_1", "hemline_left": "5_60_0"}
    rows = [
        row("Images/skirt/a.jpg", "skirt", **skirt),
        row("Images/skirt/b.jpg", "skirt", **skirt),
        row("Images/dress/c.jpg", "dress", armpit_left="11_20_1", armpit_right="31_21_1"),
    ]
    for seed, name in enumerate(("train_0/Images/skirt/a", "train_0/Images/skirt/b", "train_0/Images/dress/c")):
        write_photo(folder / f"{name}.jpg", seed)
    (folder / "train_0/Annotations").mkdir()
    (folder / "train_0/Annotations/train.csv").write_text("\n".join((HEADER, *rows)) + "\n")
    write_photo(folder / "test_0/Images/skirt/d.jpg", 3)
    (folder / "test_0/test.csv").write_text("image_id,image_category\nImages/skirt/d.jpg,skirt\n")
    return folder
