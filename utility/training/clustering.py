"""The clusters of a phase's pseudo-labels, found in the training photos as the phase begins.

N training photos, K keypoints.
"""

import dataclasses
import logging
import math
import time
from typing import Optional

import numpy as np
import tensorflow as tf

from base.schema import ALL
from utility.model import checkpoints, inference_graph, model_directory, pseudo_labels
from utility.model.network import run_net
from utility.model.pseudo_labels import Clusters
from utility.training import phase_files
from utility.training.estimators import global_step, training_input
from utility.training.job import Job

_log = logging.getLogger(__name__)

v1 = tf.compat.v1

_MOST_PHOTOS = 20_000
_SECONDS_BETWEEN_LOOKS = 2


def prepared(job: Job) -> Job:
    """Returns the job of a phase with the clusters of its pseudo-labels, which the model's folder keeps.

    They are found where the phase begins, and read where it goes on. A worker finds them by itself, once the chief has
    written the checkpoint that the phase begins with.
    """
    if job.phase is None or not job.phase.labels:
        return job
    if not job.distribution.is_chief:
        _wait(job)
        return dataclasses.replace(job, clusters=_find(job))
    there = phase_files.read(job.model_dir)
    clusters: Optional[Clusters] = there.clusters.get(job.phase.stage)
    step = global_step(job.model_dir)
    if clusters is None or step <= job.schedule.start_step:
        clusters = _find(job)
        if step == 0:
            there = phase_files.Phases(copies=not _starts_whole(job))
        phase_files.write(
            job.model_dir, phase_files.Phases(there.copies, {**there.clusters, job.phase.stage: clusters})
        )
    return dataclasses.replace(job, clusters=clusters)


def _starts_whole(job: Job) -> bool:
    """Returns whether all stages start from those of a trained model."""
    path = job.settings.checkpoint_path
    model = checkpoints.find(path).model if path else None
    if model is None or model.net != job.model.net:
        return False
    return bool(model.net_options["num_stages"] >= job.model.net_options["num_stages"])


def _wait(job: Job) -> None:
    while global_step(job.model_dir) < job.schedule.start_step:
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _find(job: Job) -> Clusters:
    """Returns the clusters of the ways from the former stage's points, or from the input's middle, to the truth."""
    assert job.phase is not None
    ways, visibility, categories = _ways(job)
    present = visibility >= 0
    seed = job.settings.tf_random_seed + job.phase.stage
    lengths = pseudo_labels.lengths(ways, present)
    median = float(np.median(lengths))
    parts = [np.ones(len(ways), bool)] if len(job.phase.labels) == 1 else [lengths <= median, lengths > median]
    centres = tuple(
        pseudo_labels.find_centres(*((ways[part], present[part]) if part.any() else (ways, present)), count, seed)
        for count, part in zip(job.phase.labels, parts)
    )
    _log.info(
        "%s: stage %d, pseudo-labels of %d photos, median way %.4f",
        job.category,
        job.phase.stage + 1,
        len(ways),
        median,
    )
    return Clusters(centres, job.phase.stage == 0, median, _states(job, visibility, categories))


def _states(job: Job, visibility: np.ndarray, categories: np.ndarray) -> tuple[float, float, float]:
    """Returns the shares of visible, occluded and absent among the keypoints that the photos' categories have."""
    schema, keypoints = job.model.schema, job.model.keypoints
    owned = np.array(schema.owned(keypoints))[categories] if job.category == ALL else np.ones(visibility.shape, bool)
    shares = [float(((visibility == state) & owned).sum() / owned.sum()) for state in (1, 0, -1)]
    return shares[0], shares[1], shares[2]


def _ways(job: Job) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns ways [N, K, 2], in the unit of the input's side, visibility [N, K] and class ids [N], as drawn."""
    assert job.phase is not None
    size = job.settings.batch_size
    batches = math.ceil(min(sum(job.images.values()), _MOST_PHOTOS) / size)
    local = {"batch_size": size, "start_step": 0, "batches_per_step": 1, "workers": 1, "worker": 0}
    with tf.Graph().as_default(), v1.Session(config=inference_graph.session_config()) as session:
        features, labels = v1.data.make_one_shot_iterator(training_input(job, **local)().take(batches)).get_next()
        points = labels["points"] / job.model.train_image_size
        if job.phase.stage:
            stages = run_net(features["image"], job.model.with_net(**job.phase.until), False, job.settings.data_format)
            inference_graph.restore(session, model_directory.latest_checkpoint(job.model_dir))
            start = stages[job.phase.stage - 1].points
        else:
            start = 0.5 * tf.ones_like(points)
        fetches = [points - start, labels["visibility"], features["category"]]
        rows = [session.run(fetches) for _ in range(batches)]
    ways, visibility, categories = (np.concatenate(column) for column in zip(*rows))
    return ways, visibility, categories
