"""Draws a submission's points into the photos: one sheet, some photos of every category.

    python tools/draw_predictions.py --data_dir=DATA/test_0 --prediction=submission.csv --output=sheet.jpg
"""

from configs import command_line


def main(flags):
    import os

    from configs.errors import DataError
    from configs.keypoints import CATEGORIES
    from preprocessing import annotations
    from utility import drawing

    submission = annotations.read(flags.prediction)
    tiles = []
    for category in CATEGORIES:
        rows = [row for row, name in enumerate(submission.categories) if name == category]
        for row in rows[: flags.photos_per_category]:
            path = os.path.join(flags.data_dir, submission.image_ids[row])
            points = drawing.named_points(submission.points[row], submission.visibility[row])
            tiles.append(drawing.draw_keypoints(_read_rgb(path), category, points))
    if not tiles:
        raise DataError(flags.prediction, None, "has no rows: a submission with predicted photos is needed")
    drawing.save(flags.output, drawing.contact_sheet(tiles, columns=flags.photos_per_category))


def _read_rgb(path):
    import cv2

    from configs.errors import DataError

    image = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise DataError(path, None, "cannot be read as a photo: the folder of the submission's photos is needed")
    return image[..., ::-1]


if __name__ == "__main__":
    command_line.run(
        main,
        __doc__,
        flags=["data_dir", "prediction", "output", "photos_per_category"],
        required=["data_dir", "prediction", "output"],
    )
