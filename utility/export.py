"""A trained net in the formats of other programs: SavedModel, TFLite, ONNX.

N photos, H and W their size, S the net's input size, h the heatmap's, K keypoints.
"""

import tensorflow as tf

from configs.errors import DataError
from preprocessing import geometry
from utility import codec, inference
from utility.predict import LARGEST_SIDE

v1 = tf.compat.v1

BYTES, IMAGE, POINTS, SCORES, HEATMAPS = "image_bytes", "image", "points", "scores", "heatmaps"


def saved_model(model, graph_def, folder, flip=False):
    """Writes a SavedModel that plain TensorFlow loads, without a line of this project.

    Its signature `serving_default` takes `image_bytes` [N] string, JPEG or PNG; its signature `image` takes `image`
    [N, H, W, 3] float32 RGB 0 to 255. Both give `points` [N, K, 2] in the photo's own pixels and `scores` [N, K].

    Args:
        model, graph_def: of `frozen.freeze`.
        folder: the place; it must not exist.
        flip: whether to average with the mirrored image.
    """
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        net = inference.Net(model, graph_def, model["category"])
        encoded = v1.placeholder(tf.string, [None], name=BYTES)
        image = v1.placeholder(tf.float32, [None, None, None, 3], name=IMAGE)
        options = inference.Options(flip=flip)
        builder = v1.saved_model.Builder(folder)
        signatures = {}
        for name, key, tensor, photos in (
            (tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY, BYTES, encoded, _decoded(encoded)),
            ("image", IMAGE, image, _same_size(image)),
        ):
            points, scores = inference.find_points(photos, [net], model["category"], options)
            signatures[name] = v1.saved_model.predict_signature_def({key: tensor}, {POINTS: points, SCORES: scores})
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], signatures)
        builder.save()


def _decoded(encoded):
    """Returns inference.Photos of encoded files, [N] string, of any sizes."""

    def decode(data):
        image = tf.io.decode_image(data, channels=3, expand_animations=False)
        image.set_shape([None, None, 3])
        size = tf.shape(image)[:2]
        image = tf.cast(tf.round(_shrunk(image[tf.newaxis])[0]), tf.uint8)
        return tf.RaggedTensor.from_tensor(image, ragged_rank=1), size, tf.shape(image)[:2]

    ragged = tf.RaggedTensorSpec([None, None, 3], tf.uint8, ragged_rank=1)
    image_size = tf.TensorSpec([2], tf.int32)
    images, sizes, shrunk = tf.map_fn(decode, encoded, fn_output_signature=(ragged, image_size, image_size))
    padded = tf.ensure_shape(images.to_tensor(), [None, None, None, 3])
    # One pixel of border is repeated: samples within half a pixel of it look there.
    rows = tf.minimum(tf.range(-1, tf.shape(padded)[1] + 1)[tf.newaxis], shrunk[:, :1] - 1)
    columns = tf.minimum(tf.range(-1, tf.shape(padded)[2] + 1)[tf.newaxis], shrunk[:, 1:] - 1)
    padded = tf.gather(padded, tf.maximum(rows, 0), axis=1, batch_dims=1)
    padded = tf.gather(padded, tf.maximum(columns, 0), axis=2, batch_dims=1)
    return _photos(padded, sizes, shrunk)


def _same_size(image):
    """Returns inference.Photos of images [N, H, W, 3]."""
    small = _shrunk(image)
    count = tf.shape(image)[0]
    sizes, shrunk = (tf.tile(tf.shape(images)[1:3][tf.newaxis], [count, 1]) for images in (image, small))
    return _photos(tf.pad(small, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC"), sizes, shrunk)


def _photos(bordered, sizes, shrunk):
    scale = tf.cast(shrunk, tf.float32) / tf.cast(sizes, tf.float32)
    one = tf.ones_like(scale[:, 0])
    to_image = geometry.compose(geometry.scaling(scale[:, 1], scale[:, 0]), geometry.translation(one, one))
    class_ids = tf.zeros_like(sizes[:, 0])  # only a second pass asks for the garment
    return inference.Photos(bordered, to_image, tf.cast(sizes[:, ::-1], tf.float32), class_ids)


def _shrunk(images):
    """Returns images [N, H, W, 3] as float32, by area to LARGEST_SIDE where they are larger, as Predictor does."""
    size = tf.cast(tf.shape(images)[1:3], tf.float32)
    scale = LARGEST_SIDE / tf.reduce_max(size)
    small = tf.maximum(tf.cast(tf.round(size * scale), tf.int32), 1)
    return tf.cond(
        scale < 1,
        lambda: tf.image.resize(images, small, method="area"),
        lambda: tf.cast(images, tf.float32),
    )


def portable_graph(model, graph_def, flip=False, only_heatmaps=False):
    """Builds the net in operations that every format has.

    Args:
        model, graph_def: of `frozen.freeze`.
        flip: whether to average with the mirrored image.
        only_heatmaps: leave the decoding out; then the input is [1, S, S, 3], the photo resized.

    Returns:
        A GraphDef from `image` [N, H, W, 3] float32 RGB 0 to 255, the whole photo, to `points` [N, K, 2] in the photo's
        own pixels and `scores` [N, K]; or to `heatmaps` [1, h, h, K].
    """
    size = model["train_image_size"]
    with tf.Graph().as_default() as graph:
        net = inference.Net(model, graph_def, model["category"])
        if only_heatmaps:
            image = v1.placeholder(tf.float32, [1, size, size, 3], name=IMAGE)
            tf.identity(net(image, flip), name=HEATMAPS)
        else:
            image = v1.placeholder(tf.float32, [None, None, None, 3], name=IMAGE)
            heatmaps = net(v1.image.resize_bilinear(image, [size, size], half_pixel_centers=True), flip)
            cells, scores = codec.decode(heatmaps, model["decode"], model["heatmap_sigma"])
            photo = tf.cast(tf.gather(tf.shape(image), [2, 1]), tf.float32)  # width, height
            tf.subtract(cells / model["heatmap_size"] * photo, geometry.HALF_PIXEL, name=POINTS)
            tf.identity(scores, name=SCORES)
        return graph.as_graph_def()


def tflite(graph_def, quantize="none", samples=()):
    """Returns the bytes of a TFLite model.

    Args:
        graph_def: of `portable_graph`; for int8 the one of heatmaps only.
        quantize: "none" (float32), "float16", or "int8".
        samples: for int8 the images [S, S, 3] float32 on which the ranges of numbers are measured.
    """
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        tf.import_graph_def(graph_def, name="")
        outputs = [HEATMAPS] if quantize == "int8" else [POINTS, SCORES]
        tensors = [graph.get_tensor_by_name(f"{name}:0") for name in (IMAGE, *outputs)]
        converter = v1.lite.TFLiteConverter.from_session(session, tensors[:1], tensors[1:])
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8":
            converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
        return converter.convert()


def onnx(graph_def):
    """Returns the bytes of an ONNX model; raises DataError where the converter is not installed."""
    try:
        from tf2onnx import convert
    except ImportError as error:
        what = 'is not installed: pip install -e ".[export]" on Python 3.10 or newer is needed'
        raise DataError("tf2onnx", None, what) from error
    model, _ = convert.from_graph_def(
        graph_def, input_names=[f"{IMAGE}:0"], output_names=[f"{POINTS}:0", f"{SCORES}:0"], opset=17
    )
    return model.SerializeToString()
