"""What is learned and how: the keypoint schema, every command-line flag, and the recipes."""
