"""What tools/measure.py is made of: a garment's measurements, and the files and pictures that tell them."""
