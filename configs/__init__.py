"""What is learned and how: the keypoint schema, every command-line flag, and the recipes."""

import base  # noqa: F401 (the first import of a program: what goes wrong in the next ones is said in one line)
