"""The one model function: every net, in training and evaluation.

B batch, K keypoints, H and W the input's height and width.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import tensorflow as tf

from base import geometry
from base.estimator_api import EstimatorSpec, ModeKeys
from base.schema import ALL
from net import registry
from net.declarations import Phase
from utility.model import averaging, codec, metrics
from utility.model.description import ModelDescription
from utility.model.network import run_net
from utility.model.pseudo_labels import Clusters
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
            "settings": TrainingSettings, "schedule": the training's Schedule, "rate_factor": see `optimization`,
            "phase": the `Phase` under way or None, "clusters": of its pseudo-labels or None}; the last two may lack.

    Returns:
        An EstimatorSpec.
    """
    model = params["model"]
    settings, length, phase = params["settings"], params["schedule"], params.get("phase")
    step = v1.train.get_or_create_global_step()
    trained = (phase.stage,) if phase else None
    if phase and mode == ModeKeys.EVAL:  # later stages know nothing yet; a training keeps their variables
        model = model.with_net(**phase.until)
    stages = run_net(features["image"], model, mode == ModeKeys.TRAIN, params.get("data_format"), trained)
    progress = tf.cast(step - length.start_step, tf.float32) / (length.total_steps - length.start_step)
    clusters = params.get("clusters")
    stage_losses = losses_of_stages(stages, features, labels, model, settings, trained, progress, clusters)
    for index, stage_loss in zip(trained or range(len(stages)), stage_losses):
        v1.summary.scalar(f"loss/stage_{index}", stage_loss)
    loss = settings.mse_weight * tf.add_n(stage_losses)
    points = locate(stages[phase.stage if phase else -1], features["to_input"], model)
    errors, visible = normalized_errors(points, features, labels)
    _name_pictures(features, points, labels, visible)
    if mode == ModeKeys.EVAL:
        metric = metrics.mean_metric(errors, visible, "ne")
        scaffold = v1.train.Scaffold(saver=averaging.averaged_saver()) if settings.moving_average else None
        return EstimatorSpec(mode, loss=loss, eval_metric_ops={"ne": metric}, scaffold=scaffold)

    rate = optimization.learning_rate(step, settings, length, params["rate_factor"])
    variables = _trained_variables(phase)
    train_op = optimization.minimize(loss, rate, settings, length.steps_per_epoch, variables)
    loss += optimization.weight_decay_loss(settings, variables)
    figures = _name_progress(loss, errors, visible, rate, train_op)
    # Only the chief fetches the figures, but every worker has to take part in averaging them.
    return EstimatorSpec(mode, loss=loss, train_op=tf.group(train_op, *figures))


def _trained_variables(phase: Optional[Phase]) -> Optional[list[tf.Variable]]:
    """Returns the variables that a phase trains; None without phases: all."""
    if phase is None:
        return None
    return [variable for variable in v1.trainable_variables() if re.match(phase.variables, variable.name)]


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
    stages: Sequence[Any],
    features: Tensors,
    labels: Tensors,
    model: ModelDescription,
    settings: TrainingSettings,
    trained: Optional[Sequence[int]] = None,
    progress: Any = 0.0,
    clusters: Optional[Clusters] = None,
) -> list[tf.Tensor]:
    """Returns the loss of each stage that is trained (None: of all), a list of scalars, as the model's codec has it.

    `progress` and `clusters` are those of `codec.Truth`.
    """
    own = codec.of(model)
    owned = _owned(model, features["category"])
    half = tf.reduce_sum(tf.cast(owned, tf.int32), 1) // 2 if settings.use_ohkm else None
    points = labels["points"] / model.train_image_size
    truth = codec.Truth(points, labels["visibility"], owned, half, progress, clusters)
    plan = registry.get_net(model.net).stages(registry.make_options(model.net, model.net_options))
    numbers = range(len(plan)) if trained is None else trained
    return [plan[number].weight * own.loss(stages[number], truth, plan[number]) for number in numbers]


def _owned(model: ModelDescription, class_ids: tf.Tensor) -> tf.Tensor:
    """Returns which of the model's keypoints the category of each photo has, [B, K] bool."""
    schema = model.schema
    if model.category != ALL:
        return tf.ones([tf.shape(class_ids)[0], len(model.keypoints)], tf.bool)
    return tf.gather(tf.constant(schema.owned(model.keypoints)), class_ids)


def normalized_errors(points: tf.Tensor, features: Tensors, labels: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the errors of points in the photo's pixels over its norm, [B, K], and 1 for those that count, [B, K].

    Args:
        points: [B, K, 2] predicted, in the photo's continuous plane.
    """
    true = geometry.apply(geometry.invert(features["to_input"]), labels["points"])
    visible = tf.cast(tf.equal(labels["visibility"], 1), tf.float32)
    return metrics.point_distances(points, true) / labels["norm"][:, tf.newaxis], visible
