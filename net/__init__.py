"""Networks: pure functions from images to a list of heatmaps."""
