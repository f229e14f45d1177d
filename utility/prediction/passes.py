"""The passes of a prediction: the nets on the whole photos, and where it is asked for again on the box of the points.

N photos, K keypoints.
"""

import numpy as np
import tensorflow as tf

from base import geometry
from configs.keypoints import ALL, keypoint_indices
from utility.prediction import inference, windows

v1 = tf.compat.v1


class Passes:
    """Nets in a session, with what leads photos through them.

    Args:
        make_nets: function() -> the list of nets, of `inference.Net`, in the current graph.
        category: that of the nets' keypoints; for `all`, the second pass looks at those that a photo's class has.
        options: inference.Options.
        config: the session's ConfigProto.
    """

    def __init__(self, make_nets, category, options, config=None):
        self._own = np.array(keypoint_indices(category))
        self._options = options
        with tf.Graph().as_default() as graph:
            nets = make_nets()
            self._sizes = sorted({net.model["train_image_size"] for net in nets})
            given = [
                inference.Windows(
                    v1.placeholder(tf.float32, [None, None, None, 3]), v1.placeholder(tf.float32, [None, 2, 3])
                )
                for _ in self._sizes
            ]
            to_frame = v1.placeholder(tf.float32, [None, 2, 3])
            heatmaps = inference.run_nets(dict(zip(self._sizes, given)), to_frame, nets, options)
            found = inference.find_in_frame(heatmaps, to_frame, nets, options)
            first = [v1.placeholder(tf.float32, maps.shape) for maps in heatmaps]
            between = v1.placeholder(tf.float32, [None, 2, 3])
            mixed = inference.mix(first, between, heatmaps, nets, options)
            found_again = inference.find_in_frame(mixed, to_frame, nets, options)
            session = v1.Session(graph=graph, config=config)
        feeds = [to_frame, *(tensor for size in given for tensor in size)]
        self._mixes = options.two_pass and options.first_pass_weight > 0
        self._first = session.make_callable([*found, *(heatmaps if self._mixes else ())], feeds)
        self._second = session.make_callable(list(found_again), [*feeds, between, *first]) if self._mixes else None

    def find(self, images, categories):
        """Finds the keypoints of photos.

        Args:
            images: N arrays [H, W, 3] uint8 RGB, of any sizes.
            categories: N names of CATEGORIES, or `all`.

        Returns:
            points: [N, K, 2] float32, in each photo's own pixels (the first pixel's centre is 0).
            scores: [N, K] float32, from 0 to 1.
        """
        sizes = [image.shape[1::-1] for image in images]
        frames = [geometry.cropping(0.0, 0.0, *map(float, size), 1.0, 1.0) for size in sizes]
        points, scores, *heatmaps = self._run(self._first, images, frames)
        if not self._options.two_pass:
            return points, scores
        closer = [
            inference.frame_around(geometry.to_plane(row), size, self._has(category), self._options.crop_margin)
            for row, size, category in zip(points, sizes, categories)
        ]
        if not self._mixes:
            return self._run(self._first, images, closer)
        between = np.float32([geometry.compose(geometry.invert(a), b) for a, b in zip(frames, closer)])
        return self._run(self._second, images, closer, between, *heatmaps)

    def _has(self, category):
        """Returns which of the nets' keypoints a garment has, [K] bool."""
        return np.isin(self._own, keypoint_indices(category or ALL))

    def _run(self, run, images, frames, *more):
        """Returns the outputs [N, ...] of a pass on a frame of each photo."""
        parts = []
        for cut, part in windows.batches(images, frames, self._sizes, self._options):
            seen = [array for size in self._sizes for array in cut[size]]
            parts.append(run(np.float32(frames[part]), *seen, *(values[part] for values in more)))
        return [np.concatenate(values) for values in zip(*parts)]
