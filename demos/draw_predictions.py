"""Draws a sheet of test photos with the points of a submission.

With --ground_truth a red line leads from each point to where it should be.
"""

import os

from base.wording import counted
from configs import command_line


def main(flags):
    """Writes the sheet: `flags.num_photos` photos a category, evenly spaced through the file.

    Raises:
        DataError, DataErrors: the submission, the ground truth or a photo cannot be read.
    """
    import numpy as np

    from base import schema as schemas
    from preprocessing.data import annotations
    from utility import drawing
    from utility.scoring import submission

    own = schemas.load(flags.schema)
    prediction = annotations.read(flags.prediction, own)
    truth = annotations.read(flags.ground_truth, own) if flags.ground_truth else None
    truth_rows = submission.aligned_rows(truth, prediction) if truth else None
    tiles, captions = [], []
    schema = prediction.schema
    for category in schema.category_names:
        rows = [row for row, name in enumerate(prediction.categories) if name == category]
        picked = np.linspace(0, len(rows) - 1, min(flags.num_photos, len(rows))).astype(int)
        for row in (rows[index] for index in picked):
            image = drawing.read(os.path.join(flags.data_dir, prediction.image_ids[row]))
            points = drawing.named_points(schema, prediction.points[row], prediction.visibility[row])
            right = None
            if truth:
                visible = np.where(truth.visibility[truth_rows[row]] == 1, 1, -1)
                right = drawing.named_points(schema, truth.points[truth_rows[row]], visible)
            tiles.append(drawing.draw_keypoints(image, schema, category, points, truth=right))
            captions.append(category)
    drawing.save(flags.output, drawing.contact_sheet(tiles, flags.num_photos, 240, captions))
    print(f"{flags.output}: {counted(len(tiles), 'photo')}")


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "prediction", "ground_truth", "output", "num_photos", "schema"],
        required=["data_dir", "prediction", "output"],
    )
