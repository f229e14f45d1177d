"""Trains deep fashion alignment (arXiv 1608.03049) for the named categories, one after the other.

python train_dfa.py --data_dir=RECORDS --model_dir=MODELS --model_to_train=skirt,dress --backbone=efficientnet_lite0
"""

from configs import training_program

if __name__ == "__main__":
    training_program.run("dfa", __doc__)
