"""Trains the cascaded pyramid network (arXiv 1711.07319) for the named categories, one after the other.

python train_cpn.py --data_dir=RECORDS --model_dir=MODELS --model_to_train=skirt,dress --backbone=resnet50
"""

from configs import training_program

if __name__ == "__main__":
    training_program.run("cpn", __doc__)
