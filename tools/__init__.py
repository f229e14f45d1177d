"""Programs around the training: convert, draw, score, look, ship."""
