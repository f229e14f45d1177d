"""Exports a trained model for other programs, and compares it with the checkpoint before it says done.

OUT/saved_model/, OUT/model.tflite or OUT/model.onnx, with OUT/model.json (keypoint names, sizes). SavedModel has the
signatures `serving_default`, of image_bytes [N] string (JPEG or PNG), and `image`, of image [N, H, W, 3] float32 RGB
from 0 to 255; TFLite (its signature `serving_default`) and ONNX are like the second. All give points [N, K, 2] in the
photo's own pixels and scores [N, K] from 0 to 1. Photos may have any size; no EXIF is read: give upright photos. A
transparent PNG is laid on white.

OpenVINO computes in bfloat16 by its own choice where the CPU has it, which moves points by 0.4 px in the median and
some by far: INFERENCE_PRECISION_HINT=f32 gives the points of the checkpoint.

An int8 TFLite file takes the photo resized to its input, [1, S, S, 3], and gives heatmaps [1, h, h, K] instead: a peak
at column c and row r, from 0, is at ((c + 0.5) / h * W - 0.5, (r + 0.5) / h * H - 0.5) in the photo, to half a cell.
`utility/model/decoders/` finds the peaks to a fraction of a cell.
"""

import contextlib
import functools
import os
import sys
import time

from base import stderr
from base.errors import DataError, UsageError
from base.files import remove
from base.wording import counted, some
from configs import command_line

_FILES = {"saved_model": "saved_model", "tflite": "model.tflite", "onnx": "model.onnx"}
_SAVED_MODEL = {"saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb"}  # what TensorFlow writes
_MOST_PHOTOS = 40
TOLERANCE = {"saved_model": 0.1, "tflite": 0.5, "onnx": 0.5}  # pixels, of 32-bit numbers


def main(flags):
    """Exports the model.

    Raises:
        UsageError: --quantize without tflite.
        DataError: the model, the photos or the place are wrong, or the export differs from the checkpoint.
    """
    if flags.quantize != "none" and flags.format != "tflite":
        raise UsageError(f"--quantize={flags.quantize} is for --format=tflite")

    folder = _find_model(flags.model_dir, flags.category)

    from base.files import exclusive_folder
    from utility.model import inference_graph

    # Whatever this machine's device is fastest with: the export runs on others, and CPUs may know no channels_first.
    model, graph_def = inference_graph.freeze(folder, flags.checkpoint_path, "channels_last")
    _check_place(flags.output_dir, folder, model, flags.format)
    photos = _find_photos(flags.photos, model)
    path = os.path.join(flags.output_dir, _FILES[flags.format])
    with exclusive_folder(flags.output_dir):
        _export_to(path, folder, model, graph_def, flags, photos)
    print(f"{path}: {_size(path) / 1e6:.1f} MB, done")


def _export_to(path, folder, model, graph_def, flags, photos):
    """Writes the export and its description, which are there when the export was compared with the checkpoint."""
    from base import full_disk
    from utility.model import model_directory

    temporary = os.path.join(flags.output_dir, f".part.{_FILES[flags.format]}")
    remove(temporary)
    try:
        with full_disk.naming(path), _silence(flags.verbosity):
            runners = _export(model, graph_def, temporary, flags, photos)
        expected = _expected(folder, flags, photos, model.category)
        for name, run in runners.items():
            with _silence(flags.verbosity):
                found, milliseconds = _run_all(run, photos)
            tolerance = TOLERANCE[flags.format] if flags.quantize == "none" else None
            _compare(name, found, expected, milliseconds, tolerance, path)
        remove(path)
        os.replace(temporary, path)
    finally:
        remove(temporary)
    model_directory.write(flags.output_dir, model)


def _find_model(parent, category):
    from utility.model import model_directory

    found = model_directory.find(parent, category and [category]) or model_directory.find(parent)
    if category is None and len(found) == 1:
        (category,) = found
    if category not in found:
        raise UsageError(f"--category must name one of the models in {parent}: {', '.join(found)}")
    return found[category]


def _check_place(output_dir, folder, model, form):
    """Raises DataError where the export would take the place of what no export wrote, or of another model's."""
    from utility.model import model_directory

    path = os.path.join(output_dir, _FILES[form])
    if os.path.lexists(path) and os.path.isdir(path) != (form == "saved_model"):
        raise DataError(path, None, "is nothing that an export has written: expected another --output_dir")
    foreign = sorted(set(os.listdir(path)) - _SAVED_MODEL) if os.path.isdir(path) else []
    if foreign:
        what = f"holds {some(foreign, 3)}, which no export has written: expected another --output_dir"
        raise DataError(path, None, what)
    if os.path.lexists(os.path.join(output_dir, model_directory.DESCRIPTION)):
        model_directory.read(output_dir)  # a file of the user's own, or a damaged one, is not ours to overwrite
    try:
        there = list(model_directory.find(output_dir).values())
        is_export = there == [output_dir] and not model_directory.latest_checkpoint(output_dir)
        former = model_directory.read(output_dir) if is_export else None
    except DataError:  # nothing is there, or nothing in order
        return
    if not is_export and os.path.realpath(output_dir) != os.path.realpath(folder):
        what = "holds trained models, which would not be found behind the export's model.json: expected another folder"
        raise DataError(output_dir, None, what)
    others = [name for kind, name in _FILES.items() if kind != form and os.path.exists(os.path.join(output_dir, name))]
    if former and others and _needed(former) != _needed(model):
        what = f"holds {', '.join(others)} of another model, whose model.json would be lost: expected another folder"
        raise DataError(output_dir, None, what)


