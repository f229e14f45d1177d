"""TensorFlow's Estimators on every supported release; no other module knows which one it runs on.

TensorFlow 2.15 is the last release with `tf.estimator`. What it named so is tensorflow-estimator, a package of pure
Python, which runs on later releases too when it finds what they have dropped: the module
`tensorflow.python.distribute.estimator_training` and a name in `tensorflow.python.util.tf_export`. Both are supplied
here, from the source of TensorFlow 2.15 (tensorflow/python/distribute/estimator_training.py).

Names: Estimator, EstimatorSpec, EvalSpec, ModeKeys, RunConfig, TrainSpec, WarmStartSettings, train_and_evaluate.
"""

import copy
import importlib.util
import logging
import re
import sys
import types

import tensorflow as tf
from tensorflow.python.util import tf_export

NEWEST_TESTED = (2, 21)

_TRAINING = "tensorflow.python.distribute.estimator_training"


def untested(version):
    """Returns a line that warns of a TensorFlow newer than the newest tested one; None for an older one."""
    major, minor = (int(number) for number in re.findall(r"\d+", version)[:2])
    if (major, minor) <= NEWEST_TESTED:
        return None
    newest = ".".join(map(str, NEWEST_TESTED))
    return f"warning: TensorFlow {version} is newer than {newest}, the newest that was tested"


def _supply_export_name():
    """Restores the rows under which the package's decorators note the names of its classes."""
    if hasattr(tf_export, "ESTIMATOR_API_NAME"):
        return
    tf_export.ESTIMATOR_API_NAME = name = "estimator"
    for table, suffix in ((tf_export.API_ATTRS, ""), (tf_export.API_ATTRS_V1, "_v1")):
        attributes = type(table[tf_export.TENSORFLOW_API_NAME])
        table[name] = attributes(f"_{name}_api_names{suffix}", f"_{name}_api_constants{suffix}")


def _supply_training():
    """Restores the module by which an Estimator runs as a task of a cluster.

    As in TensorFlow 2.15, but without its standalone client, whose RunConfig names a remote cluster.
    """
    if importlib.util.find_spec(_TRAINING):
        return
    module = types.ModuleType(_TRAINING)
    module.init_run_config = _init_run_config
    module.should_run_distribute_coordinator = _is_task_of_a_cluster
    module.train_and_evaluate = _run_task
    module.estimator_train = module.estimator_evaluate = _refuse
    sys.modules[_TRAINING] = module


def _init_run_config(config, tf_config):
    """Completes a RunConfig that has a strategy: the place in the cluster that TF_CONFIG (a dict) names, if any."""
    cluster = tf.train.ClusterSpec(tf_config.get("cluster", {}))
    config._init_distributed_setting_from_environment_var({})
    if cluster and "master" not in cluster.jobs and config._train_distribute:
        # Only the cluster is set: the task comes from the coordinator, in `_for_task`.
        config._cluster_spec = cluster
        config._distribute_coordinator_mode = "independent_worker"
    else:
        config._distribute_coordinator_mode = None
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()


def _is_task_of_a_cluster(config):
    """Returns whether `train_and_evaluate` is to run as a task of a cluster that shares every batch."""
    return bool(getattr(config, "_distribute_coordinator_mode", None) and config.cluster_spec)


def _run_task(estimator, train_spec, eval_spec, executor_cls):
    """Runs this process's task of the cluster: a training, or with `evaluator` the evaluations."""
    from tensorflow.python.distribute import distribute_coordinator

    def train(strategy):
        local = _for_task(estimator)
        local._config._train_distribute = local._train_distribution = strategy
        local.train(train_spec.input_fn, list(train_spec.hooks), max_steps=train_spec.max_steps)

    def evaluate(strategy):
        local = _for_task(estimator)
        local._config._eval_distribute = local._eval_distribution = strategy
        executor_cls(local, train_spec, eval_spec)._start_continuous_evaluation()

    config = estimator.config
    distribute_coordinator.run_distribute_coordinator(
        train,
        config.train_distribute,
        evaluate,
        config.eval_distribute,
        mode=config._distribute_coordinator_mode,
        session_config=config.session_config,
    )


def _for_task(estimator):
    """Returns a copy of an Estimator with this process's place in the cluster."""
    from tensorflow.python.distribute import distribute_coordinator_context

    local = copy.deepcopy(estimator)
    _adopt(local._config, distribute_coordinator_context.get_current_worker_context())
    return local


def _adopt(config, task):
    """Gives a RunConfig the coordinator's task; the Estimator then trains without a coordinator of its own."""
    config._service = config._distribute_coordinator_mode = None
    config._cluster_spec = task.cluster_spec
    config._task_type, config._task_id, config._is_chief = task.task_type, task.task_id, task.is_chief
    config._master = config._evaluation_master = task.master_target
    config._num_ps_replicas, config._num_worker_replicas, config._global_id_in_cluster = 0, 1, 0
    if config._cluster_spec and config._task_type == "evaluator":
        config._cluster_spec = tf.train.ClusterSpec({})  # it knows nothing of the others
        config._num_worker_replicas, config._global_id_in_cluster = 0, None
    elif config._cluster_spec:
        sizes = {job: len(addresses) for job, addresses in config._cluster_spec.as_dict().items()}
        config._num_ps_replicas = sizes.get("ps", 0)
        config._num_worker_replicas = sizes.get("worker", 0) + sizes.get("chief", 0)
        order = sorted(sizes, key=lambda job: (job != "chief", job == "ps", job))
        before = sum(sizes[job] for job in order[: order.index(config._task_type)])
        config._global_id_in_cluster = before + config._task_id


def _refuse(estimator, function, hooks):
    """Refuses `Estimator.train` and `evaluate` in a cluster that shares every batch, as TensorFlow 2.15 does."""
    raise ValueError("expected train_and_evaluate in a cluster, got a call of the Estimator itself")


def _enter_package():
    """Makes the package's modules importable without running its `__init__`, which imports much that is gone."""
    if "tensorflow_estimator" not in sys.modules:
        spec = importlib.util.find_spec("tensorflow_estimator")
        sys.modules["tensorflow_estimator"] = importlib.util.module_from_spec(spec)


if warning := untested(tf.__version__):
    logging.getLogger(__name__).warning("%s", warning)
_supply_export_name()
_supply_training()
_enter_package()

from tensorflow_estimator.python.estimator.estimator import EstimatorV2 as Estimator  # noqa: E402
from tensorflow_estimator.python.estimator.estimator import WarmStartSettings  # noqa: E402
from tensorflow_estimator.python.estimator.mode_keys import ModeKeys  # noqa: E402
from tensorflow_estimator.python.estimator.model_fn import EstimatorSpec  # noqa: E402
from tensorflow_estimator.python.estimator.run_config import RunConfig  # noqa: E402
from tensorflow_estimator.python.estimator.training import EvalSpec, TrainSpec, train_and_evaluate  # noqa: E402

__all__ = [
    "Estimator",
    "EstimatorSpec",
    "EvalSpec",
    "ModeKeys",
    "RunConfig",
    "TrainSpec",
    "WarmStartSettings",
    "train_and_evaluate",
]
