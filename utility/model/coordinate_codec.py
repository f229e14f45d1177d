"""Coordinates: a net gives the points themselves and, for each, how likely it is visible, occluded or absent.

The losses are those of deep fashion alignment (arXiv 1608.03049) and its released networks: Euclidean for the points,
cross-entropy for the visibility and for the pseudo-labels. `docs/dfa.md` says which part is the paper's.

B images, K keypoints.
"""

import tensorflow as tf

from base import geometry
from base.options import rows
from utility.model import pseudo_labels
from utility.model.codec import Codec
from utility.model.coordinate_settings import CoordinateSettings

POINTS, VISIBILITY = "points", "visibility"


class CoordinateCodec(Codec):
    """The codec of nets whose stages give a `net.coordinates.Estimate`.

    Its outputs are `points` [B, K, 2], which may lie outside of the unit square, and `visibility` [B, K, 3],
    the probabilities of visible, occluded and absent.
    """

    output_names = (POINTS, VISIBILITY)
    setting_rows = rows(CoordinateSettings)

    def __init__(self, model, method=None):
        if method:
            raise ValueError(f"coordinates need no decoding, got {method}")
        self._settings = CoordinateSettings(**model.codec_settings)

    def summary(self):
        return "coordinates and visibility"

    def encode(self, points, visibility, stage):
        del stage
        return points, visibility >= 0

    def errors(self, raw, targets):
        """Half the squared distances, in the unit of the stage's outputs; 0 where the keypoint is absent."""
        points, present = targets
        heads = [_half_squares(head, points) for head in raw.heads]
        return tf.add_n(heads) / len(heads) * tf.cast(present, tf.float32)

    def loss(self, raw, truth, stage):
        del stage
        settings = self._settings
        in_warmup = truth.progress < settings.point_warmup
        point_weight = tf.where(in_warmup, min(1.0, settings.point_weight), settings.point_weight)
        taught = pseudo_labels.shares(raw, truth)
        parts = []
        for number, head in enumerate(raw.heads):
            losses = point_weight * _point_loss(head, truth) + settings.visibility_weight * self._visibility_loss(
                head, truth
            )
            if truth.clusters is not None:
                labels = pseudo_labels.targets(head, truth, truth.clusters.centres[number], truth.clusters.is_soft)
                losses += settings.pseudo_label_weight * _cross_entropy(labels, head.labels)
            parts.append(tf.reduce_mean(losses * taught[number]))
        return tf.add_n(parts)

    def read(self, raw):
        return {POINTS: raw.points, VISIBILITY: tf.nn.softmax(raw.visibility)}

    def decode(self, outputs):
        """The score is the probability that the keypoint is visible."""
        return outputs[POINTS], outputs[VISIBILITY][..., 0]

    def visibility(self, outputs):
        return outputs[VISIBILITY]

    def flip(self, outputs, partners):
        points, visibility = (tf.gather(outputs[name], partners, axis=1) for name in self.output_names)
        return {POINTS: tf.stack([1 - points[..., 0], points[..., 1]], axis=-1), VISIBILITY: visibility}

    def warp(self, outputs, matrix):
        return {**outputs, POINTS: geometry.apply(tf.convert_to_tensor(matrix), outputs[POINTS])}

    def slice(self, outputs, channels):
        return {name: tf.gather(outputs[name], channels, axis=1) for name in self.output_names}

    def average(self, outputs):
        return {name: tf.add_n([one[name] for one in outputs]) / len(outputs) for name in self.output_names}

    def adopt(self, outputs, other):
        if not isinstance(other, CoordinateCodec):
            raise ValueError("coordinates and other outputs do not average: expected --average=points")
        return outputs

    def _visibility_loss(self, head, truth):
        """Returns [B]: the mean over the category's keypoints, absent ones included."""
        state = 1 - truth.visibility  # 0 visible, 1 occluded, 2 absent
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=state, logits=head.visibility)
        if self._settings.visibility_balance and truth.clusters is not None:
            weights = [(3 * max(share, 1e-3)) ** -self._settings.visibility_balance for share in truth.clusters.states]
            losses *= tf.gather(tf.constant(weights, tf.float32), state)
        owned = tf.cast(truth.owned, tf.float32)
        return tf.math.divide_no_nan(tf.reduce_sum(losses * owned, 1), tf.reduce_sum(owned, 1))


def _half_squares(head, points):
    return tf.reduce_sum(tf.math.squared_difference(head.points, points), -1) / (2 * head.unit**2)


def _point_loss(head, truth):
    """Returns [B]: the sum over the keypoints that are there, as the released networks have it."""
    return tf.reduce_sum(_half_squares(head, truth.points) * tf.cast(truth.visibility >= 0, tf.float32), 1)


def _cross_entropy(labels, logits):
    return tf.nn.softmax_cross_entropy_with_logits(labels=tf.stop_gradient(labels), logits=logits)
