"""A trained net in the formats of other programs: SavedModel, TFLite, ONNX.

N photos, H and W their size, S the net's input size, K keypoints.
"""

import os
import tempfile

import tensorflow as tf

from base import full_disk, geometry
from base.errors import DataError
from preprocessing.input import decoding, shrinking
from utility.model import inference_graph
from utility.prediction import inference

v1 = tf.compat.v1

BYTES, IMAGE, POINTS, SCORES = "image_bytes", "image", "points", "scores"


def saved_model(model, graph_def, folder, flip=False):
    """Writes a SavedModel that plain TensorFlow loads, without a line of this project.

    Its signature `serving_default` takes `image_bytes` [N] string, JPEG or PNG; its signature `image` takes `image`
    [N, H, W, 3] float32 RGB 0 to 255. Both give `points` [N, K, 2] in the photo's own pixels and `scores` [N, K].

    Args:
        model, graph_def: of `inference_graph.freeze`.
        folder: the place; it must not exist.
        flip: whether to average with the flipped image.
    """
    with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=inference_graph.session_config()) as session:
        net = inference.Net(model, graph_def, model.category)
        encoded = v1.placeholder(tf.string, [None], name=BYTES)
        image = v1.placeholder(tf.float32, [None, None, None, 3], name=IMAGE)
        builder = v1.saved_model.Builder(folder)
        signatures = {}
        for name, key, tensor, seen in (
            (tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY, BYTES, encoded, _decoded(encoded, net)),
            ("image", IMAGE, image, _sampled(image, net)),
        ):
            points, scores = _found(*seen, net, flip)
            signatures[name] = v1.saved_model.predict_signature_def({key: tensor}, {POINTS: points, SCORES: scores})
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], signatures)
        builder.save()


def _decoded(encoded, net):
    """Returns the net's input and the sizes, as `_sampled`, of encoded files, [N] string, of any sizes."""

    def decode(data):
        # decode_image has no dct_method, and its own is not Pillow's, OpenCV's and browsers'; and it drops the alpha.
        image = tf.case(
            [
                (tf.io.is_jpeg(data), lambda: tf.io.decode_jpeg(data, channels=3, dct_method=decoding.DCT)),
                (tf.equal(tf.strings.substr(data, 0, 4), b"\x89PNG"), lambda: _decode_png(data)),
            ],
            default=lambda: tf.io.decode_image(data, channels=3, expand_animations=False),
        )
        image = tf.ensure_shape(image, [None, None, 3])
        return [part[0] for part in _sampled(tf.cast(image[tf.newaxis], tf.float32), net)]

    size = net.model.train_image_size
    outputs = [tf.TensorSpec([size, size, 3], tf.float32), tf.TensorSpec([2], tf.float32)]
    return tf.map_fn(decode, encoded, fn_output_signature=outputs)


def _decode_png(data):
    """Returns a PNG's pixels [H, W, 3] uint8 on white where it is transparent, as `photos` stores it."""
    pixels = tf.cast(tf.io.decode_png(data, channels=4), tf.float32)
    share = pixels[..., 3:] / 255
    return tf.cast(tf.round(pixels[..., :3] * share + 255 * (1 - share)), tf.uint8)


def _sampled(image, net):
    """Returns the net's input [N, S, S, 3] and the sizes (width, height) [N, 2] float32 of images [N, H, W, 3]."""
    size = tf.cast(tf.gather(tf.shape(image), [2, 1]), tf.float32)
    sizes = tf.tile(size[tf.newaxis], tf.stack([tf.shape(image)[0], 1]))
    return shrinking.resize_whole(image, *net.form), sizes


def _found(images, sizes, net, flip):
    """Returns the points [N, K, 2], in the photos' own pixels, and the scores [N, K] of the net's input."""
    points, scores = net.codec.decode(net(images, flip))
    return in_photos(points, sizes[:, tf.newaxis], net.model), scores


def in_photos(points, sizes, model):
    """Returns points in the photos' own pixels.

    Args:
        points: [..., 2] float32 in the unit square of the input, which shows the whole photo.
        sizes: [..., 2] float32 (width, height) of the photos.
        model: the ModelDescription.
    """
    if model.keep_aspect:
        side = tf.reduce_max(sizes, -1, keepdims=True)
        return geometry.to_pixels(points * side + (sizes - side) / 2)
    return geometry.to_pixels(points * sizes)


def portable_graph(model, graph_def, flip=False, only_outputs=False):
    """Builds the net in operations that every format has.

    Args:
        model, graph_def: of `inference_graph.freeze`.
        flip: whether to average with the flipped image.
        only_outputs: leave the decoding out; then the input is [1, S, S, 3], the photo resized.

    Returns:
        A GraphDef from `image` [N, H, W, 3] float32 RGB 0 to 255, the whole photo, to `points` [N, K, 2] in the photo's
        own pixels and `scores` [N, K]; or to the codec's outputs, such as `heatmaps` [1, h, h, K].
    """
    size = model.train_image_size
    with tf.Graph().as_default() as graph:
        net = inference.Net(model, graph_def, model.category)
        if only_outputs:
            image = v1.placeholder(tf.float32, [1, size, size, 3], name=IMAGE)
            for name, tensor in net(image, flip).items():
                tf.identity(tensor, name=name)
        else:
            image = v1.placeholder(tf.float32, [None, None, None, 3], name=IMAGE)
            for name, tensor in zip((POINTS, SCORES), _found(*_sampled(image, net), net, flip)):
                tf.identity(tensor, name=name)
        return graph.as_graph_def()


def tflite(graph_def, outputs, quantize="none", samples=()):
    """Returns the bytes of a TFLite model.

    Args:
        graph_def: of `portable_graph`; for int8 the one of outputs only.
        outputs: the names of what it gives.
        quantize: "none" (float32), "float16", or "int8".
        samples: for int8 the images [S, S, 3] float32 on which the ranges of numbers are measured.
    """
    with tempfile.TemporaryDirectory() as folder, full_disk.naming(folder):
        # By way of a SavedModel, because only its signatures become the file's.
        place = os.path.join(folder, "saved_model")
        _save_portable(graph_def, outputs, place)
        converter = tf.lite.TFLiteConverter.from_saved_model(place)
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8":
            converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
        return converter.convert()


def _save_portable(graph_def, outputs, folder):
    with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=inference_graph.session_config()) as session:
        tf.import_graph_def(graph_def, name="")
        image, *found = (graph.get_tensor_by_name(f"{name}:0") for name in (IMAGE, *outputs))
        v1.saved_model.simple_save(session, folder, {IMAGE: image}, dict(zip(outputs, found)))


def onnx(graph_def):
    """Returns the bytes of an ONNX model; raises DataError where the converter is not installed."""
    try:
        from tf2onnx import convert
    except ImportError as error:
        what = 'is not installed: run pip install -e ".[export]" on Python 3.10 or newer'
        raise DataError("tf2onnx", None, what) from error
    model, _ = convert.from_graph_def(
        graph_def, input_names=[f"{IMAGE}:0"], output_names=[f"{POINTS}:0", f"{SCORES}:0"], opset=17
    )
    _rename(model.graph, {f"{name}:0": name for name in (IMAGE, POINTS, SCORES)})
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in zip(value.type.tensor_type.shape.dim, "NHW" if value.name == IMAGE else "N"):
            axis.dim_param = name
    return model.SerializeToString()


def _rename(graph, names):
    """Gives the values of an ONNX graph other names, {old: new}; tf2onnx leaves TensorFlow's, which end in `:0`."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names)
