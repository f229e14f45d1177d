"""Checks of flags against each other, made before anything runs."""

from configs.errors import UsageError
from configs.keypoints import ALL


def check_training(flags):
    """Checks the flags of a training.

    Raises:
        UsageError: they contradict each other; the message names both.
    """
    if flags.train_image_size % flags.heatmap_size:
        raise UsageError(
            f"--heatmap_size={flags.heatmap_size} does not divide --train_image_size={flags.train_image_size}: "
            "a quarter of it is usual"
        )
    _check_boundaries(flags.decay_boundaries, flags.lr_decay_factors)
    if flags.seq_train and flags.model_to_train == [ALL]:
        raise UsageError("--seq_train trains categories from `all`: name them in --model_to_train")
    if flags.seq_train and flags.checkpoint_path:
        raise UsageError("--seq_train starts the categories from its own `all`: leave out --checkpoint_path")


def _check_boundaries(boundaries, factors):
    if any(later <= earlier for earlier, later in zip(boundaries, boundaries[1:])):
        raise UsageError(f"--decay_boundaries={','.join(f'{b:g}' for b in boundaries)} must rise")
    if len(factors) != len(boundaries) + 1:
        raise UsageError(
            f"--lr_decay_factors has {len(factors)} values: one more than --decay_boundaries ({len(boundaries) + 1}) "
            "is needed"
        )
