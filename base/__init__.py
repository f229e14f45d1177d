"""What every room uses: errors, files, geometry, progress, and the doors to TensorFlow."""
