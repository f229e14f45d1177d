"""A model: its folder, its description, its codec, losses and checkpoints."""
