"""Heatmap losses, one per stage of a net.

B batch, K keypoints, h and w the heatmap's height and width.
"""

import tensorflow as tf


def keypoint_errors(heatmaps, targets):
    """Returns the mean squared error of each heatmap over its cells, [B, K], from two [B, h, w, K]."""
    return tf.reduce_mean(tf.math.squared_difference(heatmaps, targets), axis=[1, 2])


def keypoint_divergences(logits, targets):
    """Returns how far each keypoint's map is from its target, both as distributions over the cells: KL divergence.

    Args:
        logits: [B, h, w, K] float32; their softmax over the cells is the chance of the keypoint to be there.
        targets: [B, h, w, K] float32, Gaussians of any height, which are brought to the sum 1.

    Returns:
        [B, K] float32, 0 for a perfect map; 0 too for a target that is 0 everywhere.
    """
    shape = tf.shape(logits)
    flat_shape = [shape[0], shape[1] * shape[2], shape[3]]
    probabilities = tf.reshape(targets, flat_shape)
    probabilities = tf.math.divide_no_nan(probabilities, tf.reduce_sum(probabilities, axis=1, keepdims=True))
    log_softmax = tf.nn.log_softmax(tf.reshape(logits, flat_shape), axis=1)
    return tf.reduce_sum(tf.math.xlogy(probabilities, probabilities) - probabilities * log_softmax, axis=1)


def visible_mean(errors, visible):
    """Averages over each image's visible keypoints, then over the images.

    The mean is taken image by image, so that the losses of two halves of a batch average to the loss of the whole:
    replicas may each take a part.

    Args:
        errors: [B, K] float32.
        visible: [B, K] float32, 1 for the keypoints that count and 0 for the others.

    Returns:
        A scalar.
    """
    counts = tf.reduce_sum(visible, axis=1)
    return tf.reduce_mean(tf.math.divide_no_nan(tf.reduce_sum(errors * visible, axis=1), counts))


def hardest_mean(errors, visible, num_hardest):
    """Averages over each image's visible keypoints of largest error only (OHKM: arXiv 1711.07319, section 3.2.2).

    Args:
        errors: [B, K] float32.
        visible: [B, K] float32, 1 for the keypoints that count and 0 for the others.
        num_hardest: [B] int32, how many keypoints of each image count at the most.

    Returns:
        A scalar.
    """
    masked = tf.where(visible > 0, errors, -tf.ones_like(errors))
    order = tf.argsort(masked, axis=1, direction="DESCENDING", stable=True)
    rank = tf.argsort(order, axis=1)
    hard = tf.cast(rank < num_hardest[:, tf.newaxis], tf.float32) * visible
    return visible_mean(errors, hard)
