"""The page that `tools/browse.py` writes: what is gathered, counted and shown."""
