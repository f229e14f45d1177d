"""What tools/predict.py is made of: the files to predict, their results, and boxes of several garments in a photo."""
