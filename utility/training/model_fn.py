"""The one model function: every net, in training and evaluation.

B batch, K keypoints, H and W the input's height and width.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from base import geometry
from base.estimator_api import EstimatorSpec, ModeKeys
from base.schema import ALL
from net import registry
from utility.model import averaging, codec, losses, metrics
from utility.model.description import ModelDescription
from utility.model.network import run_net
from utility.training import distribution, optimization
from utility.training.settings import TrainingSettings

v1 = tf.compat.v1

Tensors = Mapping[str, tf.Tensor]


def model_fn(features: Tensors, labels: Tensors, mode: str, params: Mapping[str, Any]) -> EstimatorSpec:
    """Builds the graph of a net for one mode of an Estimator.

    Args:
        features: {image [B, H, W, 3] RGB 0 to 255, to_input [B, 2, 3] float32 (photo to input plane),
            image_id [B] string, image_size [B, 2] int32 (width, height), category [B] int32 (class id)}.
        labels: {points [B, K, 2] float32 in the input plane, visibility [B, K] int32 in {-1, 0, 1}, norm [B] float32 in
            pixels of the photo}.
        mode: ModeKeys.TRAIN or EVAL: prediction has a path of its own, `utility.prediction`.
        params: {"model": its ModelDescription, "data_format": of the net's inside or None,
            "settings": TrainingSettings, "schedule": the training's Schedule, "rate_factor": see `optimization`}.

    Returns:
        An EstimatorSpec.
    """
    model = params["model"]
    settings, length = params["settings"], params["schedule"]
    stages = run_net(features["image"], model, mode == ModeKeys.TRAIN, params.get("data_format"))
    stage_losses = losses_of_stages(stages, features, labels, model, settings)
    for index, stage_loss in enumerate(stage_losses):
        v1.summary.scalar(f"loss/stage_{index}", stage_loss)
    loss = settings.mse_weight * tf.add_n(stage_losses)
    points = locate(stages[-1], features["to_input"], model)
    errors, visible = normalized_errors(points, features, labels)
    _name_pictures(features, points, labels, visible)
    if mode == ModeKeys.EVAL:
        metric = metrics.mean_metric(errors, visible, "ne")
        scaffold = v1.train.Scaffold(saver=averaging.averaged_saver()) if settings.moving_average else None
        return EstimatorSpec(mode, loss=loss, eval_metric_ops={"ne": metric}, scaffold=scaffold)

    step = v1.train.get_or_create_global_step()
    rate = optimization.learning_rate(step, settings, length, params["rate_factor"])
    train_op = optimization.minimize(loss, rate, settings, length.steps_per_epoch)
    loss += optimization.weight_decay_loss(settings)
    figures = _name_progress(loss, errors, visible, rate, train_op)
    # Only the chief fetches the figures, but every worker has to take part in averaging them.
    return EstimatorSpec(mode, loss=loss, train_op=tf.group(train_op, *figures))


def _name_progress(
    loss: tf.Tensor, errors: tf.Tensor, visible: tf.Tensor, rate: tf.Tensor, train_op: tf.Operation
) -> list[tf.Tensor]:
    """Names and returns the figures of the whole batch, which the progress line and TensorBoard show."""
    total_error, count, loss = distribution.mean_over_replicas(
        [tf.reduce_sum(errors * visible), tf.reduce_sum(visible), loss]
    )
    figures = {"loss": loss, "ne": tf.math.divide_no_nan(total_error, count), "learning_rate": rate}
    for name, value in figures.items():
        v1.summary.scalar(name, tf.identity(value, f"progress/{name}"))
    with tf.control_dependencies([train_op]):
        tf.identity(v1.train.get_global_step().read_value(), "progress/step")
    return list(figures.values())


def _name_pictures(features: Tensors, points: tf.Tensor, labels: Tensors, visible: tf.Tensor) -> None:
    """Names what the pictures of predictions beside truth are drawn from: [B, ...], points in the input's pixels."""
    tf.identity(features["image"], "pictures/image")
    tf.identity(geometry.to_pixels(geometry.apply(features["to_input"], points)), "pictures/points")
    tf.identity(geometry.to_pixels(labels["points"]), "pictures/truth")
    tf.identity(visible, "pictures/visible")
    tf.identity(features["category"], "pictures/category")


def locate(raw: Any, to_input: tf.Tensor, model: ModelDescription) -> tf.Tensor:
    """Returns the points [B, K, 2] float32, in the photo's continuous plane, of what a stage of the net gives.

    Args:
        raw: of a stage, as `network.run_net` returns it.
        to_input: [B, 2, 3] float32, the matrices from the photos to the network's input.
        model: its ModelDescription.
    """
    own = codec.of(model)
    points, _ = own.decode(own.read(raw))
    return geometry.apply(geometry.invert(to_input), points * model.train_image_size)


def losses_of_stages(
    stages: Sequence[Any], features: Tensors, labels: Tensors, model: ModelDescription, settings: TrainingSettings
) -> list[tf.Tensor]:
    """Returns the loss of each stage, a list of scalars: plain, or of the hardest keypoints (OHKM).

    Only visible keypoints count.
    """
    own = codec.of(model)
    points = labels["points"] / model.train_image_size
    visible = tf.cast(tf.equal(labels["visibility"], 1), tf.float32)
    stage_losses = []
    options = registry.make_options(model.net, model.net_options)
    for raw, stage in zip(stages, registry.get_net(model.net).stages(options)):
        errors = own.errors(raw, own.encode(points, labels["visibility"], stage))
        if stage.loss == "ohkm" and settings.use_ohkm:
            value = losses.hardest_mean(errors, visible, _half_of_keypoints(model, features["category"]))
        else:
            value = losses.visible_mean(errors, visible)
        stage_losses.append(stage.weight * value)
    return stage_losses


def _half_of_keypoints(model: ModelDescription, class_ids: tf.Tensor) -> tf.Tensor:
    schema, category = model.schema, model.category
    if category != ALL:
        return tf.fill(tf.shape(class_ids), schema.num_keypoints(category) // 2)
    return tf.gather([schema.num_keypoints(name) // 2 for name in schema.category_names], class_ids)


def normalized_errors(points: tf.Tensor, features: Tensors, labels: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the errors of points in the photo's pixels over its norm, [B, K], and 1 for those that count, [B, K].

    Args:
        points: [B, K, 2] predicted, in the photo's continuous plane.
    """
    true = geometry.apply(geometry.invert(features["to_input"]), labels["points"])
    visible = tf.cast(tf.equal(labels["visibility"], 1), tf.float32)
    return metrics.point_distances(points, true) / labels["norm"][:, tf.newaxis], visible
