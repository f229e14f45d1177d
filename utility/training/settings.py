"""What a training is told, declared once: the flags of the training programs, their help and bounds follow from here."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from base.options import option


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training, the same for every net.

    Attributes (those without a line of help; the others are flags):
        data_dir, model_dir: the folder of the records, and the parent folder of the models.
        data_format: of the inside of the net; None: the device's best.
        train_image_size: height and width of the input, in pixels.
        box_margin: what the input shows beyond a box; None: nothing.
        flags: every flag of the program by name: a codec takes its own from there, and so does the augmentation.
        given: the names of the flags that were given, not left at their defaults.
    """

    # What is trained
    model_to_train: tuple[str, ...] = option(
        (),
        "The categories to train, one after the other; `all` is one model for every category; not given: each category of the records' schema.",
    )
    seq_train: bool = option(False, "Train `all` first, then each category of --model_to_train from it.")
    seq_train_epochs: float = option(5, "Epochs of the `all` model that --seq_train starts with.", low=0, high=10**9)

    # How long, and how it is watched
    train_epochs: float = option(60, "Passes over the training data.", low=0, high=10**9)
    category_epochs: tuple[str, ...] = option(
        (), "Epochs of single categories, in the place of --train_epochs: skirt:40,dress:60."
    )
    category_learning_rates: tuple[str, ...] = option(
        (), "Learning rates of single categories, in the place of --learning_rate: skirt:1e-3."
    )
    max_steps: Optional[int] = option(
        None, "Stop after this many steps, whatever --train_epochs says.", low=1, high=10**9
    )
    epochs_per_eval: float = option(5, "Epochs from one evaluation and checkpoint to the next.", low=0, high=10**9)
    batch_size: int = option(6, "Batch size (photos per training step).", low=1, high=4096)
    eval_batch_size: int = option(4, "Batch size of evaluation and prediction.", low=1, high=4096)
    early_stopping: int = option(
        0, "Stop after this many evaluations without a better one; 0 never does.", low=0, high=10**9
    )
    on_nan: str = option(
        "stop",
        "What to do when the loss is not finite: stop, or go back to the last checkpoint with half the learning rate.",
        choices=("stop", "rollback"),
    )
    val_fraction: Optional[float] = option(
        None,
        "The share of a category's photos that become validation records; 0: none, and training keeps the last checkpoint.",
        low=0,
        high=0.9,
    )
    save_summary_steps: int = option(100, "Steps from one TensorBoard summary to the next.", low=1, high=10**9)
    save_minutes: float = option(10.0, "Minutes from one checkpoint to the next, between the evaluations.", low=0.001)
    tf_random_seed: int = option(
        20180406, "Seeds the initial weights, the shuffling and the augmentation.", low=0, high=2**63 - 1
    )

    # The loss and the step
    optimizer: str = option("momentum", "The optimizer.", choices=("momentum", "rmsprop", "adam", "adamw"))
    momentum: float = option(0.9, "Momentum of the momentum optimizer.", low=0, high=1)
    learning_rate: float = option(0.0025, "Learning rate after the warm-up.", low=0)
    end_learning_rate: float = option(1e-06, "The learning rate never falls below this.", low=0)
    warmup_learning_rate: float = option(1e-05, "Learning rate at the first step.", low=0)
    warmup_steps: int = option(100, "Steps from the first learning rate to the full one.", low=0, high=10**9)
    schedule: str = option("piecewise", "Learning-rate schedule.", choices=("piecewise", "cosine", "constant"))
    decay_boundaries: tuple[float, ...] = option((10.0, 20.0), "Epochs at which the piecewise rate changes.", low=0)
    lr_decay_factors: tuple[float, ...] = option((1.0, 0.5, 0.1), "Factors of the rate between the boundaries.", low=0)
    weight_decay: float = option(
        1e-05,
        "Decay of convolution kernels (not of batch norm): L2 in the loss, or with adamw the share of a kernel that a step takes off, times the rate.",
        low=0,
    )
    clip_gradients: float = option(0.0, "Largest global norm of the gradients; 0 for none.", low=0, high=10**9)
    mse_weight: float = option(1.0, "Factor of the whole loss.", low=0)
    use_ohkm: bool = option(
        True, "Count only the half of an image's keypoints with the largest error (last stage of CPN)."
    )
    moving_average: float = option(
        0.0, "Decay of a moving average of the weights, used by evaluation; 0 for none.", low=0, high=0.99999
    )
    swa_start_epoch: Optional[float] = option(
        None,
        "Average the weights of each epoch's end from this epoch on, recompute batch norm's statistics and take the better model (SWA).",
        low=0,
        high=10**9,
    )
    mixed_precision: bool = option(
        False, "Compute convolutions in 16 bits (float16 on a GPU, bfloat16 on a CPU that has it)."
    )
    xla: bool = option(False, "Compile the graph with XLA.")

    # Where the first weights come from
    checkpoint_path: Optional[str] = option(None, "A checkpoint (file prefix or folder) to start from, or to evaluate.")
    checkpoint_model_scope: str = option("", "The scope of the variables in the checkpoint.")
    model_scope: str = option("", "The scope of the variables in our model that stands for it.")
    checkpoint_exclude_scopes: tuple[str, ...] = option((), "Scopes that are not restored.")
    ignore_missing_vars: bool = option(False, "Start even when the checkpoint lacks variables of the net.")

    # The machines
    distribution: Optional[str] = option(
        None,
        "How to share the work; not given: by TF_CONFIG, or over the GPUs where there are several. A batch is split over the devices (parameter servers: each worker takes its own).",
        choices=("none", "mirrored", "multi_worker", "parameter_server"),
    )
    num_devices: Optional[int] = option(
        None,
        "Devices of this machine to use; not given: every GPU, or one CPU (more CPU devices are virtual ones).",
        low=1,
        high=64,
    )
    num_readers: int = option(
        4,
        "Accepted for old scripts; has no effect: the order of the records follows from the seed alone.",
        low=1,
        high=64,
    )
    num_preprocessing_threads: int = option(4, "Threads of the input pipeline.", low=1, high=256)

    data_dir: str = ""
    model_dir: str = ""
    data_format: Optional[str] = None
    train_image_size: int = 256
    box_margin: Optional[float] = None
    flags: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    given: frozenset[str] = frozenset()

    @classmethod
    def from_flags(cls, flags: Mapping[str, Any]) -> "TrainingSettings":
        """Returns the settings that the flags of a training program ask for; those that are missing have defaults."""
        names = [field.name for field in dataclasses.fields(cls) if field.name in flags]
        return cls(**{name: _fixed(flags[name]) for name in names if name != "flags"}, flags=dict(flags))


def _fixed(value: Any) -> Any:
    """Returns a value that cannot be changed: lists of the command line become tuples."""
    return tuple(value) if isinstance(value, list) else frozenset(value) if isinstance(value, set) else value
