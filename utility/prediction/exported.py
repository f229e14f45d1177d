"""Exported models run by their own interpreters, to compare them with the checkpoint.

H, W size of a photo, K keypoints. A runner is a function(encoded JPEG, the same photo
[H, W, 3] uint8) -> points [K, 2] in the photo's own pixels.
"""

import tensorflow as tf

from base.machine import cores
from preprocessing.input import shrinking
from utility.model import codec
from utility.prediction.export import BYTES, IMAGE, POINTS, in_photos


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
        return session.run([POINTS], {IMAGE: image[None].astype("float32")})[0][0]

    return run


def tflite_runner(path):
    """Returns the runner of a TFLite file that decodes its own maps."""
    serve = _interpreter(path).get_signature_runner()  # plans its memory anew only for photos of another size

    def run(encoded, image):
        del encoded
        return serve(**{IMAGE: image[None].astype("float32")})[POINTS][0]

    return run


def outputs_runner(path, model):
    """Returns the runner of a TFLite file that gives a codec's outputs: the photo is resized before, decoded after."""
    own = codec.of(model)
    serve = _interpreter(path).get_signature_runner()

    def run(encoded, image):
        del encoded
        given = serve(**{IMAGE: resized(image, model)[None]})
        points, _ = own.decode({name: tf.constant(given[name]) for name in own.output_names})
        return in_photos(points[0], tf.constant(image.shape[1::-1], tf.float32), model).numpy()

    return run


def _interpreter(path):
    """Returns LiteRT's interpreter, which phones run, where it is installed; else TensorFlow's older one."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    return Interpreter(path, num_threads=cores())


def resized(image, model):
    """Returns a photo [H, W, 3] uint8 as the input of a model's net, [S, S, 3] float32."""
    photo = tf.constant(image[None], tf.float32)
    return shrinking.resize_whole(photo, model.train_image_size, model.keep_aspect)[0].numpy()