def _needed(model):
    """Returns what those who use an export need to know of its model."""
    return model.keypoints, model.train_image_size, model.keep_aspect, model.codec_settings


def _export(model, graph_def, path, flags, photos):
    """Writes the export; returns {name: runner}."""
    from base.files import atomic_write
    from utility.model import codec
    from utility.prediction import export, exported

    if flags.format == "saved_model":
        export.saved_model(model, graph_def, path, flags.flip_on_test)
        return {name: exported.saved_model_runner(path, name) for name in ("serving_default", "image")}
    int8 = flags.quantize == "int8"
    portable = export.portable_graph(model, graph_def, flags.flip_on_test, only_outputs=int8)
    if flags.format == "onnx":
        data = export.onnx(portable)
    else:
        samples = [exported.resized(image, model) for _, image in photos] if int8 else ()
        outputs = codec.of(model).output_names if int8 else (export.POINTS, export.SCORES)
        data = export.tflite(portable, outputs, flags.quantize, samples)
    with atomic_write(path, "wb") as file:
        file.write(data)
    if flags.format == "onnx":
        return {"onnx": exported.onnx_runner(path)}
    return {f"tflite {flags.quantize}": exported.outputs_runner(path, model) if int8 else exported.tflite_runner(path)}


def _expected(folder, flags, photos, category):
    """Returns the points of the checkpoint for each photo: [K, 2]."""
    from utility.prediction import inference
    from utility.prediction.predictor import Predictor

    options = inference.Options(flip=flags.flip_on_test)
    predictor = Predictor(folder, checkpoint=flags.checkpoint_path, options=options)
    return [predictor.find([image], [category])[0][0] for _, image in photos]


@contextlib.contextmanager
def _silence(verbosity):
    """Keeps what the converters' own C++ writes off the terminal."""
    sys.stdout.flush()
    with contextlib.nullcontext() if verbosity else stderr.quiet((1, 2)):
        try:
            yield
        finally:
            sys.stdout.flush()


def _run_all(run, photos):
    """Returns the points of every photo, and the milliseconds that one took."""
    run(*next(iter(photos)))  # the first call plans the memory
    found, seconds = [], 0.0
    for encoded, image in photos:
        start = time.perf_counter()
        found.append(run(encoded, image))
        seconds += time.perf_counter() - start
    return found, 1000 * seconds / len(found)


def _compare(name, found, expected, milliseconds, tolerance, path):
    import numpy as np

    differences = np.concatenate([np.linalg.norm(a - b, axis=-1) for a, b in zip(found, expected)])
    print(
        f"{name}: {counted(len(found), 'photo')}, points differ from the checkpoint's by "
        f"{np.median(differences):.4f} px (median), {differences.mean():.4f} px (mean), "
        f"{differences.max():.4f} px (largest); {milliseconds:.1f} ms per photo"
    )
    if tolerance is not None and not differences.max() <= tolerance:
        what = f"{name} differs from the checkpoint by {differences.max():.2f} px, more than {tolerance}: not exported"
        raise DataError(path, None, what)


class _Photos:
    """Iterates over (encoded JPEG, pixels [H, W, 3]) of photos, read anew each time: 40 large ones fill a memory.

    Args:
        names: of the photos.
        read: function(name) -> encoded.
    """

    def __init__(self, names, read):
        self._names, self._read = names, read

    def __iter__(self):
        from utility.prediction import photo_reading

        for name in self._names:
            encoded = self._read(name)
            yield encoded, photo_reading.decode(encoded, name)


def _find_photos(folder, model):
    """Returns the _Photos of a folder, 40 at most; drawn ones where no folder is given.

    Raises:
        DataError: there is none, or a faulty one.
    """
    from preprocessing.data import photos
    from tools import predict as predict_tool

    if folder is None:
        return _Photos(range(8), functools.partial(_draw, model.schema, model.category))
    paths = [path for path in predict_tool.list_files(folder) if not predict_tool.is_video(path)][:_MOST_PHOTOS]
    if not paths:
        raise DataError(folder, None, "has no photo: expected at least one, got videos")
    found = _Photos(paths, lambda path: photos.read(path).encoded)
    for _ in found:  # a faulty one ends the export before its work
        pass
    return found


def _draw(schema, category, seed):
    import numpy as np
    import tensorflow as tf

    from base.schema import ALL
    from tools.synthetic.photos import random_photo

    names = schema.category_names
    garment = names[seed % len(names)] if category == ALL else category
    image = random_photo(np.random.default_rng(seed), garment, 512, schema).image
    return tf.io.encode_jpeg(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)).numpy()


def _size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(path) for file in files)


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=[
            "model_dir",
            "output_dir",
            "format",
            "quantize",
            "photos",
            "checkpoint_path",
            "category",
            "flip_on_test",
        ],
        required=["model_dir", "output_dir"],
    )
