"""What every room uses: errors, files, geometry, progress, and the doors to TensorFlow."""

from base import early_errors

early_errors.show()
