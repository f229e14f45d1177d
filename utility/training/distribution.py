"""Devices and machines that share a training, by TensorFlow's own means.

Mirrored strategies split every batch over the replicas and apply one common gradient; parameter servers let each worker
train on batches of its own, asynchronously.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import tensorflow as tf

from base.errors import DataError, UsageError
from base.wording import counted
from utility.training.settings import TrainingSettings

NONE, MIRRORED, MULTI_WORKER, PARAMETER_SERVER = "none", "mirrored", "multi_worker", "parameter_server"
_TASKS = ("chief", "worker", "ps")

Cluster = Mapping[str, Sequence[str]]  # TF_CONFIG's: addresses by the type of the task
Task = dict[str, Any]  # type and index


@dataclass(frozen=True)
class Distribution:
    """Who takes part in a training.

    Attributes:
        kind: one of the four names above.
        strategy: a tf.distribute.Strategy, or None.
        num_replicas: parts that a batch is split into.
        num_devices: devices of this machine in use.
        workers: processes that train, the chief included.
        index: this process's place among them, 0 for the chief; None for a parameter server.
    """

    kind: str = NONE
    strategy: Optional[Any] = None
    num_replicas: int = 1
    num_devices: int = 1
    workers: int = 1
    index: Optional[int] = 0

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def is_cluster(self) -> bool:
        return self.kind in (MULTI_WORKER, PARAMETER_SERVER)


def distribute(settings: TrainingSettings) -> Distribution:
    """Returns the Distribution that the flags and TF_CONFIG ask for. To be called once, before anything runs.

    Args:
        settings: the TrainingSettings.

    Raises:
        DataError: TF_CONFIG is broken.
        UsageError: the flags contradict TF_CONFIG, or the batch cannot be split evenly.
    """
    if settings.xla:
        # Only with this flag does TensorFlow cluster for XLA what runs on a CPU; it reads it when it lists devices.
        os.environ["TF_XLA_FLAGS"] = f"{os.environ.get('TF_XLA_FLAGS', '')} --tf_xla_cpu_global_jit".strip()
    cluster, task = read_cluster()
    gpus = tf.config.list_physical_devices("GPU")
    kind = settings.distribution or _implied(cluster, gpus, settings.num_devices)
    if (kind in (MULTI_WORKER, PARAMETER_SERVER)) != bool(cluster):
        what = "needs the environment's TF_CONFIG to name a cluster" if not cluster else "contradicts TF_CONFIG"
        raise UsageError(f"--distribution={kind} {what}")
    if kind == NONE:
        return Distribution()
    if kind == MIRRORED:
        result = _mirrored(gpus, settings.num_devices)
    else:
        workers = len(cluster.get("chief", [])) + len(cluster.get("worker", []))
        strategy = tf.distribute.MultiWorkerMirroredStrategy() if kind == MULTI_WORKER else None
        replicas = strategy.num_replicas_in_sync if strategy else 1
        result = Distribution(kind, strategy, replicas, max(1, len(gpus)), workers, _index(cluster, task))
    if settings.batch_size % result.num_replicas:
        raise UsageError(
            f"--batch_size={settings.batch_size} cannot be split evenly over {result.num_replicas} devices"
        )
    return result


def read_cluster() -> tuple[Cluster, Task]:
    """Returns TF_CONFIG's cluster, {type: addresses}, and this process's task, {type, index}; both empty without it.

    Raises:
        DataError: TF_CONFIG is broken.
    """
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        if cluster:
            _check_cluster(cluster, task)
        return cluster, task
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        example = '{"cluster": {"chief": ["host:port"], "worker": [...]}, "task": {"type": "chief", "index": 0}}'
        raise DataError("TF_CONFIG", None, f"is wrong ({error!r}): expected {example}") from error


def _check_cluster(cluster: Cluster, task: Task) -> None:
    """Raises ValueError, KeyError or TypeError for a cluster that TensorFlow refuses, or a task without a part here."""
    for kind, addresses in cluster.items():
        if not (isinstance(addresses, list) and all(re.fullmatch(r".+:\d{1,5}", address) for address in addresses)):
            raise ValueError(f"{kind} is no list of host:port")
    if len(cluster.get("chief", [])) > 1:
        raise ValueError("there is more than one chief")
    if task["type"] not in _TASKS or type(task["index"]) is not int:
        raise ValueError(f"the task is none of {', '.join(_TASKS)} with an index; the chief evaluates")
    if not 0 <= task["index"] < len(cluster[task["type"]]):
        raise ValueError("the task's index is not one of the cluster's")


def _implied(cluster: Cluster, gpus: Sequence[Any], num_devices: Optional[int]) -> str:
    if cluster:
        return PARAMETER_SERVER if "ps" in cluster else MULTI_WORKER
    return MIRRORED if (num_devices or len(gpus)) > 1 else NONE


def _mirrored(gpus: Sequence[Any], num_devices: Optional[int]) -> Distribution:
    if gpus:
        count = num_devices or len(gpus)
        if count > len(gpus):
            raise DataError(
                "the machine", None, f"has {counted(len(gpus), 'GPU')}, --num_devices={count} asks for more"
            )
        names = [f"/gpu:{number}" for number in range(count)]
    else:
        count = num_devices or 1
        names = [f"/cpu:{number}" for number in range(count)]
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    # What TensorFlow takes by itself for CPUs, collective operations, does not get through a graph of this size.
    reduction = None if gpus else tf.distribute.ReductionToOneDevice()
    return Distribution(MIRRORED, tf.distribute.MirroredStrategy(names, reduction), count, count)


def _index(cluster: Cluster, task: Task) -> Optional[int]:
    """Numbers the training processes: the chief first, then the workers (without a chief, worker 0 is it)."""
    if task["type"] == "ps":
        return None
    return task["index"] + (len(cluster.get("chief", [])) if task["type"] == "worker" else 0)


def session_config(settings: TrainingSettings, distribution: Distribution) -> tf.compat.v1.ConfigProto:
    """Returns the tf.compat.v1.ConfigProto of the training's sessions: devices, XLA, 16-bit convolutions."""
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    if not tf.config.list_physical_devices("GPU"):
        config.device_count["CPU"] = distribution.num_devices
    options = config.graph_options
    on = options.rewrite_options.ON
    if settings.mixed_precision:
        if tf.config.list_physical_devices("GPU"):
            options.rewrite_options.auto_mixed_precision = on
        else:
            options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = on
    if settings.xla:
        options.optimizer_options.global_jit_level = tf.compat.v1.OptimizerOptions.ON_1
    return config


def mean_over_replicas(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns scalars averaged over the replicas of the strategy in which a model function is being called."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return values

    def merge(strategy: tf.distribute.Strategy, stacked: tf.Tensor) -> tf.Tensor:
        return strategy.extended.reduce_to(tf.distribute.ReduceOp.MEAN, stacked, destinations=stacked)

    return tf.unstack(tf.distribute.get_replica_context().merge_call(merge, args=(tf.stack(values),)))


def sums_over_replicas(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns a list of tensors summed over the replicas of the strategy in which a model function is being called."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return list(tensors)

    def merge(strategy: tf.distribute.Strategy, *shares: tf.Tensor) -> list[tf.Tensor]:
        return strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, [(share, share) for share in shares])

    return tf.distribute.get_replica_context().merge_call(merge, args=tuple(tensors))
