"""What a net's outputs mean: everything that stands between a net and points is asked of one object, its codec.

A net's declaration names its codec, and `model.json` keeps it. Training, prediction and export know outputs
(dicts of tensors) and this interface alone.

Planes: a codec's points lie in the unit square of the net's input, so that (0.5, 0.5) is the image's middle.

B images, K keypoints. *Raw* is what a stage of the net gives, a nest of tensors; *outputs* are what it means,
{name: tensor [B, ...]}, and what a frozen net, an ensemble and an export hold.
"""

import abc
import importlib
from typing import Any, NamedTuple

from base import late_tensorflow as tf

_CODECS = {  # name -> module:class, loaded when it is needed
    "heatmap": "utility.model.heatmap_codec:HeatmapCodec",
    "coordinates": "utility.model.coordinate_codec:CoordinateCodec",
}


class Truth(NamedTuple):
    """What a batch's photos truly show, for the losses.

    Attributes:
        points: [B, K, 2] float32 in the unit square.
        visibility: [B, K] int32: 1 visible, 0 occluded, -1 absent.
        owned: [B, K] bool, which of the keypoints a photo's category has.
        hardest: [B] int32, how many keypoints of each photo an "ohkm" stage counts; None: no stage is one.
        progress: scalar float32, how far the training, or the phase of it under way, has come: 0 to 1.
        clusters: a `pseudo_labels.Clusters` of the stage under way; None where there are none.
    """

    points: Any
    visibility: Any
    owned: Any
    hardest: Any = None
    progress: Any = 0.0
    clusters: Any = None


class Codec(abc.ABC):
    """The interface. An instance belongs to one model.

    Args:
        model: its ModelDescription.
        method: how to decode; None for the model's own way.

    Attributes:
        output_names: of the tensors of `outputs`, in the order in which exports have them.
        setting_rows: an Option for each setting that `model.json` keeps for the codec; they are flags, too.
    """

    output_names: tuple
    setting_rows: tuple = ()

    @abc.abstractmethod
    def __init__(self, model, method=None):
        """Raises ValueError where the model cannot be decoded by the method; the message says why."""

    def summary(self):
        """Returns what a training says of the codec, in a few words."""
        return "points"

    def build_arguments(self):
        """Returns the arguments, {name: value}, that the net's builder needs beside those that all nets have."""
        return {}

    @abc.abstractmethod
    def encode(self, points, visibility, stage):
        """Returns the targets of a stage, a nest of tensors.

        Args:
            points: [B, K, 2] float32 in the unit square.
            visibility: [B, K] int32: 1 visible, 0 occluded, -1 absent.
            stage: the `net.declarations.Stage`.
        """

    @abc.abstractmethod
    def errors(self, raw, targets):
        """Returns the error of each keypoint, [B, K] float32, that a stage's loss averages.

        Args:
            raw: what the stage of the net gives.
            targets: of `encode`.
        """

    def loss(self, raw, truth, stage):
        """Returns the loss of a stage, a scalar; by default the mean error of the visible keypoints.

        Args:
            raw: what the stage of the net gives.
            truth: a `Truth`.
            stage: the `net.declarations.Stage`.
        """
        from utility.model import losses  # here, as it imports TensorFlow

        errors = self.errors(raw, self.encode(truth.points, truth.visibility, stage))
        visible = tf.cast(tf.equal(truth.visibility, 1), tf.float32)
        if stage.loss == "ohkm" and truth.hardest is not None:
            return losses.hardest_mean(errors, visible, truth.hardest)
        return losses.visible_mean(errors, visible)

    @abc.abstractmethod
    def read(self, raw):
        """Returns the outputs of what a stage gives."""

    @abc.abstractmethod
    def decode(self, outputs):
        """Returns the points [B, K, 2] float32 in the unit square, and scores [B, K] float32 from 0 to 1."""

    def visibility(self, outputs):
        """Returns how likely each keypoint is visible, occluded, absent, [B, K, 3] float32; None: it is not known."""
        del outputs

    @abc.abstractmethod
    def flip(self, outputs, partners):
        """Returns the outputs for the flipped images of those that the outputs are of.

        Args:
            partners: K ints, the channel of each keypoint's mirror partner.
        """

    @abc.abstractmethod
    def warp(self, outputs, matrix):
        """Returns the outputs in another frame.

        Args:
            matrix: [B or 1, 2, 3] float32, from this frame's unit square to the other's.
        """

    @abc.abstractmethod
    def slice(self, outputs, channels):
        """Returns the outputs of some keypoints only, K' ints, in their order."""

    @abc.abstractmethod
    def average(self, outputs):
        """Returns the mean of a list of outputs of this codec."""

    @abc.abstractmethod
    def adopt(self, outputs, other):
        """Returns the outputs of another model, in the form that this codec's have.

        Args:
            outputs: of the other model, for the same keypoints.
            other: its codec.

        Raises:
            ValueError: the two have nothing in common; their points may still be averaged.
        """

    def merge(self, others):
        """Returns the codec of the mean of this model's outputs and those of others, whose form they are brought to."""
        del others
        return self


def register(name, place):
    """Adds a codec.

    Args:
        name: what a net's declaration and `model.json` call it.
        place: `module:class`.
    """
    _CODECS[name] = place


def names():
    """Returns the names of the codecs."""
    return tuple(_CODECS)


def find(name):
    """Returns the class of a codec, by one of `names`."""
    module, _, class_name = _CODECS[name].partition(":")
    return getattr(importlib.import_module(module), class_name)


def of(model, method=None):
    """Returns the codec of a model.

    Args:
        model: its ModelDescription.
        method: how to decode; None for the model's own way.

    Raises:
        ValueError: the model cannot be decoded so.
    """
    return find(model.codec)(model, method)
