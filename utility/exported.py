"""Exported models run by their own interpreters, to compare them with the checkpoint.

H, W size of a photo, S the net's input size, K keypoints. A runner is a function(encoded JPEG, the same photo
[H, W, 3] uint8) -> points [K, 2] in the photo's own pixels.
"""

import tensorflow as tf

from preprocessing import geometry
from utility import codec
from utility.export import BYTES, IMAGE, POINTS

v1 = tf.compat.v1


def saved_model_runner(folder, signature):
    """Returns the runner of a SavedModel's signature, `serving_default` (of bytes) or `image`."""
    loaded = tf.saved_model.load(folder)
    serve = loaded.signatures[signature]

    def run(encoded, image, loaded=loaded):  # the signature works only as long as what it was loaded with lives
        if signature == "image":
            return serve(**{IMAGE: tf.constant(image[None], tf.float32)})[POINTS].numpy()[0]
        return serve(**{BYTES: tf.constant([encoded])})[POINTS].numpy()[0]

    return run


def onnx_runner(path):
    """Returns the runner of an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(encoded, image):
        del encoded
        name = session.get_inputs()[0].name
        return session.run(None, {name: image[None].astype("float32")})[0][0]

    return run


def tflite_runner(path):
    """Returns the runner of a TFLite file that decodes its own maps."""
    interpreter = tf.lite.Interpreter(path)
    place = interpreter.get_input_details()[0]["index"]

    def run(encoded, image):
        del encoded
        interpreter.resize_tensor_input(place, [1, *image.shape])
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, image[None].astype("float32"))
        interpreter.invoke()
        (points,) = (output["index"] for output in interpreter.get_output_details() if len(output["shape"]) == 3)
        return interpreter.get_tensor(points)[0]

    return run


def heatmap_runner(path, model):
    """Returns the runner of a TFLite file that gives heatmaps: the photo is resized before, the maps decoded after."""
    interpreter = tf.lite.Interpreter(path)
    interpreter.allocate_tensors()
    place, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(encoded, image):
        del encoded
        interpreter.set_tensor(place, resized(image, model["train_image_size"])[None])
        interpreter.invoke()
        cells, _ = codec.decode(tf.constant(interpreter.get_tensor(result)), model["decode"], model["heatmap_sigma"])
        size = tf.constant(image.shape[1::-1], tf.float32)
        return geometry.to_pixels(cells[0] / model["heatmap_size"] * size).numpy()

    return run


def resized(image, size):
    """Returns a photo [H, W, 3] uint8 as the net's input, [size, size, 3] float32."""
    images = tf.constant(image[None], tf.float32)
    return v1.image.resize_bilinear(images, [size, size], half_pixel_centers=True).numpy()[0]
