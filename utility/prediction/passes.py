"""The passes of a prediction: the nets on the whole photos, and where it is asked for again on the box of the points.

N photos, K keypoints.
"""

import dataclasses

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
        read: what finds the keypoints in the nets' outputs: function(outputs, to_frame, nets, options) -> a
            dataclass of tensors [B, …] or None, `points` among them, as `inference.find_in_frame` is.
    """

    def __init__(self, make_nets, schema, category, options, config=None, read=inference.find_in_frame):
        self._schema = schema
        self._own = np.array(schema.keypoint_indices(category))
        self._options = options
        with tf.Graph().as_default() as graph:
            nets = make_nets()
            self._sizes = sorted({net.model.train_image_size for net in nets})
            given = [
                inference.Windows(
                    v1.placeholder(tf.float32, [None, None, None, 3]), v1.placeholder(tf.float32, [None, 2, 3])
                )
                for _ in self._sizes
            ]
            to_frame = v1.placeholder(tf.float32, [None, 2, 3])
            outputs = inference.run_nets(dict(zip(self._sizes, given)), to_frame, nets, options)
            self._found = read(outputs, to_frame, nets, options)
            session = v1.Session(graph=graph, config=config)
        self._names = [name for name, tensor in vars(self._found).items() if tensor is not None]
        wanted = [getattr(self._found, name) for name in self._names]
        self._run_nets = session.make_callable(wanted, [to_frame, *(tensor for size in given for tensor in size)])

    def find(self, images, categories):
        """Finds the keypoints of photos.

        Args:
            images: N arrays [H, W, 3] uint8 RGB, of any sizes.
            categories: N names of the schema's categories, or `all`.

        Returns:
            What `read` returns, with arrays [N, …] in the place of tensors: as a rule a Found.
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
        """Returns what a pass on a frame of each photo finds, as `find`."""
        parts = []
        for cut, part in windows.batches(images, frames, self._sizes, self._options):
            seen = [array for size in self._sizes for array in cut[size]]
            parts.append(self._run_nets(np.float32(frames[part]), *seen))
        return dataclasses.replace(self._found, **dict(zip(self._names, map(np.concatenate, zip(*parts)))))
