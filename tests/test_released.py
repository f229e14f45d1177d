"""What release 1.0.0 wrote still works: the folder of a small hourglass, records, and the points that it found.

`released/1.0.0.tar.xz` holds drawn photos, the shards that 1.0.0 converted them to, the folder that it trained on them
for 150 steps (its weights rounded to three bits, so that they pack well), and what tools/predict.py said of a photo.
"""

import json
import tarfile
from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf

from preprocessing.data import manifest, photos
from utility.model import model_directory
from utility.prediction.predictor import Predictor

ARCHIVE = Path(__file__).with_name("released") / "1.0.0.tar.xz"
TRAINING = ("--num_stacks=1", "--feats_channels=8", "--train_image_size=64", "--heatmap_size=16", "--batch_size=4")


@pytest.fixture
def released(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tfrecord")}


def test_it_resumes(released, program):
    words = (f"--data_dir={released / 'records'}", f"--model_dir={released / 'models'}", "--model_to_train=skirt")
    assert (
        program("train_hg.py", *words, *TRAINING, "--train_epochs=99", "--max_steps=152", "--epochs_per_eval=20") == 0
    )
    folder = str(released / "models" / "skirt")
    assert model_directory.latest_checkpoint(folder).endswith("model.ckpt-152")
    table = pd.read_csv(released / "models/skirt/metrics.csv")
    assert list(table["step"]) == [50, 100, 150, 152]
    assert table["ne"].iloc[-1] < 1.5 * table["ne"].iloc[-2]  # it went on, it did not begin


def test_it_predicts(released):
    expected = json.loads((released / "predicted/photo.json").read_text())
    predictor, path = Predictor(released / "models/skirt"), released / "predicted/photo.png"
    # 1.0.0 decoded JPEG by TensorFlow's own choice of the inverse DCT, by which no one else does.
    its_pixels = tf.io.decode_jpeg(photos.read(path).encoded, channels=3, dct_method="INTEGER_FAST").numpy()
    for photo, tolerance in ((its_pixels, 0.01), (path, 1.5)):
        found = predictor.predict(photo)
        assert found["keypoints"].keys() == expected["keypoints"].keys()
        for name, point in expected["keypoints"].items():
            assert found["keypoints"][name] == pytest.approx(point, abs=tolerance), name


def test_its_records_are_whole_and_its_photos_convert_to_the_same(released, program):
    records = released / "records"
    before = shards(records)
    assert manifest.verify(str(records), ["skirt"], checksums=True) == {"skirt": (10, 2)}
    words = (f"--data_dir={released / 'photos'}", "--splits=train_0", "--val_fraction=0.2")
    for folder in (records, released / "anew"):  # over its own folder, and into a new one
        assert program("tools/convert_tfrecords.py", *words, f"--output_dir={folder}") == 0
        assert shards(folder) == before


def test_it_is_small():
    assert ARCHIVE.stat().st_size < 300_000
