"""Heatmaps: a Gaussian per keypoint, learned by its heights or as a probability distribution over the cells.

B images, K keypoints, h the map's height and width in cells. The maps of `outputs` have peaks of about 1: this
module is the one place that knows the scale of the training's targets.
"""

import copy
import math

import numpy as np
import tensorflow as tf

from base import geometry
from base.options import rows
from utility.model import decoders, heatmaps, losses, map_spread
from utility.model.codec import Codec
from utility.model.heatmap_settings import HeatmapSettings

MAPS = "heatmaps"


class HeatmapCodec(Codec):
    """The codec of nets that give one heatmap per keypoint: raw is [B, h, h, K] float32, and so is outputs["heatmaps"].

    Attributes:
        is_probability: whether the maps are probabilities (`heatmap_loss` softmax), not heights of Gaussians (mse).
    """

    output_names = (MAPS,)
    setting_rows = rows(HeatmapSettings)

    def __init__(self, model, method=None):
        settings = model.codec_settings
        self.is_probability = settings["heatmap_loss"] == "softmax"
        self.size = settings["heatmap_size"]
        self._sigma = settings["heatmap_sigma"]
        self._scale = settings["target_scale"]
        self._method = method or settings["decode"]
        if decoders.needs_probabilities(self._method) and not self.is_probability:
            raise ValueError(f"{self._method} requires probability heatmaps (train with --heatmap_loss=softmax)")

    def summary(self):
        return f"heatmaps of {self.size} cells, sigma {self._sigma}"

    def build_arguments(self):
        return {"heatmap_size": (self.size, self.size)}

    def encode(self, points, visibility, stage):
        """A stage's targets may be wider than the model's sigma: [B, h, h, K] of peak 1."""
        del visibility
        return heatmaps.encode(points * self.size, (self.size, self.size), math.hypot(self._sigma, stage.sigma))

    def errors(self, raw, targets):
        if self.is_probability:
            return losses.keypoint_divergences(raw, targets)
        return losses.keypoint_errors(raw, self._scale * targets)

    def read(self, raw):
        return {MAPS: heatmaps.probabilities(raw, self._sigma) if self.is_probability else raw * (1 / self._scale)}

    def decode(self, outputs):
        cells = heatmaps.decode(outputs[MAPS], self._method, self._sigma)
        return cells / self.size, heatmaps.confidence(outputs[MAPS], self._sigma, self.is_probability)

    def spread(self, outputs, points):
        size = outputs[MAPS].shape[1]  # that of a mean of several models may differ from this one's
        return map_spread.second_moments(outputs[MAPS], points * size) / size**2

    def flip(self, outputs, partners):
        return {MAPS: tf.gather(tf.reverse(outputs[MAPS], axis=[2]), partners, axis=-1)}

    def warp(self, outputs, matrix):
        """A map that is a density is scaled by the change of area, so that each cell's probability stays the same."""
        maps = outputs[MAPS]
        batch, cells = tf.shape(maps)[0], maps.shape[1]
        to_cells = np.float32(geometry.scaling(cells, cells))
        in_cells = geometry.compose(np.float32(geometry.invert(to_cells)), matrix, to_cells)
        moved = geometry.warp(maps, tf.broadcast_to(in_cells, [batch, 2, 3]), [cells, cells])
        if self._reads_density:
            area = tf.abs(tf.linalg.det(tf.convert_to_tensor(matrix)[:, :, :2]))
            moved /= area[:, tf.newaxis, tf.newaxis, tf.newaxis]
        return {MAPS: tf.ensure_shape(moved, maps.shape)}

    def slice(self, outputs, channels):
        return {MAPS: tf.gather(outputs[MAPS], channels, axis=-1)}

    def average(self, outputs):
        return {MAPS: tf.add_n([one[MAPS] for one in outputs]) / len(outputs)}

    def adopt(self, outputs, other):
        if not isinstance(other, HeatmapCodec):
            raise ValueError("heatmaps and other outputs do not average: expected --average=points")
        if other.size == self.size:
            return outputs
        resized = tf.compat.v1.image.resize_bilinear(outputs[MAPS], [self.size, self.size], half_pixel_centers=True)
        return {MAPS: resized * (other.size / self.size) ** 2 if self._reads_density else resized}

    def merge(self, others):
        """The finest maps; where some of an ensemble's are heights, the mean's are read as heights."""
        codecs = [self, *(other for other in others if isinstance(other, HeatmapCodec))]
        merged = copy.copy(max(codecs, key=lambda codec: codec.size))
        merged.is_probability = all(codec.is_probability for codec in codecs)
        return merged

    @property
    def _reads_density(self):
        """Whether the decoding weighs whole maps, so that an enlarged one must keep its sum, not its height."""
        return decoders.needs_probabilities(self._method)
