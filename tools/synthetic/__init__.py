"""Photos of garments that nobody made: shapes, fabrics, people and scenes, with the keypoints known exactly."""
