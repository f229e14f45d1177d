"""What tools/suggest_photos.py is made of: how far models disagree on a photo, and a choice of photos that differ."""
