"""Trains the stacked hourglass (arXiv 1603.06937) for the named categories, one after the other.

python train_hg.py --data_dir=RECORDS --model_dir=MODELS --model_to_train=skirt,dress
"""

from configs import training_program

if __name__ == "__main__":
    training_program.run("hourglass", __doc__)
