"""Draws a gallery of what happens to a photo: the photo with its points, the augmented input of the training, the
heatmaps of the net's stages (of many, the first and the last), and the prediction.

python demos/draw_gallery.py --data_dir=DATA --model_dir=MODELS --output=demos/gallery.jpg
"""

from configs import command_line

FLAGS = ("data_dir", "model_dir", "output", "seed")


def main(flags):
    """Writes the gallery.

    Raises:
        DataError: the data has no photo with every keypoint of a category, or there is no model for it.
    """
    from tools.browsing import gallery
    from utility import drawing

    drawing.save(flags.output, gallery.draw(flags.data_dir, flags.model_dir, flags.seed), quality=78)


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["data_dir", "model_dir", "output"])
