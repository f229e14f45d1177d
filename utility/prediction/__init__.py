"""From photos to points: the one path of prediction, and exports."""
