"""Runs the peer's measurement in a process of its own: PyTorch and TensorFlow get in each other's way in one."""

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from base.errors import DataError
from preprocessing.data import manifest, records

_PHOTOS = 1000  # held in memory, as the shuffling of the pipeline holds them


def check(flags):
    """Raises DataError when the peer's Python has no albumentations or PyTorch."""
    _run(flags, "-c", "import albumentations, cv2, torch")


def measure(flags, options):
    """Returns {images_per_second, cpu_ms_per_image} of the peer on photos of the records.

    Raises:
        DataError: the peer fails.
    """
    job = {
        "photos": _photos(flags),
        "options": options,
        "size": flags.train_image_size,
        "batch_size": flags.batch_size,
        "images": flags.benchmark_images * flags.benchmark_turns,
    }
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(job, file)
        file.flush()
        return json.loads(_run(flags, str(Path(__file__).with_name("peer.py")), file.name).splitlines()[-1])


def _run(flags, *words):
    """Returns what the peer's Python prints."""
    python = flags.peer_python or sys.executable
    done = subprocess.run([python, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        what = f"the peer failed ({last}): expected a Python with albumentations and torch, see --peer_python"
        raise DataError(python, None, what)
    return done.stdout


def _photos(flags):
    """Returns (JPEG bytes, labelled points [(x, y), …]) of the first photos."""
    photos, schema = [], manifest.schema_of(flags.data_dir)
    for shard in records.list_shards(flags.data_dir, flags.category):
        for example in records.read_examples(shard, schema):
            feature = example.features.feature
            x, y, v = (feature[f"image/keypoint/{name}"].int64_list.value for name in "xyv")
            points = [(float(a), float(b)) for a, b, state in zip(x, y, v) if state >= 0]
            photos.append((feature["image/encoded"].bytes_list.value[0], points))
    return photos[:: max(1, len(photos) // _PHOTOS)][:_PHOTOS]
