"""The passes of a prediction: the nets on the whole photos, and where it is asked for again on the box of the points.

N photos, K keypoints.
"""

import numpy as np
import tensorflow as tf

from base import geometry
from base.schema import ALL
from utility.prediction import inference, windows

v1 = tf.compat.v1


class Passes:
    """Nets in a session, with what leads photos through them.

    Args:
        make_nets: function() -> the list of nets, of `inference.Net`, in the current graph.
        schema: the Schema of the nets' keypoints.
        category: that of the nets' keypoints; for `all`, the second pass looks at those that a photo's class has.
        options: inference.Options.
        config: the session's ConfigProto.
    """

    def __init__(self, make_nets, schema, category, options, config=None):
        self._schema = schema
        self._own = np.array(schema.keypoint_indices(category))
        self._options = options
        with tf.Graph().as_default() as graph:
            nets = make_nets()
            self._forms = sorted({net.form for net in nets})
            given = [
                inference.Windows(
                    v1.placeholder(tf.float32, [None, None, None, 3]),
                    v1.placeholder(tf.float32, [None, 2, 3]),
                    v1.placeholder(tf.float32, [None, 4]),
                )
                for _ in self._forms
            ]
            to_frame = v1.placeholder(tf.float32, [None, 2, 3])
            outputs = inference.run_nets(dict(zip(self._forms, given)), to_frame, nets, options)
            found = [part for part in inference.find_in_frame(outputs, to_frame, nets, options) if part is not None]
            session = v1.Session(graph=graph, config=config)
        self._run_nets = session.make_callable(found, [to_frame, *(tensor for form in given for tensor in form)])

    def find(self, images, categories):
        """Finds the keypoints of photos.

        Args:
            images: N arrays [H, W, 3] uint8 RGB, of any sizes.
            categories: N names of the schema's categories, or `all`.

        Returns:
            inference.Found of arrays, N photos.
        """
        sizes = [image.shape[1::-1] for image in images]
        frames = [geometry.cropping(0.0, 0.0, *map(float, size), 1.0, 1.0) for size in sizes]
        found = self._run(images, frames)
        if not self._options.two_pass:
            return found
        closer = [
            inference.frame_around(geometry.to_plane(row), size, self._has(category), self._options.crop_margin)
            for row, size, category in zip(found.points, sizes, categories)
        ]
        return self._run(images, closer)

    def _has(self, category):
        """Returns which of the nets' keypoints a garment has, [K] bool."""
        return np.isin(self._own, self._schema.keypoint_indices(category or ALL))

    def _run(self, images, frames):
        """Returns the inference.Found, of arrays, of a pass on a frame of each photo."""
        parts = []
        for cut, part in windows.batches(images, frames, self._forms, self._options):
            seen = [array for form in self._forms for array in cut[form]]
            parts.append(self._run_nets(np.float32(frames[part]), *seen))
        return inference.Found(*(np.concatenate(values) for values in zip(*parts)))
